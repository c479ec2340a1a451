"""What all trainings of one trial share: its data on the device, its task, its clocks."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from raskd_bench.data.build import load_splits
from raskd_bench.data.cache import decode_once
from raskd_bench.data.facts import facts_of, held_out
from raskd_bench.data.loader import Loader
from raskd_bench.meter import Clocks
from raskd_bench.record_fields import DataFacts
from raskd_bench.spec.trial import Augmentation, Trial
from raskd_bench.tasks.build import new_task
from raskd_bench.tasks.classification import Classification
from raskd_bench.watch import Report

LAYOUTS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}


@dataclass
class Lab:
    """What all trainings of one trial share.

    Attributes:
        device: where it trains.
        folder: the suite's, for a user's own files.
        clocks: of the whole trial.
        task: reads outputs.
        train: loader of the training split.
        test: loader of the test split.
        val: loader of what `val_fraction` holds out, or None.
        facts: of the data set.
        report: tells whoever looks on.
    """

    device: torch.device
    folder: Path
    clocks: Clocks
    task: Classification
    train: Loader
    test: Loader
    val: Loader | None
    facts: DataFacts
    report: Report


def new_lab(
    trial: Trial,
    device: torch.device,
    folder: Path,
    clocks: Clocks,
    report: Report,
    *,
    few_images: bool = False,
) -> Lab:
    """Read the trial's data set and bring it, or a stream of it, to the device.

    With `few_images` it is a stream, whatever the suite says, and no cache is made for it.

    Raises:
        DataError: the data set is not there, cannot be read, or not be cached as demanded.
    """
    options = trial.data.options
    splits = load_splits(trial.data.name, options, folder)
    facts = facts_of(splits)
    splits = decode_once(splits, options.get("cache", "auto"), build=not few_images)
    held = None
    if trial.val_fraction > 0:
        splits, held = splits.hold_out(trial.val_fraction)
    mean, std = splits.normalisation()
    storage = "stream" if few_images else options.get("storage", "auto")
    layout = LAYOUTS[trial.execution.memory_format]
    loader = partial(Loader, device=device, mean=mean, std=std, storage=storage, layout=layout)
    padding, flip = _augmentation(trial.augmentation, splits.crop_padding, splits.flip)
    return Lab(
        device=device,
        folder=folder,
        clocks=clocks,
        task=new_task(trial.task, len(splits.classes)),
        train=loader(splits.train, crop_padding=padding, flip=flip),
        test=loader(splits.test),
        val=loader(held) if held is not None else None,
        facts=held_out(facts, splits, held, trial.batch_size),
        report=report,
    )


def _augmentation(asked: Augmentation, padding: int, flip: bool) -> tuple[int, bool]:
    return (
        padding if asked.crop_padding is None else asked.crop_padding,
        flip if asked.flip is None else asked.flip,
    )
