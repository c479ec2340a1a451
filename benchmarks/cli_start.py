"""The start of the command line: help and listings against the help of a bare Typer application.

Both are whole processes of the same interpreter, in random order, their output thrown away. The
bare application is one file with one command. `list suites` has no limit: it checks every suite,
for which pydantic and ruamel.yaml are imported.

    python -m benchmarks.cli_start [--pairs 30]
"""

import argparse
import math
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from raskd_bench.machine import cpu_name
from raskd_bench.stats import student_t

ROOT = Path(__file__).parents[1]
LIMIT = 1.3
BARE = '''import typer

app = typer.Typer()


@app.command()
def greet(name: str = "you") -> None:
    """Greet somebody."""
    print(name)


app()
'''
COMMANDS = (("--help",), ("list", "methods"), ("list", "students"), ("list", "datasets"),
            ("list", "suites"))  # fmt: skip


class Start(NamedTuple):
    """What a command takes.

    Attributes:
        command: its words.
        seconds: median of the whole process.
        bare_seconds: of the bare application.
        ratio: geometric mean of the pairs' ratios, the most extreme tenths left out.
        low: lower bound of its 95 % interval.
        high: upper bound.
    """

    command: tuple[str, ...]
    seconds: float
    bare_seconds: float
    ratio: float
    low: float
    high: float


def seconds(words: Sequence[str]) -> float:
    """Return the seconds that a whole process takes."""
    before = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - before


def rounds(pairs: int) -> dict[tuple[str, ...], list[float]]:
    """Return the seconds of each command, and of the bare application as (), round by round."""
    chance = random.Random(0)
    with TemporaryDirectory() as name:
        file = Path(name) / "bare.py"
        file.write_text(BARE)
        arms = {(): [sys.executable, str(file), "--help"]}
        arms |= {words: [sys.executable, "-m", "raskd_bench", *words] for words in COMMANDS}
        found: dict[tuple[str, ...], list[float]] = {arm: [] for arm in arms}
        for arm in arms.values():
            seconds(arm)  # bytecode and the files' first reading
        for _ in range(pairs):
            for arm in chance.sample(list(arms), len(arms)):
                found[arm].append(seconds(arms[arm]))
    return found


def measure(pairs: int) -> Iterator[Start]:
    """Yield what each command takes against the bare application."""
    found = rounds(pairs)
    bare = found.pop(())
    for command, values in found.items():
        logs = sorted(math.log(a / b) for a, b in zip(values, bare, strict=True))
        cut = len(logs) // 10
        mean, half, _ = student_t(logs[cut : len(logs) - cut])
        yield Start(command, _median(values), _median(bare), math.exp(mean), math.exp(mean - half),
                    math.exp(mean + half))  # fmt: skip


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def main() -> None:
    """Print each command's ratio with its interval, and where it was measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=30)
    given = parser.parse_args()
    print(f"whole processes, {given.pairs} rounds, limit x{LIMIT:g} but for suites; typer "
          f"{version('typer')}, rich {version('rich')}; {cpu_name()}")  # fmt: skip
    for start in measure(given.pairs):
        print(f"{' '.join(start.command)}: x{start.ratio:.2f} (95 % interval {start.low:.2f} to "
              f"{start.high:.2f}), {1e3 * start.seconds:.0f} ms, bare application "
              f"{1e3 * start.bare_seconds:.0f} ms")  # fmt: skip


if __name__ == "__main__":
    main()
