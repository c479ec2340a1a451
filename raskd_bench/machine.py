"""What a number was measured on: host, versions, and the code's commit."""

import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from raskd_bench.errors import RequestError

MAX_NAME = 80  # characters of a machine's name; the number of cores is never cut off
DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
PACKAGES = ("torch", "torchvision", "timm", "numpy", "fvcore")


def describe_host() -> dict[str, Any]:
    """Return names and sizes of this host, and the versions of what computes. Imports no torch."""
    memory = psutil.virtual_memory()
    return {
        "host": platform.node(),
        "system": f"{platform.system()} {platform.release()}",
        "cpu": cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else
                 psutil.cpu_count(),
        "memory_bytes": memory.total,
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
    }  # fmt: skip


def check_device(device: str) -> None:
    """Refuse what is no device's name.

    Raises:
        RequestError: it is none.
    """
    if not DEVICE.fullmatch(device):
        raise RequestError(f"--device {device}: write auto, cpu, cuda or cuda:N")


def cpu_name() -> str:
    """Return the processor's model name, as the system gives it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.machine()


def slug(machine: dict[str, Any]) -> str:
    """Return the name of a machine's results folder: GPU if it is used, processor, cores."""
    words = " ".join([machine["gpu"], machine["cpu"]] if machine.get("gpu") else [machine["cpu"]])
    clean = re.sub(r"\((r|tm)\)|\b(processor|cpu)\b|@.*?ghz", " ", words.lower())
    name = re.sub(r"[^a-z0-9]+", "-", clean).strip("-")[:MAX_NAME].rstrip("-")
    return f"{name}-{machine['cores']}c"


def code_state() -> tuple[str | None, bool | None]:
    """Return the commit of the running code and whether it was changed since; None outside git."""
    folder = Path(__file__).parent
    # an installed copy may lie inside a repository that is not ours
    if _git(folder, "ls-files", "--error-unmatch", Path(__file__).name) is None:
        return None, None
    commit = _git(folder, "rev-parse", "HEAD")
    # suites are named by their content in each Record, so only the code counts
    changes = _git(folder, "status", "--porcelain", "--", ".", "../pyproject.toml")
    return commit, None if changes is None else bool(changes)


def commit_of(folder: Path) -> str | None:
    """Return the commit that a folder's repository is at; None outside git."""
    return _git(folder, "rev-parse", "HEAD")


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True, text=True, timeout=20, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
