"""All benchmarks, one table: each in a process of its own, its results kept as JSON.

python -m benchmarks [NAME ...] [--quick] [--list] [--readme [--check]]
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks import kept, page
from benchmarks.kept import Kept
from raskd_bench.errors import BenchError, did_you_mean
from raskd_bench.files import write_text

NAMES = ("bare_loop", "whole_trial", "stacked", "augmentation", "losses", "report_scale",
         "cli_start", "data_wait", "start_up", "neighbour", "roofline")  # fmt: skip
WIDTH = 140  # of a table that goes into a file
BLAME_CHARACTERS = 200  # of a failed benchmark's last line


class Failed(Exception):
    """A benchmark's process ended with an error; the message is its last line."""


def measured(name: str, *, quick: bool) -> Kept:
    """Run one benchmark in a process of its own and return what it gave.

    Raises:
        Failed: the process did.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.json"
        words = [sys.executable, "-m", "benchmarks.one", name, str(file), *["--quick"] * quick]
        done = subprocess.run(words, stderr=subprocess.PIPE, text=True, check=False, cwd=kept.ROOT)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise Failed(lines[-1][:BLAME_CHARACTERS])
        return kept.read(file)


def run(names: Sequence[str], console: Console, *, quick: bool) -> bool:
    """Measure, keep and print; return whether all of them went well.

    Quick ones are printed and not kept: their sizes are too small to conclude anything.
    """
    table, sound = page.new_table(), True
    for name in names:
        console.print(f"{name} ...", style="dim")
        try:
            found = measured(name, quick=quick)
        except Failed as failure:
            table.add_row(name, "-", "-", f"failed: {failure}", "-", "no")
            sound = False
            continue
        if not quick:
            kept.write(found, kept.path_of(found))
        for result in found.results:
            table.add_row(*page.cells(result))
    console.print(table)
    return sound


def write_page(*, check: bool) -> int:
    """Write the page from what is kept, or only say whether it is current; return the exit code."""
    text = page.document(list(kept.all_of()), NAMES)
    if not check:
        write_text(text, page.PAGE)
        return 0
    if page.PAGE.exists() and page.PAGE.read_text(encoding="utf-8") == text:
        return 0
    print(f"{page.PAGE} is not current: run python -m benchmarks --readme", file=sys.stderr)
    return 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0, or 1 if a benchmark failed or the page is not current, or 2 for a wrong request."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks",
                                     description=__doc__.partition("\n")[0])  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="NAME", help="of a benchmark; all by default")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, nothing is kept")
    parser.add_argument("--list", action="store_true", help="print the names")
    parser.add_argument("--readme", action="store_true", help="only write the page")
    parser.add_argument("--check", action="store_true", help="with --readme: is it current?")
    given = parser.parse_args(arguments)
    if unknown := [name for name in given.names if name not in NAMES]:
        hint = did_you_mean(unknown[0], NAMES)
        parser.error(f"{unknown[0]}: no such benchmark{hint}; --list shows all {len(NAMES)}")
    if given.check and not given.readme:
        parser.error("--check belongs to --readme")
    if given.list:
        print("\n".join(NAMES))
        return 0
    try:
        if given.readme:
            return write_page(check=given.check)
        sound = run(
            given.names or NAMES,
            Console(width=None if sys.stdout.isatty() else WIDTH),
            quick=given.quick,
        )
        return int(not sound) if given.quick else max(write_page(check=False), int(not sound))
    except BenchError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
