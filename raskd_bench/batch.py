"""All that a method sees of data, student and time.

Letters of shapes, the same everywhere: B images of a batch, V views, P positions (images, labelled
pixels or matched anchors), C classes, D embedding, N training images.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor

Terms = dict[str, Tensor]
"""Named scalar losses of one step; the trainer minimises their sum."""


class View(NamedTuple):
    """One augmentation of the images of a batch.

    Attributes:
        images: [B, 3, H, W] normalised.
        targets: as this augmentation left them; only the task looks inside.
    """

    images: Tensor
    targets: Any


class Batch(NamedTuple):
    """One step's images.

    Attributes:
        views: `Method.views` augmentations of the same B images.
        ids: [B] int64, position in the training split, stable over epochs.
    """

    views: tuple[View, ...]
    ids: Tensor


@dataclass(frozen=True)
class Output:
    """What a student says of one view, flattened to positions.

    Attributes:
        logits: [P, C] class scores.
        embeddings: [P, D] input of the linear layer that made the logits.
        features: stage maps [B, c_i, h_i, w_i], shallow to deep.
        labels: [P] int64, or None where the task has none.
        task_terms: losses to keep but not to soften, such as box regression.
    """

    logits: Tensor
    embeddings: Tensor
    features: tuple[Tensor, ...]
    labels: Tensor | None = None
    task_terms: Terms = field(default_factory=dict)

    @property
    def hard_labels(self) -> Tensor:
        """The labels [P] of an output made from targets."""
        assert self.labels is not None, "this output was made without targets"
        return self.labels


@dataclass(frozen=True)
class Progress:
    """How far a trial has come.

    Attributes:
        step: optimiser steps taken so far.
        epoch: 0-based.
        epochs: how many epochs the budget will last, as far as it is known; infinite in the first
            epoch of a budget in seconds. May be fractional.
        spent: fraction of the budget spent, in [0, 1).
    """

    step: int
    epoch: int
    epochs: float
    spent: float
