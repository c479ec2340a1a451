"""Files that a reader sees whole or not at all."""

import os
import tempfile
from pathlib import Path

from raskd_bench.errors import DiskFull, is_full


def write_text(text: str, path: Path) -> None:
    """Write a file so that a reader sees the whole of it or nothing.

    A temporary file in the same folder is flushed to the disk, then renamed.

    Raises:
        DiskFull: there is no room for it; what was there before is as it was.
        OSError: it cannot be written for another reason.
    """
    try:
        _write(text, path)
    except OSError as error:
        if is_full(error):
            raise DiskFull(path, "it was not written") from error
        raise


def _write(text: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
