"""Worker processes that read batches from a source whose images must be decoded."""

import ctypes
import multiprocessing
import os
import signal
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from raskd_bench.data.splits import Labels, Source
from raskd_bench.errors import DataError
from raskd_bench.machine import cores_of_trial

MAX_WORKERS = 8
PR_SET_PDEATHSIG = 1  # of Linux's prctl.h


class Workers:
    """Worker processes that read index lists from a source, one batch an item."""

    def __init__(self, source: Source, device: torch.device) -> None:
        self.device = device
        self.lists: list[Labels] = []
        # fork: workers are children of the trial's process, so they end with it and their memory
        # is counted; they only decode, and torch gives each a single thread
        context = multiprocessing.get_context("fork")
        self.loader: DataLoader[Tensor | DataError] = DataLoader(
            _Reader(source), batch_size=None, sampler=_Lists(self.lists), num_workers=_count(),
            persistent_workers=True, pin_memory=device.type == "cuda",
            multiprocessing_context=context, worker_init_fn=_end_with_parent,
            generator=torch.Generator(),  # its own: the trial's random numbers are left alone
        )  # fmt: skip
        # torch's own clean-up waits 5 s a worker when an error's traceback has kept the loader
        self.close = weakref.finalize(self, _end_workers, self.loader)

    def batches(self, lists: Sequence[Labels]) -> Iterator[Tensor]:
        """Yield the images of each list on the device: [B, H, W, channels] uint8."""
        self.lists[:] = lists
        for pixels in self.loader:
            if isinstance(pixels, DataError):
                raise pixels
            yield pixels.to(self.device, non_blocking=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the workers stand still meanwhile."""
        iterator: Any = self.loader._iterator
        processes = [] if iterator is None else [worker.pid for worker in iterator._workers]
        _signal(processes, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(processes, signal.SIGCONT)


class _Lists:
    """The index lists of the coming epoch, read anew at each start."""

    def __init__(self, lists: list[Labels]) -> None:
        self.lists = lists

    def __iter__(self) -> Iterator[Labels]:
        return iter(list(self.lists))

    def __len__(self) -> int:
        return len(self.lists)


class _Reader(Dataset[Tensor | DataError]):
    """Reads one batch in a worker; gives an error back, so that its message stays one line."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def __getitem__(self, indices: Any) -> Tensor | DataError:
        try:
            return torch.from_numpy(self.source.read(indices))
        except DataError as error:
            return error


def _signal(processes: Sequence[int], what: signal.Signals) -> None:
    for process in processes:
        with suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(process, what)


def _end_with_parent(_: int) -> None:
    """Let the system end a worker with its parent, also one that is held and cannot look."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _end_workers(loader: DataLoader[Any]) -> None:
    iterator: Any = loader._iterator
    if iterator is not None:
        iterator._shutdown_workers()


def _count() -> int:
    """Return one worker a core that this process may use."""
    return min(MAX_WORKERS, cores_of_trial())
