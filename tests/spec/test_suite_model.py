"""Valid suites: what may be written, what it means, and the schema that editors use."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from raskd_bench.errors import SuiteError
from raskd_bench.spec import expand, load_suite
from raskd_bench.spec.suite import json_schema

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "suites" / "quickstart.yaml"
SCHEMA = ROOT / "suites" / "suite.schema.json"
USER_METHOD = """\
from raskd_bench.method import Method, Positive

class Mine(Method):
    def __init__(self, strength: Positive = 0.5) -> None:
        super().__init__()
"""


def test_quickstart_is_what_the_design_shows():
    suite = load_suite(QUICKSTART)
    assert (suite.name, suite.task, suite.seeds) == ("quickstart", "classification", [0, 1, 2])
    assert [str(entry) for entry in (*suite.data, *suite.student)] == ["digits", "resnet8"]
    assert str(suite.budget) == "12 epochs"
    assert suite.optimizer.weight_decay == 5e-4
    assert suite.methods[3].shown == "RAS-KD + instance"
    assert suite.methods[3].hparams == {"beta": 0.5}
    assert suite.baseline_label == "cross_entropy"


def test_defaults_are_filled_in(write_suite):
    suite = load_suite(write_suite())
    assert (suite.batch_size, suite.precision, suite.compile) == ([128], ["fp32"], [False])
    assert (suite.optimizer.name, suite.optimizer.lr, suite.schedule.name) == ("sgd", 0.1, "cosine")
    assert (suite.val_fraction, suite.evaluations, suite.exclude) == (0.0, 10, [])


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("data", "[digits, {name: synthetic, classes: 5}]", ["digits", "synthetic(classes=5)"]),
        ("student", "[resnet8, {name: timm/resnet18}]", ["resnet8", "timm/resnet18"]),
        ("batch_size", "[64, 128]", ["64", "128"]),
        ("precision", "[fp32, bf16]", ["fp32", "bf16"]),
        ("compile", "[false, true]", ["False", "True"]),
    ],
)
def test_each_axis_of_the_grid_may_be_a_list(write_suite, key, text, expected):
    suite = load_suite(write_suite(**{key: text}))
    assert [str(value) for value in getattr(suite, key)] == expected


@pytest.mark.parametrize("text", ["digits", "{name: digits}", "[digits]", "[{name: digits}]"])
def test_a_name_alone_is_a_mapping_with_that_name(write_suite, text):
    (data,) = load_suite(write_suite(data=text)).data
    assert (data.name, data.options) == ("digits", {})


def test_a_method_may_be_a_class_of_a_file_beside_the_suite(write_suite, tmp_path):
    (tmp_path / "mine.py").write_text(USER_METHOD)
    path = write_suite(methods="[cross_entropy, {name: ./mine.py:Mine, strength: 2}]")
    plan = expand(load_suite(path), tmp_path)[1]
    assert (plan.label, plan.trial.method) == ("./mine.py:Mine", "./mine.py:Mine")
    assert (plan.passed, plan.trial.hparams) == ({"strength": 2}, {"strength": 2.0})


def test_the_range_in_a_users_file_holds(write_suite, tmp_path):
    (tmp_path / "mine.py").write_text(USER_METHOD)
    path = write_suite(methods="[{name: ./mine.py:Mine, strength: 0}]")
    with pytest.raises(SuiteError, match=r"strength: must be a number above 0; found 0"):
        load_suite(path)


@pytest.mark.parametrize("unit", ["epochs", "steps", "images", "seconds", "flops"])
def test_a_budget_is_an_amount_in_one_unit(write_suite, unit):
    budget = load_suite(write_suite(budget=f"{{{unit}: 50}}")).budget
    assert (budget.unit, budget.amount) == (unit, 50.0)


def test_values_follow_yaml_1_2(write_suite):
    path = write_suite(
        name="'007'", optimizer="{name: sgd, lr: 1e-3, weight_decay: .5}", seeds="[0x10, 0o17, +3]"
    )
    suite = load_suite(path)
    assert (suite.name, suite.optimizer.lr, suite.optimizer.weight_decay) == ("007", 1e-3, 0.5)
    assert suite.seeds == [16, 15, 3]


def test_a_label_of_yes_and_no_is_text(write_suite):
    path = write_suite(methods="[{name: ras_kd, label: yes}, {name: kd, label: no}]",
                       teacher="{student: resnet20}")  # fmt: skip
    assert [entry.shown for entry in load_suite(path).methods] == ["yes", "no"]


def test_a_byte_order_mark_and_windows_line_ends_are_read_over(tmp_path, write_suite):
    path = write_suite()
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_suite(path).name == "small"


def test_a_pair_that_is_excluded_may_be_impossible(write_suite, tmp_path):
    text = USER_METHOD.replace("    def", '    backbones = frozenset({"cnn"})\n\n    def')
    (tmp_path / "mine.py").write_text(text)
    grid = {"student": "[resnet8, timm/vit_tiny_patch16_224]",
            "methods": "[cross_entropy, ./mine.py:Mine]"}  # fmt: skip
    pair = "{method: './mine.py:Mine', student: timm/vit_tiny_patch16_224}"
    with pytest.raises(SuiteError, match="for cnn students only"):
        load_suite(write_suite(**grid))
    assert len(load_suite(write_suite(**grid, exclude=f"[{pair}]")).methods) == 2


def test_a_position_is_where_the_value_stands(write_suite):
    path = write_suite(methods="\n  - cross_entropy\n  - name: ras_kd\n    epsilon: 7")
    with pytest.raises(SuiteError) as caught:
        load_suite(path)
    (fault,) = caught.value.faults
    assert (fault.file, fault.line, fault.column) == (str(path), 10, 14)
    assert fault.key == "methods[1].epsilon"


def test_an_axis_that_differs_in_options_only_is_no_repetition(write_suite):
    path = write_suite(data="[{name: synthetic, classes: 5}, {name: synthetic, classes: 6}]")
    assert len(load_suite(path).data) == 2


def test_the_schema_file_is_current():
    assert json.loads(SCHEMA.read_text(encoding="utf-8")) == json_schema()
    script = ROOT / "scripts" / "schema"
    assert subprocess.run([sys.executable, script, "--check"], check=False).returncode == 0


def test_the_schema_accepts_quickstart_and_refuses_what_the_reader_refuses():
    validator = pytest.importorskip("jsonschema").Draft202012Validator(json_schema())
    document = {"schema": 1, "name": "small", "data": "digits", "student": ["resnet8"],
                "budget": {"epochs": 1}, "seeds": [0],
                "methods": ["kd", {"name": "ras_kd"}]}  # fmt: skip
    assert validator.is_valid(document)
    for wrong in ({"budget": {}}, {"seeds": [0, 0]}, {"colour": 1}, {"precision": "fp8"}):
        assert not validator.is_valid(document | wrong)
