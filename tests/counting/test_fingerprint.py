"""A trial's fingerprint: exact, sensitive to operations and to nothing else."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from raskd_bench import catalog
from raskd_bench.counting import fingerprint
from raskd_bench.counting.fingerprint import count_fingerprint
from raskd_bench.data.build import Shape
from raskd_bench.spec import expand, load_suite

SHAPE = Shape(10, 640, 8, 8)
LABELS = np.arange(640) % 10
VIT = {"name": "timm/vit_tiny_patch16_224", "img_size": 8, "patch_size": 2, "depth": 2,
       "embed_dim": 48, "num_heads": 3}  # fmt: skip
METHOD = '''
"""A user's method."""
import torch
from raskd_bench.losses import supervise
from raskd_bench.method import Method

class Mine(Method):
    """L = CE."""
    def loss(self, student, batch, progress):
        output = student(*batch.views[0])
        return supervise(output)
'''
TERM = """        extra = torch.softmax(output.logits, dim=1).sum()
        return {**supervise(output), "extra": extra}
"""
PROCESS = """
import json, sys
from pathlib import Path
import numpy as np
from raskd_bench.counting.fingerprint import count_fingerprint
from raskd_bench.data.build import Shape
from raskd_bench.spec.trial import Trial

trial = Trial.model_validate_json(sys.stdin.read())
found = count_fingerprint(trial, Shape(10, 640, 8, 8), np.arange(640) % 10, Path())
print(found.model_dump_json())
"""


@pytest.fixture
def trial(tmp_path):
    """Return a trial of a method; a teacher is added where one is needed."""

    def make(method, **changes):
        content = {
            "schema": 1, "name": "mine", "data": "digits", "student": "resnet8", "batch_size": 32,
            "budget": {"epochs": 1}, "seeds": [0], "methods": [method],
        }  # fmt: skip
        if catalog.find("method", method, tmp_path).needs_teacher:
            content["teacher"] = {"student": "resnet8"}
        path = tmp_path / "mine.yaml"
        path.write_text(json.dumps(content | changes))
        return expand(load_suite(path), tmp_path)[0].trial

    return make


@pytest.fixture
def counted(trial, tmp_path):
    """Return the fingerprint of a method's step."""

    def make(method, **changes):
        return count_fingerprint(trial(method, **changes), SHAPE, LABELS, tmp_path)

    return make


@pytest.fixture
def no_data(monkeypatch):
    """Refuse to fall back to tensors with data."""

    def refuse(trial, *_args):
        raise AssertionError(f"{trial.method} was counted on real tensors")

    monkeypatch.setattr(fingerprint, "_on_real_tensors", refuse)


@pytest.mark.usefixtures("no_data")
@pytest.mark.parametrize("method", catalog.names("method"))
def test_every_operation_of_every_method_is_known_and_needs_no_data(counted, method):
    found = counted(method)
    assert found.unknown == ()
    assert (found.synchronisations, found.copies) == (0, 0)
    assert found.peak_live_bytes > found.saved_bytes > 0


@pytest.mark.usefixtures("no_data")
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_every_operation_of_a_transformer_is_known_and_needs_no_data(counted, optimizer):
    found = counted("ras_kd", student=VIT, optimizer={"name": optimizer, "lr": 0.1})
    assert found.unknown == ()
    assert "aten._scaled_dot_product_flash_attention_for_cpu.default" in found.operations


@pytest.mark.parametrize("method", ["ras_kd", "ps_kd", "kd", "byot"])
def test_tensors_with_data_give_the_same(trial, tmp_path, method):
    asked = trial(method)
    real = fingerprint._on_real_tensors(asked, SHAPE, LABELS, tmp_path).fingerprint
    assert count_fingerprint(asked, SHAPE, LABELS, tmp_path) == real


def test_counting_twice_gives_the_same(counted):
    assert counted("mixskd") == counted("mixskd")


def test_another_process_with_other_hashes_and_threads_gives_the_same(trial, counted):
    environment = os.environ | {"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "2"}
    done = subprocess.run(
        [sys.executable, "-c", PROCESS], input=trial("ras_kd").model_dump_json(),
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    assert json.loads(done.stdout) == json.loads(counted("ras_kd").model_dump_json())


def test_a_needless_softmax_is_two_operations_and_no_product(counted, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(METHOD)
    before = counted("./mine.py:Mine")
    path.write_text(METHOD.replace("        return supervise(output)\n", TERM))
    after = counted("./mine.py:Mine")
    names = {*before.operations, *after.operations}
    added = {name: after.operations.get(name, 0) - before.operations.get(name, 0) for name in names}
    assert {name: number for name, number in added.items() if number} == {
        "aten._softmax.default": 1,
        "aten._softmax_backward_data.default": 1,
        "aten.sum.default": 1,  # of the term
        "aten.add.Tensor": 2,  # of the terms, and of the gradients of the logits
    }
    assert after.matmul_flops == before.matmul_flops
    assert after.reduction_flops - before.reduction_flops == (2 + 1 + 1) * 32 * 10
    assert after.saved_bytes - before.saved_bytes == 32 * 10 * 4


def test_spaces_and_comments_change_nothing(counted, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(METHOD)
    before = counted("./mine.py:Mine")
    path.write_text(METHOD.replace("return supervise", "# a comment\n\n        return  supervise"))
    assert counted("./mine.py:Mine") == before


def test_a_number_that_is_read_is_a_wait(counted, tmp_path):
    reading = "assert output.logits.sum().item() < 1e9\n        return supervise"
    (tmp_path / "mine.py").write_text(METHOD.replace("return supervise", reading))
    assert counted("./mine.py:Mine").synchronisations == 1


def test_compilation_changes_nothing_and_low_precision_only_what_moves(counted):
    plain, compiled = counted("cross_entropy"), counted("cross_entropy", compile=True)
    assert compiled == plain
    low = counted("cross_entropy", precision="bf16")
    assert low.matmul_flops == plain.matmul_flops
    assert low.operations["aten._to_copy.default"] > 0
    assert low.saved_bytes < plain.saved_bytes


def test_parameters_buffers_and_images_are_those_of_the_method(counted):
    found = counted("ps_kd")
    assert found.extra_buffer_bytes == found.state_bytes == 640 * 10 * 4
    assert (found.images_forwarded, found.images_forwarded_without_gradient) == (32, 0)
    assert counted("ras_kd").extra_params == 10 * 64
