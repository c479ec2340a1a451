"""How a report's time grows with the number of Records: of ten times as many, at most 11 times.

The Records are synthetic: published ones of `quickstart` with other seeds, suites, students and
batch sizes, and with numbers that are shaken by up to a percent. They are good for the time that a
report takes, and for nothing else.
"""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.frame import Bound, Result, of_pairs, paired

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "results" / "published" / "quickstart"
PREDICTED = (
    "a Record is read once (10 kB, some 0.2 ms with its checks) and grouped once: the time is a "
    "constant of 0.5 to 1 s of imports and a linear part: 10 times the Records take less than 10 "
    "times as long."
)
EXPLAINED = {
    "cpu": "the table takes {report_scale[table].conditions[seconds]:.1f} s against "
    "{report_scale[table].conditions[against_seconds]:.1f} s, the page "
    "{report_scale[html].conditions[seconds]:.1f} s against "
    "{report_scale[html].conditions[against_seconds]:.1f} s: imports are the constant part."
}
FACTOR, BOUND = 10, Bound("at most 11", most=11)
STUDENTS = ("resnet8", "resnet20", "resnet56", "resnet18", "wrn_16_2")
CELLS_OF_A_SUITE = 25
SHAKEN = ("test_top1", "test_top5", "test_nll", "test_ece", "test_aurc", "train_seconds",
          "wall_seconds", "eval_seconds", "setup_seconds", "io_seconds")  # fmt: skip
OPTIONS = {"table": ["--format", "table"], "json": ["--format", "json"],
           "html": ["--format", "html"], "static": ["--format", "html", "--static"]}  # fmt: skip


def write_records(folder: Path, count: int, seeds: int = 5) -> None:
    """Write synthetic Records into a folder: all methods of some cells, with some seeds each.

    Args:
        folder: that gets a folder for each suite.
        count: of Records.
        seeds: of each method in a cell.
    """
    sources = [json.loads(path.read_text()) for path in sorted(SOURCE.glob("*/*.json"))]
    methods = list({source["label"]: source for source in sources}.values())
    chance = random.Random(0)
    for number in range(count):
        place, method = divmod(number, len(methods))
        cell, seed = divmod(place, seeds)
        record = _varied(methods[method], cell, seed, chance)
        file = folder / record["suite"] / "synthetic" / f"{record['label']}-{record['trial']}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(record, indent=1))


def _varied(source: dict[str, Any], cell: int, seed: int, chance: random.Random) -> dict[str, Any]:
    """Return a Record of another cell and seed."""
    student = STUDENTS[cell % len(STUDENTS)]
    conditions = source["conditions"] | {
        "student": {"name": student}, "batch_size": 16 * (1 + cell // len(STUDENTS))
    }  # fmt: skip
    shaken = {name: source[name] * chance.uniform(0.99, 1.01) for name in SHAKEN
              if source.get(name) is not None}  # fmt: skip
    curve = [
        {k: v * chance.uniform(0.99, 1.01) if k == "test_top1" else v for k, v in point.items()}
        for point in source["curve"]
    ]
    return source | shaken | {
        "suite": f"synthetic-{cell // CELLS_OF_A_SUITE}", "cell": f"{cell:012x}", "seed": seed,
        "trial": f"{chance.getrandbits(48):012x}", "conditions": conditions, "curve": curve,
    }  # fmt: skip


def write_report(places: Path, form: str) -> None:
    """Write a report beside its Records, in a process of its own."""
    out = places.parent / f"{places.name}.{form}"
    words = [sys.executable, "-m", "raskd_bench", "report", str(places), *OPTIONS[form]]
    subprocess.run([*words, "--out", str(out)], check=True, capture_output=True, cwd=ROOT)


def measure(quick: bool) -> list[Result]:
    """Compare the time of each format of many Records with that of a tenth of them."""
    return list(_rows(40 if quick else 1000, 1 if quick else 3))


def _rows(count: int, pairs: int) -> Iterator[Result]:
    chance = np.random.default_rng(0)
    with TemporaryDirectory() as name:
        small, large = Path(name) / "small", Path(name) / "large"
        write_records(small, count)
        write_records(large, FACTOR * count)
        for form in OPTIONS:
            write_report(small, form)  # bytecode and the files' first reading
            arms = [partial(write_report, places, form) for places in (large, small)]
            found = paired(*arms, pairs=pairs, rng=chance)
            size = (large.parent / f"{large.name}.{form}").stat().st_size / 1e6
            yield of_pairs(form, f"report over {FACTOR * count:,} Records, {form}",
                           f"over {count:,}", found, BOUND, megabytes=size)  # fmt: skip
