"""The thread that gathers batches ahead: how far, in which order, and when it is quiet."""

import gc
import threading
import time

import numpy as np
import pytest
import torch

from raskd_bench.data.gatherer import DEPTH, Gatherer
from raskd_bench.data.splits import ArraySource
from raskd_bench.errors import DataError

CPU = torch.device("cpu")
IMAGES = np.arange(40, dtype=np.uint8)[:, None, None, None].repeat(3, axis=3)
LISTS = [np.array([3, 1]), np.array([7]), np.array([0, 0, 39])] * 5


class Watched(ArraySource):
    """Notes the lists that were read, and by which thread."""

    def __init__(self) -> None:
        super().__init__(IMAGES)
        self.seen: list[list[int]] = []
        self.thread: threading.Thread | None = None
        self.error: Exception | None = None

    def read(self, indices):
        self.thread = threading.current_thread()
        self.seen.append(list(indices))
        if self.error is not None:
            raise self.error
        return super().read(indices)


def until(condition) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_batches_are_the_images_of_their_lists_in_order() -> None:
    found = list(Gatherer(ArraySource(IMAGES), CPU).batches(LISTS))
    assert len(found) == len(LISTS)
    for pixels, indices in zip(found, LISTS, strict=True):
        np.testing.assert_array_equal(pixels, IMAGES[indices])


def test_a_few_batches_are_gathered_ahead_and_no_more() -> None:
    source = Watched()
    batches = Gatherer(source, CPU).batches(LISTS)
    assert source.seen == []
    next(batches)
    until(lambda: len(source.seen) == 1 + DEPTH)
    time.sleep(0.05)
    assert len(source.seen) == 1 + DEPTH
    assert source.thread is not threading.current_thread()


def test_the_thread_reads_nothing_while_it_is_held() -> None:
    source = Watched()
    gatherer = Gatherer(source, CPU)
    batches = gatherer.batches(LISTS)
    next(batches)
    with gatherer.held():
        before = len(source.seen)
        for _ in range(before - 1):  # takes what is ready: there is room to gather more
            next(batches)
        time.sleep(0.05)
        assert len(source.seen) == before
    assert len(list(batches)) == len(LISTS) - before


@pytest.mark.parametrize("error", [DataError("a.zip: 1.png: damaged"), MemoryError()])
def test_an_error_in_the_thread_is_raised_where_batches_are_taken(error: Exception) -> None:
    source = Watched()
    source.error = error
    with pytest.raises(type(error)) as caught:
        next(Gatherer(source, CPU).batches(LISTS))
    assert caught.value is error
    until(lambda: not source.thread.is_alive())


@pytest.mark.parametrize("held", [False, True])
def test_the_thread_ends_with_its_iterator(held: bool) -> None:
    """Also if the iterator goes while the thread is held, which nobody may then wait for."""
    source = Watched()
    gatherer = Gatherer(source, CPU)
    batches = gatherer.batches(LISTS)
    next(batches)
    thread = source.thread
    assert thread.is_alive()
    if held:
        with gatherer.held():
            del batches
            gc.collect()
    else:
        del batches
        gc.collect()
    until(lambda: not thread.is_alive())
    assert len(source.seen) <= 1 + DEPTH


def test_the_thread_ends_with_its_epoch() -> None:
    source = Watched()
    list(Gatherer(source, CPU).batches(LISTS))
    until(lambda: not source.thread.is_alive())
    assert source.seen == [list(indices) for indices in LISTS]
