"""Claims of registered plans, judged from what lies on disk; pure functions of files."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from raskd_bench import catalog
from raskd_bench.evidence.registration import Registration
from raskd_bench.report.campaigns import Campaign, find_campaigns, loss
from raskd_bench.report.family import in_family
from raskd_bench.report.findings import Finding
from raskd_bench.report.judge_campaign import judge_memory, judge_time
from raskd_bench.report.judge_counts import judge_count
from raskd_bench.report.judge_energy import judge_energy
from raskd_bench.report.judge_records import judge_accuracy, judge_train_flops
from raskd_bench.report.sentences import cells_in_words, sentence, standing_line
from raskd_bench.report.verdicts import (
    Answer,
    Case,
    CellVerdict,
    ClaimVerdict,
    against,
    claims_of,
)
from raskd_bench.spec.claims import Claim
from raskd_bench.spec.metrics import METRICS
from raskd_bench.spec.suite import excluded

MEASURE = "measure it with: raskd-bench run SUITE"
EXAMINE = "see whether this host is fit to measure on: raskd-bench doctor"


def claim_findings(places: Sequence[Path]) -> list[Finding]:
    """Return a finding for each claim of the plans registered last under some places.

    Raises:
        RequestError: a place does not exist.
    """
    return [finding for campaign in find_campaigns(places) for finding in findings_of(campaign)]


def findings_of(campaign: Campaign) -> list[Finding]:
    """Return a finding for each claim of a campaign, and for each plan that cannot be read."""
    found = [Finding(f"{campaign.suite}: plan", "invalid", text) for text in campaign.wrong_plans]
    if campaign.latest is None:
        return found
    _, faults = claims_of(campaign.latest)
    found += [Finding(f"{campaign.suite}: plan", "invalid", text) for text in faults]
    noted: set[str] = set()
    for verdict in judged_claims(campaign):
        found.append(_finding(campaign, verdict, noted))
    return found


def judged_claims(campaign: Campaign) -> list[ClaimVerdict]:
    """Return the verdicts of the claims of the plan registered last, in the suite's order.

    Those that chance may touch are one family: what is decided holds for all of them together.
    """
    plan = campaign.latest
    if plan is None:
        return []
    made = []
    for claim in claims_of(plan)[0]:
        cases = tuple(_cases(campaign, plan, claim))
        if cases:  # a suite's claim has a cell with both: `run` refuses it otherwise
            made.append(ClaimVerdict(claim, tuple(map(judge, cases))))
    return in_family(made, judge)


def _cases(campaign: Campaign, plan: Registration, claim: Claim) -> Iterator[Case]:
    """Yield each cell of a claim, once for each method that it names as the other side."""
    for entry in plan.cells:
        if claim.where is not None and not excluded([claim.where], entry["cell"]):
            continue
        for member in claim.better_than or ("",):
            other = member or against(campaign, plan, claim)
            if {claim.method, other} <= entry["methods"].keys():
                yield Case(campaign, plan, claim, entry, member)


def judge(case: Case) -> CellVerdict:
    """Judge a claim in one cell by the evidence that its metric needs."""
    match case.metric.kind:
        case "time":
            return judge_time(case)
        case "energy":
            return judge_energy(case)
        case "memory" if case.claim.metric == "peak_host" or not _on_cpu(case):
            return judge_memory(case)
        case "accuracy":
            return judge_accuracy(case)
    if case.claim.metric == "train_flops":
        return judge_train_flops(case)
    if case.claim.metric == "step_flops" and not case.campaign.counted:
        return judge_train_flops(case, "step_flops")
    return judge_count(case)


def _on_cpu(case: Case) -> bool:
    """Whether the campaign ran where no allocator is metered, so that counts stand in for it."""
    return {item.header.machine.get("device") for item in case.campaign.comparisons} == {"cpu"}


def _finding(campaign: Campaign, verdict: ClaimVerdict, noted: set[str]) -> Finding:
    seconds = [cell.seconds for cell in verdict.cells if cell.seconds is not None]
    return Finding(
        f"{campaign.suite}: {verdict.claim.id}",
        verdict.verdict.value,
        sentence(verdict),
        list(_detail(campaign, verdict, noted)),
        seconds=sum(seconds) if seconds else None,
        remedy=_remedy(verdict),
    )


def _remedy(verdict: ClaimVerdict) -> str:
    if verdict.verdict is Answer.unmeasured:
        return MEASURE
    of_time = METRICS[verdict.claim.metric].kind == "time"  # what a busy host spoils
    return EXAMINE if verdict.verdict is Answer.invalid and of_time else ""


def _detail(campaign: Campaign, verdict: ClaimVerdict, noted: set[str]) -> Iterator[str]:
    """Yield the lines below a claim's sentence.

    Args:
        campaign: it belongs to.
        verdict: of the claim.
        noted: footnotes that an earlier claim has; this one's are added.
    """
    yield f"claim: {verdict.claim.say}"
    yield from cells_in_words(verdict)
    told = {Answer.supported, Answer.refuted, Answer.inconclusive, Answer.faster}
    lines = [_of_member(cell, line) for cell in verdict.cells if cell.verdict in told
             for line in cell.reasons]  # fmt: skip
    lines += filter(None, map(standing_line, verdict.cells))
    used = {path for cell in verdict.cells for path in cell.evidence}
    lines += [f"{item.path}: {loss(item)}" for item in campaign.comparisons
              if item.lost and item.path in used]  # fmt: skip
    if verdict.verdict is Answer.unmeasured:
        lines += [*campaign.problems, *campaign.trials.problems]
    lines += _other_code(verdict.cells)
    for cell in verdict.cells:
        note = f"{cell.case.claim.method}: {cell.footnote}" if cell.footnote else ""
        if note and note not in noted:
            noted.add(note)
            lines.append(note)
    yield from dict.fromkeys(lines)
    yield from _evidence(path for cell in verdict.cells for path in cell.evidence)


def _of_member(cell: CellVerdict, line: str) -> str:
    """Return a reason with the method that it is about, where a claim names several."""
    return f"against {cell.case.member}: {line}" if cell.case.member else line


def _evidence(files: Iterable[Path]) -> Iterator[str]:
    """Yield a line for each folder: its path, then its files."""
    folders: dict[Path, list[str]] = {}
    for path in dict.fromkeys(files):
        folders.setdefault(path.parent, []).append(path.name)
    for folder, names in folders.items():
        yield f"evidence: {folder}: {', '.join(names)}"


def _other_code(cells: Sequence[CellVerdict]) -> Iterator[str]:
    """Yield which methods of ours were measured with other code than is installed here.

    The verdict is on what was measured; a user's own file is not known here.
    """
    for cell in cells:
        for label in (cell.case.claim.method, cell.case.against):
            measured = cell.case.methods[label]
            if ":" in measured["method"] or measured["method"] not in catalog.names("method"):
                continue
            if catalog.digest(catalog.find("method", measured["method"])) != measured["digest"]:
                yield f"the code of {label} here is not the one that was measured"
