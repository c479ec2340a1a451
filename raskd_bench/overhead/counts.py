"""The steps of a campaign's methods, counted, and what identifies them."""

import json
from pathlib import Path
from typing import Any

from raskd_bench import catalog
from raskd_bench.bench import Bench
from raskd_bench.evidence.places import FINGERPRINTS, FOLDER
from raskd_bench.files import write_text
from raskd_bench.process import listen, process_for
from raskd_bench.spec import CellPlan, Plan

OF_A_METHOD = {"method", "hparams", "seed", "teacher"}


def count_steps(bench: Bench, cells: list[CellPlan]) -> tuple[str, ...]:
    """Write the fingerprints of methods; return which cannot be counted, and why.

    Those of other methods that were counted before, under the same torch, stay.
    """
    names = [(cell, plan) for cell in cells for plan in cell.plans]
    with process_for("count_steps", [plan for _, plan in names], bench.home) as started_process:
        answer = listen(*started_process)
    if answer["status"] != "counted":
        return (str(answer["error"]),)
    rows = [
        {"cell": cell.cell_names, "conditions": recipe(plan), "label": plan.label}
        | identity(bench, plan) | counted
        for (cell, plan), counted in zip(names, answer["steps"], strict=True)
    ]  # fmt: skip
    path = bench.folder / FOLDER / FINGERPRINTS
    counted_now = [row for row in rows if "fingerprint" in row]
    earlier = [row for row in _earlier(path, answer["torch"])
               if _row_key(row) not in set(map(_row_key, rows))]  # fmt: skip
    content = {"schema": 1, "torch": answer["torch"], "rows": [*earlier, *counted_now]}
    write_text(json.dumps(content, indent=1) + "\n", path)
    return tuple(row["error"] for row in rows if "error" in row)


def _earlier(path: Path, torch: str) -> list[dict[str, Any]]:
    """Return the rows of the file that is there, if they are of this version of torch."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return list(content["rows"]) if content["torch"] == torch else []
    except (OSError, ValueError, KeyError, TypeError):  # it is written anew
        return []


def _row_key(row: dict[str, Any]) -> str:
    parts = (row.get("cell"), row.get("conditions"), row.get("label"))
    return json.dumps(parts, sort_keys=True)


def recipe(plan: Plan) -> dict[str, Any]:
    """Return the conditions that all methods of a cell share."""
    return plan.trial.model_dump(mode="json", exclude=OF_A_METHOD)


def identity(bench: Bench, plan: Plan) -> dict[str, Any]:
    """Return a method, its hyper-parameters, and the digest of its code."""
    card = catalog.find("method", plan.trial.method, bench.home)
    return {"method": plan.trial.method, "hparams": plan.trial.hparams,
            "digest": catalog.digest(card)}  # fmt: skip
