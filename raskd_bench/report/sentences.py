"""A claim's verdict as one sentence that can stand in a paper."""

from raskd_bench.report.outperforms import outperforms
from raskd_bench.report.verdicts import Answer, CellVerdict, ClaimVerdict, Measured
from raskd_bench.report.wording import bounds, percent, several, spread
from raskd_bench.spec.claims import Claim

TITLES = {"step_time": "training step time", "energy": "energy of a training step"}
AUDIT = "audit: is the method doing its work?"
RULE = ("supported if each is at the claim's level (intersection-union test), refuted if one is at "
        "1/{count} of it")  # fmt: skip
VERBS = {Answer.supported: "is supported", Answer.refuted: "is refuted",
         Answer.inconclusive: "is not decided"}  # fmt: skip


def sentence(verdict: ClaimVerdict) -> str:
    """Return the sentence of a claim: that of its deciding cell, and of how many that is."""
    if verdict.claim.better_than is not None:
        return outperforms(verdict)
    text = cell_sentence(verdict.deciding, verdict.family)
    count = len(verdict.cells)
    if count == 1:
        return text if text.endswith("?") else f"{text}."
    alike = sum(cell.verdict is verdict.verdict for cell in verdict.cells)
    if alike == count:
        return f"{text}; so in all {count} cells, of which this is the worst."
    return f"{text}; so in {alike} of {count} cells, and the claim is about all of them."


def cell_sentence(cell: CellVerdict, family: str = "") -> str:
    """Return what was found in one cell, without the full stop.

    Args:
        cell: of a claim.
        family: what its verdict owes to the suite's other claims.
    """
    claim = cell.case.claim
    title = TITLES.get(claim.metric, cell.case.metric.title)
    if cell.found is None:
        return f"the {title} of {claim.method} on {cell.where} {_without_numbers(cell)}"
    found, end = found_in_words(cell.found), conclusion(cell, family)
    if cell.found.this_set is not None:
        return (f"{claim.method}'s {title} on {cell.where} against {cell.case.against}: {found}; "
                f"{end}")  # fmt: skip
    return (f"{claim.method} changed the {title} on {cell.where} by {found} "
            f"against {cell.case.against}; {end}")  # fmt: skip


def found_in_words(found: Measured) -> str:
    """Return a change with its interval, or exact; with both readings of an accuracy's."""
    if found.confidence is not None:
        text = spread(found.value, found.low, found.high, found.confidence, found.unit,
                      found.basis)  # fmt: skip
        if found.this_set is None:
            return text
        return f"on pictures like these {text}; on this test set ({bounds(*found.this_set)})"
    if found.unit != "%":
        return f"{found.value:+,.0f} ({found.basis})"
    return f"{exact_percent(found.value)} ({found.basis})"


def exact_percent(value: float) -> str:
    """Return a share that is known exactly: two digits that count, however small it is."""
    if value == 0:
        return "0 %"  # not +0: it is the same count
    return percent(value, digits=2)


def conclusion(cell: CellVerdict, family: str = "") -> str:
    """Return what follows for the claim, given what it owes to its family."""
    if cell.verdict is Answer.invalid:
        return f"the evidence is invalid: {'; '.join(cell.reasons)}"
    if cell.verdict is Answer.faster:
        return f"it is faster by more than {_amount(cell.case.claim)} ({cell.test}); {AUDIT}"
    tests = "; ".join(filter(None, (cell.test, family)))
    test = f" ({tests})" if tests else ""
    return f"{what_is_claimed(cell.case.claim)} {VERBS[cell.verdict]}{test}"


def what_is_claimed(claim: Claim) -> str:
    """Return the bound in words: `an overhead within 2 %`."""
    amount, text = claim.amount, _amount(claim)
    match claim.bound:
        case "at_most" if claim.metric in TITLES:
            return f"an overhead within {text}"
        case "at_most":
            return "no increase" if amount.value == 0 else f"an increase of at most {text}"
        case "no_worse_by":
            return f"a loss of less than {text}"
    return "a gain" if amount.value == 0 else f"a gain of more than {text}"


def standing_line(cell: CellVerdict) -> str:
    """Return `confirmatory: ...` or `exploratory: ...`; empty where it does not matter."""
    if cell.standing is None or cell.found is None:
        return ""
    kind = "confirmatory" if cell.standing.confirmatory else "exploratory"
    return f"{kind}: {'; '.join(cell.standing.lines)}"


def cells_in_words(verdict: ClaimVerdict) -> list[str]:
    """Return a line for each cell, where there are several."""
    if len(verdict.cells) == 1:
        return []
    noun = "cell" if verdict.claim.better_than is None else "comparison"
    counted = several(len(verdict.cells), noun)
    if all(cell.at_share is None for cell in verdict.cells):  # exact, or nothing to judge
        lines = [f"in {counted}:"]
    else:
        lines = [f"in {counted}, {RULE.format(count=len(verdict.cells))}:"]
    return [*lines, *(f"  {cell.verdict}: {_in_short(cell)}" for cell in verdict.cells)]


def _in_short(cell: CellVerdict) -> str:
    """Return place and number of a cell, and why it says nothing if it does not."""
    place = cell.where
    if cell.case.member:
        place = f"against {cell.case.member} on {place}"
    parts = [place, *([found_in_words(cell.found)] if cell.found is not None else [])]
    if cell.verdict in {Answer.invalid, Answer.unmeasured}:
        parts.append("; ".join(cell.reasons))
    return ": ".join(parts)


def _amount(claim: Claim) -> str:
    """Return `2 %` for `+2%`."""
    amount = claim.amount
    return f"{amount.text.lstrip('+ ').removesuffix(amount.unit).strip()} {amount.unit}".strip()


def _without_numbers(cell: CellVerdict) -> str:
    said = "was not measured" if cell.verdict is Answer.unmeasured else "cannot be judged"
    return f"{said}: {'; '.join(cell.reasons)}"
