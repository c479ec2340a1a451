"""Images that are decoded once a machine: a file of pixels, mapped into memory by every trial.

See docs/decisions/0007-decoded-cache.md for what it protects against and what not.
"""

import errno
import hashlib
import math
import os
import shutil
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from raskd_bench.data.mapped import MappedSource, Shape
from raskd_bench.data.splits import DecodingSource, Source, Splits
from raskd_bench.data.workers import Workers
from raskd_bench.errors import DataError, DiskFull
from raskd_bench.files import write_text
from raskd_bench.home import data_home

LAYOUT = 1  # number of the layout of files
PIECE_BYTES = 2**20  # that a worker hands over at once: several must fit a container's /dev/shm
READ_BYTES = 2**24
RESERVE_BYTES = 2**31  # of disk that stay free, or
RESERVE_SHARE = 0.05  # of it, whichever is more

Mode = Literal["auto"] | bool
Stamp = tuple[int, int, int]


def decode_once(splits: Splits, mode: Mode, *, build: bool = True) -> Splits:
    """Return the splits, with images that must be decoded read from the cache.

    Args:
        splits: as read by `load_splits`.
        mode: `auto`: if there is room for a cache; True: it must be possible; False: not at all.
        build: whether to decode what the cache lacks; if not, such images stay as they are.

    Raises:
        DataError: an image cannot be decoded, or a cache that was demanded cannot be made.
    """
    if mode is False:
        return splits
    train, test = (
        replace(part, source=_cached(part.source, mode, build))
        for part in (splits.train, splits.test)
    )
    return replace(splits, train=train, test=test)


class _Manifest(BaseModel):
    """What is known of a file of pixels.

    Attributes:
        place: where the images came from, for who tidies up.
        shape: N, height, width, channels.
        crc32: of all bytes.
        stamp: size, time of change in ns, and inode of the file when `crc32` was last true of it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    place: str
    shape: Shape
    crc32: int
    stamp: Stamp


class _Entry:
    """The files of one source in the cache's folder."""

    def __init__(self, source: DecodingSource) -> None:
        self.source = source
        self.shape: Shape = (len(source), source.height, source.width, source.channels)
        digest = hashlib.blake2b(f"layout {LAYOUT}, {self.shape}".encode(), digest_size=16)
        for text in source.identity():
            digest.update(b"\0" + os.fsencode(text))
        self.folder = data_home() / "decoded"
        self.key = digest.hexdigest()
        self.pixels = self.folder / f"{self.key}.pixels"
        self.manifest = self.folder / f"{self.key}.json"

    def known_sound(self) -> bool:
        """Whether the file is the one whose checksum was compared before."""
        known = self._read_manifest()
        return known is not None and known.stamp == _stamp(self.pixels)

    def lock(self) -> FileLock:
        return FileLock(self.folder / f"{self.key}.lock")

    def verify(self) -> bool:
        """Compare the checksum with the file; note it if that is sound. Needs the lock."""
        known, stamp = self._read_manifest(), _stamp(self.pixels)
        if known is None or stamp is None or stamp[0] != math.prod(self.shape):
            return False
        if _checksum(self.pixels) != known.crc32:
            return False
        self._write_manifest(known.crc32, stamp)
        return True

    def build(self) -> None:
        """Decode all images into the file. Needs the lock."""
        self._tidy()
        self._make_room()
        temporary = self.folder / f"{self.key}.part"
        try:
            checksum = self._decode(temporary)
            stamp = _stamp(temporary)
            assert stamp is not None
            # first the manifest: it says nothing of the file that the next line replaces, and a
            # process killed between the two leaves no pixels that nobody would ever tidy up
            self._write_manifest(checksum, stamp)
            temporary.replace(self.pixels)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def _decode(self, path: Path) -> int:
        """Write all pixels to a file, flushed to the disk, and return their CRC-32."""
        count, *sizes = self.shape
        length = max(1, PIECE_BYTES // math.prod(sizes))
        order = np.arange(count)
        workers = Workers(self.source, torch.device("cpu"))
        checksum = 0
        try:
            with path.open("wb") as file:
                for piece in workers.batches([order[i : i + length] for i in order[::length]]):
                    pixels = piece.numpy().data
                    checksum = zlib.crc32(pixels, checksum)
                    file.write(pixels)
                file.flush()
                os.fsync(file.fileno())
        finally:
            workers.close()
        return checksum

    def _tidy(self) -> None:
        """Remove what builders left behind that were killed: their locks are free."""
        for part in self.folder.glob("*.part"):
            if part.stem == self.key:  # our own lock: nobody else is at it
                part.unlink(missing_ok=True)
                continue
            try:
                with FileLock(part.with_suffix(".lock"), timeout=0):
                    part.unlink(missing_ok=True)
            except Timeout:
                continue  # somebody builds it now

    def _make_room(self) -> None:
        needed, disk = math.prod(self.shape), shutil.disk_usage(self.folder)
        reserve = max(RESERVE_BYTES, round(RESERVE_SHARE * disk.total))
        # what an unsound file takes comes free only once it is replaced
        if disk.free - needed < reserve:
            text = (f"the decoded images take {needed / 1e9:.1f} GB, {disk.free / 1e9:.1f} GB are "
                    f"free and {reserve / 1e9:.1f} GB of them are kept free")  # fmt: skip
            raise OSError(errno.ENOSPC, text)

    def _read_manifest(self) -> _Manifest | None:
        try:
            known = _Manifest.model_validate_json(self.manifest.read_bytes())
        except (OSError, ValidationError):
            return None
        return known if known.shape == self.shape else None

    def _write_manifest(self, checksum: int, stamp: Stamp) -> None:
        manifest = _Manifest(place=self.source.place, shape=self.shape, crc32=checksum, stamp=stamp)
        write_text(manifest.model_dump_json(indent=1) + "\n", self.manifest)


def _cached(source: Source, mode: Mode, build: bool) -> Source:
    if not isinstance(source, DecodingSource):
        return source
    entry = _Entry(source)
    try:
        if entry.known_sound():
            return MappedSource(entry.pixels, entry.shape)
        if not build:
            return source
        entry.folder.mkdir(parents=True, exist_ok=True)
        with entry.lock():
            if not entry.known_sound() and not entry.verify():
                entry.build()
            return MappedSource(entry.pixels, entry.shape)
    except (OSError, DiskFull) as error:
        if mode is True:
            text = f"{source.place}: cache: true, but {entry.folder} cannot hold it: "
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"{text}{reason}; {REMEDY}") from error
        return source


REMEDY = "free space there, set RASKD_BENCH_DATA to another folder, or write cache: auto"


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _checksum(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            checksum = zlib.crc32(piece, checksum)
    return checksum
