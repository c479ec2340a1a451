"""The counter against arithmetic on paper, before it is trusted."""

from collections.abc import Callable, Sequence
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F

from raskd_bench.counting.counter import StepCounter
from raskd_bench.errors import CounterError

Forward = Callable[..., Tensor]


@cache
def check_counter() -> None:
    """Compare counted with known FLOPs, once a process.

    Raises:
        CounterError: one of them differs: torch names or makes an operation in a new way.
    """
    for name, forward, inputs, expected in _cases():
        check(name, forward, inputs, expected)


def check(name: str, forward: Forward, inputs: Sequence[Tensor], expected: int) -> None:
    """Compare an operation's FLOPs, forward and backward to all its inputs, with known ones.

    Args:
        name: for a reader.
        forward: takes the inputs.
        inputs: two or more; the backward costs as much as the forward for each of two products.
        expected: FLOPs of the forward.

    Raises:
        CounterError: they differ.
    """
    counter = StepCounter()
    leaves = [tensor.requires_grad_() for tensor in inputs]
    with counter, counter.counting(not_saved=[]):
        forward(*leaves).sum().backward()  # type: ignore[no-untyped-call]
    _compare(f"{name} forward", counter.matmul_flops_forward, expected)
    _compare(f"{name} backward", counter.matmul_flops_backward, 2 * expected)


def _compare(name: str, counted: int, expected: int) -> None:
    if counted != expected:
        raise CounterError(
            f"self-test of the counter: {name}: counted {counted:,} FLOPs, expected {expected:,} "
            f"(torch {torch.__version__}): no fingerprint is taken; use a torch that the "
            "project is tested with, or report this line"
        )


def _cases() -> list[tuple[str, Forward, list[Tensor], int]]:
    """Return name, forward, inputs and the forward's FLOPs, 2 a multiply-add."""
    images, positions = torch.ones(2, 4, 6, 6), 2 * 6 * 6
    heads = [torch.ones(2, 3, length, 16) for length in (8, 10, 10)]
    return [
        ("dense convolution", _convolution(1), [images, torch.ones(8, 4, 3, 3)],
         2 * positions * 8 * 4 * 9),
        ("grouped convolution", _convolution(2), [images, torch.ones(8, 2, 3, 3)],
         2 * positions * 8 * 2 * 9),
        ("depthwise convolution", _convolution(4), [images, torch.ones(4, 1, 3, 3)],
         2 * positions * 4 * 9),
        ("linear", F.linear, [torch.ones(3, 5), torch.ones(7, 5)], 2 * 3 * 5 * 7),
        ("attention", F.scaled_dot_product_attention, heads, 2 * 2 * (2 * 3) * 8 * 10 * 16),
    ]  # fmt: skip


def _convolution(groups: int) -> Forward:
    return lambda images, weight: F.conv2d(images, weight, padding=1, groups=groups)
