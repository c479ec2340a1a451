"""The folder of this user that outlives a run: downloads, decoded images, what was looked up."""

import os
from pathlib import Path


def data_home() -> Path:
    """Where downloads go: $RASKD_BENCH_DATA, else ~/.cache/raskd-bench."""
    return Path(os.environ.get("RASKD_BENCH_DATA", Path.home() / ".cache" / "raskd-bench"))
