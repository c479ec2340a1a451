"""Where a trial runs, and what it takes of a machine that others use at the same time."""

import os
from collections.abc import Callable
from threading import Event

import torch

from raskd_bench.machine import JOBS, Share

# of a training step, that a thread must have to do: below, handing work over costs what it saves
# (docs/decisions/0010-disturbance.md)
THREAD_FLOPS = 1_000_000_000
_settled = Event()  # whether this process has its number of threads


def take(share: Share, name: str) -> torch.device:
    """Bring this process to its device and limit it to its share, before it does any work.

    Threads are torch's. On a GPU each of N trials may allocate an Nth of the memory, so that one
    cannot starve the others; what CUDA itself needs for each process comes on top.
    """
    device = torch.device(name)
    if device.index is not None:
        torch.cuda.set_device(device)
    os.environ[JOBS] = str(share.jobs)
    if share.threads is not None:
        torch.set_num_threads(share.threads)
        _settled.set()
    if share.jobs > 1 and device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(1 / share.jobs, device)
    return device


def settle_threads(device: torch.device, step_flops: Callable[[], float]) -> None:
    """Let torch use as many threads on a CPU as a training step has work for; once a process.

    The student, the images and the batch decide, never the load of the moment: sums depend on the
    number of threads, and methods that are compared have the same. It stays what `--threads` says.

    Args:
        device: where is trained.
        step_flops: counts forward and backward of a batch.
    """
    if device.type != "cpu" or _settled.is_set():
        return
    _settled.set()
    torch.set_num_threads(threads_for(step_flops(), torch.get_num_threads()))


def threads_for(step_flops: float, most: int) -> int:
    """Return how many threads a step of so much work is divided among.

    Args:
        step_flops: of the step.
        most: that there may be.
    """
    return max(1, min(most, int(step_flops // THREAD_FLOPS)))
