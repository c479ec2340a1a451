"""Which of an archive's files are train and test pictures of which class, in users' layouts."""

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NoReturn
from unicodedata import normalize

from raskd_bench.data.archive import Archive, Listing
from raskd_bench.data.names import counted, is_image, listed, passed_over
from raskd_bench.errors import DataError

TRAIN_NAMES = ("train", "training")
TEST_NAMES = ("test", "val", "valid", "validation")
ANNOTATIONS = "val_annotations.txt"  # Tiny ImageNet's way of naming the classes of a flat folder
FLAT = ""  # class of a picture that lies in no class's folder

Owners = dict[str, str]  # the class of each picture, by its path in the archive


@dataclass(frozen=True)
class Layout:
    """The pictures of a data set in an archive.

    Attributes:
        prefix: what all paths begin with, a wrapping folder's `name/` or nothing.
        train: the training pictures.
        test: the test pictures; none if they are to be cut from the others.
        test_folder: name of the folder they lie in; None if they are to be cut.
        notes: what a reader must know, a sentence each.
    """

    prefix: str
    train: Owners
    test: Owners
    test_folder: str | None
    notes: tuple[str, ...]


def layout_of(archive: Archive, *, cut: bool) -> Layout:
    """Return which files are train and test pictures.

    Args:
        archive: a folder or zip.
        cut: the test pictures are to be cut from the others (`test_fraction`).

    Raises:
        DataError: there is no such layout in it, or a class has no picture.
    """
    listing = archive.listing()
    images = [name for name in listing.files if is_image(name)]
    prefix = _prefix_of_splits(archive, images)
    if prefix is None and cut:
        return _without_splits(archive, listing, images)
    parts = _parts(images, prefix or "")
    train = next((part for part in TRAIN_NAMES if part in parts), None)
    tests = [part for part in TEST_NAMES if part in parts]
    if prefix is None or train is None or (not tests and not cut):
        _refuse(archive, images, prefix)
    if tests and cut:
        raise DataError(f"{archive.root}: test_fraction, but there is {tests[0]}/ to test on; "
                        "leave test_fraction out")  # fmt: skip
    owners = _owners(archive, prefix, parts[train])
    if cut:
        notes = (*listing.notes, *_left_out(listing, prefix, {train}))
        layout = Layout(prefix, owners, {}, None, notes)
    else:
        layout = _with_test(archive, listing, prefix, parts, owners, tests)
    _check_classes(archive, listing, layout, parts[train][0].split("/")[prefix.count("/")])
    return layout


def names_of(layout: Layout, owners: Iterable[str]) -> tuple[str, ...]:
    """Return the pictures' names without wrapping folders, in one Unicode form."""
    return tuple(normalize("NFC", name.removeprefix(layout.prefix)) for name in owners)


def _with_test(
    archive: Archive, listing: Listing, prefix: str, parts: dict[str, list[str]], train: Owners,
    tests: list[str],
) -> Layout:  # fmt: skip
    """Return the layout with the first folder to test on whose pictures have classes."""
    annotated = {part: _annotations(listing, parts[part]) for part in tests}
    order = sorted(tests, key=lambda part: annotated[part] is None)
    notes = list(listing.notes)
    for number, part in enumerate(order):
        left = order[number + 1 :]
        if (found := annotated[part]) is not None:
            test = _owners_by_annotation(archive, found, parts[part])
        else:
            test = _owners(archive, prefix, parts[part], flat=bool(left))
        if not left or set(test.values()) & set(train.values()):
            break
        # ImageNet's: pictures without classes, or in one folder that is no class
        notes.append(f"{part}/ has no labels ({len(test)} pictures): not used")
    notes += [f"{other}/ ({len(parts[other])} pictures) is not used: {part}/ is tested on"
              for other in left]  # fmt: skip
    notes += _left_out(listing, prefix, {*TRAIN_NAMES, part})
    if without := sorted(set(train.values()) - set(test.values())):
        notes.append(f"classes without test pictures: {listed(without)}")
    return Layout(prefix, train, test, part, tuple(notes))


def _without_splits(archive: Archive, listing: Listing, images: list[str]) -> Layout:
    """Return the layout of class folders without train and test."""
    prefix = ""
    while len(tops := {name.removeprefix(prefix).partition("/")[0] for name in images}) == 1 and (
        all(name.removeprefix(prefix).count("/") > 1 for name in images)
    ):
        prefix += f"{tops.pop()}/"
    if not images:
        raise DataError(f"{archive.root}: holds no picture")
    owners = {name: normalize("NFC", _folders(name.removeprefix(prefix))[0]) for name in images}
    if stray := next((name for name, owner in owners.items() if owner == FLAT), None):
        raise DataError(f"{archive.root}: {stray}: lies in no class's folder")
    return Layout(prefix, owners, {}, None, (*listing.notes, *passed_over(listing.files)))


def _prefix_of_splits(archive: Archive, images: list[str]) -> str | None:
    """Return what stands before `train/` or `test/`, as `name/` or nothing; None without any.

    Raises:
        DataError: it stands in several places.
    """
    splits = {*TRAIN_NAMES, *TEST_NAMES}
    prefixes: dict[str, None] = {}
    for name in images:
        folders = name.split("/")[:-1]
        at = next((i for i, folder in enumerate(folders) if folder.lower() in splits), None)
        if at is not None:
            prefixes["".join(f"{folder}/" for folder in folders[:at])] = None
    if not prefixes:
        return None
    depth = min(prefix.count("/") for prefix in prefixes)
    first = [prefix for prefix in prefixes if prefix.count("/") == depth]
    if len(first) > 1:
        raise DataError(
            f"{archive.root}: train/ and test/ lie below {listed(first)}: they must come first, "
            "as train/<class>/ and test/<class>/"
        )
    return first[0]


def _parts(images: list[str], prefix: str) -> dict[str, list[str]]:
    """Return the pictures below each folder after the prefix, whose case does not matter."""
    parts: dict[str, list[str]] = {}
    for name in images:
        if name.startswith(prefix) and "/" in (inside := name.removeprefix(prefix)):
            parts.setdefault(inside.partition("/")[0].lower(), []).append(name)
    return parts


def _refuse(archive: Archive, images: list[str], prefix: str | None) -> NoReturn:
    found = sorted({name.removeprefix(prefix or "").partition("/")[0] for name in images})
    text = f"found {listed(found)}" if found else "found no images"
    way = ""
    if images and (prefix is None or "train" in {name.lower() for name in found}):
        way = "; to cut a test split from what is there, write test_fraction: 0.2"
    raise DataError(f"{archive.root}: needs train/<class>/ and test/<class>/ (or val); {text}{way}")


def _owners(archive: Archive, prefix: str, files: Sequence[str], *, flat: bool = False) -> Owners:
    """Return the class of each picture by its folder; `flat` lets all lie in none."""
    owners = {
        name: normalize("NFC", _folders(name.removeprefix(prefix))[1]) for name in files
    }  # fmt: skip
    stray = next((name for name, owner in owners.items() if owner == FLAT), None)
    if stray is None or (flat and set(owners.values()) == {FLAT}):
        return owners
    raise DataError(f"{archive.root}: {stray}: lies in no class's folder")


def _folders(name: str) -> list[str]:
    return [*name.split("/")[:-1], FLAT, FLAT]


def _annotations(listing: Listing, files: Sequence[str]) -> str | None:
    """Return the file that names the classes of a part's pictures, if there is one."""
    around = {name.rpartition("/")[0] for name in files[:1]}
    wanted = {posixpath.join(posixpath.dirname(folder), ANNOTATIONS) for folder in around}
    wanted |= {posixpath.join(folder, ANNOTATIONS) for folder in around}
    return next(iter(wanted & set(listing.files)), None)


def _owners_by_annotation(archive: Archive, annotations: str, files: Sequence[str]) -> Owners:
    rows = (row.split("\t") for row in archive.read(annotations).decode().splitlines() if row)
    owners = {row[0]: row[1] for row in rows if len(row) > 1}
    try:
        return {name: owners[PurePosixPath(name).name] for name in files}
    except KeyError as error:
        raise DataError(f"{archive.root}: {annotations} does not mention {error}") from error


def _check_classes(archive: Archive, listing: Listing, layout: Layout, train: str) -> None:
    """Refuse classes that can only be tested, and class folders without a picture."""
    classes = set(layout.train.values())
    if unknown := sorted(set(layout.test.values()) - classes):
        raise DataError(
            f"{archive.root}: test images of classes without train images: {listed(unknown)}"
        )
    inside = f"{layout.prefix}{train}/"
    below: dict[str, list[str]] = {}
    for name in (*listing.files, *(f"{folder}/" for folder in listing.empty)):
        if name.startswith(inside) and "/" in name.removeprefix(inside):
            folder, _, rest = name.removeprefix(inside).partition("/")
            below.setdefault(folder, []).append(rest)
    for folder, content in below.items():
        if normalize("NFC", folder) not in classes and not folder.startswith("."):
            files = [name for name in content if name and not name.endswith("/")]
            held = counted(files) or "it is empty"
            text = f"{inside}{folder}/ holds no picture that can be read: {held}"
            raise DataError(f"{archive.root}: {text}")


def _left_out(listing: Listing, prefix: str, used: set[str]) -> Iterator[str]:
    """Yield what lies there and is not read, and why."""
    yield from passed_over([n for n in listing.files if _part_of(n, prefix) in used])
    known = {*TRAIN_NAMES, *TEST_NAMES}
    outside = [n for n in listing.files if is_image(n) and _part_of(n, prefix) not in known]
    if outside:
        yield f"{len(outside)} pictures outside of the splits' folders are not used"


def _part_of(name: str, prefix: str) -> str:
    return name.removeprefix(prefix).partition("/")[0].lower() if name.startswith(prefix) else ""
