"""A method that trains the baseline is told, on the same machine and seed only."""

import pytest

from raskd_bench.placebo import placebos
from raskd_bench.record import Record

FIELDS = {
    "trial": "0123456789ab", "suite": "tiny", "cell": "ba9876543210", "baseline": "cross_entropy",
    "position": 0, "hparams": {}, "hparams_passed": {}, "method_digest": "d1", "seed": 0,
    "budget": {"steps": 8.0}, "conditions": {}, "status": "done", "steps": 8,
    "started": "2026-11-23T05:00:00+00:00", "curve": [{"step": 8, "test_nll": 1 / 3}],
}  # fmt: skip


def new_record(label, machine, **fields):
    return Record(**FIELDS | {"method": label, "label": label, "machine": machine} | fields)


@pytest.mark.parametrize("machine", [
    {"cpu": "one", "cores": 2, "host": "vm", "device": "cpu"},
    {"cpu": "one", "cores": 2},
], ids=["whole", "without host and device"])  # fmt: skip
def test_a_student_that_is_the_baselines_is_told(machine):
    records = [new_record("cross_entropy", machine), new_record("ras_kd", machine)]
    (line,) = placebos(records)
    assert line.startswith("ras_kd, seed 0: its student is bit-identical to that of cross_entropy")


def test_students_of_two_hosts_are_not_held_to_each_other():
    here, there = ({"cpu": "one", "cores": 2, "host": name} for name in ("a", "b"))
    assert placebos([new_record("cross_entropy", here), new_record("ras_kd", there)]) == []


@pytest.mark.parametrize(("method", "classes", "cause"), [
    ("zipf_ls", 2, "with two classes zipf_ls is cross entropy by construction; it needs 3"),
    ("zipf_ls", 3, "a bug in it"), ("ras_kd", 2, "a bug in it"), ("./own.py:Own", 2, "a bug in it"),
])  # fmt: skip
def test_two_classes_are_named_where_they_are_the_cause(method, classes, cause):
    data = {"train": 8, "test": 8, "classes": classes, "height": 8, "width": 8,
            "largest_class": 0.5}  # fmt: skip
    records = [new_record("cross_entropy", {}), new_record(method, {}, data=data)]
    (line,) = placebos(records)
    assert cause in line
