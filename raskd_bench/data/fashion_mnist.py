"""Fashion-MNIST: 70,000 grey images of clothes, 28x28."""

import gzip
import zlib
from pathlib import Path

import numpy as np

from raskd_bench.data.splits import ArraySource, Pixels, Split, Splits, missing
from raskd_bench.errors import DataError
from raskd_bench.home import data_home

SYSTEM = Path("/usr/share/datasets/fashion-mnist")
CLASSES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
           "Bag", "Ankle boot")  # fmt: skip
DIMENSIONS = {"images": 3, "labels": 1}


def fashion_mnist(*, root: str | None = None) -> Splits:
    """Fashion-MNIST, 28x28 grey, 10 classes (Xiao et al. 2017, arXiv 1708.07747).

    Found in `root`, in the folder of Debian's package dataset-fashion-mnist, or downloaded by
    torchvision.
    """
    home = data_home()
    folders = [Path(root)] if root else [SYSTEM, home / "FashionMNIST" / "raw"]
    folder = next((f for f in folders if _file(f, "train", "images").exists()), None)
    if folder is None and root is None:
        folder = _download(home, folders)
    if folder is None:
        missing("fashion_mnist", folders, "put the four original .gz files there")
    train, test = (_split(folder, part) for part in ("train", "t10k"))
    return Splits(train, test, CLASSES, crop_padding=2, flip=True)


def _file(folder: Path, part: str, kind: str) -> Path:
    return folder / f"{part}-{kind}-idx{DIMENSIONS[kind]}-ubyte.gz"


def _split(folder: Path, part: str) -> Split:
    images = _values(_file(folder, part, "images"), "images")[..., None]
    labels = _values(_file(folder, part, "labels"), "labels")
    if len(images) != len(labels):
        raise DataError(f"{folder}: {len(images)} {part} images but {len(labels)} labels")
    return Split(ArraySource(images), labels.astype(np.int64))


def _values(path: Path, kind: str) -> Pixels:
    """Return the array of an idx file: big-endian words (magic, then each size), then bytes."""
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read as gzip: {error}") from error
    size = 4 * (1 + DIMENSIONS[kind])
    magic, *shape = np.frombuffer(content[:size].ljust(size), ">u4").tolist()
    if magic != 0x800 + DIMENSIONS[kind] or len(content) != size + np.prod(shape):
        raise DataError(f"{path}: is no idx file of {kind}, or not whole")
    return np.frombuffer(content, np.uint8, offset=size).reshape(shape).copy()


def _download(home: Path, folders: list[Path]) -> Path:
    from torchvision.datasets import FashionMNIST  # four seconds: only for a download

    try:
        FashionMNIST(str(home), download=True)
    except (OSError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        remedy = "apt-get install dataset-fashion-mnist, or put the four original .gz files there"
        missing("fashion_mnist", folders, f"the download failed ({reason}); {remedy}")
    return home / "FashionMNIST" / "raw"
