"""Memory of live tensors: every storage from its making until nothing refers to it any more."""

import weakref
from collections.abc import Iterable

from torch import Tensor


class Storages:
    """Sum of live storages, with or without data behind them.

    A view is part of what it views. Workspace inside an operation and what an allocator rounds up
    are not in it.

    Attributes:
        live_bytes: now.
        peak_bytes: the most since `restart`.
    """

    def __init__(self) -> None:
        self.live_bytes = 0
        self.peak_bytes = 0
        self._numbers: dict[int, int] = {}  # of each live storage, by its address
        self._references: dict[int, weakref.ref[object]] = {}
        self._next_number = 0

    def restart(self) -> None:
        """Let the peak begin at what is live now."""
        self.peak_bytes = self.live_bytes

    def add(self, tensors: Iterable[Tensor]) -> None:
        """Know the tensors' storages from now on."""
        for tensor in tensors:
            self.number(tensor)

    def number(self, tensor: Tensor) -> int:
        """Return the number of a tensor's storage; unlike an address, it never comes again."""
        storage = tensor.untyped_storage()
        address = storage._cdata
        if address not in self._numbers:
            size = storage.nbytes()
            self._next_number += 1
            self._numbers[address] = self._next_number
            self._references[address] = weakref.ref(storage, lambda _: self._forget(address, size))
            self.live_bytes += size
            self.peak_bytes = max(self.peak_bytes, self.live_bytes)
        return self._numbers[address]

    def _forget(self, address: int, size: int) -> None:
        del self._numbers[address], self._references[address]
        self.live_bytes -= size
