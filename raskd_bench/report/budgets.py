"""Whether the rows of a table used what their suite held equal."""

from collections.abc import Iterator, Sequence

from raskd_bench.errors import BenchError
from raskd_bench.record import Record
from raskd_bench.report.describe import budget_of

AXES = {
    "epochs": "epochs", "steps": "steps", "images": "images_drawn",
    "seconds": "train_seconds", "flops": "train_flops",
}  # fmt: skip
OVERRUN = 0.01  # of a budget, from which on a table says by how much it was exceeded
CLOCK_TOLERANCE = 0.05  # of a budget in seconds: the clock is read between steps, and ends blocks


class UnequalBudgets(BenchError):
    """Rows of one table differ on the axis that their suite held equal."""


def check_budgets(suite: str, rows: Sequence[tuple[str, Sequence[Record]]]) -> None:
    """Refuse finished Records, by the name of their row, that used different amounts.

    A teacher's training is charged to seconds and FLOPs on top of the budget, and left out here.

    Raises:
        UnequalBudgets: they differ by more than one step, which any budget may be exceeded by.
    """
    done = [(label, result) for label, results in rows for result in results]
    if not done:
        return
    unit = next(unit for unit, value in done[0][1].budget.items() if value is not None)
    used = [(_used(result, unit), label) for label, result in done]
    (low, least), (high, most) = min(used), max(used)
    if high - low > _allowed([result for _, result in done], unit, high):
        raise UnequalBudgets(
            f"suite {suite}: the budget is in {unit}, but {least} used {low:g} and {most} "
            f"{high:g} {AXES[unit]}: these rows are not comparable; "
            "remove the Record that is off and run the suite again"
        )


def overruns(rows: Sequence[tuple[str, Sequence[Record]]]) -> Iterator[str]:
    """Yield one note on rows, by name, that used more than the budget: it ends with a whole step.

    A budget in epochs or steps is one of whole steps, and is not exceeded.
    """
    told: dict[str, list[str]] = {}
    budget = next((done[0].budget for _, done in rows if done), {})
    unit = next((unit for unit, value in budget.items() if value is not None), "")
    if unit not in {"images", "seconds", "flops"} or not budget[unit]:
        return
    for name, done in rows:
        ratio = max((_used(result, unit) / budget[unit] for result in done), default=0.0)
        if ratio > 1 + OVERRUN:
            step = max(_step(result, unit) for result in done)
            size = f", a step has {step:,.3g} {unit}" if step else ""
            told.setdefault(f"x{ratio:.2f} used{size}", []).append(name)
    if told:
        parts = "; ".join(f"{text} ({', '.join(names)})" for text, names in told.items())
        yield f"budget of {budget_of(budget)}: {parts}"


def _step(result: Record, unit: str) -> float:
    """Return what one step takes of a budget; 0 if that is not known."""
    match unit:
        case "images":
            return (result.images_drawn or 0) / (result.steps or 1)
        case "flops":
            return result.step_flops or 0
    return (result.step_seconds or {}).get("mean") or 0.0


def _used(result: Record, unit: str) -> float:
    value = float(getattr(result, AXES[unit]) or 0)
    if unit in {"seconds", "flops"}:
        value -= float(getattr(result, f"preparation_{unit}") or 0)
    return value


def _allowed(done: Sequence[Record], unit: str, high: float) -> float:
    """Return by how much two rows may differ: one step of the costliest."""
    if unit in {"epochs", "steps"}:
        return 0.0
    clock = CLOCK_TOLERANCE * high if unit == "seconds" else 0.0
    return clock + max(_step(result, unit) for result in done)
