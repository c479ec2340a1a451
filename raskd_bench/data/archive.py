"""Files of a folder or of a zip, by their path inside it; a zip is not unpacked."""

import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from raskd_bench.errors import DataError

Stamp = list[int]


class Listing(NamedTuple):
    """What lies in an archive.

    Attributes:
        files: their paths, sorted.
        empty: folders in which nothing lies, sorted, without a slash at the end.
        notes: what a reader must know of it, a sentence each.
    """

    files: list[str]
    empty: list[str]
    notes: tuple[str, ...] = ()


class Archive:
    """Files of a folder or of a zip, by their path inside it; a zip is not unpacked.

    Backslashes in the names of a zip, which some Windows programs write, count as slashes.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.is_zip = not root.is_dir()
        self._zip: zipfile.ZipFile | None = None
        self._entries: dict[str, zipfile.ZipInfo] = {}
        self._opener = 0  # process that opened it: forked ones would share its position

    def listing(self) -> Listing:
        """Return what lies there; links to folders are followed.

        Raises:
            DataError: it is neither a folder nor a zip.
        """
        return self._listing_of_zip() if self.is_zip else self._listing_of_folder()

    def read(self, name: str, most: int | None = None) -> bytes:
        """Return a file's content, or its first `most` bytes.

        Raises:
            DataError: it cannot be read, or a zip's entry is damaged.
        """
        try:
            if self.is_zip:
                with self._opened().open(self._entries[name]) as file:
                    return file.read() if most is None else file.read(most)
            with (self.root / name).open("rb") as file:
                return file.read() if most is None else file.read(most)
        except OSError as error:
            reason = error.strerror or error
            raise DataError(f"{self.root}: {name}: cannot be read: {reason}") from error
        except (KeyError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
            raise DataError(f"{self.root}: {name}: cannot be read: {error}") from error

    def ends(self, name: str, length: int) -> tuple[bytes, bytes]:
        """Return the first and the last bytes of a folder's file."""
        try:
            with (self.root / name).open("rb") as file:
                first = file.read(length)
                size = file.seek(0, os.SEEK_END)
                file.seek(max(len(first), size - length))
                return first, file.read(length)
        except OSError as error:
            raise DataError(f"{self.root}: {name}: cannot be read: {error.strerror}") from error

    def crc32(self, name: str) -> int:
        """Return the checksum that a zip's directory has of a file."""
        self._opened()
        return self._entries[name].CRC

    def stamps(self, names: Iterable[str]) -> Iterator[Stamp]:
        """Yield of each file its size, then what changes with its content, which is not read.

        In a zip that is its checksum; in a folder, time of change, inode and its time of change.
        """
        if self.is_zip:
            self._opened()
            yield from ([self._entries[n].file_size, self._entries[n].CRC] for n in names)
            return
        for name in names:
            try:
                found = (self.root / name).stat()
            except OSError as error:
                text = f"{self.root}: {name}: cannot be read: {error.strerror}"
                raise DataError(text) from error
            yield [found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns]

    def _listing_of_folder(self) -> Listing:
        files, empty = [], []
        for around, folders, names in os.walk(self.root, followlinks=True):
            inside = os.path.relpath(around, self.root).replace(os.sep, "/")
            prefix = "" if inside == "." else f"{inside}/"
            files += [prefix + name for name in names]
            if not folders and not names:
                empty.append(inside)
        return Listing(sorted(files), sorted(empty))

    def _listing_of_zip(self) -> Listing:
        try:
            opened = self._opened()
        except (OSError, zipfile.BadZipFile) as error:
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"{self.root}: neither a folder nor a zip: {reason}") from error
        files = sorted(name for name in self._entries if not name.endswith("/"))
        folders = {name.rstrip("/") for name in self._entries if name.endswith("/")}
        around = {name.rpartition("/")[0] for name in (*files, *folders)}
        twice = len(opened.namelist()) - len(self._entries)
        notes = (f"{twice} names stand more than once in the zip: the last one counts",)
        return Listing(files, sorted(folders - around), notes if twice else ())

    def _opened(self) -> zipfile.ZipFile:
        if self._zip is None or self._opener != os.getpid():
            self._zip, self._opener = zipfile.ZipFile(self.root), os.getpid()
            self._entries = {e.filename.replace("\\", "/"): e for e in self._zip.infolist()}
        return self._zip

    def __getstate__(self) -> dict[str, object]:
        return {"root": self.root, "is_zip": self.is_zip, "_zip": None, "_entries": {},
                "_opener": 0}  # fmt: skip
