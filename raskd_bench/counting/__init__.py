"""Counts one training step, operation by operation, on tensors that may have no data."""
