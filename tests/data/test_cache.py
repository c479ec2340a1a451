"""The cache of decoded images: made once, whole or not at all, and never believed when changed."""

import multiprocessing
import os
import shutil
import signal
import zipfile
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from raskd_bench.data import archive, cache, decoding
from raskd_bench.data.build import load_splits
from raskd_bench.data.cache import decode_once
from raskd_bench.data.imagefolder import imagefolder
from raskd_bench.data.mapped import MappedSource, is_mapped
from raskd_bench.data.splits import ArraySource, Split, Splits
from raskd_bench.errors import DataError

FORK = multiprocessing.get_context("fork")
PIXELS = np.random.default_rng(0).integers(256, size=(50, 6, 5, 3), dtype=np.uint8)


class Costly(ArraySource):
    """Images in memory that pretend to be files: each decoding leaves a line in a log."""

    place = "pictures.zip"

    def __init__(self, log: Path, name: str = "1", fatal: int | None = None) -> None:
        super().__init__(PIXELS)
        self.log = log
        self.name = name
        self.fatal = fatal

    def identity(self):
        yield self.name

    def read(self, indices):
        with self.log.open("a") as file:
            file.write("".join(f"{index}\n" for index in indices))
        if self.fatal in indices:  # in a worker: what a kill of the trial does
            os.kill(os.getppid(), signal.SIGKILL)
        return super().read(indices)

    def decoded(self) -> list[int]:
        return sorted(map(int, self.log.read_text().split())) if self.log.exists() else []


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    """The cache's folder; a piece holds few images, so that there are many."""
    monkeypatch.setenv("RASKD_BENCH_DATA", str(tmp_path / "home"))
    monkeypatch.setattr(cache, "PIECE_BYTES", 4 * PIXELS[0].nbytes)
    return tmp_path / "home" / "decoded"


@pytest.fixture
def source(tmp_path: Path) -> Costly:
    return Costly(tmp_path / "log")


def cached(source, mode: cache.Mode = True, **options):
    """Return what reads the source's images afterwards."""
    labels = np.zeros(len(source), np.int64)
    small = Split(ArraySource(PIXELS[:1]), labels[:1])
    splits = Splits(Split(source, labels), small, ("a",), 0, False)
    return decode_once(splits, mode, **options).train.source


def the_file(folder: Path) -> Path:
    (path,) = folder.glob("*.pixels")
    return path


def assert_right(found) -> None:
    assert isinstance(found, MappedSource)
    assert (found.height, found.width, found.channels, len(found)) == (6, 5, 3, 50)
    np.testing.assert_array_equal(found.read(np.arange(50)), PIXELS)
    np.testing.assert_array_equal(found.read([7, 3, 7]), PIXELS[[7, 3, 7]])


@pytest.mark.parametrize("mode", ["auto", True])
def test_each_image_is_decoded_once(folder: Path, source: Costly, mode: cache.Mode) -> None:
    for _ in range(3):
        assert_right(cached(source, mode))
    assert source.decoded() == list(range(50))
    assert {path.suffix for path in folder.iterdir()} == {".pixels", ".json", ".lock"}


def test_false_leaves_the_source_as_it_is(folder: Path, source: Costly) -> None:
    assert cached(source, False) is source
    assert not folder.exists()


def test_images_in_memory_are_left_there(folder: Path) -> None:
    source = ArraySource(PIXELS)
    assert cached(source, "auto") is source


def test_who_needs_few_images_takes_a_cache_but_makes_none(folder: Path, source: Costly) -> None:
    assert cached(source, build=False) is source
    assert not folder.exists()
    cached(source)
    assert_right(cached(source, build=False))


def test_another_identity_is_another_file(folder: Path, source: Costly) -> None:
    cached(source)
    cached(Costly(source.log, name="2"))
    assert len(list(folder.glob("*.pixels"))) == 2
    assert source.decoded() == sorted([*range(50), *range(50)])


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[1234] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


@pytest.mark.parametrize(
    "damage",
    [flip_a_byte, truncate, Path.unlink, lambda path: path.write_bytes(b"")],
    ids=["flipped", "truncated", "gone", "empty"],
)
def test_a_damaged_file_is_made_anew(folder: Path, source: Costly, damage) -> None:
    cached(source)
    damage(the_file(folder))
    assert_right(cached(source))
    assert source.decoded() == sorted([*range(50), *range(50)])
    assert_right(cached(source))
    assert len(source.decoded()) == 100


def test_who_has_mapped_a_file_keeps_it_while_it_is_made_anew(folder: Path, source: Costly) -> None:
    found = cached(source)
    content = the_file(folder).read_bytes()
    the_file(folder).unlink()
    the_file_again = folder / "copy"
    the_file_again.write_bytes(content)
    cached(source)
    assert_right(found)


def test_a_file_that_was_only_touched_is_compared_once(
    folder: Path, source: Costly, monkeypatch
) -> None:
    cached(source)
    compared = []
    checksum = cache._checksum
    monkeypatch.setattr(cache, "_checksum", lambda path: compared.append(path) or checksum(path))
    os.utime(the_file(folder), (1, 1))
    for _ in range(3):
        assert_right(cached(source))
    assert compared == [the_file(folder)]
    assert len(source.decoded()) == 50


@pytest.mark.parametrize("content", [b"", b"no JSON", b"{}", b'{"place": "x", "shape": [1]}'])
def test_a_damaged_manifest_is_no_error(folder: Path, source: Costly, content: bytes) -> None:
    cached(source)
    (manifest,) = folder.glob("*.json")
    manifest.write_bytes(content)
    assert_right(cached(source))
    assert len(source.decoded()) == 100


def test_two_processes_decode_once(folder: Path, source: Costly) -> None:
    start = FORK.Barrier(2)

    def build() -> None:
        start.wait()
        assert_right(cached(source))

    processes = [FORK.Process(target=build) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    assert source.decoded() == list(range(50))


def killed_build(source: Costly) -> None:
    process = FORK.Process(target=cached, args=(source,))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.parametrize("name", ["1", "2"], ids=["of the same images", "of others"])
def test_the_next_builder_tidies_up_after_a_killed_one(
    folder: Path, source: Costly, name: str
) -> None:
    killed_build(Costly(source.log, name, fatal=30))
    assert list(folder.glob("*.part"))
    assert not list(folder.glob("*.pixels"))
    assert_right(cached(source))
    assert not list(folder.glob("*.part"))


def test_what_another_builder_is_writing_is_left_alone(folder: Path, source: Costly) -> None:
    folder.mkdir(parents=True)
    (folder / "other.part").write_bytes(b"half")
    with FileLock(folder / "other.lock"):
        cached(source)
    assert (folder / "other.part").exists()


def test_without_room_auto_decodes_and_true_says_why(
    folder: Path, source: Costly, monkeypatch
) -> None:
    disk = namedtuple("disk", "total used free")(10**12, 0, 5 * 10**10 + PIXELS.nbytes - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: disk)
    assert cached(source, "auto") is source
    message = rf"pictures\.zip: cache: true, but {folder} .* 50\.0 GB .*RASKD_BENCH_DATA.*auto$"
    with pytest.raises(DataError, match=message) as caught:
        cached(source, True)
    assert "\n" not in str(caught.value)
    assert source.decoded() == []
    disk = disk._replace(free=disk.free + 1)
    assert_right(cached(source))


def test_a_folder_that_cannot_be_made_is_no_error_unless_demanded(
    tmp_path: Path, source: Costly, monkeypatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("RASKD_BENCH_DATA", str(tmp_path / "file"))
    assert cached(source, "auto") is source
    with pytest.raises(DataError, match=r"cannot hold it: .*; free space there"):
        cached(source, True)


def test_a_disk_that_fills_up_leaves_nothing_behind(
    folder: Path, source: Costly, monkeypatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert cached(source, "auto") is source
    assert [path.suffix for path in folder.iterdir()] == [".lock"]


def zip_of(path: Path, colours) -> dict[str, object]:
    with zipfile.ZipFile(path, "w") as archive:
        for part in ("train", "test"):
            for index, colour in enumerate(colours):
                with archive.open(f"{part}/a/{index}.png", "w") as file:
                    Image.new("RGB", (4, 4), colour).save(file, "PNG")
    return {"root": str(path)}


def key(options, size: int = 4) -> str:
    source = imagefolder(**(options | {"size": size})).train.source
    return cache._Entry(source).key


def test_a_zip_is_known_by_its_content_wherever_it_lies(tmp_path: Path, monkeypatch) -> None:
    red, green = (zip_of(tmp_path / f"{c}.zip", ["black", c]) for c in ("red", "green"))
    shutil.copy(tmp_path / "red.zip", tmp_path / "copy.zip")
    assert key({"root": str(tmp_path / "copy.zip")}) == key(red)
    assert key(green) != key(red)
    assert key(red, size=8) != key(red)
    before = key(red)
    monkeypatch.setattr(decoding, "DECODER", decoding.DECODER + 1)
    assert key(red) != before


def test_a_folder_is_known_by_names_and_content_wherever_it_lies(tmp_path: Path) -> None:
    zip_of(tmp_path / "a.zip", ["red", "green"])
    for name in ("one", "other"):
        zipfile.ZipFile(tmp_path / "a.zip").extractall(tmp_path / name)
    one, other = ({"root": str(tmp_path / name)} for name in ("one", "other"))
    before = key(one)
    assert key(other) == before
    os.utime(tmp_path / "one/train/a/0.png", (1, 1))
    assert key(one) == before
    shutil.copy(tmp_path / "one/train/a/0.png", tmp_path / "one/train/a/1.png")
    changed = key(one)
    assert changed != before
    (tmp_path / "one/train/a/0.png").rename(tmp_path / "one/train/a/00.png")
    assert key(one) not in {before, changed}


def test_the_key_is_made_without_reading_images_again(tmp_path: Path, monkeypatch) -> None:
    options = zip_of(tmp_path / "a.zip", ["red"])
    before = key(options)
    monkeypatch.setattr(archive.Archive, "read", None)
    assert key(options) == before


@pytest.mark.parametrize("mode", ["auto", True])
def test_a_damaged_image_is_named(folder: Path, tmp_path: Path, mode: cache.Mode) -> None:
    options = zip_of(tmp_path / "a.zip", ["red"])
    with zipfile.ZipFile(tmp_path / "a.zip", "a") as file:
        file.writestr("train/a/9.png", file.read("train/a/0.png")[:-30])
    splits = imagefolder(**(options | {"size": 4}))
    with pytest.raises(DataError, match=r"a\.zip: train/a/9\.png: damaged"):
        decode_once(splits, mode)
    assert not [path for path in folder.iterdir() if path.suffix != ".lock"]


def test_cached_images_are_the_decoded_ones(folder: Path, shared_data) -> None:
    root = str(shared_data("tiny-imagenet-200-mini.zip"))
    splits = load_splits("tiny_imagenet", {"root": root, "size": 32})
    mapped = decode_once(splits, True)
    for part in ("train", "test"):
        one, other = (getattr(each, part).source for each in (splits, mapped))
        assert is_mapped(other)
        np.testing.assert_array_equal(one.read(np.arange(400)), other.read(np.arange(400)))
    assert mapped.normalisation() == splits.normalisation()


def test_to_demand_a_cache_for_images_in_memory_is_refused() -> None:
    message = "digits: cache: true, but its images need no decoding"
    with pytest.raises(DataError, match=message):
        load_splits("digits", {"cache": True})
    for mode in ("auto", False):
        assert len(load_splits("digits", {"cache": mode}).train) > 0
