"""The gate: what a suite's steps cost now, against what was accepted. Exact; needs no clock."""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from os.path import normpath, relpath
from pathlib import Path
from typing import Protocol

from raskd_bench.errors import BaselineError, IncompatibleTrial, RequestError
from raskd_bench.fingerprint.baseline import (
    Acceptance,
    Baseline,
    Entry,
    Row,
    read,
    row_of,
    title_of,
    write,
)
from raskd_bench.fingerprint.difference import compare, settings_changed
from raskd_bench.fingerprint.model import Fingerprint
from raskd_bench.report.findings import Finding, told
from raskd_bench.spec import Plan, load_suite, steps_of

DEFAULT_FILE = Path("results/baseline.json")
DEFAULT_SUITE = Path("suites/gate.yaml")  # of a file that is not there yet


class Counted(Protocol):
    """A prediction, as `predict` makes it."""

    @property
    def plan(self) -> Plan: ...
    @property
    def fingerprint(self) -> Fingerprint: ...


Counter = Callable[[list[Plan], Path], tuple[Sequence[Counted], list[str]]]  # `predict`


@dataclass
class Count:
    """What the steps of some suites cost now.

    Attributes:
        rows: by title.
        broken: why a row could not be counted, by title.
        notes: what could not be known exactly.
    """

    rows: dict[str, Row] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def count(suites: Iterable[str], folder: Path, counter: Counter) -> Count:
    """Count suites, named relative to a folder; a file that is gone leaves no rows.

    A row that cannot be counted does not stop the others.

    Raises:
        BenchError: a suite is wrong, or two suites have rows of one title.
    """
    made = Count()
    for file in suites:
        path = Path(normpath(folder / file))  # the folder need not be there yet
        if path.exists():
            suite = load_suite(path)
            home = path.parent.resolve()
            rows = Count()
            _count_plans(steps_of(suite, home), home, counter, (suite.name, file), rows)
            if twice := {*made.rows, *made.broken} & {*rows.rows, *rows.broken}:
                raise RequestError(f"{path}: {min(twice)}: is in another suite of this baseline "
                                   "too; give the suites different names")  # fmt: skip
            made.rows |= rows.rows
            made.broken |= rows.broken
            made.notes += rows.notes
    return made


def _count_plans(
    plans: list[Plan], home: Path, counter: Counter, names: tuple[str, str], into: Count
) -> None:
    """Count all plans at once, as they share students and data; one by one if one is broken."""
    suite, file = names
    try:
        counted, notes = counter(plans, home)
    except IncompatibleTrial as error:
        if len(plans) == 1:
            into.broken[title_of(suite, plans[0])] = str(error)
            return
        for plan in {title_of(suite, plan): plan for plan in plans}.values():
            _count_plans([plan], home, counter, names, into)
        return
    into.rows |= {title_of(suite, made.plan): row_of(made.plan, file, made.fingerprint)
                  for made in counted}  # fmt: skip
    into.notes += [note for note in notes if note not in into.notes]


def gate(path: Path, torch: str, counter: Counter) -> tuple[list[Finding], list[str]]:
    """Return a finding for each row of a baseline's suites, and notes on how they were counted.

    Args:
        path: of the accepted fingerprints.
        torch: version that runs here, as `release` gives it.
        counter: `predict`.

    Raises:
        BenchError: the file cannot be read, or a suite is wrong.
    """
    baseline = read(path)
    if not baseline.accepted.get(torch):
        return [_other_torch(baseline, path, torch)], []
    made = count(baseline.suites(torch), path.parent, counter)
    return compared(baseline.accepted[torch], made, remedy_of(path)), made.notes


def compared(accepted: Mapping[str, Entry], made: Count, remedy: str = "") -> list[Finding]:
    """Return a finding for each row that was accepted or counted, in the order of their titles."""
    titles = sorted({*accepted, *made.rows, *made.broken})
    return [_finding(title, accepted.get(title), made, remedy) for title in titles]


def _finding(title: str, entry: Entry | None, made: Count, remedy: str) -> Finding:
    if title in made.broken:
        return Finding(title, "invalid", f"cannot be counted: {made.broken[title]}")
    row = made.rows.get(title)
    if row is None:
        return Finding(title, "vanished", "was accepted and is not there any more", remedy=remedy)
    if entry is None:
        return Finding(title, "new", "not accepted yet", remedy=remedy)
    difference = compare(entry.fingerprint, row.fingerprint)
    if difference is None:
        return Finding(title, "unchanged", "as accepted")
    verdict = "regressed" if difference.grew else "changed"
    detail = difference.detail + settings_changed(entry.settings, row.settings)
    return Finding(title, verdict, difference.sentence, detail, remedy=remedy)


def _other_torch(baseline: Baseline, path: Path, torch: str) -> Finding:
    versions = sorted(version for version, rows in baseline.accepted.items() if rows)
    held = f"holds fingerprints of torch {', '.join(versions)}" if versions else "holds none"
    return Finding(
        str(path), "not measured", f"{held}; torch {torch} runs here, nothing was compared",
        remedy=remedy_of(path),
    )  # fmt: skip


def remedy_of(path: Path) -> str:
    """Return the command that accepts what is counted now."""
    option = "" if path == DEFAULT_FILE else f" --baseline {shlex.quote(str(path))}"
    return f'accept it with: raskd-bench baseline accept{option} --reason "..."'


def accept(
    path: Path, suites: Sequence[Path], note: Acceptance, counter: Counter
) -> tuple[list[Finding], list[str]]:
    """Count suites, write what was counted as accepted, and return what changed, and notes.

    The file is left alone if nothing changed.

    Args:
        path: of the accepted fingerprints; may be missing.
        suites: files; none for those that the baseline names already.
        note: when, at which commit, under which version of torch and why.
        counter: `predict`.

    Raises:
        BenchError: a file cannot be read, a suite is wrong, a row cannot be counted.
    """
    baseline = read(path) if path.exists() else Baseline()
    files = _files(baseline, path, suites, note.torch)
    made = count(files, path.parent, counter)
    if made.broken:
        title, reason = next(iter(made.broken.items()))
        raise BaselineError(f"{title}: {reason}; nothing was accepted")
    earlier = baseline.accepted.get(note.torch, {})
    changes = told(compared({t: e for t, e in earlier.items() if e.suite in files}, made))
    if changes:
        named = note.model_copy(update={"changed": [change.name for change in changes]})
        write(baseline.accept(made.rows, files, named), path)
    return [_as_accepted(change) for change in changes], made.notes


def _as_accepted(change: Finding) -> Finding:
    sentences = {"new": "accepted for the first time", "vanished": "taken out"}
    return replace(change, sentence=sentences.get(change.verdict, change.sentence))


def _files(baseline: Baseline, path: Path, suites: Sequence[Path], torch: str) -> list[str]:
    """Return the suites to count, relative to the baseline's folder."""
    if not suites and (known := baseline.suites(torch)):
        return known
    if not suites and not DEFAULT_SUITE.is_file():
        raise RequestError(
            f"{path}: names no suite yet, and there is no {DEFAULT_SUITE}; say which to count: "
            "raskd-bench baseline accept SUITE.yaml --reason TEXT"
        )
    chosen = suites or [DEFAULT_SUITE]
    for suite in chosen:
        if not suite.is_file():
            raise RequestError(f"{suite}: no such suite file")
    # with `/`, so that the file means the same on every system; a suite named twice counts once
    names = [Path(relpath(suite, path.parent)).as_posix() for suite in chosen]
    return list(dict.fromkeys(names))
