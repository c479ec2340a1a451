"""Findings as JUnit XML, which GitLab, Jenkins and GitHub's readers take."""

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from raskd_bench.report.findings import Finding, Outcome, Sections

# XML 1.0 has no way to write these, escaped or not
ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
HEADER = '<?xml version="1.0" encoding="UTF-8"?>'
PROGRAM = "raskd-bench"


def junit(sections: Sections) -> str:
    """Return one testsuite a section and one testcase a finding.

    What is refuted or not as accepted is a failure. Whatever gives no answer (invalid,
    inconclusive, not measured) is an error, never skipped: readers count a skipped test as passed,
    and `check` does not.
    """
    root = ET.Element("testsuites", name=PROGRAM)
    for title, findings in sections.items():
        root.append(_suite(title, findings))
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    root.set("time", _seconds(sum(finding.seconds or 0 for findings in sections.values()
                                  for finding in findings)))  # fmt: skip
    ET.indent(root)
    return f"{HEADER}\n{ET.tostring(root, encoding='unicode')}\n"


def _suite(title: str, findings: Sequence[Finding]) -> ET.Element:
    elements = [_case(title, finding) for finding in findings]
    suite = ET.Element(
        "testsuite",
        name=f"{PROGRAM} {title}",
        tests=str(len(elements)),
        failures=str(sum(case.find("failure") is not None for case in elements)),
        errors=str(sum(case.find("error") is not None for case in elements)),
        skipped="0",
        time=_seconds(sum(finding.seconds or 0 for finding in findings)),
    )
    suite.extend(elements)
    return suite


def _case(title: str, finding: Finding) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=f"{PROGRAM}.{title}",
        name=_legal(finding.name),
        time=_seconds(finding.seconds or 0),
    )
    text = _legal("\n".join((*finding.detail, *([finding.remedy] if finding.remedy else []))))
    if finding.green:
        # what a claim says belongs to the report even where it holds
        ET.SubElement(case, "system-out").text = _legal("\n".join((finding.sentence, text)).strip())
        return case
    kind = "failure" if finding.outcome is Outcome.red else "error"
    message = _legal(f"{finding.verdict}: {finding.sentence}")
    ET.SubElement(case, kind, message=message, type=finding.verdict).text = text
    return case


def _legal(text: str) -> str:
    return ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text)


def _seconds(amount: float) -> str:
    return f"{amount:.3f}"
