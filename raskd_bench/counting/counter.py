"""Counts every operation that runs inside it, forward and backward, with data or without."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch._guards import active_fake_mode
from torch._ops import OpOverload
from torch._subclasses.fake_tensor import FakeTensor, unset_fake_temporarily
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import TorchDispatchMode

from raskd_bench.counting.arithmetic import work_of
from raskd_bench.counting.call import Call, is_composite, is_view
from raskd_bench.counting.host import HostTraffic, crosses, waits
from raskd_bench.counting.storages import Storages
from raskd_bench.counting.traffic import traffic_of
from raskd_bench.flops import formulas

# they give memory or another name for it
ALLOCATIONS = {"_unsafe_view", "empty", "empty_like", "empty_permuted", "empty_strided",
               "lift_fresh", "new_empty", "new_empty_strided"}  # fmt: skip
COMPUTING = ("aten", "torchvision")  # namespaces; prim and profiler tell or note something


class StepCounter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Knows all tensors made inside it, and counts what happens inside `counting`.

    Views and allocations are no operations. An operation made of others is counted as those.

    Attributes:
        building: networks are being made, not run.
        storages: live tensors, from the beginning.
        operations: calls of each operation that computes.
        unknown: names of those without a formula.
        matmul_flops_forward: of matrix products and convolutions.
        matmul_flops_backward: likewise, while autograd runs backward.
        elementwise_flops: see `tables`.
        reduction_flops: likewise.
        bytes_read: see `traffic`.
        bytes_written: likewise.
        traffic: bytes read and written by the calls of each operation.
        saved_bytes: kept for the backward pass.
        host: copies and waits.
    """

    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.building = True
        self.storages = Storages()
        self.operations: Counter[str] = Counter()
        self.traffic: dict[str, int] = {}
        self.unknown: set[str] = set()
        self.matmul_flops_forward = 0
        self.matmul_flops_backward = 0
        self.elementwise_flops = 0
        self.reduction_flops = 0
        self.bytes_read = 0
        self.bytes_written = 0
        self.saved_bytes = 0
        self.host = HostTraffic()
        self._counts = False
        self._saved: set[int] = set()

    @contextmanager
    def counting(self, not_saved: Iterable[Tensor]) -> Iterator[None]:
        """Count a step; the peak of memory begins anew.

        Args:
            not_saved: parameters, which are kept anyway.
        """
        self.storages.restart()
        self._saved = {self.storages.number(tensor) for tensor in not_saved}
        self._counts, self.building = True, False
        try:
            with self.host, saved_tensors_hooks(self._save, lambda tensor: tensor):
                yield
        finally:
            self._counts = False

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if not isinstance(function, OpOverload):
            return self._higher_order(function, args, kwargs)
        if is_composite(function):
            with self:
                parts = function.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        if self.building and _is_constant(function, args):
            with unset_fake_temporarily():
                return function(*args, **kwargs)
        result = function(*args, **kwargs)
        call = Call(function, args, kwargs, result)
        self.storages.add(call.made)
        if self._counts and _computes(function):
            self._count(call)
        return result

    def _count(self, call: Call) -> None:
        self.operations[call.name] += 1
        self._count_flops(call)
        moved = traffic_of(call)
        self.bytes_read += moved.read
        self.bytes_written += moved.written
        self.traffic[call.name] = self.traffic.get(call.name, 0) + moved.read + moved.written
        self.host.copies += crosses(call)
        self.host.waits += waits(call)

    def _count_flops(self, call: Call) -> None:
        product = _products().get(call.function._overloadpacket)
        work = work_of(call)
        if product is not None:
            flops = int(product(*call.args, **call.kwargs, out_val=_only(call)))
            if torch._C._current_graph_task_id() == -1:  # no backward pass is running
                self.matmul_flops_forward += flops
            else:
                self.matmul_flops_backward += flops
        if work is not None:
            self.elementwise_flops += work.elementwise
            self.reduction_flops += work.reduction
        elif product is None:
            self.unknown.add(call.name)

    def _higher_order(self, function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
        """Name what runs code of its own (`flex_attention`, `cond`): it cannot be looked into."""
        if self._counts:
            self.operations[str(function)] += 1
            self.unknown.add(str(function))
        return function(*args, **kwargs)

    def _save(self, tensor: Tensor) -> Tensor:
        number = self.storages.number(tensor)
        if number not in self._saved:
            self._saved.add(number)
            self.saved_bytes += tensor.untyped_storage().nbytes()
        return tensor


@cache
def _computes(function: OpOverload) -> bool:
    if is_view(function) or function.namespace not in COMPUTING:
        return False
    return function._overloadpacket.__name__ not in ALLOCATIONS


@cache
def _products() -> dict[Any, Callable[..., int]]:
    return formulas()


def _only(call: Call) -> Any:
    """Return what a formula of torch expects of a result: the tensor, or several."""
    return call.made[0] if len(call.made) == 1 else tuple(call.made)


def _is_constant(function: OpOverload, args: Any) -> bool:
    """Whether a network under construction computes with numbers that it will read.

    Drop-path rates come from `linspace` and are read one by one, which a tensor without data cannot
    answer: they, and what is computed from them alone, are real.
    """
    if active_fake_mode() is None:
        return False
    if function is torch.ops.aten.linspace.default:
        return True
    tensors = [value for value in args if isinstance(value, Tensor)]
    return bool(tensors) and not any(isinstance(tensor, FakeTensor) for tensor in tensors)
