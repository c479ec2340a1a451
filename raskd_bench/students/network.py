"""The student network: a backbone and the task's head."""

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from raskd_bench.batch import Output
from raskd_bench.students.backbone import Backbone, Features


class Task(Protocol):
    """What a student needs of its task."""

    def new_head(self, channels: int) -> nn.Module:
        """Make a head for [B, channels, h, w] features or [B, channels] embeddings."""

    def read(self, head: nn.Module, features: Features, targets: Any) -> Output:
        """Run a head and flatten what it says to positions."""

    def class_weights(self, head: nn.Module) -> Tensor:
        """[C, D] weights of the linear layer that makes the logits."""


class StudentNetwork(nn.Module):
    """Backbone and head; counts the images that pass through it, for the ledger.

    Args:
        backbone: gives stage maps and the pooled embedding.
        task: makes the head and reads it.
    """

    def __init__(self, backbone: Backbone, task: Task) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = task.new_head(backbone.embedding_size)
        self.task = task
        self.images_with_grad = 0
        self.images_without_grad = 0

    def forward(self, images: Tensor, targets: Any = None) -> Output:
        if torch.is_grad_enabled():
            self.images_with_grad += len(images)
        else:
            self.images_without_grad += len(images)
        return self.task.read(self.head, self.backbone(images), targets)

    def hide_from_compiler(self, *, with_backbone: bool) -> None:
        """Let a compiled loss call the network as it is: the loss is compiled around it.

        Args:
            with_backbone: the backbone is hidden, too; else it may be compiled for itself.
        """
        disable: Any = torch.compiler.disable
        self.forward = disable(self.forward, recursive=with_backbone)  # type: ignore[method-assign]

    def read(self, head: nn.Module, features: Tensor, targets: Any) -> Output:
        """Run an auxiliary head of `Setting.new_head` on [B, c, h, w] features."""
        return self.task.read(head, Features((features,), features.mean(dim=(2, 3))), targets)

    def classify(self, embeddings: Tensor) -> Tensor:
        """Run the student's own classifier on [*, D] embeddings; logits [*, C]."""
        logits: Tensor = self.head(embeddings).float()
        return logits

    @property
    def class_weights(self) -> Tensor:
        """[C, D] weights of the linear layer that makes the logits."""
        return self.task.class_weights(self.head)
