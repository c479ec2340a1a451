"""Make a student network from its name in a suite."""

import importlib
from typing import Any

import torch

from raskd_bench import catalog
from raskd_bench.students.backbone import Backbone
from raskd_bench.students.network import StudentNetwork, Task


def new_backbone(name: str, options: dict[str, Any]) -> Backbone:
    """Return a freshly initialised backbone.

    Raises:
        NoSuchName: nothing is called so.
        IncompatibleTrial: timm has no such model, or not with these options.
    """
    card = catalog.find("student", name)
    if name.startswith("timm/"):
        options = {"model": name.removeprefix("timm/"), **options}
    make = getattr(importlib.import_module(f"raskd_bench.students.{card.path.stem}"), card.symbol)
    backbone: Backbone = make(**options)
    return backbone


def check_size(name: str, options: dict[str, Any], height: int, width: int) -> None:
    """Refuse pictures of a size that a student does not take, before it is trained on them.

    Raises:
        IncompatibleTrial: the message says what to write.
    """
    if name.startswith("timm/"):  # ours take any size
        from raskd_bench.students import timm

        with torch.device("meta"):
            backbone = new_backbone(name, options)
        timm.check_size(backbone, name, height, width)


def new_student(name: str, options: dict[str, Any], task: Task) -> StudentNetwork:
    """Return a freshly initialised student for a task."""
    return StudentNetwork(new_backbone(name, options), task)
