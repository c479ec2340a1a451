"""JUnit XML that every reader takes, whatever a label holds."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raskd_bench.report.findings import OUTCOMES, Finding
from raskd_bench.report.junit import junit

APPEARED = "+ aten._softmax.default x1"
REGRESSED = Finding(
    "gate: ras_kd", "regressed", "operations 4 -> 5", [APPEARED], remedy="accept it"
)


def parsed(**sections):
    return ET.fromstring(junit(sections))


def test_a_regression_is_a_failure_with_what_changed_and_what_to_do():
    failure = parsed(gate=[REGRESSED]).find("testsuite/testcase/failure")
    assert failure.attrib == {"type": "regressed", "message": "regressed: operations 4 -> 5"}
    assert failure.text == "+ aten._softmax.default x1\naccept it"


def test_a_claim_that_holds_passes_and_keeps_its_sentence():
    case = parsed(claims=[Finding("time", "supported", "RAS-KD is as fast")]).find(".//testcase")
    assert [child.tag for child in case] == ["system-out"]
    assert case.findtext("system-out") == "RAS-KD is as fast"


@pytest.mark.parametrize("verdict", sorted(OUTCOMES))
def test_only_what_check_passes_is_passed_and_nothing_is_skipped(verdict):
    finding = Finding("x", verdict, "s")
    case = parsed(gate=[finding]).find(".//testcase")
    bad = [child.tag for child in case if child.tag in {"failure", "error", "skipped"}]
    expected = {"green": [], "red": ["failure"]}.get(finding.outcome, ["error"])
    assert bad == expected


def test_each_section_is_a_suite_and_counts_add_up():
    claims = [Finding("a", "inconclusive", "s", seconds=1.5)]
    root = parsed(claims=claims, gate=[REGRESSED, Finding("b", "unchanged", "s", seconds=0.25)])
    assert [suite.get("name") for suite in root] == ["raskd-bench claims", "raskd-bench gate"]
    assert [suite.get("tests") for suite in root] == ["1", "2"]
    counts = {key: root.get(key) for key in ("tests", "failures", "errors", "skipped", "time")}
    assert counts == {"tests": "3", "failures": "1", "errors": "1", "skipped": "0", "time": "1.750"}


def test_a_case_has_the_names_and_time_that_readers_want():
    case = parsed(gate=[REGRESSED]).find("testsuite/testcase")
    assert case.attrib == {
        "classname": "raskd-bench.gate", "name": "gate: ras_kd", "time": "0.000",
    }  # fmt: skip


@given(st.text(), st.text(), st.text())
def test_any_text_gives_xml_that_can_be_read(name, sentence, line):
    root = parsed(gate=[Finding(name, "regressed", sentence, [line])])
    assert root.find(".//failure").get("type") == "regressed"
    assert len(root.findall(".//testcase")) == 1


def test_markup_in_a_label_stays_text():
    name = '"><failure/>&amp;<![CDATA['
    case = parsed(gate=[Finding(name, "unchanged", "]]>")]).find("testsuite/testcase")
    assert case.get("name") == name
    assert case.findtext("system-out") == "]]>"


def test_characters_that_xml_lacks_are_made_visible():
    case = parsed(gate=[Finding("a\x00\x1b[31m\ufffe", "unchanged", "")]).find(".//testcase")
    assert case.get("name") == "a\ufffd\ufffd[31m\ufffd"


def test_it_declares_its_encoding():
    assert junit({"gate": []}).startswith('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ')
