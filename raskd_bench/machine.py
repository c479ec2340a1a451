"""What a number was measured on: host, versions, and the code's commit."""

import os
import platform
import re
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from raskd_bench.errors import RequestError

MAX_NAME = 80  # characters of a machine's name; the number of cores is never cut off
DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
JOBS = "RASKD_BENCH_JOBS"  # in the environment of a trial: how many share the machine
# widest first: what the system calls them, and what we do
VECTORS = {"amx_bf16": "amx", "avx512_bf16": "avx512-bf16", "avx512f": "avx512", "avx2": "avx2",
           "sve": "sve", "asimd": "neon"}  # fmt: skip
PACKAGES = ("torch", "torchvision", "timm", "numpy", "fvcore")


class Share(NamedTuple):
    """What each trial takes of the machine.

    Attributes:
        jobs: trials that run at the same time.
        threads: of torch, inside one operation; None: by the size of a step.
    """

    jobs: int = 1
    threads: int | None = None


def usable_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return psutil.cpu_count() or 1


def cores_of_trial() -> int:
    """Return how many cores are for this process's trial; others that run beside it have theirs."""
    return max(1, usable_cores() // jobs_beside())


def jobs_beside() -> int:
    """Return how many trials share the machine, this process's own among them."""
    return int(os.environ.get(JOBS, "1"))


def crowded(jobs: int, threads: int | None) -> str | None:
    """Return in words that trials side by side ask for more than all cores, or None."""
    cores = usable_cores()
    if jobs > cores:
        return f"more jobs than cores: {jobs} trials at the same time on {cores}"
    if jobs * (threads or 1) > cores:
        return f"more threads than cores: {jobs} x {threads} on {cores}"
    return None


def describe_host() -> dict[str, Any]:
    """Return names and sizes of this host, and the versions of what computes. Imports no torch."""
    memory = psutil.virtual_memory()
    return {
        "host": platform.node(),
        "system": f"{platform.system()} {platform.release()}",
        "cpu": cpu_name(),
        "vectors": vectors(),
        "cores": usable_cores(),
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
    found = re.search(r"^model name\s*:\s*(.+)$", _cpuinfo(), re.MULTILINE)
    return found[1].strip() if found else platform.processor() or platform.machine()


def vectors() -> str | None:
    """Return the widest vector instructions of the processor; None where the system hides them.

    Two virtual machines with a processor of one name may be several times apart by these.
    """
    found = re.search(r"^(?:flags|Features)\s*:\s*(.+)$", _cpuinfo(), re.MULTILINE)
    known = set(found[1].split()) if found else set()
    return next((name for flag, name in VECTORS.items() if flag in known), None)


@cache
def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""


def processor_of(machine: dict[str, Any]) -> str:
    """Return a machine's processor, cores and, unless it is an older description, vectors."""
    vectors = machine.get("vectors")
    return f"{machine['cpu']}, {machine['cores']} cores" + (f", {vectors}" if vectors else "")


def slug(machine: dict[str, Any]) -> str:
    """Return the name of a machine's results folder: GPU if it is used, processor, cores.

    Of a processor that computes itself it says the vector instructions, too, where they are known.
    """
    gpu, cpu = machine.get("gpu"), machine["cpu"]
    words = f"{gpu} {cpu}" if gpu else cpu
    clean = re.sub(r"\((r|tm)\)|\b(processor|cpu)\b|@.*?ghz", " ", words.lower())
    name = re.sub(r"[^a-z0-9]+", "-", clean).strip("-")[:MAX_NAME].rstrip("-")
    vectors = machine.get("vectors") if not gpu else None
    return f"{name}-{machine['cores']}c" + (f"-{vectors}" if vectors else "")


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
