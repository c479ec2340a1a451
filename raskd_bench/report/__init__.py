"""Tables from Records. Nothing here imports torch."""
