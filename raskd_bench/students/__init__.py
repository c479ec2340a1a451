"""Students: backbones by family, and the network that carries the task's head."""
