"""Claims on the energy of a step, from pairs of blocks on a GPU that counts it."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from raskd_bench.evidence.blocks import Comparison
from raskd_bench.report.judge_campaign import RUN, begun, find, of_logs, passes_of
from raskd_bench.report.verdicts import Answer, Case, CellVerdict
from raskd_bench.report.wording import several
from raskd_bench.stats import Verdict, equivalence, estimate


def judge_energy(case: Case) -> CellVerdict:
    """Judge a claim on the energy of a step by pairs of blocks."""
    comparison, why = find(case, mode=case.claim.settled_mode)
    if comparison is None:
        return CellVerdict(case, Answer.unmeasured, reasons=(why,))
    base = begun(case, comparison)
    passes, failures = passes_of(comparison, "energy")
    ratios = _energy_ratios(passes)
    fault = case.campaign.group_of(comparison).controls.fault
    reasons = (*failures[-1:], *([fault] if fault and ratios else []))
    if ratios and not reasons:
        alpha = comparison.header.rules.alpha

        def at_share(share: float) -> Verdict:
            found = estimate(ratios, 1 - 2 * share * alpha)
            return equivalence(found, case.claim.amount.value)

        found, answer = estimate(ratios, 1 - 2 * case.share * alpha), at_share(case.share)
        basis = f"{several(len(ratios), 'pair')}, conditional on this layout of the processes"
        return replace(
            base, verdict=Answer(answer.value), found=of_logs(found, basis), at_share=at_share
        )
    verdict = Answer.invalid if reasons else Answer.unmeasured
    return replace(base, verdict=verdict, reasons=reasons or (_no_energy(comparison),))


def _energy_ratios(passes: Sequence[dict[str, Any]]) -> list[float]:
    """Return the log ratio of joules per step of each pair of blocks."""
    blocks: dict[int, dict[str, float]] = {}
    for item in passes:
        if item.get("joules"):
            if (item["block"], item["arm"]) == (0, "baseline"):
                blocks.clear()  # a pass that was taken again stands alone
            blocks.setdefault(item["block"], {})[item["arm"]] = math.log(
                item["joules"] / item["steps"]
            )
    return [arms["method"] - arms["baseline"] for arms in blocks.values() if len(arms) == 2]


def _no_energy(comparison: Comparison) -> str:
    if str(comparison.header.machine.get("device", "")).startswith("cuda"):
        return f"the GPU's energy counter was not read; {RUN}"
    return "no energy counter on this device"
