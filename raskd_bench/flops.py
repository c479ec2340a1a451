"""Counting the multiplications and additions of matrix products and convolutions.

One multiply-add is 2 FLOPs. torch's counter is used, with formulas of our own for what it gets
wrong or leaves out:

- the backward of a convolution, over-counted where it is grouped (torch 2.13: 65 times the forward
  for a depthwise one of 64 channels, where 2 is right);
- the backward of attention, where fused kernels compute the scores again (2.5 times the forward)
  and the plain one does not (2 times): the same student would cost more on another device. It is
  2 times the forward everywhere here;
- products with a vector (`mv`, `addmv`, `dot`, `vdot`), which count as 0 there;
- the fused inference path of `nn.MultiheadAttention` and `nn.TransformerEncoderLayer`, which counts
  as 0 there: it costs what the unfused one does.

Not counted: element-wise work, reductions, normalisation, pooling, `torch.cdist`, `nn.Bilinear`.
The name of every figure says so: matmul and convolution FLOPs.
"""

import warnings
from collections.abc import Callable
from math import prod
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

Shape = list[int]
FFN_WEIGHT = 10  # of `_transformer_encoder_layer_fwd`: the place of its first after `qkv_weight`

ATTENTION_BACKWARD = (
    "_scaled_dot_product_flash_attention_for_cpu_backward",
    "_scaled_dot_product_flash_attention_backward",
    "_scaled_dot_product_efficient_attention_backward",
    "_scaled_dot_product_cudnn_attention_backward",
)
# fvcore counts these as multiply-adds; batch norm and pooling are left out, as above
FVCORE_OPERATORS = ("conv", "linear", "matmul", "mm", "addmm", "bmm", "baddbmm", "einsum",
                    "scaled_dot_product_attention")  # fmt: skip


def count_flops(work: Callable[[], object]) -> int:
    """Run `work` once and return its matmul and convolution FLOPs."""
    with FlopCounterMode(display=False, custom_mapping=_formulas()) as counter:
        work()
    return int(counter.get_total_flops())


def formulas() -> dict[Any, Callable[..., int]]:
    """Return the FLOPs of each product by its operation, given arguments and `out_val`."""
    counter = FlopCounterMode(display=False, custom_mapping=_formulas())
    return dict(counter.flop_registry)


def forward_macs(network: nn.Module, images: torch.Tensor) -> int:
    """Return the multiply-adds of a forward on one image, as fvcore counts them.

    Args:
        network: in evaluation mode.
        images: [1, 3, H, W].
    """
    with warnings.catch_warnings():  # it calls deprecated parts of torch.jit
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        from fvcore.nn import FlopCountAnalysis  # two seconds: only for plans

        analysis = FlopCountAnalysis(network, images)
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)
        analysis.tracer_warnings("none")
        analysis.set_op_handle("aten::scaled_dot_product_attention", _traced_attention)
        counts = analysis.by_operator()
    return int(sum(counts[operator] for operator in FVCORE_OPERATORS))


def _formulas() -> dict[Any, Callable[..., int]]:
    aten = torch.ops.aten
    formulas: dict[Any, Callable[..., int]] = {
        aten.convolution_backward: _conv_backward,
        aten.mv: lambda matrix, *_, **__: 2 * prod(matrix),
        aten.addmv: lambda _, matrix, *__, **___: 2 * prod(matrix),
        aten.dot: lambda vector, *_, **__: 2 * prod(vector),
        aten.vdot: lambda vector, *_, **__: 2 * prod(vector),
        aten._native_multi_head_attention: _multi_head_attention,
        aten._transformer_encoder_layer_fwd: _encoder_layer,
    }
    return formulas | {getattr(aten, name): _attention_backward for name in ATTENTION_BACKWARD}


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


def _attention_backward(
    _grad_out_shape: Shape,
    query_shape: Shape,
    key_shape: Shape,
    value_shape: Shape,
    *_args: Any,
    out_shape: Any = None,
    **_kwargs: Any,
) -> int:
    """FLOPs of attention's backward: two products for each of the forward's, none done again."""
    return 2 * 2 * _attention_macs(query_shape, key_shape, value_shape)


def _multi_head_attention(
    query: Shape, key: Shape, value: Shape, _embed_dim: int, _heads: int, qkv_weight: Shape,
    *_args: Any, out_shape: Any = None, **_kwargs: Any,
) -> int:  # fmt: skip
    """FLOPs of attention with its four projections; queries, keys and values are [B, L, D]."""
    size = query[-1]
    inputs = sum(prod(shape) * qkv_weight[0] // 3 for shape in (query, key, value))
    return int(2 * (inputs + _attention_macs(query, key, value) + prod(query) * size))


def _encoder_layer(
    source: Shape, embed_dim: int, heads: int, qkv_weight: Shape, *args: Any,
    out_shape: Any = None, **_kwargs: Any,
) -> int:  # fmt: skip
    """FLOPs of self-attention and of the two linear layers after it; the source is [B, L, D]."""
    ffn_weights = (args[FFN_WEIGHT], args[FFN_WEIGHT + 2])
    linear = sum(2 * prod(source[:-1]) * prod(weight) for weight in ffn_weights)
    attention = _multi_head_attention(source, source, source, embed_dim, heads, qkv_weight)
    return int(attention + linear)


def _traced_attention(inputs: list[Any], _outputs: list[Any]) -> int:
    """Multiply-adds of attention in a traced graph."""
    query, key, value = (tensor.type().sizes() for tensor in inputs[:3])
    return _attention_macs(query, key, value)


def _attention_macs(query: Shape, key: Shape, value: Shape) -> int:
    """Multiply-adds of queries with keys, and of the weights with values: [..., L, D] each."""
    return int(prod(query[:-1]) * key[-2] * (query[-1] + value[-1]))
