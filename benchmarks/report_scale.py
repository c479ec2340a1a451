"""How a report's time grows with the number of Records: of ten times as many, at most 11 times.

The Records are synthetic: published ones of `quickstart` with other seeds, suites, students and
batch sizes, and with numbers that are shaken by up to a percent. They are good for the time that a
report takes, and for nothing else.

    python -m benchmarks.report_scale [--formats table json html static] [--small 1000] [--pairs 7]
"""

import argparse
import json
import math
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from raskd_bench.machine import cpu_name
from raskd_bench.stats import student_t

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "results" / "published" / "quickstart"
FACTOR, LIMIT = 10, 11.0
STUDENTS = ("resnet8", "resnet20", "resnet56", "resnet18", "wrn_16_2")
CELLS_OF_A_SUITE = 25
SHAKEN = ("test_top1", "test_top5", "test_nll", "test_ece", "test_aurc", "train_seconds",
          "wall_seconds", "eval_seconds", "setup_seconds", "io_seconds")  # fmt: skip
OPTIONS = {"table": ["--format", "table"], "json": ["--format", "json"],
           "html": ["--format", "html"], "static": ["--format", "html", "--static"]}  # fmt: skip


class Grown(NamedTuple):
    """How the time of a format grows.

    Attributes:
        format: a key of OPTIONS.
        small: median seconds of the whole process on the fewer Records.
        large: the same on ten times as many.
        ratio: geometric mean of the pairs' ratios.
        low: lower bound of its 95 % interval.
        high: upper bound.
        megabytes: of what is written of the more Records.
    """

    format: str
    small: float
    large: float
    ratio: float
    low: float
    high: float
    megabytes: float


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


def seconds(places: Path, form: str) -> float:
    """Return the seconds that a whole process takes to write a report beside its Records."""
    out = places.parent / f"{places.name}.{form}"
    words = [sys.executable, "-m", "raskd_bench", "report", str(places), *OPTIONS[form]]
    before = time.perf_counter()
    subprocess.run([*words, "--out", str(out)], check=True, capture_output=True, cwd=ROOT)
    return time.perf_counter() - before


def grown(small: Path, large: Path, form: str, pairs: int) -> Grown:
    """Return how the time of a format grows, from pairs in random order."""
    chance = random.Random(form)
    found: dict[Path, list[float]] = {small: [], large: []}
    for _ in range(pairs):
        for places in chance.sample([small, large], 2):
            found[places].append(seconds(places, form))
    logs = [math.log(b / a) for a, b in zip(found[small], found[large], strict=True)]
    mean, half, _ = student_t(logs)
    size = (large.parent / f"{large.name}.{form}").stat().st_size / 1e6
    return Grown(form, _median(found[small]), _median(found[large]), math.exp(mean),
                 math.exp(mean - half), math.exp(mean + half), size)  # fmt: skip


def measure(forms: Sequence[str], count: int, pairs: int, seeds: int = 5) -> Iterator[Grown]:
    """Yield how the time of each format grows from `count` Records to ten times as many."""
    with TemporaryDirectory() as name:
        small, large = Path(name) / "small", Path(name) / "large"
        write_records(small, count, seeds)
        write_records(large, FACTOR * count, seeds)
        for form in forms:
            seconds(small, form)  # bytecode and the files' first reading
            yield grown(small, large, form, pairs)


def _median(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 2]


def main() -> None:
    """Print each format's times, their ratio with its interval, and where it was measured."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--formats", nargs="+", choices=OPTIONS, default=list(OPTIONS))
    parser.add_argument("--small", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=7)
    given = parser.parse_args()
    more = FACTOR * given.small
    print(f"synthetic Records, {given.seeds} seeds a method; whole processes; {cpu_name()}")
    for found in measure(given.formats, given.small, given.pairs, given.seeds):
        print(f"{found.format}: {found.small:.2f} s of {given.small:,}, {found.large:.2f} s of "
              f"{more:,}: x{found.ratio:.2f} (95 % interval {found.low:.2f} to {found.high:.2f}, "
              f"{given.pairs} pairs, limit x{LIMIT:g}), {found.megabytes:.1f} MB")  # fmt: skip


if __name__ == "__main__":
    main()
