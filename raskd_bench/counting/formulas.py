"""FLOPs of operations that depend on more than the size of their first argument."""

from collections.abc import Callable
from math import ceil, log2

from raskd_bench.counting.call import Call, num_elements
from raskd_bench.counting.tables import Work
from raskd_bench.counting.traffic import adds, num_scattered

ATTENTION = (
    "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention",
)


def _scatter(call: Call) -> Work:
    return Work(num_scattered(call) if adds(call) else 0)


def _batch_norm(call: Call) -> Work:
    """Scale and shift; in training first centre and square, and two sums for the statistics."""
    elements = call.inputs[0].numel()
    return Work(4 * elements, 2 * elements) if call.argument("training") else Work(2 * elements)


def _batch_norm_backward(call: Call) -> Work:
    """X' (2), g x', and the input's gradient: 4 in training, else 1; two sums."""
    elements = call.inputs[0].numel()
    return Work((7 if call.argument("train") else 4) * elements, 2 * elements)


def _three(call: Call) -> Work:
    """A product or difference, a factor, and a sum for each element written."""
    return Work(3 * num_elements(call.written))


def _nll_forward(call: Call) -> Work:
    return Work(reduction=num_elements(call.given("target")))


def _nll_backward(call: Call) -> Work:
    return Work(num_elements(call.given("target")))


def _max_pool(call: Call) -> Work:
    """Each output compares its window."""
    return Work(reduction=call.made[0].numel() * _window(call))


def _avg_pool(call: Call) -> Work:
    return Work(call.made[0].numel(), call.made[0].numel() * _window(call))


def _avg_pool_backward(call: Call) -> Work:
    """Each gradient is divided once and added to its window."""
    elements = call.inputs[0].numel()
    return Work(elements * (1 + _window(call)))


def _window(call: Call) -> int:
    size = call.argument("kernel_size")
    sides = [size] if isinstance(size, int) else list(size)
    return int(sides[0] * sides[-1])


def _bilinear(call: Call) -> Work:
    """Four products and three sums for each element of the larger map."""
    return Work(7 * call.made[0].numel())


def _bilinear_backward(call: Call) -> Work:
    """Each gradient goes to four places, weighted."""
    return Work(8 * call.inputs[0].numel())


def _spread(call: Call) -> Work:
    """The gradient of a mean, on every element of the input."""
    return Work(num_elements(call.made))


def _sort(call: Call) -> Work:
    """Comparisons of a merge sort: ceil(log2 n) for each element."""
    values, dim = call.inputs[0], call.argument("dim")
    size = values.shape[dim if isinstance(dim, int) else -1] if values.dim() else 1
    return Work(values.numel() * _rounds(size))


def _search(call: Call) -> Work:
    """Comparisons of a binary search for each value."""
    return Work(num_elements(call.made) * _rounds(call.inputs[0].shape[-1]))


def _rounds(size: int) -> int:
    return ceil(log2(size)) if size > 1 else 1


def _solve(call: Call) -> Work:
    """LU of each matrix, 2/3 n^3, and two triangular solves, 2 n^2 for each right side."""
    matrix, right = call.inputs[:2]
    size = matrix.shape[-1]
    return Work(matrix.numel() // size**2 * (2 * size**3 // 3) + 2 * size * right.numel())


def _sgd(call: Call) -> Work:
    """Update 2; weight decay, momentum and Nesterov 2 each where they are on."""
    on = [bool(call.argument(name)) for name in ("weight_decay", "momentum", "nesterov")]
    return Work(num_elements(call.given("self")) * (2 + 2 * sum(on)))


def _adam(call: Call) -> Work:
    """Moments 3 + 4, denominator 3, update 3; weight decay 1 decoupled, 2 in the gradient."""
    decay = 0 if not call.argument("weight_decay") else 1 if call.kind == "_fused_adamw" else 2
    return Work(num_elements(call.given("self")) * (13 + decay))


def _attention(call: Call) -> Work:
    """Of each score: scale and softmax; its products are counted with the matrix products."""
    scores = _num_scores(call)
    return Work(4 * scores, 2 * scores)


def _attention_backward(call: Call) -> Work:
    """Of each score: the weights again (3), softmax backward (3, and a sum), scale."""
    scores = _num_scores(call)
    return Work(7 * scores, scores)


def _num_scores(call: Call) -> int:
    query, key = call.given("query")[0], call.given("key")[0]
    return int(query.numel() // query.shape[-1] * key.shape[-2])


FORMULAS: dict[str, Callable[[Call], Work]] = {
    "addcdiv": _three,
    "addcmul": _three,
    "lerp": _three,
    "index_add": _scatter,
    "index_copy": _scatter,
    "index_put": _scatter,
    "_index_put_impl": _scatter,
    "scatter": _scatter,
    "scatter_add": _scatter,
    "native_batch_norm": _batch_norm,
    "cudnn_batch_norm": _batch_norm,
    "native_batch_norm_backward": _batch_norm_backward,
    "cudnn_batch_norm_backward": _batch_norm_backward,
    "nll_loss_forward": _nll_forward,
    "nll_loss2d_forward": _nll_forward,
    "nll_loss_backward": _nll_backward,
    "nll_loss2d_backward": _nll_backward,
    "max_pool2d_with_indices": _max_pool,
    "avg_pool2d": _avg_pool,
    "avg_pool2d_backward": _avg_pool_backward,
    "_adaptive_avg_pool2d_backward": _spread,
    "upsample_bilinear2d": _bilinear,
    "upsample_bilinear2d_backward": _bilinear_backward,
    "sort": _sort,
    "topk": _sort,
    "argsort": _sort,
    "searchsorted": _search,
    "_linalg_solve_ex": _solve,
    "_fused_sgd": _sgd,
    "_fused_adam": _adam,
    "_fused_adamw": _adam,
    **dict.fromkeys(ATTENTION, _attention),
    **dict.fromkeys((f"{name}_backward" for name in ATTENTION), _attention_backward),
}
