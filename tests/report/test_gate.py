"""The gate is exact: any difference to what was accepted is red, and nothing escapes it."""

import json
from types import SimpleNamespace

import pytest

from raskd_bench.cli.gate import BASELINE
from raskd_bench.errors import BaselineError, IncompatibleTrial, RequestError
from raskd_bench.fingerprint.baseline import Acceptance, read
from raskd_bench.fingerprint.model import Fingerprint
from raskd_bench.report.findings import OUTCOMES, Finding, Outcome, worst
from raskd_bench.report.gate import accept, gate, remedy_of
from raskd_bench.report.verdicts import Answer

FIELDS = {name: 100 for name in Fingerprint.model_fields if name not in {"operations", "unknown"}}
OPERATIONS = {"aten.add.Tensor": 4}
SUITE = {
    "schema": 1, "name": "tiny", "data": {"name": "synthetic"}, "student": "resnet8",
    "budget": {"steps": 1}, "seeds": [0, 1], "methods": ["cross_entropy", "ras_kd"],
}  # fmt: skip
TITLES = {label: f"tiny: {label} on resnet8, batch 128, fp32, synthetic"
          for label in ("cross_entropy", "ras_kd", "cs_kd")}  # fmt: skip


class Counter:
    """Counts as told, by label; a label that is broken cannot take a step."""

    def __init__(self):
        self.costs = {}
        self.broken = set()

    def __call__(self, plans, home):
        for plan in plans:
            if plan.label in self.broken:
                raise IncompatibleTrial(f"{plan.label}: cannot take a step")
        counted = {plan.label: plan for plan in plans}
        made = [SimpleNamespace(plan=plan, fingerprint=self._cost(label))
                for label, plan in counted.items()]  # fmt: skip
        return made, ["planned with its published size"]

    def _cost(self, label):
        fields = {"operations": OPERATIONS, "unknown": (), **FIELDS}
        return Fingerprint(**fields | self.costs.get(label, {}))


@pytest.fixture
def counter():
    return Counter()


def note(reason="first", torch="2.15.0"):
    return Acceptance(date="2026-11-25", commit=None, torch=torch, reason=reason, changed=[])


@pytest.fixture
def suite(tmp_path):
    """Return a function that writes the suite, with some keys replaced."""

    def write(file="tiny.yaml", **changes):
        path = tmp_path / "suites" / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(SUITE | changes))
        return path

    return write


@pytest.fixture
def accepted(tmp_path, suite, counter):
    """A baseline of the suite."""
    path = tmp_path / "results" / "baseline.json"
    accept(path, [suite()], note(), counter)
    return path


@pytest.fixture
def found(accepted, counter):
    """Return a function that runs the gate: findings that are not unchanged, by title."""

    def run():
        findings, _ = gate(accepted, "2.15.0", counter)
        return {f.name: f for f in findings if f.verdict != "unchanged"}

    return run


def test_what_was_accepted_is_green(accepted, counter):
    findings, notes = gate(accepted, "2.15.0", counter)
    assert [(f.name, f.verdict) for f in findings] == [
        (TITLES["cross_entropy"], "unchanged"), (TITLES["ras_kd"], "unchanged"),
    ]  # fmt: skip
    assert worst(findings) is Outcome.green
    assert notes == ["planned with its published size"]


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_one_more_of_any_quantity_is_a_regression(name, found, counter):
    counter.costs["ras_kd"] = {name: 101}
    assert {title: f.verdict for title, f in found().items()} == {TITLES["ras_kd"]: "regressed"}


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_one_less_of_any_quantity_is_a_change_and_red(name, found, counter):
    counter.costs["ras_kd"] = {name: 99}
    finding = found()[TITLES["ras_kd"]]
    assert (finding.verdict, finding.outcome) == ("changed", Outcome.red)


def test_another_operation_at_equal_quantities_is_a_change(found, counter):
    counter.costs["ras_kd"] = {"operations": {"aten.sub.Tensor": 4}}
    finding = found()[TITLES["ras_kd"]]
    assert finding.verdict == "changed"
    assert finding.detail == ["- aten.add.Tensor x4", "+ aten.sub.Tensor x4"]


def test_a_setting_that_changed_explains_a_difference(accepted, suite, counter):
    suite(methods=["cross_entropy", {"name": "ras_kd", "epsilon": 0.2}])
    counter.costs["ras_kd"] = {"elementwise_flops": 101}
    findings, _ = gate(accepted, "2.15.0", counter)
    assert findings[1].detail == ["hparams.epsilon 0.1 -> 0.2"]


def test_a_setting_that_costs_nothing_is_no_difference(accepted, suite, counter):
    suite(methods=["cross_entropy", {"name": "ras_kd", "epsilon": 0.2}])
    findings, _ = gate(accepted, "2.15.0", counter)
    assert worst(findings) is Outcome.green


def test_a_method_that_left_the_suite_is_red(found, suite):
    suite(methods=["cross_entropy"])
    assert found()[TITLES["ras_kd"]].verdict == "vanished"


def test_a_method_that_nobody_accepted_is_red_with_the_remedy(found, suite):
    suite(methods=["cross_entropy", "ras_kd", "cs_kd"])
    finding = found()[TITLES["cs_kd"]]
    assert (finding.verdict, finding.sentence) == ("new", "not accepted yet")
    assert "raskd-bench baseline accept" in finding.remedy


def test_a_suite_that_is_gone_leaves_its_rows_red(found, suite):
    suite().unlink()
    assert {f.verdict for f in found().values()} == {"vanished"}
    assert len(found()) == 2


def test_a_method_that_cannot_take_a_step_is_invalid_and_the_others_go_on(found, counter):
    counter.broken.add("ras_kd")
    counter.costs["cross_entropy"] = {"copies": 101}
    verdicts = {title: finding.verdict for title, finding in found().items()}
    assert verdicts == {TITLES["cross_entropy"]: "regressed", TITLES["ras_kd"]: "invalid"}


def test_another_version_of_torch_is_said_and_not_compared(accepted, counter):
    counter.broken |= {"cross_entropy", "ras_kd"}  # nothing is counted either
    findings, _ = gate(accepted, "2.16.0", counter)
    assert [f.verdict for f in findings] == ["not measured"]
    assert findings[0].sentence == (
        "holds fingerprints of torch 2.15.0; torch 2.16.0 runs here, nothing was compared"
    )


def test_a_baseline_without_rows_measures_nothing(tmp_path, counter):
    (tmp_path / "b.json").write_text('{"schema": 1, "accepted": {"2.15.0": {}}}')
    findings, _ = gate(tmp_path / "b.json", "2.15.0", counter)
    assert worst(findings) is Outcome.unmeasured


def test_acceptance_makes_the_gate_green_again_and_keeps_the_reason(accepted, counter):
    counter.costs["ras_kd"] = {"copies": 101}
    changes, _ = accept(accepted, [], note("needed"), counter)
    assert [(c.name, c.verdict) for c in changes] == [(TITLES["ras_kd"], "regressed")]
    assert worst(gate(accepted, "2.15.0", counter)[0]) is Outcome.green
    assert [(a.reason, a.changed) for a in read(accepted).history] == [
        ("first", [TITLES["cross_entropy"], TITLES["ras_kd"]]), ("needed", [TITLES["ras_kd"]]),
    ]  # fmt: skip


def test_acceptance_of_no_change_leaves_the_file_as_it_is(accepted, counter):
    before = accepted.read_bytes()
    changes, _ = accept(accepted, [], note("again"), counter)
    assert changes == []
    assert accepted.read_bytes() == before


def test_acceptance_under_a_new_version_of_torch_counts_the_same_suites(accepted, counter):
    accept(accepted, [], note(torch="2.16.0"), counter)
    assert worst(gate(accepted, "2.16.0", counter)[0]) is Outcome.green
    assert worst(gate(accepted, "2.15.0", counter)[0]) is Outcome.green


def test_acceptance_takes_out_a_suite_that_is_gone(accepted, suite, counter):
    other = suite("more.yaml", name="more")
    accept(accepted, [other], note(), counter)
    other.unlink()
    changes, _ = accept(accepted, [], note(), counter)
    assert {(c.verdict, c.sentence) for c in changes} == {("vanished", "taken out")}
    assert worst(gate(accepted, "2.15.0", counter)[0]) is Outcome.green


def test_acceptance_of_a_broken_method_is_refused(accepted, counter):
    counter.broken.add("ras_kd")
    with pytest.raises(BaselineError, match="cannot take a step; nothing was accepted"):
        accept(accepted, [], note(), counter)


def test_the_first_acceptance_wants_a_suite(tmp_path, counter, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RequestError, match="names no suite yet"):
        accept(tmp_path / "b.json", [], note(), counter)


def test_a_suite_that_is_not_there_is_refused(tmp_path, counter):
    with pytest.raises(RequestError, match=r"nowhere\.yaml: no such suite file"):
        accept(tmp_path / "b.json", [tmp_path / "nowhere.yaml"], note(), counter)


def test_two_suites_of_one_name_are_refused(accepted, suite, counter):
    with pytest.raises(RequestError, match="give the suites different names"):
        accept(accepted, [suite(), suite("again.yaml")], note(), counter)


def test_a_suite_given_twice_counts_once(accepted, suite, counter):
    changes, _ = accept(accepted, [suite(), suite()], note(), counter)
    assert changes == []


def test_suites_are_named_from_the_folder_of_the_file(accepted):
    assert read(accepted).suites("2.15.0") == ["../suites/tiny.yaml"]


def test_the_remedy_names_a_file_that_is_not_the_usual_one(tmp_path):
    assert "--baseline" not in remedy_of(BASELINE)
    assert f"--baseline {tmp_path}/b.json" in remedy_of(tmp_path / "b.json")


@pytest.mark.parametrize(
    ("verdicts", "outcome"),
    [
        ([], Outcome.unmeasured),
        (["supported", "unchanged"], Outcome.green),
        (["supported", "inconclusive"], Outcome.undecided),
        (["inconclusive", "not measured"], Outcome.unmeasured),
        (["not measured", "invalid"], Outcome.invalid),
        (["invalid", "regressed"], Outcome.red),
        (["invalid", "refuted", "supported"], Outcome.red),
    ],
)
def test_the_worst_finding_decides(verdicts, outcome):
    assert worst(Finding("x", verdict, "") for verdict in verdicts) is outcome


def test_every_answer_to_a_claim_has_an_outcome():
    assert {answer.value for answer in Answer} - OUTCOMES.keys() == set()
