"""Paired timing as it was measured: raw blocks, the registered plan, what follows. No torch."""
