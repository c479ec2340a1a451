"""The start of the command line: help and listings against the help of a bare Typer application.

Both are whole processes of the same interpreter, in random order, their output thrown away. The
bare application is one file with one command. `list suites` checks a suite when it is first seen or
has changed, for which pydantic and ruamel.yaml are imported; that first time has no limit.
"""

import itertools
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.frame import Bound, Result, of_pairs, of_seconds

ROOT = Path(__file__).parents[1]
PREDICTED = (
    "no FLOPs: Python, Typer and rich are most of both (some 200 ms); ours adds modules without "
    "torch, pydantic or pandas, 10 to 30 ms: 1.05 to 1.2; suites that are known are found "
    "by their bytes, 1.1 too; checking them imports pydantic and ruamel.yaml, 150 ms more."
)
EXPLAINED = {
    "cpu": "help takes {cli_start[help].conditions[seconds]:.3f} s against "
    "{cli_start[help].conditions[against_seconds]:.3f} s; suites take "
    "{cli_start[suites].conditions[seconds]:.3f} s, and "
    "{cli_start[first].conditions[seconds]:.3f} s when they are checked."
}
BOUND, ROUNDS = Bound("at most 1.3", most=1.3), 30
BARE = '''import typer

app = typer.Typer()


@app.command()
def greet(name: str = "you") -> None:
    """Greet somebody."""
    print(name)


app()
'''
COMMANDS = {
    "help": ("--help",), "methods": ("list", "methods"), "students": ("list", "students"),
    "datasets": ("list", "datasets"), "suites": ("list", "suites"), "first": ("list", "suites"),
}  # fmt: skip
FREE = "first"  # nothing is asked
BARE_NAME = "bare"


def seconds(words: Sequence[str], home: Path) -> float:
    """Return the seconds that a whole process takes.

    Args:
        words: its command line.
        home: where it keeps what it knows of suites.
    """
    before = time.perf_counter()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd=ROOT,
                   env=os.environ | {"RASKD_BENCH_DATA": str(home)})  # fmt: skip
    return time.perf_counter() - before


def rounds(pairs: int) -> dict[str, list[float]]:
    """Return the seconds of each command and of the bare application, round by round."""
    chance = random.Random(0)
    with TemporaryDirectory() as name:
        file, homes = Path(name) / "bare.py", (Path(name) / f"home{n}" for n in itertools.count())
        file.write_text(BARE)
        arms = {BARE_NAME: [sys.executable, str(file), "--help"]}
        arms |= {arm: [sys.executable, "-m", "raskd_bench", *words]
                 for arm, words in COMMANDS.items()}  # fmt: skip
        found: dict[str, list[float]] = {arm: [] for arm in arms}
        home = next(homes)
        for words in arms.values():
            seconds(words, home)  # bytecode, the files' first reading, what is known of suites
        for _ in range(pairs):
            for arm in chance.sample(list(arms), len(arms)):
                found[arm].append(seconds(arms[arm], next(homes) if arm == FREE else home))
    return found


def measure(quick: bool) -> list[Result]:
    """Compare each command with the bare application."""
    return list(_rows(rounds(1 if quick else ROUNDS)))


def _rows(found: dict[str, list[float]]) -> Iterator[Result]:
    bare = found.pop(BARE_NAME)
    for arm, values in found.items():
        what = f"raskd-bench {' '.join(COMMANDS[arm])}{', first time' if arm == FREE else ''}"
        yield of_pairs(
            arm, what, "bare Typer --help", of_seconds(values, bare),
            None if arm == FREE else BOUND, typer=version("typer"), rich=version("rich"),
        )  # fmt: skip
