"""RKD: distances and angles of a batch, compared with a teacher's of any size."""

import numpy as np
import pytest
import torch

from raskd_bench.method import Setting
from raskd_bench.methods.rkd import RKD, relations

E = np.array([[2.0, 1.0], [-1.0, 0.5], [0.0, 3.0], [1.0, -1.0]])
TEACHER = np.array([[1.0, 0.0, 2.0], [0.5, 4.0, -1.0], [0.0, 1.0, 1.0], [2.0, 2.0, 2.0]])
Z = np.array([[1.0, 2.0], [0.0, -1.0], [0.3, 0.2], [1.0, 0.0]])
LABELS = [1, 0, 1, 1]


def slow_relations(e):
    size = len(e)
    distances, cosines = np.zeros((size,) * 2), np.zeros((size,) * 3)
    for i, j, k in np.ndindex(size, size, size):
        distances[i, j] = np.linalg.norm(e[i] - e[j])
        if j != i and k != i:
            u, v = e[j] - e[i], e[k] - e[i]
            cosines[i, j, k] = u @ v / np.linalg.norm(u) / np.linalg.norm(v)
    return distances / distances[distances > 0].mean(), cosines


def slow_losses(e) -> tuple[float, float]:
    def smooth(differences) -> float:
        gap = np.abs(differences)
        return np.where(gap < 1, gap**2 / 2, gap - 0.5).mean()

    pairs = zip(slow_relations(e), slow_relations(TEACHER), strict=True)
    return tuple(smooth(one - other) for one, other in pairs)


def built(teacher, **hparams) -> RKD:
    method = RKD(**hparams)
    method.build(Setting(2, 4, (1,), (1,), 2, torch.nn.Identity, teacher))
    return method


def step(table_student, row_batch, start, e=E, taught=TEACHER, **hparams):
    """Return terms, and embeddings of student and teacher."""
    z = torch.tensor(Z, dtype=torch.float)
    leaves = [torch.tensor(x, dtype=torch.float, requires_grad=True) for x in (e, taught)]
    student, teacher = (table_student(z, embeddings=leaf) for leaf in leaves)
    batch = row_batch([0, 1, 2, 3], LABELS)
    return built(teacher, **hparams).loss(student, batch, start), *leaves


def test_equation(table_student, row_batch, start) -> None:
    terms, e, teacher = step(table_student, row_batch, start, distance=3.0, angle=5.0)
    by_distance, by_angle = slow_losses(E)
    assert terms["distance"].item() == pytest.approx(3 * by_distance, rel=1e-5)
    assert terms["angle"].item() == pytest.approx(5 * by_angle, rel=1e-5)
    ce = -np.mean([np.log(np.exp(z[y]) / np.exp(z).sum()) for z, y in zip(Z, LABELS, strict=True)])
    assert terms["ce"].item() == pytest.approx(ce, rel=1e-6)
    (terms["distance"] + terms["angle"]).backward()
    expected = np.zeros_like(E)
    for index in np.ndindex(E.shape):  # central differences
        for sign in (1, -1):
            moved = E.copy()
            moved[index] += sign * 1e-6
            by_distance, by_angle = slow_losses(moved)
            expected[index] += sign * (3 * by_distance + 5 * by_angle) / 2e-6
    np.testing.assert_allclose(e.grad, expected, atol=1e-4)
    assert teacher.grad is None


def test_relations_do_not_depend_on_scale_place_or_rotation(
    table_student, row_batch, start
) -> None:
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    terms, *_ = step(table_student, row_batch, start, e=7 * TEACHER @ turn + 5)
    assert terms["distance"].item() < 1e-9
    assert terms["angle"].item() < 1e-9


def test_near_neighbours_do_not_cancel() -> None:
    e = np.float32([[100.0, 0.0], [100.001, 0.0], [100.0, 0.002], [-300.0, 5.0]])
    expected = slow_relations(e.astype(np.float64))
    for found, slow in zip(relations(torch.from_numpy(e)), expected, strict=True):
        np.testing.assert_allclose(found, slow, rtol=1e-4, atol=1e-6)


def test_distances_have_mean_one_off_the_diagonal() -> None:
    distances, cosines = relations(torch.tensor(E))
    assert distances.sum().item() == pytest.approx(4 * 3)
    assert distances.diagonal().count_nonzero() == 0
    torch.testing.assert_close(cosines, cosines.transpose(1, 2))


def test_equal_embeddings_have_a_finite_gradient(table_student, row_batch, start) -> None:
    terms, e, _ = step(table_student, row_batch, start, e=E[[0, 0, 1, 1]])
    (terms["distance"] + terms["angle"]).backward()
    assert terms["distance"].isfinite()
    assert e.grad.isfinite().all()


def test_relations_are_float32_under_autocast() -> None:
    e = torch.randn(6, 16, generator=torch.Generator().manual_seed(0))
    expected = relations(e)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = relations(e)
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


def test_without_weights_it_is_cross_entropy_to_the_bit(new_rig) -> None:
    rkd, ce = new_rig("rkd", distance=0.0, angle=0.0), new_rig("cross_entropy")
    for _ in zip(rkd.train(), ce.train(), strict=True):
        for one, other in zip(rkd.student.parameters(), ce.student.parameters(), strict=True):
            assert torch.equal(one.grad, other.grad)
            assert torch.equal(one, other)
