"""FLOPs and bytes of single operations, worked out by hand; float32 has 4 bytes."""

import pytest
import torch
from torch.nn import functional as F

from raskd_bench.counting.counter import StepCounter

FLOAT = 4
LONG = 8


def counted(work, *inputs):
    """Return a counter that has seen the work on the inputs."""
    counter = StepCounter()
    with counter, counter.counting(not_saved=[]):
        work(*inputs)
    return counter


@pytest.mark.parametrize(
    ("work", "elementwise", "reduction"),
    [
        (lambda x: x + 1, 12, 0),
        (lambda x: x.exp_(), 12, 0),
        (lambda x: x.sum(), 0, 12),
        (lambda x: x.mean(dim=1), 0, 12),
        (lambda x: x[:1].expand(3, 4) + x, 12, 0),
        (lambda x: torch.maximum(x, x), 12, 0),
        (lambda x: torch.max(x, x), 12, 0),
        (lambda x: x.max(), 0, 12),
        (lambda x: x.clone(), 0, 0),
        (lambda x: torch.softmax(x, dim=1), 3 * 12, 2 * 12),
        (lambda x: F.log_softmax(x, dim=1), 3 * 12, 2 * 12),
        (lambda x: F.layer_norm(x, (4,)), 5 * 12, 2 * 12),
        (lambda x: F.gelu(x), 5 * 12, 0),
        (lambda x: F.nll_loss(x, torch.tensor([0, 1, 2])), 0, 3),
        (lambda x: F.batch_norm(x, None, None, training=True), 4 * 12, 2 * 12),
        (lambda x: F.max_pool2d(x[None], 2), 0, 2 * 4),
        (lambda x: x.sort(dim=1), 2 * 12, 0),
        (lambda x: x.index_add_(0, torch.tensor([0, 1]), torch.ones(2, 4)), 8, 0),
        (lambda x: torch.addcmul(torch.ones(1), x, x), 3 * 12, 0),
        (lambda x: torch._foreach_add_([x, x], 1), 12, 0),
    ],
)
def test_elementwise_work_and_reductions_follow_the_conventions(work, elementwise, reduction):
    seen = counted(work, torch.rand(3, 4))
    assert (seen.elementwise_flops, seen.reduction_flops) == (elementwise, reduction)
    assert seen.unknown == set()


@pytest.mark.parametrize(
    ("work", "read", "written"),
    [
        (lambda x: x + 1, 12, 12),
        (lambda x: x.add_(1), 12, 12),
        (lambda x: x * x, 12, 12),
        (lambda x: x.zero_(), 0, 12),
        (lambda x: torch.zeros_like(x), 0, 12),
        (lambda x: x[0].copy_(x[1]), 4, 4),
        (lambda x: torch.add(x, 1, out=torch.empty(3, 4)), 12, 12),
        (lambda x: x[:, :1].expand(3, 4) + x, 3 + 12, 12),
        (lambda x: x.view(12).view(4, 3).t().detach().unsqueeze(0), 0, 0),
        (lambda x: torch.empty_like(x), 0, 0),
    ],
)
def test_bytes_are_those_of_arguments_and_results(work, read, written):
    seen = counted(work, torch.rand(3, 4))
    assert (seen.bytes_read, seen.bytes_written) == (read * FLOAT, written * FLOAT)


def test_a_look_up_reads_the_rows_it_takes_and_not_the_table():
    rows = torch.tensor([1, 5])
    seen = counted(lambda table: table[rows], torch.rand(1000, 4))
    assert (seen.bytes_read, seen.bytes_written) == (8 * FLOAT + 2 * LONG, 8 * FLOAT)


def test_a_store_writes_the_rows_it_changes_and_not_the_table():
    rows, values = torch.tensor([1, 5]), torch.rand(2, 4)

    def store(table):
        table[rows] = values

    seen = counted(store, torch.rand(1000, 4))
    assert (seen.bytes_read, seen.bytes_written) == (8 * FLOAT + 2 * LONG, 8 * FLOAT)


def test_statistics_of_batch_normalisation_are_written_in_training_only():
    images, mean, variance = torch.rand(2, 3, 4, 4), torch.zeros(3), torch.ones(3)
    training = counted(lambda: F.batch_norm(images, mean, variance, training=True))
    assert training.bytes_written == (96 + 2 * 3 + 2 * 3) * FLOAT
    assert counted(lambda: F.batch_norm(images, mean, variance)).bytes_written == 96 * FLOAT


def test_views_and_allocations_are_no_operations():
    seen = counted(lambda x: x.t().reshape(3, 4).sum(), torch.rand(3, 4).t().contiguous())
    assert dict(seen.operations) == {"aten.sum.default": 1}


def test_an_operation_without_a_formula_is_named_and_its_bytes_count():
    seen = counted(lambda x: torch.special.i0e(x), torch.rand(3, 4))
    assert seen.unknown == {"aten.special_i0e.default"}
    assert seen.operations == {"aten.special_i0e.default": 1}
    assert (seen.elementwise_flops, seen.bytes_read) == (0, 12 * FLOAT)


@pytest.mark.parametrize(
    ("work", "waits", "copies"),
    [
        (lambda x: x.sum().item(), 1, 0),
        (lambda x: bool(x.sum() > 0), 1, 0),
        (lambda x: x.nonzero(), 1, 0),
        (lambda x: x[x > 0], 1, 0),
        (lambda x: x[torch.tensor([0])], 0, 0),
        (lambda x: x.unique(), 1, 0),
        (lambda x: x.cpu(), 1, 1),
        (lambda x: x.tolist(), 1, 1),
        (lambda x: x.to("cpu"), 1, 1),
        (lambda x: x.to(torch.float64), 0, 0),
        (lambda x: torch.tensor([1.0], device=x.device), 0, 1),
    ],
)
def test_waits_and_copies_are_seen_on_a_cpu_too(work, waits, copies):
    host = counted(work, torch.rand(3, 4)).host
    assert (host.waits, host.copies) == (waits, copies)


def test_products_are_split_into_forward_and_backward():
    layer = torch.nn.Linear(5, 7)
    seen = counted(lambda x: layer(x).sum().backward(), torch.rand(3, 5))
    assert seen.matmul_flops_forward == 2 * 3 * 5 * 7
    assert seen.matmul_flops_backward == 2 * 3 * 5 * 7  # of the weight: the input needs none


@pytest.mark.parametrize("groups", [1, 2, 8])
def test_a_grouped_convolution_costs_its_share_and_twice_as_much_backward(groups):
    layer = torch.nn.Conv2d(8, 8, 3, padding=1, groups=groups)
    images = torch.rand(2, 8, 6, 6, requires_grad=True)
    seen = counted(lambda x: layer(x).sum().backward(), images)
    assert seen.matmul_flops_forward == 2 * 2 * 36 * 8 * (8 // groups) * 9
    assert seen.matmul_flops_backward == 2 * seen.matmul_flops_forward


def test_in_inference_mode_an_operation_counts_as_its_parts():
    layer = torch.nn.Linear(5, 7)
    with torch.inference_mode():
        seen = counted(layer, torch.rand(3, 5))
    assert dict(seen.operations) == {"aten.addmm.default": 1}


def test_attention_without_gradient_is_counted_as_with_one():
    layer = torch.nn.TransformerEncoderLayer(16, 4, 32, batch_first=True).eval()
    tokens = torch.randn(2, 5, 16)
    plain = counted(layer, tokens).matmul_flops_forward
    with torch.no_grad():
        fused = counted(layer, tokens)
    assert fused.matmul_flops_forward == plain == 44_160
    assert fused.unknown == set()
