"""Counted FLOPs against what arithmetic says; one multiply-add is two."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from raskd_bench.flops import count_flops, forward_macs
from raskd_bench.students.build import new_student
from raskd_bench.students.resnet import BasicBlock
from raskd_bench.tasks.build import new_task

VIT = {"img_size": 32, "patch_size": 8, "depth": 2, "embed_dim": 48, "num_heads": 3}


class LogitsOnly(nn.Module):
    """What tracing can follow: a student that gives a tensor."""

    def __init__(self, student):
        super().__init__()
        self.student = student

    def forward(self, images):
        return self.student(images).logits


def both(network, *inputs):
    """Return the FLOPs of a forward, and of its backward to inputs and weights."""
    inputs = [tensor.requires_grad_() for tensor in inputs]
    forward = count_flops(lambda: network(*inputs))
    return forward, count_flops(lambda: network(*inputs).sum().backward()) - forward


@pytest.mark.parametrize(
    ("channels", "width", "groups"), [(4, 8, 1), (4, 8, 2), (64, 64, 8), (64, 64, 64), (8, 16, 8)]
)
def test_a_convolution_dense_grouped_or_depthwise_costs_twice_as_much_backward(
    channels, width, groups
):
    conv = nn.Conv2d(channels, width, 3, padding=1, groups=groups)
    forward, backward = both(conv, torch.randn(2, channels, 6, 6))
    assert forward == 2 * 2 * 6 * 6 * width * (channels // groups) * 9
    assert backward == 2 * forward


def test_a_stride_divides_the_positions():
    forward, backward = both(nn.Conv2d(4, 8, 3, stride=2, padding=1), torch.randn(2, 4, 8, 8))
    assert forward == 2 * 2 * 4 * 4 * 8 * 4 * 9
    assert backward == 2 * forward


def test_the_first_layer_has_no_input_gradient():
    conv, images = nn.Conv2d(3, 8, 3), torch.randn(2, 3, 8, 8)
    forward = count_flops(lambda: conv(images))
    assert count_flops(lambda: conv(images).sum().backward()) == 2 * forward


@pytest.mark.parametrize("groups", [1, 2])
def test_a_transposed_convolution_costs_twice_as_much_backward(groups):
    forward, backward = both(nn.ConvTranspose2d(4, 8, 3, groups=groups), torch.randn(2, 4, 6, 6))
    assert forward == 2 * 2 * 6 * 6 * 8 * 4 * 9 // groups
    assert backward == 2 * forward


@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 5)])
def test_a_linear_layer_costs_twice_as_much_backward(shape):
    forward, backward = both(nn.Linear(5, 7), torch.randn(shape))
    assert forward == 2 * torch.Size(shape[:-1]).numel() * 5 * 7
    assert backward == 2 * forward


@pytest.mark.parametrize("fused", [True, False])
def test_attention_costs_the_same_on_every_kernel(fused):
    backends = torch.nn.attention.SDPBackend
    kernel = backends.FLASH_ATTENTION if fused else backends.MATH
    query, key, value = (torch.randn(2, 3, length, 16) for length in (8, 10, 10))
    with torch.nn.attention.sdpa_kernel(kernel):
        forward, backward = both(F.scaled_dot_product_attention, query, key, value)
    assert forward == 2 * 2 * (2 * 3) * 8 * 10 * 16
    assert backward == 2 * forward


@pytest.mark.parametrize(
    ("work", "flops"),
    [
        (lambda m, v: m @ v, 2 * 3 * 5),
        (lambda m, v: torch.addmv(m[:, 0], m, v), 2 * 3 * 5),
        (lambda m, v: v @ v, 2 * 5),
        (lambda m, v: torch.vdot(v, v), 2 * 5),
        (lambda m, v: m @ m.T, 2 * 3 * 5 * 3),
        (lambda m, v: torch.einsum("ij,kj->ik", m, m), 2 * 3 * 5 * 3),
        (lambda m, v: torch.baddbmm(m[None, :, :3], m[None], m.T[None]), 2 * 3 * 5 * 3),
        (lambda m, v: m[:, None] @ m.T, 2 * 3 * 3 * 5),
    ],
)
def test_every_product_of_matrices_and_vectors_counts(work, flops):
    assert count_flops(lambda: work(torch.randn(3, 5), torch.randn(5))) == flops


def test_element_wise_work_and_reductions_do_not_count():
    x = torch.randn(4, 8, 6, 6)
    assert count_flops(lambda: F.batch_norm(x, None, None, training=True).relu().exp().sum()) == 0
    assert count_flops(lambda: F.cross_entropy(x[:, :, 0, 0], torch.zeros(4).long())) == 0


def test_work_without_gradient_counts():
    x = torch.randn(3, 5)
    with torch.inference_mode():
        assert count_flops(lambda: F.linear(x, x)) == 2 * 3 * 5 * 3


def test_the_precision_does_not_change_the_count():
    conv, x = nn.Conv2d(4, 8, 3), torch.randn(2, 4, 6, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = count_flops(lambda: conv(x).sum().backward())
    assert low == count_flops(lambda: conv(x).sum().backward())


def test_multiply_adds_of_a_residual_block_are_those_on_paper():
    block = BasicBlock(16, 32, 2).eval()
    convolutions = 4 * 4 * (32 * 16 * 9 + 32 * 32 * 9)
    shortcut = 4 * 4 * 32 * 16
    assert forward_macs(block, torch.zeros(1, 16, 8, 8)) == convolutions + shortcut


def test_multiply_adds_of_attention_count():
    class Attention(nn.Module):
        def forward(self, x):
            return F.scaled_dot_product_attention(x, x, x)

    assert forward_macs(Attention(), torch.zeros(1, 3, 8, 16)) == 2 * 3 * 8 * 8 * 16


@pytest.mark.parametrize(
    ("name", "options", "size"),
    [("resnet8", {}, 8), ("wrn_16_2", {}, 32), ("timm/vit_tiny_patch16_224", VIT, 32),
     ("timm/mobilenetv3_small_050", {}, 32)],
)  # fmt: skip
def test_both_counters_agree_on_a_students_forward(name, options, size):
    student = new_student(name, options, new_task("classification", 10)).eval()
    images = torch.zeros(1, 3, size, size)
    with torch.no_grad():
        counted = count_flops(lambda: student(images))
    assert counted == 2 * forward_macs(LogitsOnly(student), images) > 0


@pytest.mark.parametrize("no_grad", [torch.no_grad, torch.inference_mode])
def test_attention_without_gradient_costs_what_it_does_with_one(no_grad):
    batch, length, size, hidden = 2, 5, 16, 32
    attention = nn.MultiheadAttention(size, 4, batch_first=True).eval()
    layer = nn.TransformerEncoderLayer(size, 4, hidden, batch_first=True).eval()
    tokens = torch.randn(batch, length, size)
    projections = 2 * batch * length * size * (3 * size + size)
    expected = projections + 2 * 2 * batch * length * length * size
    for network, flops in (
        (lambda: attention(tokens, tokens, tokens), expected),
        (lambda: layer(tokens), expected + 2 * 2 * batch * length * size * hidden),
    ):
        assert count_flops(network) == flops
        with no_grad():
            assert count_flops(network) == flops
