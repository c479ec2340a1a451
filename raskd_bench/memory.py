"""Shared memory of this host: what worker processes hand their batches over through."""

import shutil
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")  # of Linux; other systems keep it elsewhere, without a limit


def shared_memory_bytes(folder: Path | None = None) -> int | None:
    """Return how many bytes of shared memory are free; None where there is no limit to see."""
    try:
        return shutil.disk_usage(folder or SHARED_MEMORY).free
    except OSError:
        return None
