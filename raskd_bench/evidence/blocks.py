"""The file of a comparison: one JSON object a line, appended as it was measured, never changed.

A line that is damaged, as the last one is after a crash, costs itself and nothing else.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from raskd_bench import __version__
from raskd_bench.errors import DiskFull, RecordError, is_full
from raskd_bench.evidence.header import ARMS, SCHEMA, ArmName, Header, Role, Rules

__all__ = [
    "ARMS", "SCHEMA", "ArmName", "Block", "BlockFile", "Comparison", "Header", "Restart", "Role",
    "Rules", "read",
]  # fmt: skip


FEWEST_PAIRS = 3  # of a restart that was cut off


@dataclass(frozen=True)
class Block:
    """Some steps of one arm, timed as one.

    Attributes:
        restart: number of the restart, from 0.
        pair: number of the pair in it.
        order: 0 if it came first in its pair.
        arm: whose steps.
        steps: how many.
        seconds: wall clock, the device idle before and after.
        cpu_seconds: of all threads of the arm's process.
        foreign_cores: cores that other processes used meanwhile, on average.
        stolen_cores: cores that the hypervisor gave to others meanwhile.
        clock_hz: of the processor or GPU; None where it cannot be seen.
        temperature_celsius: of the GPU; None on a CPU.
        troubles: what disturbed the block, in words: throttling, foreign processes.
    """

    restart: int
    pair: int
    order: int
    arm: ArmName
    steps: int
    seconds: float
    cpu_seconds: float
    foreign_cores: float | None = None
    stolen_cores: float | None = None
    clock_hz: float | None = None
    temperature_celsius: float | None = None
    troubles: tuple[str, ...] = ()


@dataclass
class Restart:
    """A pair of processes, and what was timed in them.

    Attributes:
        number: from 0.
        seed: of the order inside the pairs.
        block_steps: steps of a block.
        pairs: planned.
        warm_up: by arm: steps, seconds, whether it got steady.
        epoch_seconds_per_step: by arm, what the start of an epoch adds to each step; end-to-end.
        spike_seconds: extra work of each step of the other arm.
        start_seconds: from the processes' start to the first pair.
        blocks: in the order of time.
        seconds: it lasted, if it ended as planned.
    """

    number: int
    seed: int
    block_steps: int
    pairs: int
    warm_up: dict[str, Any]
    epoch_seconds_per_step: dict[str, float]
    spike_seconds: float | None = None
    start_seconds: float = 0.0
    blocks: list[Block] = field(default_factory=list)
    seconds: float | None = None

    @property
    def closed(self) -> bool:
        return self.seconds is not None

    @property
    def mostly_there(self) -> bool:
        """Whether at least half of the planned pairs are there, and three of them."""
        return sum(1 for _ in self.whole_pairs()) >= max(FEWEST_PAIRS, self.pairs / 2)

    def whole_pairs(self) -> Iterator[dict[ArmName, Block]]:
        """Yield the pairs of which both blocks are there."""
        pairs: dict[int, dict[ArmName, Block]] = {}
        for block in self.blocks:
            pairs.setdefault(block.pair, {})[block.arm] = block
        return (pair for pair in pairs.values() if len(pair) == len(ARMS))


@dataclass
class Comparison:
    """A file of blocks, read.

    Attributes:
        path: of the file.
        header: its first line.
        restarts: in order.
        passes: memory and energy, each measured apart from time.
        failures: of arms.
        ending: why no more was measured; None if it was interrupted.
        lost: damaged lines.
    """

    path: Path
    header: Header
    restarts: list[Restart] = field(default_factory=list)
    passes: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    ending: dict[str, Any] | None = None
    lost: int = 0

    @property
    def counted(self) -> list[Restart]:
        """The restarts that count: closed ones, and of one that was cut off at least half."""
        return [restart for restart in self.restarts if restart.closed or restart.mostly_there]

    @property
    def label(self) -> str:
        """What it is called in tables."""
        match self.header.role:
            case "a/a":
                return "A/A"
            case "spike":
                return f"spike {self.header.spike:+.1%}"
        return self.header.label


class BlockFile:
    """Appends to a comparison's file; each line is whole or is not there to a reader."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        torn = path.exists() and not path.read_bytes().endswith(b"\n")
        self._path = path
        self._file = path.open("a", encoding="utf-8")
        if torn and self._file.tell() > 0:
            self._file.write("\n")  # what follows a torn line is not torn with it

    def add(self, kind: str, content: dict[str, Any]) -> None:
        """Append a line; DiskFull if there is no room for it, the lines before are kept."""
        line = json.dumps({"kind": kind} | content, allow_nan=False) + "\n"
        try:
            self._file.write(line)
            self._file.flush()
        except OSError as error:
            if is_full(error):
                raise DiskFull(self._path, "its last line was not written") from error
            raise

    def add_block(self, block: Block) -> None:
        """Append a block, leaving out what could not be seen."""
        seen = {key: value for key, value in asdict(block).items() if value not in (None, ())}
        self.add("block", seen)

    def sync(self) -> None:
        """Make what was written last through a power failure."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self.sync()
        self._file.close()


def read(path: Path) -> Comparison:
    """Return a comparison's file.

    Raises:
        RecordError: it cannot be read, has no intact header, or was written by a newer version.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise RecordError(f"{path}: cannot be read: {error.strerror}") from error
    comparison = Comparison(path, _header(path, lines[0]))
    for line in filter(None, lines[1:]):
        try:
            content = json.loads(line)
            _take(comparison, content.pop("kind"), content)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            comparison.lost += 1
    return comparison


def _header(path: Path, line: bytes) -> Header:
    try:
        content = json.loads(line)
        found = content.pop("schema")
        if content.pop("kind") != "comparison" or type(found) is not int:
            raise KeyError("kind")
    except (ValueError, KeyError, AttributeError, TypeError):
        text = "has no intact first line: not a file of blocks, or damaged; move it away"
        raise RecordError(f"{path}: {text}") from None
    if found > SCHEMA:
        text = f"has schema {found}, this is raskd-bench {__version__}, which reads up to {SCHEMA}"
        raise RecordError(f"{path}: {text}; read it with a newer version")
    try:
        return Header.model_validate(content | {"schema": found})
    except ValidationError as error:
        key = ".".join(map(str, error.errors()[0]["loc"]))
        text = f"first line is damaged: {key}: {error.errors()[0]['msg']}; move it away"
        raise RecordError(f"{path}: {text}") from None


def _take(comparison: Comparison, kind: str, content: dict[str, Any]) -> None:
    """Put one line where it belongs."""
    match kind:
        case "restart":
            comparison.restarts.append(Restart(**content))
        case "block":
            content["troubles"] = tuple(content.get("troubles", ()))
            block = Block(**content)
            _restart(comparison, block.restart).blocks.append(block)
        case "closed":
            _restart(comparison, content["restart"]).seconds = float(content["seconds"])
        case "pass":
            comparison.passes.append(content)
        case "failure":
            comparison.failures.append(content)
        case "end":
            comparison.ending = content
        case "resumed":
            comparison.ending = None
            comparison.failures.clear()
        case _:
            raise KeyError(kind)


def _restart(comparison: Comparison, number: int) -> Restart:
    found = next((r for r in reversed(comparison.restarts) if r.number == number), None)
    if found is None:
        raise KeyError(number)  # its own line is damaged, and with it what its blocks mean
    return found
