"""Whether the rows of a table used what their suite held equal."""

from collections.abc import Sequence

from raskd_bench.errors import BenchError
from raskd_bench.record import Record

AXES = {
    "epochs": "epochs", "steps": "steps", "images": "images_drawn",
    "seconds": "train_seconds", "flops": "train_flops",
}  # fmt: skip
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


def _used(result: Record, unit: str) -> float:
    value = float(getattr(result, AXES[unit]) or 0)
    if unit in {"seconds", "flops"}:
        value -= float(getattr(result, f"preparation_{unit}") or 0)
    return value


def _allowed(done: Sequence[Record], unit: str, high: float) -> float:
    """Return by how much two rows may differ: one step of the costliest."""
    match unit:
        case "images":
            return max((result.images_drawn or 0) / (result.steps or 1) for result in done)
        case "flops":
            return max(result.step_flops or 0 for result in done)
        case "seconds":
            steps = [(result.step_seconds or {}).get("mean") or 0.0 for result in done]
            return CLOCK_TOLERANCE * high + max(steps)
    return 0.0
