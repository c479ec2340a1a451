"""Bytes that an operation reads and writes, from shapes alone.

Every input is read and every output written once, as if nothing were cached or fused; what is
expanded along a dimension is there once. The exceptions are below: operations that touch a part of
an argument, that overwrite it without reading, or that take it for its shape.
"""

from collections.abc import Callable
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor

from raskd_bench.counting.call import Call, num_bytes, num_elements


class Traffic(NamedTuple):
    """Bytes of one call."""

    read: int
    written: int


# what they are given is overwritten, or stands for its shape
OVERWRITES = {
    "bernoulli", "exponential", "fill", "full_like", "new_full", "new_ones", "new_zeros", "normal",
    "ones_like", "rand_like", "randint_like", "randn_like", "random", "uniform", "zero",
    "zeros_like",
}  # fmt: skip
# pick elements of their first argument, as many as they return
GATHERS = {"embedding", "gather", "index", "index_select", "take"}
# change elements of their first argument; what they are given for them
SCATTERS = {
    "index_add": "source", "index_copy": "source", "index_put": "values",
    "_index_put_impl": "values", "scatter": "src", "scatter_add": "src",
}  # fmt: skip


def traffic_of(call: Call) -> Traffic:
    """Return the bytes of a call."""
    if call.kind in SPECIAL:
        return SPECIAL[call.kind](call)
    if call.kind in OVERWRITES:
        return Traffic(0, num_bytes(call.written))
    if call.kind in GATHERS:
        picked = num_bytes(call.made)
        return Traffic(picked + num_bytes(call.inputs[1:]), picked)
    if call.kind in SCATTERS and call.changed:
        return _scattered(call)
    overwritten = call.given("out") if call.takes("out") else []
    read = [tensor for tensor in call.inputs if all(tensor is not out for out in overwritten)]
    return Traffic(num_bytes(read), num_bytes(call.written))


def num_scattered(call: Call) -> int:
    """Return how many elements a scatter changes."""
    if call.takes("source"):
        return num_elements(call.given("source"))
    if call.takes("index"):
        return num_elements(call.given("index"))
    target, indices = call.inputs[0], call.argument("indices")
    chosen = [index for index in indices if index is not None]
    if any(index.dtype in (torch.bool, torch.uint8) for index in chosen):
        return target.numel()  # how many a mask chooses is not known from shapes
    whole = [size for size, index in zip(target.shape, indices, strict=False) if index is None]
    rest = target.shape[len(indices) :]
    positions = torch.broadcast_shapes(  # type: ignore[no-untyped-call]
        *(index.shape for index in chosen)
    )
    return int(prod(positions) * prod(whole) * prod(rest))


def adds(call: Call) -> bool:
    """Whether a scatter adds to what is there instead of replacing it."""
    if call.kind in {"index_add", "scatter_add"}:
        return True
    return call.takes("accumulate") and bool(call.argument("accumulate"))


def _scattered(call: Call) -> Traffic:
    """A scatter in place: the values and their positions, not the whole target."""
    target = call.changed[0]
    touched = num_scattered(call) * target.element_size()
    given = num_bytes([tensor for tensor in call.inputs if tensor is not target])
    return Traffic(given + (touched if adds(call) else 0), touched)


def _reading(*names: str) -> Callable[[Call], Traffic]:
    """Make the traffic of an operation that reads these arguments only."""

    def traffic(call: Call) -> Traffic:
        read = [tensor for name in names for tensor in call.given(name)]
        return Traffic(num_bytes(read), num_bytes(call.written))

    return traffic


def _convolution_backward(call: Call) -> Traffic:
    """The weight is read for the input's gradient, the input for the weight's."""
    of_input, of_weight, _ = call.argument("output_mask")
    read = call.given("grad_output")
    read += call.given("weight") if of_input else []
    read += call.given("input") if of_weight else []
    return Traffic(num_bytes(read), num_bytes(call.written))


def _batch_norm(call: Call) -> Traffic:
    """In training it writes the running statistics, which its schema does not say."""
    running = [*call.given("running_mean"), *call.given("running_var")]
    written: list[Tensor] = call.made + (running if call.argument("training") else [])
    return Traffic(num_bytes(call.inputs), num_bytes(written))


def _nll_forward(call: Call) -> Traffic:
    """It picks one log-probability a position."""
    target = call.given("target")
    picked = num_elements(target) * call.inputs[0].element_size()
    rest = num_bytes([*target, *call.given("weight")])
    return Traffic(picked + rest, num_bytes(call.made))


def _optimizer(call: Call) -> Traffic:
    """Gradients are written only where a scale is taken out of them."""
    unscaled = call.given("grads") if not call.given("grad_scale") else []
    written = num_bytes(call.changed) - num_bytes(unscaled)
    return Traffic(num_bytes(call.inputs), written)


SPECIAL: dict[str, Callable[[Call], Traffic]] = {
    "convolution_backward": _convolution_backward,
    "copy": _reading("src"),
    "native_batch_norm": _batch_norm,
    "cudnn_batch_norm": _batch_norm,
    "nll_loss_forward": _nll_forward,
    "nll_loss2d_forward": _nll_forward,
    "nll_loss_backward": _reading("grad_output", "target", "weight", "total_weight"),
    "nll_loss2d_backward": _reading("grad_output", "target", "weight", "total_weight"),
    "_fused_sgd": _optimizer,
    "_fused_adam": _optimizer,
    "_fused_adamw": _optimizer,
}
