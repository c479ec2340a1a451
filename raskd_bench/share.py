"""What a trial takes of a machine that other trials use at the same time."""

import os

import torch

from raskd_bench.machine import JOBS, Share


def take(share: Share, device: torch.device) -> None:
    """Limit this process to its share, before it does any work.

    Threads are torch's. On a GPU each of N trials may allocate an Nth of the memory, so that one
    cannot starve the others; what CUDA itself needs for each process comes on top.
    """
    os.environ[JOBS] = str(share.jobs)
    if share.threads is not None:
        torch.set_num_threads(share.threads)
    if share.jobs > 1 and device.type == "cuda":
        torch.cuda.set_per_process_memory_fraction(1 / share.jobs, device)
