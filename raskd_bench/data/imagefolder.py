"""Image folders: `train/<class>/*` and `test/<class>/*` (or val), in a folder or inside a zip."""

import io
import os
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from raskd_bench.data.splits import Labels, Pixels, Split, Splits, data_home, missing
from raskd_bench.errors import DataError
from raskd_bench.method import Count

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".ppm", ".tif", ".tiff"}
TEST_NAMES = ("test", "val", "valid", "validation")
ANNOTATIONS = "val_annotations.txt"  # Tiny ImageNet's way of naming the classes of a flat folder


class Archive:
    """Files of a folder or of a zip, by their path inside it; a zip is not unpacked."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._zip: zipfile.ZipFile | None = None
        self._process = 0

    def names(self) -> list[str]:
        if self.root.is_dir():
            files = (path for path in self.root.rglob("*") if path.is_file())
            return sorted(path.relative_to(self.root).as_posix() for path in files)
        try:
            return sorted(self._opened().namelist())
        except zipfile.BadZipFile as error:
            raise DataError(f"{self.root}: neither a folder nor a zip: {error}") from error

    def read(self, name: str) -> bytes:
        try:
            if self.root.is_dir():
                return (self.root / name).read_bytes()
            return self._opened().read(name)
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise DataError(f"{self.root}: {name}: cannot be read: {error}") from error

    def _opened(self) -> zipfile.ZipFile:
        if self._zip is None or self._process != os.getpid():  # a handle is not shared by workers
            self._zip, self._process = zipfile.ZipFile(self.root), os.getpid()
        return self._zip

    def __getstate__(self) -> dict[str, object]:
        return {"root": self.root, "_zip": None, "_process": 0}


class ImageFiles:
    """Images decoded on demand to RGB of one size: shorter side resized, centre cropped."""

    channels = 3

    def __init__(self, archive: Archive, files: Sequence[str], size: int | None) -> None:
        self.archive = archive
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

    def _open(self, name: str) -> Image.Image:
        try:
            return Image.open(io.BytesIO(self.archive.read(name)))
        except (OSError, Image.DecompressionBombError) as error:
            raise DataError(f"{self.archive.root}: {name}: not an image: {error}") from error

    def _decode(self, name: str) -> Pixels:
        with self._open(name) as image:
            try:
                picture = image.convert("RGB")
            except (OSError, SyntaxError) as error:
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

    All images are brought to `size` x `size` pixels, by default to the size of the first one.
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
    names = [n for n in archive.names() if PurePosixPath(n).suffix.lower() in SUFFIXES]
    prefix = _common_folder(names)
    tops = {_parts(n, prefix)[0] for n in names if len(_parts(n, prefix)) > 2}
    test = next((top for top in TEST_NAMES if top in tops), None)
    if "train" not in tops or test is None:
        found = ", ".join(sorted(tops)) or "no folders of images"
        raise DataError(f"{root}: needs train/<class>/ and test/<class>/ (or val); found {found}")
    files = {part: [n for n in names if _parts(n, prefix)[0] == part] for part in ("train", test)}
    owners = {part: _classes(archive, prefix, part, files[part]) for part in files}
    classes = sorted(set(owners["train"]))
    unknown = sorted(set(owners[test]) - set(classes))
    if unknown:
        raise DataError(
            f"{root}: {test}/ has classes that train/ has not: {', '.join(unknown[:5])}"
        )
    number = {owner: index for index, owner in enumerate(classes)}
    first = ImageFiles(archive, files["train"], size)
    parts = [
        Split(
            ImageFiles(archive, files[part], size or min(first.width, first.height)),
            np.array([number[owner] for owner in owners[part]], dtype=np.int64),
        )
        for part in ("train", test)
    ]
    padding = parts[0].source.width // 8
    return Splits(parts[0], parts[1], tuple(classes), crop_padding=padding, flip=True)


def _common_folder(names: Iterable[str]) -> str:
    """Return the one folder that holds everything, as `name/`, or an empty string."""
    tops = {n.partition("/")[0] for n in names}
    only = next(iter(tops)) if len(tops) == 1 else ""
    return f"{only}/" if only and only not in {"train", *TEST_NAMES} else ""


def _parts(name: str, prefix: str) -> tuple[str, ...]:
    return PurePosixPath(name.removeprefix(prefix)).parts


def _classes(archive: Archive, prefix: str, part: str, files: Sequence[str]) -> list[str]:
    """Return the class of each file: its folder below the split, or what the annotations say."""
    annotations = f"{prefix}{part}/{ANNOTATIONS}"
    if annotations not in archive.names():
        return [_parts(n, prefix)[1] for n in files]
    rows = (row.split("\t") for row in archive.read(annotations).decode().splitlines() if row)
    owner = {row[0]: row[1] for row in rows}
    try:
        return [owner[PurePosixPath(n).name] for n in files]
    except KeyError as error:
        raise DataError(f"{archive.root}: {annotations} does not mention {error}") from error
