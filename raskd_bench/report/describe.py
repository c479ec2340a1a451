"""Conditions of trials in words."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from raskd_bench.machine import processor_of


def describe_conditions(conditions: dict[str, Any]) -> str:
    """Return the conditions of a trial in one line."""
    recipe, schedule = conditions["optimizer"], conditions["schedule"]
    parts = [
        named(conditions["data"]), named(conditions["student"]),
        f"batch {conditions['batch_size']}", budget_of(conditions["budget"]),
        conditions["precision"], f"{recipe['name']} lr {recipe['lr']:g}", schedule["name"],
        *(["compiled"] if conditions["compile"] else []), *switches(conditions.get("execution")),
    ]  # fmt: skip
    return ", ".join(parts)


def switches(execution: dict[str, Any] | None) -> list[str]:
    """Return switches of execution that are not at their defaults: `memory format contiguous`."""
    words = {True: "on", False: "off"}
    return [f"{name.replace('_', ' ')} {words.get(value, value)}"
            for name, value in (execution or {}).items()]  # fmt: skip


def named(part: dict[str, Any]) -> str:
    """Return a student or data set with its options; of a root, the last part of its path."""
    options = ", ".join(f"{k} {v}" for k, v in part.items() if k not in {"name", "root"})
    root = f" {Path(part['root']).name}" if part.get("root") else ""
    return f"{part['name']}{root}" + (f" ({options})" if options else "")


def budget_of(budget: dict[str, Any]) -> str:
    """Return `12 epochs`."""
    unit, amount = next((k, v) for k, v in budget.items() if v is not None)
    return f"{amount:g} {unit.removesuffix('s') if amount == 1 and unit != 'flops' else unit}"


def differences(items: Sequence[dict[str, Any]]) -> list[str]:
    """Return what tells each of several conditions from the others: `schedule.warmup 0.05`."""
    flats = [_flat(item) for item in items]
    keys = list(dict.fromkeys(key for flat in flats for key in flat))
    telling = [key for key in keys if any(flat.get(key) != flats[0].get(key) for flat in flats)]
    return [", ".join(f"{key} {flat.get(key)}" for key in telling) for flat in flats]


def _flat(item: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in item.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def place_of(cell: dict[str, Any], machine: dict[str, Any] | None, mode: str | None = None) -> str:
    """Return where a number holds: `resnet20 (cifar100, batch 128, fp32, compute mode, EPYC)`.

    Args:
        cell: value of each axis of the grid.
        machine: that it was measured on; None for counts, which hold on any.
        mode: of a campaign.
    """
    parts = [
        str(cell["data"]), f"batch {cell['batch_size']}", str(cell["precision"]),
        *(["compiled"] if cell.get("compile") else []),
        *([f"{mode.replace('_', '-')} mode"] if mode else []),
        *([machine_of(machine)] if machine else []),
    ]  # fmt: skip
    return f"{cell['student']} ({', '.join(parts)})"


def machine_of(machine: dict[str, Any]) -> str:
    """Return the GPU where one was used, else the processor and how many cores of it."""
    gpu = machine.get("gpu") if machine.get("device") != "cpu" else None
    return str(gpu) if gpu else processor_of(machine)
