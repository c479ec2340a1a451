"""Where a trial runs, and what it takes of a machine that others use at the same time."""

import os

import torch

from raskd_bench.machine import JOBS, Share


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
    if share.jobs > 1 and device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(1 / share.jobs, device)
    return device
