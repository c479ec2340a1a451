"""What a trial is too small for is told before it starts, with the number it needs."""

import pytest
import torch

from raskd_bench.readiness import faults_of
from raskd_bench.spec import expand, load_suite

SUITE = """
schema: 1
name: tiny
data: {data}
student: resnet8
batch_size: {batch_size}
budget: {budget}
teacher: {{student: resnet8}}
seeds: [0]
methods: [kd, {methods}]
"""


@pytest.fixture
def faults(tmp_path):
    """Return a function that gives the faults of a suite's trials."""

    def find(methods="cross_entropy", data="digits", batch_size=64, budget="{epochs: 1}"):
        path = tmp_path / "tiny.yaml"
        path.write_text(SUITE.format(methods=methods, data=data, batch_size=batch_size,
                                     budget=budget))  # fmt: skip
        trials = [plan.trial for plan in expand(load_suite(path), tmp_path)]
        return faults_of(trials, torch.device("cpu"), tmp_path, {})

    return find


def test_what_is_large_enough_starts(faults):
    assert faults(methods="rkd, byot, cs_kd", budget="{images: 128}") == []


def test_a_data_set_with_fewer_images_than_a_method_compares_is_refused(faults):
    (fault,) = faults(methods="rkd", data="{name: synthetic, classes: 2, train: 2, test: 2}")
    assert fault.startswith("rkd: compares images of a batch and needs 3; those of synthetic")
    assert fault.endswith("have 2")


def test_pictures_below_the_strides_of_byots_branches_are_refused_with_their_size(faults):
    (fault,) = faults(methods="byot", data="{name: synthetic, size: 3}")
    assert fault == ("byot on resnet8: needs pictures of 4x4 pixels or more; those of "
                     "synthetic(size=3) have 3x3")  # fmt: skip


def test_one_class_is_refused_in_one_line(faults):
    (fault,) = faults(data="{name: synthetic, classes: 1}")
    assert fault == (
        "synthetic: has one class, 'class 0': there is nothing to tell apart; a data set has two "
        "or more"
    )


@pytest.mark.parametrize(("budget", "step"), [
    ("{images: 127}", "which has 128 images"), ("{flops: 1e6}", "flops"),
])  # fmt: skip
def test_a_budget_below_a_step_of_a_method_is_refused(faults, budget, step):
    found = faults(methods="cs_kd", budget=budget)
    fault = next(fault for fault in found if fault.startswith("cs_kd on resnet8: a budget of"))
    assert "is below one step" in fault
    assert fault.endswith(step)
