"""CIFAR-10 and CIFAR-100: 60,000 colour images of 32x32 pixels."""

from pathlib import Path
from typing import Any

import numpy as np

from raskd_bench.data.splits import ArraySource, Split, Splits, missing
from raskd_bench.home import data_home

# Per-channel statistics of the training split, as the reference repositories use them.
STATISTICS = {
    "CIFAR10": ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "CIFAR100": ((0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
}


def cifar10(*, root: str | None = None) -> Splits:
    """CIFAR-10, 32x32, 10 classes (Krizhevsky 2009); downloaded by torchvision without `root`."""
    return _cifar("CIFAR10", "cifar-10-batches-py", root)


def cifar100(*, root: str | None = None) -> Splits:
    """CIFAR-100, 32x32, 100 classes (Krizhevsky 2009); downloaded by torchvision without `root`."""
    return _cifar("CIFAR100", "cifar-100-python", root)


def _cifar(name: str, folder: str, root: str | None) -> Splits:
    from torchvision import datasets  # four seconds: only where it is used

    home = Path(root) if root else data_home()
    try:
        parts: list[Any] = [
            getattr(datasets, name)(str(home), train=train, download=root is None)
            for train in (True, False)
        ]
    except (OSError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        remedy = f"get {folder} from the CIFAR page and unpack it there, or give 'root'"
        missing(name.lower(), [home / folder], f"{reason}; {remedy}")
    train, test = (
        Split(ArraySource(np.asarray(part.data)), np.asarray(part.targets, dtype=np.int64))
        for part in parts
    )
    mean, std = STATISTICS[name]
    return Splits(train, test, tuple(parts[0].classes), 4, True, mean, std)
