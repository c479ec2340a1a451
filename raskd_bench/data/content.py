"""What is known of the pictures in an archive without decoding them; looked at once a machine.

See docs/decisions/0011-identity-of-data.md for what it protects against and what not.
"""

import hashlib
import io
import json
import re
import time
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from raskd_bench.data.archive import Archive, Stamp
from raskd_bench.errors import BenchError, DataError
from raskd_bench.files import write_text
from raskd_bench.home import data_home

FORM = 1  # number of the form of what is remembered
WHOLE_BYTES = 4 * 2**30  # of a folder, up to which all of its files' content is read
END_BYTES = 2**16  # read at both ends of a file beyond that, and of a zip's file for its header
FRESH_NS = 10**8  # a file that was changed later than that before the look may change unseen
ORIENTATION = 274  # the tag of EXIF
NO_RANGE = ("F", "I")  # modes whose values have no known range
BASIS = "names, sizes and both ends of the files: they take more than 4 GiB"

Rows = npt.NDArray[np.int64]
SIZE, CRC, WIDTH, HEIGHT, ROTATION, RANGELESS = range(6)  # columns of `Rows`


class Content:
    """What is known of some pictures of an archive: a row each, looked at when first asked for.

    A row has size and CRC-32 of the file, width and height of the picture, EXIF orientation, and
    whether its numbers have no known range. What was found is remembered in the user's folder, by
    path and what the system says of the file, so that a file is read once.

    Args:
        archive: where they are.
        names: all that a data set uses.
    """

    def __init__(self, archive: Archive, names: Iterable[str]) -> None:
        self.archive = archive
        self._names = list(names)
        self._rows: Rows | None = None
        self._whole = True

    @property
    def basis(self) -> str | None:
        """What checksums cover, where that is not all of the content."""
        self._looked()
        return None if self._whole else BASIS

    def of(self, names: Sequence[str]) -> Rows:
        """Return the rows of some of the pictures: [n, 6].

        Raises:
            DataError: a file cannot be read, or is no picture.
        """
        rows = self._looked()
        place = {name: index for index, name in enumerate(self._names)}
        return rows[[place[name] for name in names]]

    def _looked(self) -> Rows:
        if self._rows is None:
            stamps = list(self.archive.stamps(self._names))
            total = sum(stamp[0] for stamp in stamps)
            self._whole = self.archive.is_zip or total <= WHOLE_BYTES
            self._rows = self._look(stamps)
        return self._rows

    def _look(self, stamps: list[Stamp]) -> Rows:
        path = data_home() / "content" / f"{_key(self.archive.root)}.json"
        known = _remembered(path, self._whole)
        if known["names"] == self._names and known["stamps"] == stamps:
            return np.array(known["rows"], np.int64)
        before = zip(known["stamps"], known["rows"], strict=True)
        entries = dict(zip(known["names"], before, strict=True))
        rows, settled, now = [], [], time.time_ns()
        for name, stamp in zip(self._names, stamps, strict=True):
            entry = entries.get(name)
            same = entry is not None and entry[0] == stamp
            rows.append(entry[1] if entry is not None and same else self._look_at(name, stamp[0]))
            still = self.archive.is_zip or now - max(stamp[1], stamp[3]) > FRESH_NS
            settled.append(stamp if still else [])
        _remember(path, self._whole, self._names, settled, rows)
        return np.array(rows, np.int64)

    def _look_at(self, name: str, size: int) -> list[int]:
        if size == 0:
            raise DataError(f"{self.archive.root}: {name}: is empty")
        if self.archive.is_zip:
            data, crc = self.archive.read(name, END_BYTES), self.archive.crc32(name)
        elif self._whole:
            data = self.archive.read(name)
            crc = zlib.crc32(data)
        else:
            data, last = self.archive.ends(name, END_BYTES)
            crc = zlib.crc32(last, zlib.crc32(data))
        try:
            header = _header(data)
        except (OSError, SyntaxError, ValueError):  # what is needed may lie behind what was read
            header = _header_of(self.archive, name)
        return [size, crc, *header]


def open_picture(archive: Archive, name: str, data: bytes) -> Image.Image:
    """Return a picture that is not decoded yet.

    Raises:
        DataError: the file is empty, no picture, or too large a one.
    """
    place = f"{archive.root}: {name}"
    try:
        return Image.open(io.BytesIO(data))
    except UnidentifiedImageError as error:
        reason = f"is no picture (begins with {beginning(data)})" if data else "is empty"
        raise DataError(f"{place}: {reason}") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{place}: is no picture that can be read: {plain(error)}") from error


def plain(error: BaseException) -> str:
    """Return an error's first line without the address of an object, which differs each time."""
    text = str(error).partition("\n")[0]
    return re.sub(r"<[^<>]* at 0x[0-9a-f]+>", "it", text) or type(error).__name__


def beginning(data: bytes) -> str:
    """Return the first bytes of a file in words: `<html`, or `00 01 6a 75`."""
    if found := re.match(rb"[<!?%#{]{0,3}[A-Za-z0-9_]+", data[:16]):
        return found.group().decode("ascii")
    return data[:4].hex(" ")


def _header(data: bytes) -> tuple[int, int, int, int]:
    """Return width, height, EXIF orientation, and whether values have no known range."""
    with Image.open(io.BytesIO(data)) as image:
        orientation = 1
        # of a PNG, Pillow would decode all pixels to look for EXIF data behind them
        if "exif" in image.info:
            with suppress(Exception):  # what a camera wrote is damaged: there is no orientation
                orientation = int(image.getexif().get(ORIENTATION, 1))
        rangeless = image.mode in NO_RANGE and not known_range(image)
        return image.width, image.height, orientation, int(rangeless)


def _header_of(archive: Archive, name: str) -> tuple[int, int, int, int]:
    data = archive.read(name)
    with open_picture(archive, name, data):
        return _header(data)


def known_range(image: Image.Image) -> bool:
    """Whether a picture of mode `I` has 16 bits: those formats have no more."""
    return image.mode == "I" and image.format in {"PNG", "PPM"}


def _key(root: Path) -> str:
    return hashlib.blake2b(str(root.resolve()).encode(errors="surrogateescape"),
                           digest_size=16).hexdigest()  # fmt: skip


def _remembered(path: Path, whole: bool) -> dict[str, Any]:
    """Return what was found before: names, stamps and rows of as many files."""
    with suppress(OSError, ValueError, KeyError, TypeError):  # damaged: all files are looked at
        content: dict[str, Any] = json.loads(path.read_bytes())
        lengths = {len(content[key]) for key in ("names", "stamps", "rows")}
        if content["form"] == FORM and content["whole"] == whole and len(lengths) == 1:
            return content
    return {"names": [], "stamps": [], "rows": []}


def _remember(
    path: Path, whole: bool, names: list[str], stamps: list[Stamp], rows: list[list[int]]
) -> None:
    content = {"form": FORM, "whole": whole, "names": names, "stamps": stamps, "rows": rows}
    with suppress(OSError, BenchError):  # the files are looked at again, then
        write_text(json.dumps(content), path)
