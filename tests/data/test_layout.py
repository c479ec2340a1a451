"""Which files are train and test pictures of which class: layouts, splits, what is refused."""

from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest

from raskd_bench.data.build import load_splits
from raskd_bench.data.facts import facts_of
from raskd_bench.data.imagefolder import imagefolder
from raskd_bench.data.splits import ArraySource, Split, Splits
from raskd_bench.errors import DataError

from .pictures import GREEN, RED, as_folder, as_zip, picture

TREE = {
    f"{part}/{name}/{index}.png": picture((colour[0], colour[1], colour[2] - index))
    for part in ("train", "test")
    for name, colour in (("cat", (250, 0, 90)), ("dog", (0, 0, 250)))
    for index in range(4 if part == "train" else 2)
}


def renamed(change) -> dict[str, bytes]:
    return {change(name): content for name, content in TREE.items()}


def both(root: str, **options) -> tuple[int, int]:
    splits = imagefolder(root=root, **options)
    return len(splits.train), len(splits.test)


@pytest.mark.parametrize(
    "change",
    [
        lambda name: name.replace("/", "\\"),
        lambda name: f"a/b/{name}",
        lambda name: f"../{name}",
        lambda name: name.replace("train/", "Train/").replace("test/", "TEST/"),
        lambda name: name.replace("train/", "training/").replace("test/", "Validation/"),
    ],
    ids=["backslashes", "deeper", "upwards", "capitals", "other words"],
)
def test_what_can_be_understood_of_a_zip_is(tmp_path: Path, change) -> None:
    assert both(as_zip(renamed(change), tmp_path)) == (8, 4)


def test_pictures_beside_the_folder_of_the_splits_are_counted(tmp_path: Path) -> None:
    tree = renamed(lambda name: f"data/{name}") | {"preview.png": picture()}
    splits = imagefolder(root=as_zip(tree, tmp_path))
    assert len(splits.train) == 8
    assert splits.notes == ("1 pictures outside of the splits' folders are not used",)


def test_a_split_below_each_class_is_refused_with_the_order_to_have(tmp_path: Path) -> None:
    tree = renamed(lambda n: "/".join([n.split("/")[1], n.split("/")[0], n.split("/")[2]]))
    with pytest.raises(DataError, match=r"lie below cat/, dog/: they must come first, as train/<"):
        imagefolder(root=as_zip(tree, tmp_path))


def test_names_that_stand_twice_in_a_zip_are_counted(tmp_path: Path) -> None:
    import zipfile

    root = as_zip(TREE, tmp_path)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(root, "a") as archive:
        archive.writestr("train/cat/0.png", picture(GREEN))
    splits = imagefolder(root=root)
    assert splits.notes == ("1 names stand more than once in the zip: the last one counts",)
    assert tuple(splits.train.source.read([0])[0, 0, 0]) == GREEN


def test_formats_of_pillow_are_read_and_others_counted(tmp_path: Path) -> None:
    more = {
        "train/cat/a.gif": picture(form="GIF"),
        "train/cat/b.jfif": picture(form="JPEG"),
        "train/cat/c.pgm": b"P5 8 8 255\n" + bytes(64),
        "train/cat/d.heic": b"x",
        "test/dog/e.heic": b"x",
        "train/cat/notes.txt": b"x",
        "train/cat/.DS_Store": b"x",
    }
    splits = imagefolder(root=as_folder(TREE | more, tmp_path))
    assert len(splits.train) == 11
    assert splits.notes == ("files passed over, of formats that are not read: 2 .heic",)


@pytest.mark.parametrize("make", [as_folder, as_zip])
@pytest.mark.parametrize(
    ("content", "held"),
    [({"train/bird/": b""}, "it is empty"), ({"train/bird/1.heic": b"x"}, r"1 \.heic")],
)
def test_a_class_without_a_picture_is_refused(tmp_path: Path, make, content, held: str) -> None:
    with pytest.raises(DataError, match=rf"train/bird/ holds no picture that can be read: {held}$"):
        imagefolder(root=make(TREE | content, tmp_path))


def test_classes_without_test_pictures_are_named(tmp_path: Path) -> None:
    tree = TREE | {"train/bird/1.png": picture(GREEN)}
    assert imagefolder(root=as_folder(tree, tmp_path)).notes == (
        "classes without test pictures: bird",)  # fmt: skip


def test_unicode_forms_of_class_names_are_one(tmp_path: Path) -> None:
    tree = renamed(lambda name: name.replace("cat", normalize("NFC" if "train" in name else "NFD",
                                                              "Käse")))  # fmt: skip
    splits = imagefolder(root=as_folder(tree, tmp_path))
    assert splits.classes == (normalize("NFC", "Käse"), "dog")
    assert splits.test.labels.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("flat", [True, False])
def test_a_test_folder_without_labels_gives_way_to_val(tmp_path: Path, flat: bool) -> None:
    place = "test/" if flat else "test/unknown/"
    tree = renamed(lambda name: name.replace("test/", "val/"))
    tree |= {f"{place}{index}.png": picture(RED) for index in range(3)}
    splits = imagefolder(root=as_folder(tree, tmp_path))
    assert (len(splits.test), splits.test_folder) == (4, "val")
    assert splits.notes == ("test/ has no labels (3 pictures): not used",)
    assert "4 test (folder val), 2 classes" in facts_of(splits).line


def test_val_beside_a_labelled_test_is_said_to_be_unused(tmp_path: Path) -> None:
    splits = imagefolder(root=as_folder(TREE | {"val/cat/1.png": picture(GREEN)}, tmp_path))
    assert splits.notes == ("val/ (1 pictures) is not used: test/ is tested on",)


WITHOUT = {name.removeprefix("train/"): content for name, content in TREE.items()
           if name.startswith("train/")}  # fmt: skip


@pytest.mark.parametrize("prefix", ["", "all/", "train/"])
def test_a_test_split_is_cut_where_there_is_none(tmp_path: Path, prefix: str) -> None:
    root = as_folder({prefix + name: content for name, content in WITHOUT.items()}, tmp_path)
    splits = imagefolder(root=root, test_fraction=0.25)
    assert (len(splits.train), len(splits.test)) == (6, 2)
    assert splits.test.labels.tolist() == [0, 1]
    assert not set(splits.train.names or ()) & set(splits.test.names or ())
    with pytest.raises(DataError, match=r"needs train/<class>/ .*write test_fraction: 0\.2"):
        imagefolder(root=root)


def test_a_cut_is_refused_beside_a_test_folder_and_where_a_side_is_empty(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="test_fraction, but there is test/ to test on"):
        imagefolder(root=as_folder(TREE, tmp_path / "both"), test_fraction=0.2)
    single = as_folder({"cat/1.png": picture(), "dog/1.png": picture()}, tmp_path / "single")
    with pytest.raises(DataError, match="leaves no test picture; each class keeps one"):
        imagefolder(root=single, test_fraction=0.5)


def arrays(per_class: int, classes: int = 3) -> Splits:
    labels = np.repeat(np.arange(classes), per_class)
    images = np.arange(len(labels), dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)
    split = Split(ArraySource(images), labels)
    return Splits(split, split, tuple("abcdef"[:classes]), 0, False)


def test_a_share_that_came_out_otherwise_is_said() -> None:
    rest, held = arrays(4).hold_out(0.1)
    assert (len(rest.train), len(held)) == (9, 3)
    assert rest.notes == ("val_fraction 0.1 came out as 3 of 12 pictures (25%)",)
    assert arrays(10).hold_out(0.1)[0].notes == ()


def test_a_picture_of_each_class_stays_in_training() -> None:
    rest, held = arrays(2).hold_out(0.9)
    assert np.bincount(rest.train.labels).tolist() == np.bincount(held.labels).tolist() == [1, 1, 1]
    with pytest.raises(DataError, match=r"val_fraction 0\.5: .*nothing to hold out"):
        arrays(1).hold_out(0.5)


def test_more_pictures_a_class_keep_those_of_fewer() -> None:
    few, more = (arrays(20).keep_per_class(count, "x").train for count in (3, 7))
    assert set(few.names or ()) < set(more.names or ())
    assert np.bincount(few.labels).tolist() == [3, 3, 3]
    assert [few.source.read([i])[0, 0, 0, 0] for i in range(9)] == list(map(int, few.names or ()))


def test_pictures_a_class_are_an_option_of_every_data_set(tmp_path: Path) -> None:
    assert len(load_splits("digits", {"per_class": 5}).train) == 50
    root = as_folder(TREE, tmp_path)
    assert len(load_splits("imagefolder", {"root": root, "per_class": 3}).train) == 6
    with pytest.raises(DataError, match="per_class: 9, but class cat has 4 training pictures"):
        load_splits("imagefolder", {"root": root, "per_class": 9})
