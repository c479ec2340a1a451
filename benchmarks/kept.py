"""A benchmark's results as a file: one JSON for each machine and benchmark."""

import json
import math
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.frame import Result
from raskd_bench.errors import RecordError
from raskd_bench.files import write_text
from raskd_bench.machine import code_state, describe_host, slug

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "results" / "benchmarks"
SCHEMA = 1


@dataclass(frozen=True)
class Kept:
    """What one benchmark gave on one machine.

    Attributes:
        benchmark: name of its module.
        quick: sizes were too small to conclude anything.
        machine: host, versions and, if it was used, the GPU.
        commit: of the code; None outside git.
        dirty: whether the package or the benchmarks were changed since.
        date: UTC, ISO 8601.
        seconds: that the benchmark took.
        results: its rows.
    """

    benchmark: str
    quick: bool
    machine: dict[str, Any]
    commit: str | None
    dirty: bool | None
    date: str
    seconds: float
    results: tuple[Result, ...]

    @property
    def place(self) -> str:
        """Folder of the machine."""
        return slug(self.machine)

    @property
    def by_name(self) -> dict[str, Result]:
        return {result.name: result for result in self.results}


def new_kept(benchmark: str, results: Sequence[Result], seconds: float, *, quick: bool) -> Kept:
    """Return results with what they were measured on; the process is the one that measured."""
    commit, dirty = code_state()
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return Kept(benchmark, quick, _describe_machine(), commit, dirty or _changed(), date, seconds,
                tuple(results))  # fmt: skip


def write(kept: Kept, path: Path) -> None:
    """Write a file whole, or not at all; NaN, which JSON lacks, becomes null."""
    content = {"schema": SCHEMA} | asdict(kept)
    for result in content["results"]:
        for key in ("value", "low", "high"):
            result[key] = result[key] if math.isfinite(result[key]) else None
    write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", path)


def read(path: Path) -> Kept:
    """Return what a file holds.

    Raises:
        RecordError: it cannot be read, or is no file of a benchmark.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content.pop("schema") != SCHEMA:
            raise ValueError(f"schema is not {SCHEMA}")
        for result in content["results"]:
            for key in ("value", "low", "high"):
                result[key] = math.nan if result[key] is None else float(result[key])
        rows = tuple(Result(**result) for result in content.pop("results"))
        return Kept(**content, results=rows)
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(
            f"{path}: is not the file of a benchmark: {error}; measure again"
        ) from error


def path_of(kept: Kept, folder: Path = FOLDER) -> Path:
    """Return where the results of a benchmark on its machine are kept."""
    return folder / kept.place / f"{kept.benchmark}.json"


def all_of(folder: Path = FOLDER) -> Iterator[Kept]:
    """Yield all that is kept, machine by machine."""
    for path in sorted(folder.glob("*/*.json")):
        yield read(path)


def _describe_machine() -> dict[str, Any]:
    """Return the host and, if this process has used one, the GPU."""
    machine = describe_host()
    torch = sys.modules.get("torch")
    if torch is not None:
        machine["threads"] = torch.get_num_threads()
        if torch.cuda.is_initialized():
            machine["gpu"] = torch.cuda.get_device_name()
    return machine


def _changed() -> bool | None:
    """Whether the benchmarks differ from the commit; None outside git."""
    words = ["git", "-C", str(ROOT), "status", "--porcelain", "--", "benchmarks/*.py"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return bool(done.stdout.strip()) if done.returncode == 0 else None
