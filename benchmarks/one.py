"""One benchmark in this process, its results into a file: what `python -m benchmarks` starts.

python -m benchmarks.one NAME FILE [--quick]
"""

import argparse
import importlib
import time
from pathlib import Path

from benchmarks import kept


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name")
    parser.add_argument("file", type=Path)
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    before = time.perf_counter()
    results = importlib.import_module(f"benchmarks.{given.name}").measure(given.quick)
    seconds = time.perf_counter() - before
    kept.write(kept.new_kept(given.name, results, seconds, quick=given.quick), given.file)


if __name__ == "__main__":
    main()
