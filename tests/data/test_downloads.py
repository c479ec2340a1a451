"""CIFAR and Fashion-MNIST from miniature copies of their official layouts; no network."""

import gzip
import pickle
import struct
import zlib
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from torchvision.datasets import cifar as torchvision_cifar
from torchvision.datasets import mnist as torchvision_mnist

from raskd_bench.data.cifar import cifar10, cifar100
from raskd_bench.data.fashion_mnist import fashion_mnist
from raskd_bench.errors import DataError


def idx(values: np.ndarray) -> bytes:
    return (
        struct.pack(f">{1 + values.ndim}i", 0x800 + values.ndim, *values.shape) + values.tobytes()
    )


def write_fashion(folder: Path, train: int = 6, test: int = 4) -> np.ndarray:
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    images = rng.integers(256, size=(train, 28, 28), dtype=np.uint8)
    for part, count in (("train", train), ("t10k", test)):
        labels = np.arange(count, dtype=np.uint8) % 10
        for kind, values in (("images-idx3", images[:count]), ("labels-idx1", labels)):
            (folder / f"{part}-{kind}-ubyte.gz").write_bytes(gzip.compress(idx(values)))
    return images


def test_fashion_mnist_from_the_four_files(tmp_path: Path) -> None:
    images = write_fashion(tmp_path)
    splits = fashion_mnist(root=str(tmp_path))
    np.testing.assert_array_equal(splits.train.source.read(np.arange(6))[..., 0], images)
    np.testing.assert_array_equal(splits.train.labels, np.arange(6))
    assert (len(splits.test), splits.train.source.channels, len(splits.classes)) == (4, 1, 10)
    assert splits.train.labels.dtype == np.int64


def test_fashion_mnist_is_found_where_torchvision_puts_it(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("raskd_bench.data.fashion_mnist.SYSTEM", tmp_path / "nowhere")
    monkeypatch.setenv("RASKD_BENCH_DATA", str(tmp_path))
    write_fashion(tmp_path / "FashionMNIST" / "raw")
    assert len(fashion_mnist().train) == 6


def test_fashion_mnist_is_not_here(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"fashion_mnist is not here: looked in {tmp_path};"):
        fashion_mnist(root=str(tmp_path))


def test_a_failed_download_says_what_to_do(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("raskd_bench.data.fashion_mnist.SYSTEM", tmp_path / "nowhere")
    monkeypatch.setenv("RASKD_BENCH_DATA", str(tmp_path))
    monkeypatch.setattr(torchvision_mnist, "download_and_extract_archive", no_network)
    with pytest.raises(DataError, match=r"nowhere, .*download failed .*dataset-fashion-mnist"):
        fashion_mnist()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no gzip", "cannot be read as gzip"),
        (gzip.compress(b"long enough to be cut")[:-9], "cannot be read as gzip"),
        (gzip.compress(b""), "is no idx file of images"),
        (gzip.compress(b"too short"), "is no idx file of images"),
        (gzip.compress(idx(np.zeros((2, 28, 28), np.uint8))[:-1]), "or not whole"),
        (gzip.compress(idx(np.zeros(9, np.uint8))), "is no idx file of images"),
    ],
    ids=["no gzip", "cut gzip", "empty", "too short", "cut", "labels"],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    write_fashion(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{path}: .*{message}"):
        fashion_mnist(root=str(tmp_path))


def test_garbage_inside_a_gzip_is_named(tmp_path: Path) -> None:
    write_fashion(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    content = bytearray(path.read_bytes())
    content[20:60] = b"\xff" * 40
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be read as gzip") as caught:
        fashion_mnist(root=str(tmp_path))
    assert isinstance(caught.value.__cause__, (zlib.error, OSError))


def test_labels_and_images_must_agree(tmp_path: Path) -> None:
    write_fashion(tmp_path)
    path = tmp_path / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(idx(np.zeros(3, np.uint8))))
    with pytest.raises(DataError, match="4 t10k images but 3 labels"):
        fashion_mnist(root=str(tmp_path))


def test_a_missing_one_of_the_four_is_named(tmp_path: Path) -> None:
    write_fashion(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="t10k-labels"):
        fashion_mnist(root=str(tmp_path))


def no_network(*args, **kwargs) -> None:
    raise URLError("no network")


def write_cifar(root: Path, name: str) -> np.ndarray:
    """Two images a file: red and green and blue planes of their own, as the official pickles."""
    files = {
        "cifar-10-batches-py": [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"],
        "cifar-100-python": ["train", "test"],
    }[name]
    folder = root / name
    folder.mkdir()
    planes = np.repeat(np.array([[10, 20, 30], [40, 50, 60]], np.uint8), 1024, axis=1)
    planes[0, 1] = 99  # red plane, first row, second column
    fine = name == "cifar-100-python"
    for file in files:
        entry = {"data": planes, "fine_labels" if fine else "labels": [3, 9]}
        (folder / file).write_bytes(pickle.dumps(entry))
    classes = [f"class {i}" for i in range(100 if fine else 10)]
    key = "fine_label_names" if fine else "label_names"
    (folder / ("meta" if fine else "batches.meta")).write_bytes(pickle.dumps({key: classes}))
    return planes


@pytest.mark.parametrize(
    ("read", "folder", "classes", "train"),
    [(cifar10, "cifar-10-batches-py", 10, 10), (cifar100, "cifar-100-python", 100, 2)],
)
def test_cifar(tmp_path: Path, monkeypatch, read, folder, classes: int, train: int) -> None:
    monkeypatch.setattr(torchvision_cifar, "check_integrity", lambda path, md5: Path(path).exists())
    write_cifar(tmp_path, folder)
    splits = read(root=str(tmp_path))
    assert (len(splits.train), len(splits.test), len(splits.classes)) == (train, 2, classes)
    images = splits.train.source.read([0, 1])
    assert images.shape == (2, 32, 32, 3)
    np.testing.assert_array_equal(images[0, 0, :2], [[10, 20, 30], [99, 20, 30]])
    np.testing.assert_array_equal(images[1, 31, 31], [40, 50, 60])
    np.testing.assert_array_equal(splits.test.labels, [3, 9])
    assert splits.train.labels.dtype == np.int64
    assert splits.mean is not None


@pytest.mark.parametrize("read", [cifar10, cifar100])
def test_cifar_is_not_here(tmp_path: Path, read) -> None:
    name = read.__name__
    message = rf"data set {name} is not here: looked in {tmp_path}/cifar-.*unpack it there"
    with pytest.raises(DataError, match=message):
        read(root=str(tmp_path))


def test_damaged_cifar_is_refused(tmp_path: Path) -> None:
    write_cifar(tmp_path, "cifar-100-python")
    with pytest.raises(DataError, match="not found or corrupted"):
        cifar100(root=str(tmp_path))


def test_cifar_without_a_network_says_what_to_do(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("RASKD_BENCH_DATA", str(tmp_path))
    monkeypatch.setattr(torchvision_cifar, "download_and_extract_archive", no_network)
    with pytest.raises(
        DataError, match=r"looked in .*cifar-100-python; .*no network.*or give 'root'"
    ):
        cifar100()
