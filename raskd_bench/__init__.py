"""raskd-bench: cost and accuracy of self-knowledge-distillation methods under equal budgets."""

__version__ = "0.1.0"
