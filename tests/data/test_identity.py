"""Which data a trial is run on: a digest over names, labels and content, looked at once."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from raskd_bench.data import content
from raskd_bench.data.archive import Archive
from raskd_bench.data.build import load_splits
from raskd_bench.data.facts import facts_of, held_out
from raskd_bench.data.identity import digest_of
from raskd_bench.data.imagefolder import imagefolder
from raskd_bench.data.synthetic import synthetic

from .pictures import as_folder, as_zip, picture

TREE = {
    f"{part}/{name}/{index}.png": picture((index, 20 * len(part), ord(name)))
    for part, count in (("train", 4), ("test", 2))
    for name in "ab"
    for index in range(count)
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("RASKD_BENCH_DATA", str(tmp_path / "home"))
    monkeypatch.setattr(content, "FRESH_NS", 0)
    return tmp_path / "home"


def digest(root: str, **options) -> str:
    return digest_of(imagefolder(root=root, **options))[0]


def test_a_folder_its_copy_and_a_zip_of_it_are_the_same_data(tmp_path: Path) -> None:
    folder = as_folder(TREE, tmp_path / "one")
    shutil.copytree(folder, tmp_path / "other")
    wrapped = as_zip({f"wrap/{name}": data for name, data in TREE.items()}, tmp_path / "zip")
    found = {digest(folder), digest(str(tmp_path / "other")), digest(wrapped)}
    assert len(found) == 1
    assert digest(folder, size=16) in found  # the size is the suite's, and in the trial's id


@pytest.mark.parametrize("make", [as_folder, as_zip])
def test_names_labels_and_content_are_told_apart(tmp_path: Path, make) -> None:
    swapped = TREE | {
        "train/a/0.png": TREE["train/b/0.png"],
        "train/b/0.png": TREE["train/a/0.png"],
    }
    renamed = {name.replace("a/0", "a/00"): data for name, data in TREE.items()}
    moved = {name.replace("train/a/3", "train/b/9"): data for name, data in TREE.items()}
    tested = TREE | {"test/a/0.png": picture((77, 77, 77))}
    trees = [TREE, swapped, renamed, moved, tested]
    found = [digest(make(tree, tmp_path / str(i))) for i, tree in enumerate(trees)]
    assert len(set(found)) == len(trees)


def test_a_file_is_read_again_only_when_the_system_says_that_it_changed(
    tmp_path: Path, monkeypatch
) -> None:
    root = as_folder(TREE, tmp_path / "data")
    before = digest(root)
    read: list[str] = []
    real = Archive.read

    def noted(self, name, most=None):
        read.append(name)
        return real(self, name, most)

    monkeypatch.setattr(Archive, "read", noted)
    assert digest(root) == before
    assert read == []
    path = tmp_path / "data/train/a/1.png"
    stamp = path.stat()
    path.unlink()  # other content of the same size, its time of change put back
    path.write_bytes(picture((1, 100, ord("z"))))
    assert path.stat().st_size == stamp.st_size
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert digest(root) != before
    assert read == ["train/a/1.png"]


def test_what_is_remembered_may_be_damaged(tmp_path: Path, home: Path) -> None:
    root = as_folder(TREE, tmp_path / "data")
    before = digest(root)
    (memory,) = (home / "content").iterdir()
    memory.write_text('{"form": 1, "whole"')
    assert digest(root) == before


def test_of_a_large_folder_both_ends_of_files_are_read_and_that_is_said(
    tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(content, "WHOLE_BYTES", 1000)
    monkeypatch.setattr(content, "END_BYTES", 2000)
    noise = np.random.default_rng(0).integers(256, size=(64, 64, 3), dtype=np.uint8)
    root = as_folder(TREE, tmp_path / "data")
    for part in ("train", "test"):
        Image.fromarray(noise).save(tmp_path / "data" / part / "a" / "big.bmp")
    splits = imagefolder(root=root, size=8)
    found, basis = digest_of(splits)
    assert basis is not None
    assert "both ends" in basis
    assert facts_of(splits).basis == basis
    path = tmp_path / "data/train/a/big.bmp"
    data = bytearray(path.read_bytes())
    data[6000] ^= 1
    path.write_bytes(data)
    assert digest(root, size=8) == found  # the middle is not looked at
    data[-1] ^= 1
    path.write_bytes(data)
    assert digest(root, size=8) != found


def test_data_sets_in_memory_have_a_digest_of_their_bytes() -> None:
    one, again, other = (
        digest_of(synthetic(size=4, train=20, test=10, seed=seed))[0] for seed in (0, 0, 1)
    )
    assert one == again != other
    assert digest_of(load_splits("digits", {}))[0] != digest_of(
        load_splits("digits", {"per_class": 9}))[0]  # fmt: skip


def test_pictures_that_are_trained_and_tested_on_are_counted(tmp_path: Path) -> None:
    tree = TREE | {"test/a/9.png": TREE["train/b/2.png"]}
    for make in (as_folder, as_zip):
        facts = facts_of(imagefolder(root=make(tree, tmp_path / make.__name__)))
        assert facts.notes == ["1 of 5 test pictures are in the training split, too"]


def test_the_line_says_what_the_data_are(tmp_path: Path) -> None:
    tree = TREE | {"train/a/big.png": picture(size=(64, 40)), "test/b/9.png": picture((1, 2, 3))}
    splits = imagefolder(root=as_folder(tree, tmp_path / "data"), size=16)
    line = facts_of(splits).line
    assert line == "9 train / 5 test, 2 classes, 16x16 from 8-64 px, largest class 60 %"


def test_a_trials_facts_have_what_is_held_out_and_the_ragged_end() -> None:
    splits = synthetic(classes=2, size=4, train=50, test=10)
    facts = facts_of(splits)
    rest, held = splits.hold_out(0.2)
    found = held_out(facts, rest, held, 16)
    assert (found.train, found.val, found.digest) == (40, 10, facts.digest)
    assert found.line.startswith("40 train / 10 val / 10 test, 2 classes")
    assert found.notes[-1].startswith("8 of 40 training pictures are left out of each epoch")
