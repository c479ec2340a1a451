"""What makes host and device wait for each other or pass data.

On a CPU host and device are one. What would be a copy on a GPU is seen where a method says so in
words: `.cpu()`, `.to("cpu")`, `.cuda()`, `.numpy()`, `.tolist()`, and `torch.tensor(..., device=)`.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from raskd_bench.counting.call import Call

# their result's size or value is known only when the device has computed it
WAITS = {"_local_scalar_dense", "_unique", "_unique2", "equal", "is_nonzero", "masked_select",
         "nonzero", "unique_consecutive", "unique_dim"}  # fmt: skip
MASKED = {"_index_put_impl", "index", "index_put"}  # with a mask they look for what is true first
READS: tuple[Any, ...] = (Tensor.cpu, Tensor.numpy, Tensor.tolist)  # to the host: a copy and a wait
MAKES: tuple[Any, ...] = (torch.tensor, torch.as_tensor)


class HostTraffic(TorchFunctionMode):
    """Counts what the code inside it asks for in words.

    Attributes:
        copies: between host and device.
        waits: of the host for the device.
    """

    def __init__(self) -> None:
        super().__init__()
        self.copies = 0
        self.waits = 0

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if function in READS or (function is Tensor.to and _to_host(args, kwargs)):
            self.copies += 1
            self.waits += 1
        elif function is Tensor.cuda or (function in MAKES and kwargs.get("device") is not None):
            self.copies += 1
        return function(*args, **kwargs)


def waits(call: Call) -> bool:
    """Whether the host waits for the device."""
    if call.kind in WAITS:
        return True
    if call.kind in MASKED:
        chosen = [index for index in call.argument("indices") if index is not None]
        return any(index.dtype in (torch.bool, torch.uint8) for index in chosen)
    # how long its result is depends on what is in the tensor, unless it is told
    return call.kind == "repeat_interleave" and call.argument("output_size") is None


def crosses(call: Call) -> bool:
    """Whether the tensors of a copy are on different devices."""
    if call.kind not in {"copy", "_to_copy"}:
        return False
    return len({tensor.device.type for tensor in [*call.inputs, *call.made]}) > 1


def _to_host(args: Iterable[Any], kwargs: dict[str, Any]) -> bool:
    return any(isinstance(value, str) and value == "cpu" for value in [*args, *kwargs.values()])
