"""FLOPs of element-wise operations and reductions, by fixed conventions.

An element-wise operation costs 1 for each element that it writes, whatever the function: `exp` as
much as `add`. A reduction costs 1 for each element that it reads. An operation made of several
costs what its parts would cost, written down below. Moving data costs bytes, no FLOPs. An operation
that has neither a line here nor a formula is unknown; matrix products and convolutions are counted
by the formulas of `flops`.
"""

from typing import NamedTuple


class Work(NamedTuple):
    """FLOPs of one call."""

    elementwise: int = 0
    reduction: int = 0


# they write memory without computing: what they cost is bytes
MOVES = {
    "_to_copy", "as_strided_scatter", "cat", "clone", "constant_pad_nd", "copy", "embedding", "eye",
    "fill", "flip", "full", "full_like", "gather", "index", "index_select", "new_full", "new_ones",
    "new_zeros", "ones", "ones_like", "reflection_pad2d", "repeat", "roll", "scalar_tensor",
    "select_backward", "slice_backward", "stack", "take", "tril", "triu", "upsample_nearest2d",
    "zero", "zeros", "zeros_like", "_local_scalar_dense", "nonzero", "masked_select", "arange",
    "linspace", "_pin_memory", "select_scatter", "slice_scatter", "diagonal_scatter",
    "tril_indices",
}  # fmt: skip

ELEMENTWISE = {
    "_standard_gamma", "abs", "acos", "add", "asin", "atan", "atan2", "bernoulli", "bitwise_and",
    "bitwise_not", "bitwise_or", "bitwise_xor", "ceil", "clamp", "clamp_max", "clamp_min", "cos",
    "cosh", "div", "elu", "elu_backward", "eq", "erf", "erfc", "erfinv", "exp", "exp2", "expm1",
    "exponential", "floor", "floor_divide", "fmod", "frac", "ge", "gt", "hardtanh",
    "hardtanh_backward", "isfinite", "isinf", "isnan", "le", "leaky_relu", "leaky_relu_backward",
    "lgamma", "log", "log10", "log1p", "log2", "logical_and", "logical_not", "logical_or",
    "logical_xor", "lt", "masked_fill", "maximum", "minimum", "mul", "ne", "neg", "normal", "pow",
    "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "random", "randperm",
    "reciprocal", "relu", "remainder", "round", "rsqrt", "rsub", "sgn", "sigmoid", "sign", "sin",
    "sinh", "sqrt", "square", "sub", "tan", "tanh", "threshold", "threshold_backward", "trunc",
    "uniform", "where", "xlogy",
}  # fmt: skip

REDUCTIONS = {
    "_adaptive_avg_pool2d", "adaptive_avg_pool2d", "all", "amax", "amin", "aminmax", "any",
    "argmax", "argmin", "bincount", "count_nonzero", "cummax", "cummin", "cumprod", "cumsum",
    "equal", "max", "mean", "median", "min", "prod", "sum", "trace",
}  # fmt: skip

# element-wise and reduction FLOPs for each element of the first argument
COMPOSED: dict[str, Work] = {
    "_softmax": Work(3, 2),  # less the maximum, exp, divided; maximum and sum
    "_log_softmax": Work(3, 2),  # less the maximum, exp, less the log of the sum
    "_softmax_backward_data": Work(3, 1),  # g y, less its sum, times y
    "_log_softmax_backward_data": Work(3, 1),  # exp y, times the sum of g, g less that
    "logsumexp": Work(2, 2),  # less the maximum, exp; maximum and sum
    "native_layer_norm": Work(5, 2),  # centred, squared, times 1 / sd, weight, bias; mean, variance
    "native_layer_norm_backward": Work(9, 4),  # x' (2), g w, g w x', g x', g of x (4); four sums
    "native_group_norm": Work(5, 2),  # as layer norm
    "native_group_norm_backward": Work(9, 4),
    "var": Work(2, 2),  # centred, squared; mean and sum
    "var_mean": Work(2, 2),
    "std": Work(2, 2),
    "std_mean": Work(2, 2),
    "linalg_vector_norm": Work(1, 1),  # squared; sum
    "norm": Work(1, 1),
    "gelu": Work(5),  # scaled, erf, plus 1, times x, halved
    "gelu_backward": Work(11),  # distribution (4), density (4), x density, sum, times g
    "silu": Work(2),  # sigmoid, times x
    "silu_backward": Work(6),  # s, 1 - s, times x, plus 1, times s, times g
    "hardsigmoid": Work(3),  # plus 3, clamped, divided
    "hardsigmoid_backward": Work(2),
    "hardswish": Work(4),  # hardsigmoid, times x
    "hardswish_backward": Work(4),
    "softplus": Work(3),
    "softplus_backward": Work(3),
    "log_sigmoid_forward": Work(4),  # |x|, exp, log1p, less the minimum
    "log_sigmoid_backward": Work(4),
    "sigmoid_backward": Work(3),  # 1 - y, times y, times g
    "tanh_backward": Work(3),  # y squared, 1 less that, times g
    "binary_cross_entropy_with_logits": Work(5, 1),  # (1 - t) x, log sigmoid (3), sum; mean
    "mse_loss": Work(2, 1),  # difference, squared; mean
    "mse_loss_backward": Work(3),  # difference, factor, times g
    "smooth_l1_loss": Work(5, 1),  # difference, absolute, compared, squared, less a half; mean
    "smooth_l1_loss_backward": Work(4),  # difference, divided, clamped, times g
    "huber_loss": Work(5, 1),
    "huber_loss_backward": Work(4),
    "native_dropout": Work(3),  # drawn, masked, scaled
    "native_dropout_backward": Work(2),  # masked, scaled
    "max_pool2d_with_indices_backward": Work(1),  # each gradient is added to one place
    "upsample_nearest2d_backward": Work(0, 1),  # gradients are added up
    "embedding_dense_backward": Work(1),  # each gradient is added to one row
    "nan_to_num": Work(1),
}
