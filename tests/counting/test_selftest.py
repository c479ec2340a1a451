"""The counter is compared with known values before it is trusted."""

import pytest
import torch
from torch.nn import functional as F

from raskd_bench.counting import selftest
from raskd_bench.errors import BenchError


def test_this_torch_is_counted_right():
    selftest.check_counter.cache_clear()
    selftest.check_counter()
    assert selftest.check_counter.cache_info().currsize == 1


def test_a_wrong_count_is_one_line_with_operation_both_numbers_and_version():
    inputs = [torch.ones(3, 5), torch.ones(7, 5)]
    with pytest.raises(BenchError, match="linear forward: counted 210 FLOPs, expected 211") as seen:
        selftest.check("linear", F.linear, inputs, 211)
    assert torch.__version__ in str(seen.value)
    assert "\n" not in str(seen.value)


def test_a_backward_that_costs_something_else_is_refused():
    inputs = [torch.ones(3, 5), torch.ones(7, 5)]
    with pytest.raises(BenchError, match="half backward: counted 210 FLOPs, expected 420"):
        selftest.check("half", lambda x, w: F.linear(x.detach(), w), inputs, 210)
