"""Cross entropy on an example worked by hand."""

import pytest
import torch

from raskd_bench.methods.cross_entropy import CrossEntropy


def test_equation(table_student, row_batch, start) -> None:
    z = torch.tensor([[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]], requires_grad=True)
    (term,) = CrossEntropy().loss(table_student(z), row_batch([0, 1], [1, 0]), start).values()
    # log(e + e^2 + 1) - 2 = 0.407606 and log(1 + e^-1 + e^3) - 0 = 3.065884
    assert term.item() == pytest.approx((0.407606 + 3.065884) / 2, abs=1e-6)
    term.backward()
    expected = [[0.244728, 0.665241 - 1, 0.090031], [0.046613 - 1, 0.017148, 0.936239]]
    torch.testing.assert_close(z.grad, torch.tensor(expected) / 2, atol=1e-6, rtol=0)
