"""Campaigns and claims with raw numbers, for programs: fractions and seconds, not rounded."""

import json
import math
from collections.abc import Sequence
from typing import Any

from raskd_bench.report.campaigns import Campaign
from raskd_bench.report.claims import judged_claims
from raskd_bench.report.overhead_tables import OverheadRow, OverheadTable
from raskd_bench.report.raw import finite, harmless
from raskd_bench.report.sentences import sentence
from raskd_bench.report.verdicts import CellVerdict, ClaimVerdict
from raskd_bench.report.wording import relative


def tables_as_json(tables: Sequence[OverheadTable]) -> list[dict[str, Any]]:
    """Return the overhead tables as JSON writes them."""
    return [
        _shared(table)
        | {
            "controls": _controls(table),
            "notes": list(table.notes),
            "rows": [_row(row) for row in table.rows],
        }
        for table in tables
    ]


def claims_as_json(campaigns: Sequence[Campaign]) -> list[dict[str, Any]]:
    """Return the claims as JSON writes them."""
    return [_claim(campaign, verdict) | {"cells": [_cell(cell) for cell in verdict.cells]}
            for campaign in campaigns for verdict in judged_claims(campaign)]  # fmt: skip


def tables_as_csv(tables: Sequence[OverheadTable]) -> str:
    """Return one line a method; the controls of its cell and mode are on each."""
    lines = [_shared(table) | _flat_controls(table) | _row(row)
             for table in tables for row in table.rows]  # fmt: skip
    return _csv(lines)


def claims_as_csv(campaigns: Sequence[Campaign]) -> str:
    """Return one line a claim and cell."""
    lines = [_claim(campaign, verdict) | _cell(cell) for campaign in campaigns
             for verdict in judged_claims(campaign) for cell in verdict.cells]  # fmt: skip
    return _csv(lines)


def _shared(table: OverheadTable) -> dict[str, Any]:
    header = table.group.header
    return {
        "suite": table.campaign.suite,
        "machine": table.campaign.machine,
        "cell": header.cell,
        "mode": header.mode,
        "baseline": header.baseline,
        "baseline_step_seconds": finite(table.base_seconds),
        "margin": header.rules.margins[0],
        "alpha": header.rules.alpha,
    }


def _controls(table: OverheadTable) -> dict[str, Any]:
    controls = table.controls
    same = controls.same
    return {
        "a_a": None if same is None else _interval(*same.found[:4]),
        "a_a_pairs": 0 if same is None else same.pairs,
        "fault": controls.fault,
        "noise": finite(controls.noise),
        "resolves": finite(controls.resolves),
        "spikes": [
            {"size": spike.size, "recovered": spike.recovered, "seen": spike.seen}
            | _interval(*spike.found[:4])
            for spike in controls.spikes
        ],
    }


def _flat_controls(table: OverheadTable) -> dict[str, Any]:
    controls = _controls(table)
    spikes = controls.pop("spikes")
    same = controls.pop("a_a") or _interval(math.nan, math.nan, math.nan, math.nan)
    return (
        {f"a_a_{key}": value for key, value in same.items()}
        | controls
        | {
            "spikes": len(spikes),
            "spikes_recovered": sum(spike["recovered"] for spike in spikes),
        }
    )


def _row(row: OverheadRow) -> dict[str, Any]:
    header, decision = row.comparison.header, row.decision
    return {
        "label": row.name,
        "method": header.method,
        "hparams": header.hparams,
        "verdict": row.verdict.value,
        **_interval(*decision.found[:4]),
        "conditional": decision.conditional,
        "restarts": decision.restarts,
        "pairs": decision.pairs,
        "dropped_pairs": decision.dropped,
        "memory_ratio": finite(row.memory.ratio),
        "confirmatory": row.confirmatory,
        "reasons": list(decision.reasons),
        "file": str(row.comparison.path),
    }


def _interval(value: float, low: float, high: float, confidence: float) -> dict[str, float | None]:
    """Return an overhead, a fraction, of a log ratio and its bounds."""
    bounds = {"overhead": value, "overhead_low": low, "overhead_high": high}
    return {name: finite(relative(x)) for name, x in bounds.items()} | {
        "confidence": finite(confidence)
    }


def _claim(campaign: Campaign, verdict: ClaimVerdict) -> dict[str, Any]:
    claim = verdict.claim
    return {
        "suite": campaign.suite,
        "machine": campaign.machine,
        "id": claim.id,
        "say": claim.say,
        "method": claim.method,
        "metric": claim.metric,
        "mode": claim.settled_mode,
        "bound": claim.bound,
        "amount": claim.amount.text.lstrip("+ "),
        "verdict": verdict.verdict.value,
        "sentence": sentence(verdict),
    }


def _cell(cell: CellVerdict) -> dict[str, Any]:
    found = cell.found
    return {
        "cell": cell.case.cell,
        "against": cell.case.against,
        "cell_verdict": cell.verdict.value,
        "value": None if found is None else finite(found.value),
        "low": None if found is None else finite(found.low),
        "high": None if found is None else finite(found.high),
        "confidence": None if found is None else found.confidence,
        "unit": None if found is None else found.unit,
        "basis": None if found is None else found.basis,
        "test": cell.test,
        "confirmatory": None if cell.standing is None else cell.standing.confirmatory,
        "reasons": list(cell.reasons),
        "evidence": [str(path) for path in cell.evidence],
    }


def _csv(lines: Sequence[dict[str, Any]]) -> str:
    import pandas as pd  # half a second: only for this format

    flat = [{key: harmless(json.dumps(value) if isinstance(value, dict | list) else value)
             for key, value in line.items()} for line in lines]  # fmt: skip
    return str(pd.DataFrame(flat, dtype=object).to_csv(index=False, lineterminator="\n"))
