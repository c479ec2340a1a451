"""The claims of a suite as one family: Holm's step-down over what is supported and what is refuted.

Counts are exact and belong to no family. Why this holds: docs/decisions/0012-families.md.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from raskd_bench.report.verdicts import Answer, Case, CellVerdict, ClaimVerdict
from raskd_bench.report.wording import several
from raskd_bench.spec.metrics import METRICS, STOCHASTIC
from raskd_bench.stats import Verdict, holm_adjusted, holm_levels, smallest_level

Judge = Callable[[Case], CellVerdict]


def in_family(verdicts: Sequence[ClaimVerdict], judge: Judge) -> list[ClaimVerdict]:
    """Return the verdicts of a suite's claims, each judged at the level that the family leaves it.

    Args:
        verdicts: each at alpha, as if it were the only one.
        judge: of a case, at its share of alpha.
    """
    places = [k for k, verdict in enumerate(verdicts) if is_stochastic(verdict)]
    if not places:
        return list(verdicts)
    family = [verdicts[place] for place in places]
    alpha = family[0].cells[0].case.alpha
    made = list(verdicts)
    p_values = {answer: [_p_value(verdict, answer) for verdict in family]
                for answer in (Answer.supported, Answer.refuted)}  # fmt: skip
    levels = {answer: holm_levels(values, alpha) for answer, values in p_values.items()}
    adjusted = {answer: holm_adjusted(values) for answer, values in p_values.items()}
    for rank, place in enumerate(places):
        shares = {answer: levels[answer][rank] / alpha for answer in levels}
        shares[Answer.refuted] /= len(family[rank].cells)
        cells = tuple(_again(cell, shares, judge) for cell in family[rank].cells)
        decided = family[rank].verdict
        text = _in_words(len(family), adjusted[decided][rank]) if decided in adjusted else ""
        made[place] = replace(family[rank], cells=cells, family=text)
    return made


def is_stochastic(verdict: ClaimVerdict) -> bool:
    """Whether a claim is on what scatters."""
    return METRICS[verdict.claim.metric].kind in STOCHASTIC


def _p_value(verdict: ClaimVerdict, answer: Answer) -> float:
    """Return the smallest level at which a claim would end so; 1 where alpha does not suffice.

    All cells must support it, so the largest p-value counts; one is enough to refute it, so the
    smallest counts, times their number.
    """
    if verdict.verdict is not answer:
        return 1.0
    values = [_p_of_cell(cell, answer) for cell in verdict.cells if cell.verdict is answer]
    if answer is Answer.supported:
        return max(values)
    return min(1.0, len(verdict.cells) * min(values))


def _p_of_cell(cell: CellVerdict, answer: Answer) -> float:
    at_share, wanted, alpha = cell.at_share, Verdict(answer.value), cell.case.alpha
    if at_share is None:
        return 1.0
    return smallest_level(lambda level: at_share(level / alpha) is wanted)


def _again(cell: CellVerdict, shares: dict[Answer, float], judge: Judge) -> CellVerdict:
    """Return the verdict of a cell at its share of alpha; as it is where alpha decides nothing."""
    share = shares.get(cell.verdict, 1.0)
    return cell if share == 1 else judge(replace(cell.case, share=share))


def _in_words(count: int, adjusted: float) -> str:
    """Return `family of 4 claims, Holm: adjusted p 0.012`; empty where there is one claim."""
    if count == 1:
        return ""
    value = f"p {adjusted:.2g}" if adjusted >= 1e-4 else "p below 0.0001"
    return f"family of {several(count, 'claim')}, Holm: adjusted {value}"
