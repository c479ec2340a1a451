"""Every error a user can cause.

BenchError                 exit code 2, one line each, no traceback
├── SuiteError             faults of a suite file, all of them at once
├── RequestError           a command line that cannot be carried out
├── IncompatibleTrial      a method, student and task that do not go together
├── DataError              a data set that is missing or cannot be read
├── RecordError            a Record that cannot be read
├── BaselineError          accepted fingerprints that cannot be read, or are not there
├── CounterError           this torch is not counted right
└── DiskFull               nothing more can be written; exit code 5
TrialFailed                inside one trial: becomes the Record's status, never stops the suite
└── Diverged               the loss left the finite numbers
"""

import errno
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from traceback import extract_tb
from typing import NamedTuple


class BenchError(Exception):
    """The request is wrong or cannot be carried out; the message is one line for the user."""


class RequestError(BenchError):
    """The command line asks for something that does not exist or cannot be done now."""


class IncompatibleTrial(BenchError):
    """A method, student and task that do not go together."""


class DataError(BenchError):
    """A data set is missing or unreadable; the message says where it was sought."""


class RecordError(BenchError):
    """A Record is unreadable, or was written by a newer version."""


class BaselineError(BenchError):
    """A file of accepted fingerprints is missing, unreadable, or written by a newer version."""


class CounterError(BenchError):
    """The counter's self-test failed: fingerprints of this version of torch would be wrong."""


class DiskFull(BenchError):
    """The disk is full: the message says which file was not written, and what was lost."""

    def __init__(self, path: Path | str, lost: str) -> None:
        super().__init__(f"{path}: the disk is full, {lost}; free space there")
        self.path = path
        self.lost = lost

    def __reduce__(self) -> tuple[type["DiskFull"], tuple[Path | str, str]]:
        return DiskFull, (self.path, self.lost)


def is_full(error: OSError) -> bool:
    """Whether a write failed because disk or quota are used up."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


class Fault(NamedTuple):
    """One thing wrong with a file, at a 1-based position."""

    file: str
    line: int
    column: int
    key: str
    message: str

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        return f"{self.file}:{self.line}:{self.column}: {key}{self.message}"


class SuiteError(BenchError):
    """All the faults of one suite file, in the order of their positions."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: (fault.line, fault.column)))
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple[type["SuiteError"], tuple[tuple[Fault, ...]]]:
        return SuiteError, (self.faults,)


class TrialFailed(Exception):
    """A trial could not be finished; `status` is what its Record says."""

    status = "failed"


class Diverged(TrialFailed):
    """The training loss became NaN or infinite."""

    status = "diverged"


def in_short(error: BaseException) -> str:
    """Return an exception's type, first line and place, in one line."""
    text = str(error).strip().partition("\n")[0]
    frames = extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {text}{place}" if text else f"{type(error).__name__}{place}"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `"; did you mean 'x'?"` for the closest known name, or an empty string."""
    close = get_close_matches(name, list(known), n=3, cutoff=0.6)
    alike = next((found for found in close if _alike(name, found)), None)
    return f"; did you mean {alike!r}?" if alike else ""


def _alike(name: str, known: str) -> bool:
    """Whether one may stand for the other: `ema` has half of `schema`, and is another word."""
    short, long = sorted((name, known), key=len)
    return 2 * len(short) > len(long) or long.startswith(short)
