"""The start of the command line: help and listings against the help of a bare Typer application.

Both are whole processes of the same interpreter, in random order, their output thrown away. The
bare application is one file with one command. `list suites` has no limit: it checks every suite,
for which pydantic and ruamel.yaml are imported.
"""

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
    "torch, pydantic or pandas, 10 to 30 ms: 1.05 to 1.2; listing suites imports pydantic and "
    "ruamel.yaml, 150 ms more."
)
EXPLAINED = {
    "cpu": "help takes {cli_start[help].conditions[seconds]:.3f} s against "
    "{cli_start[help].conditions[against_seconds]:.3f} s; suites take "
    "{cli_start[suites].conditions[seconds]:.3f} s, which is what checking them imports."
}
BOUND, ROUNDS = Bound("at most 1.3", most=1.3), 30
FREE = {("list", "suites")}  # nothing is asked
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


def measure(quick: bool) -> list[Result]:
    """Compare each command with the bare application."""
    return list(_rows(rounds(1 if quick else ROUNDS)))


def _rows(found: dict[tuple[str, ...], list[float]]) -> Iterator[Result]:
    bare = found.pop(())
    for command, values in found.items():
        yield of_pairs(
            command[-1].lstrip("-"), f"raskd-bench {' '.join(command)}", "bare Typer --help",
            of_seconds(values, bare), None if command in FREE else BOUND,
            typer=version("typer"), rich=version("rich"),
        )  # fmt: skip
