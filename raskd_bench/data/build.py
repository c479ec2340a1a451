"""Read a data set by its name in a suite."""

import importlib
from pathlib import Path
from typing import Any, NamedTuple

from raskd_bench import catalog
from raskd_bench.data.splits import DecodingSource, Splits
from raskd_bench.errors import DataError
from raskd_bench.spec.options import CHOOSING, READING


class Shape(NamedTuple):
    """What a student's size and cost depend on."""

    num_classes: int
    num_samples: int
    height: int
    width: int


# What is known without the files, so that `plan` works before a download.
PUBLISHED = {
    "fashion_mnist": Shape(10, 60_000, 28, 28),
    "cifar10": Shape(10, 50_000, 32, 32),
    "cifar100": Shape(100, 50_000, 32, 32),
}
PUBLISHED_TEST = dict.fromkeys(PUBLISHED, 10_000)  # test images


def load_splits(name: str, options: dict[str, Any], folder: Path | None = None) -> Splits:
    """Return the splits of a data set.

    Args:
        name: as in a suite.
        options: as in a suite; `root` may be relative to the working directory or to `folder`.
        folder: where the suite's file lies.

    Raises:
        DataError: it is not there, or cannot be read; `cache: true` where nothing is decoded;
            a class has fewer images than `per_class`.
    """
    wanted, per_class = options.get("cache"), options.get("per_class")
    options = {k: v for k, v in options.items() if k not in READING and k not in CHOOSING}
    if options.get("root") is not None:
        root = Path(options["root"]).expanduser()
        beside = folder / root if folder is not None else root
        options["root"] = str(beside if beside.exists() and not root.exists() else root)
    card = catalog.find("dataset", name)
    read = getattr(importlib.import_module(f"raskd_bench.data.{card.path.stem}"), card.symbol)
    splits: Splits = read(**options)
    if wanted is True and not isinstance(splits.train.source, DecodingSource):
        raise DataError(f"{name}: cache: true, but its images need no decoding; leave 'cache' out")
    if len(splits.classes) < 2:
        place = options.get("root", name)
        raise DataError(f"{place}: has one class, {splits.classes[0]!r}: there is nothing to tell "
                        "apart; a data set has two or more")  # fmt: skip
    return splits if per_class is None else splits.keep_per_class(per_class, name)


def shape_of(splits: Splits) -> Shape:
    """Return what a student's size and cost depend on."""
    source = splits.train.source
    return Shape(len(splits.classes), len(splits.train), source.height, source.width)
