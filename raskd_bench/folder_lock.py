"""One run at a time writes to a folder of results."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from raskd_bench.errors import RequestError


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a results folder against other runs, whose timings it would disturb besides."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=0)
        lock.acquire()
    except Timeout:
        text = f"{folder}: another run is writing there; wait for it, or choose --results DIR"
        raise RequestError(text) from None
    except OSError as error:
        raise RequestError(f"{folder}: cannot be written: {error.strerror}") from error
    try:
        yield
    finally:
        lock.release()
