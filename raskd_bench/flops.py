"""Counting the multiplications and additions of matrix products and convolutions.

One multiply-add is 2 FLOPs. torch's counter is used with a formula of our own for the backward of
convolutions, which it over-counts when they are grouped (torch 2.13: 65 times the forward for a
depthwise convolution of 64 channels, where 2 is right). Element-wise work and reductions are not
counted, which the name of every figure says: matmul and convolution FLOPs.
"""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

Shape = list[int]


def _conv_backward(
    grad_out_shape: Shape,
    x_shape: Shape,
    w_shape: Shape,
    _bias: Any,
    _stride: Any,
    _padding: Any,
    _dilation: Any,
    transposed: bool,
    _output_padding: Any,
    _groups: int,
    output_mask: list[bool],
    *_args: Any,
    out_shape: Any = None,
    **_kwargs: Any,
) -> int:
    """FLOPs of a convolution's backward: the forward's for each of input and weight gradient."""
    forward: int = conv_flop_count(x_shape, w_shape, grad_out_shape, transposed=transposed)
    return forward * (int(output_mask[0]) + int(output_mask[1]))


def count_flops(work: Callable[[], object]) -> int:
    """Run `work` once and return its matmul and convolution FLOPs."""
    mapping = {torch.ops.aten.convolution_backward: _conv_backward}
    with FlopCounterMode(display=False, custom_mapping=mapping) as counter:
        work()
    return int(counter.get_total_flops())


def forward_macs(network: nn.Module, images: torch.Tensor) -> int:
    """Return the multiply-adds of a forward on one image, as fvcore counts them.

    Args:
        network: in evaluation mode.
        images: [1, 3, H, W].
    """
    with warnings.catch_warnings():  # it calls deprecated parts of torch.jit as it is imported
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        from fvcore.nn import FlopCountAnalysis  # two seconds: only for plans

    analysis = FlopCountAnalysis(network, images)
    analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
    return int(sum(analysis.by_operator()[op] for op in ("conv", "linear", "matmul", "addmm",
                                                         "bmm", "einsum", "baddbmm")))  # fmt: skip
