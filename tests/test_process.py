"""The server that trials are forked from has imported what they need."""

import multiprocessing

import pytest

from raskd_bench import process
from raskd_bench.spec import Suite, expand

SUITE = {
    "schema": 1, "name": "mine", "data": "digits", "student": "resnet8", "budget": {"epochs": 1},
    "seeds": [0], "teacher": {"student": "wrn_16_2"}, "methods": ["ras_kd", "kd"],
}  # fmt: skip


@pytest.fixture
def preloaded(monkeypatch):
    """What the server would import."""
    names = []
    context = multiprocessing.get_context("forkserver")
    monkeypatch.setattr(context, "set_forkserver_preload", names.extend)
    return names


def test_the_parts_of_the_trials_are_preloaded(preloaded, tmp_path):
    process.preload(plan.trial for plan in expand(Suite.model_validate(SUITE), tmp_path))
    assert {"raskd_bench.data.digits", "sklearn.datasets", "raskd_bench.students.resnet",
            "raskd_bench.students.wide_resnet", "raskd_bench.methods.ras_kd",
            "raskd_bench.methods.kd"} <= set(preloaded)  # fmt: skip


def test_a_users_method_is_not_preloaded(preloaded, tmp_path):
    (tmp_path / "mine.py").write_text(
        "from raskd_bench.method import Method\n\n\nclass Mine(Method):\n    pass\n"
    )
    suite = SUITE | {"methods": ["./mine.py:Mine"], "teacher": None}
    process.preload(plan.trial for plan in expand(Suite.model_validate(suite), tmp_path))
    assert [name for name in preloaded if "mine" in name] == []
