"""What one training step costs by count: the model, differences, and accepted ones. No torch."""
