"""The summary of a GitHub job, its action and its example workflow."""

import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from raskd_bench.cli.gate import check
from raskd_bench.errors import RequestError
from raskd_bench.report.findings import Finding
from raskd_bench.report.github import append_summary, summary, summary_file

ROOT = Path(__file__).parents[2]
APPEARED = "+ aten._softmax.default x1"
REGRESSED = Finding(
    "gate: ras_kd", "regressed", "operations 4 -> 5", [APPEARED], remedy="accept it"
)
SAME = Finding("gate: kd", "unchanged", "as accepted")


def read_yaml(name):
    return YAML(typ="safe").load(ROOT / name)


def test_a_section_opens_with_its_worst_outcome_and_the_tally():
    lines = summary({"gate": [SAME, REGRESSED]}).splitlines()
    assert lines[0] == "### raskd-bench gate: red"
    assert lines[2] == "1 unchanged, 1 regressed"


def test_rows_that_are_as_accepted_are_only_counted():
    assert "gate: kd" not in summary({"gate": [SAME, REGRESSED]})


def test_a_regression_has_its_row_its_operations_and_the_remedy():
    text = summary({"gate": [REGRESSED]})
    assert "| regressed | gate: ras\\_kd | operations 4 -\\> 5 |" in text
    assert "<pre>\n+ aten._softmax.default x1\n</pre>" in text
    assert "\naccept it\n" in text


def test_a_claim_that_holds_is_shown():
    text = summary({"claims": [Finding("time", "supported", "RAS-KD is as fast")]})
    assert "### raskd-bench claims: green" in text
    assert "| supported | time | RAS-KD is as fast |" in text


def test_markup_in_labels_and_errors_stays_text():
    nasty = Finding("a|b</pre>", "invalid", "<img src=x>\n# head", ["</pre><script>"])
    text = summary({"gate": [nasty]})
    assert "| invalid | a\\|b\\</pre\\> | \\<img src=x\\> \\# head |" in text
    assert "<pre>\n&lt;/pre&gt;&lt;script&gt;\n</pre>" in text


def test_the_summary_is_appended(tmp_path):
    path = tmp_path / "summary.md"
    path.write_text("earlier\n")
    append_summary({"gate": [SAME]}, path)
    assert path.read_text().startswith("earlier\n### raskd-bench gate: green\n")


def test_outside_a_github_job_the_option_is_refused(monkeypatch):
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    with pytest.raises(RequestError, match="GITHUB_STEP_SUMMARY is not set"):
        summary_file()


@pytest.fixture
def action():
    return read_yaml("action.yml")


def test_the_action_is_composite_and_each_step_can_run(action):
    assert action["runs"]["using"] == "composite"
    for step in action["runs"]["steps"]:
        assert ("uses" in step) != ("run" in step)
        assert "run" not in step or step["shell"] == "bash"


def test_the_action_uses_each_input_and_no_other(action):
    text = (ROOT / "action.yml").read_text()
    used = {part.split("}}")[0].strip() for part in text.split("${{ inputs.")[1:]}
    assert used == set(action["inputs"])
    assert all(value["description"] for value in action["inputs"].values())


def test_no_input_is_pasted_into_a_script(action):
    assert [s["run"] for s in action["runs"]["steps"] if "${{" in s.get("run", "")] == []


def test_the_action_runs_check_with_options_that_check_has(action):
    script = action["runs"]["steps"][-1]["run"]
    options = set(re.findall(r"--[a-z-]+", script))
    known = {f"--{name.replace('_', '-')}" for name in check.__annotations__}
    assert options == {"--baseline", "--junit", "--github-summary"}
    assert options <= known


def test_the_example_workflow_uses_the_action_with_inputs_that_it_has(action):
    workflow = read_yaml("docs/examples/overhead.yml")
    steps = workflow["jobs"]["overhead"]["steps"]
    ours = next(step for step in steps if "raskd-bench" in step.get("uses", ""))
    assert set(ours["with"]) <= set(action["inputs"])
    assert workflow["permissions"] == {"contents": "read"}
