"""Image folders: `train/<class>/*` and `test/<class>/*` (or val), in a folder or inside a zip."""

import io
import os
import posixpath
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, features

from raskd_bench.data.splits import Labels, Pixels, Split, Splits, missing
from raskd_bench.errors import DataError
from raskd_bench.home import data_home
from raskd_bench.method import Count

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".tif", ".tiff"}
TEST_NAMES = ("test", "val", "valid", "validation")
DECODER = 1  # number of `ImageFiles`' way to decode; another one makes other pixels
ANNOTATIONS = "val_annotations.txt"  # Tiny ImageNet's way of naming the classes of a flat folder


class Archive:
    """Files of a folder or of a zip, by their path inside it; a zip is not unpacked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._zip: zipfile.ZipFile | None = None
        self._opener = 0  # process that opened it: forked ones would share its position

    def names(self) -> list[str]:
        """Return the paths of all files, sorted; links to folders are followed."""
        if self.root.is_dir():
            walk = os.walk(self.root, followlinks=True)
            found = (Path(folder, name) for folder, _, files in walk for name in files)
            return sorted(path.relative_to(self.root).as_posix() for path in found)
        try:
            return sorted(name for name in self._opened().namelist() if not name.endswith("/"))
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(f"{self.root}: neither a folder nor a zip: {error}") from error

    def read(self, name: str) -> bytes:
        try:
            if self.root.is_dir():
                return (self.root / name).read_bytes()
            return self._opened().read(name)
        except (OSError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise DataError(f"{self.root}: {name}: cannot be read: {error}") from error

    def identity(self, names: Iterable[str]) -> Iterator[str]:
        """Yield texts that change with the content of files, which is not read.

        In a zip that is size and checksum, wherever it lies; in a folder, path, size and time.
        """
        if not self.root.is_dir():
            entries = map(self._opened().getinfo, names)
            yield from (f"{e.filename} {e.file_size} {e.CRC}" for e in entries)
            return
        yield str(self.root.resolve())
        for name in names:
            try:
                found = (self.root / name).stat()
            except OSError as error:
                raise DataError(f"{self.root}: {name}: cannot be read: {error}") from error
            yield f"{name} {found.st_size} {found.st_mtime_ns}"

    def _opened(self) -> zipfile.ZipFile:
        if self._zip is None or self._opener != os.getpid():
            self._zip, self._opener = zipfile.ZipFile(self.root), os.getpid()
        return self._zip

    def __getstate__(self) -> dict[str, object]:
        return {"root": self.root, "_zip": None, "_opener": 0}


class ImageFiles:
    """Images decoded on demand to RGB of one size: shorter side resized, centre cropped."""

    channels = 3

    def __init__(self, archive: Archive, files: Sequence[str], size: int | None) -> None:
        self.archive = archive
        self.place = str(archive.root)
        self.files = tuple(files)
        if size is None:
            with self._open(self.files[0]) as image:
                self.width, self.height = image.size
        else:
            self.width = self.height = size

    def __len__(self) -> int:
        return len(self.files)

    def read(self, indices: Sequence[int] | Labels) -> Pixels:
        result = np.empty((len(indices), self.height, self.width, 3), np.uint8)
        for position, index in enumerate(indices):  # threads were measured slower than one loop
            result[position] = self._decode(self.files[index])
        return result

    def identity(self) -> Iterator[str]:
        """Yield texts that change if any of the pixels does: files, decoder and its libraries."""
        libraries = [features.version(name) for name in ("pil", "libjpeg_turbo", "webp", "libtiff")]
        yield f"decoder {DECODER}, {libraries}"
        yield from self.archive.identity(self.files)

    def _open(self, name: str) -> Image.Image:
        try:
            return Image.open(io.BytesIO(self.archive.read(name)))
        except (OSError, Image.DecompressionBombError) as error:
            raise DataError(f"{self.archive.root}: {name}: not an image: {error}") from error

    def _decode(self, name: str) -> Pixels:
        with self._open(name) as image:
            try:
                picture = image.convert("RGB")
            except (OSError, SyntaxError, ValueError) as error:
                raise DataError(f"{self.archive.root}: {name}: damaged: {error}") from error
        if picture.size != (self.width, self.height):
            scale = max(self.width / picture.width, self.height / picture.height)
            wide, high = round(picture.width * scale), round(picture.height * scale)
            left, top = (wide - self.width) // 2, (high - self.height) // 2
            picture = picture.resize((wide, high), Image.Resampling.BILINEAR)
            picture = picture.crop((left, top, left + self.width, top + self.height))
        return np.asarray(picture)


def imagefolder(*, root: str, size: Count | None = None) -> Splits:
    """Images in `root`/train/<class>/ and `root`/test/<class>/ (or val), a folder or a zip.

    All images are brought to `size` x `size` pixels, by default the shorter side of the first one.
    Tiny ImageNet's own layout (`val/images` with `val_annotations.txt`) is understood too.
    """
    return _splits("imagefolder", Path(root), size)


def tiny_imagenet(*, root: str | None = None, size: Count = 64) -> Splits:
    """Tiny ImageNet, 200 classes, 64x64 (32x32 in CS-KD, FRSKD, DLB and BAKE): `size: 32`.

    `root` is the official tiny-imagenet-200.zip or the folder it unpacks to.
    """
    if root is not None:
        return _splits("tiny_imagenet", Path(root), size)
    home = data_home()
    places = [home / "tiny-imagenet-200.zip", home / "tiny-imagenet-200"]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        missing("tiny_imagenet", places, "get tiny-imagenet-200.zip (Stanford CS231n), or give "
                "'root'")  # fmt: skip
    return _splits("tiny_imagenet", found, size)


def _splits(name: str, root: Path, size: int | None) -> Splits:
    if not root.exists():
        missing(name, [root.absolute()], "give 'root' as a folder or zip with train/ and test/")
    archive = Archive(root)
    train, test = _parts(archive)
    classes = tuple(sorted(set(train.values())))
    unknown = sorted(set(test.values()) - set(classes))
    if unknown:
        listing = ", ".join(unknown[:5])
        raise DataError(f"{root}: test images of classes without train images: {listing}")
    number = {owner: index for index, owner in enumerate(classes)}
    first = ImageFiles(archive, [next(iter(train))], size)
    side = min(first.width, first.height)

    def split(owners: dict[str, str]) -> Split:
        labels = np.array([number[owner] for owner in owners.values()], dtype=np.int64)
        return Split(ImageFiles(archive, list(owners), side), labels, tuple(owners))

    return Splits(split(train), split(test), classes, crop_padding=side // 8, flip=True)


def _parts(archive: Archive) -> tuple[dict[str, str], dict[str, str]]:
    """Return the class of each train and of each test image, by its path in the archive."""
    everything = archive.names()
    images = [name for name in everything if _is_image(name)]
    prefix = _common_folder(images)
    parts: dict[str, list[str]] = {}
    for name in images:
        parts.setdefault(name.removeprefix(prefix).partition("/")[0], []).append(name)
    # a part with annotations first: Tiny ImageNet has val/ with them and a test/ without labels
    annotations = {part: f"{prefix}{part}/{ANNOTATIONS}" for part in TEST_NAMES if part in parts}
    annotated = [part for part, name in annotations.items() if name in everything]
    test = next(iter([*annotated, *annotations]), None)
    if "train" not in parts or test is None:
        found = ", ".join(sorted(parts)) or "no images"
        raise DataError(
            f"{archive.root}: needs train/<class>/ and test/<class>/ (or val); found {found}"
        )
    train = _owners_by_folder(archive, prefix, parts["train"])
    if test in annotated:
        return train, _owners_by_annotation(archive, annotations[test], parts[test])
    return train, _owners_by_folder(archive, prefix, parts[test])


def _is_image(name: str) -> bool:
    # text, not PurePosixPath, which takes seconds for a hundred thousand names
    hidden = any(part.startswith((".", "__MACOSX")) for part in name.split("/"))
    return posixpath.splitext(name)[1].lower() in SUFFIXES and not hidden


def _common_folder(names: Iterable[str]) -> str:
    """Return the one folder that holds everything, as `name/`, or an empty string."""
    tops = {n.partition("/")[0] for n in names}
    only = next(iter(tops)) if len(tops) == 1 else ""
    return f"{only}/" if only and only not in {"train", *TEST_NAMES} else ""


def _owners_by_folder(archive: Archive, prefix: str, files: Sequence[str]) -> dict[str, str]:
    owners = {}
    for name in files:
        _, *folders, _ = name.removeprefix(prefix).split("/")
        if not folders or not folders[0]:
            raise DataError(f"{archive.root}: {name}: lies in no class's folder")
        owners[name] = folders[0]
    return owners


def _owners_by_annotation(
    archive: Archive, annotations: str, files: Sequence[str]
) -> dict[str, str]:
    rows = (row.split("\t") for row in archive.read(annotations).decode().splitlines() if row)
    owners = {row[0]: row[1] for row in rows if len(row) > 1}
    try:
        return {name: owners[PurePosixPath(name).name] for name in files}
    except KeyError as error:
        raise DataError(f"{archive.root}: {annotations} does not mention {error}") from error
