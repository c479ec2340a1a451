"""Which methods used more, or less, than the baseline of what their suite did not hold equal."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from raskd_bench.record import Record

AXES = {"steps": "steps", "images_drawn": "images drawn", "images_forwarded": "images forwarded",
        "train_flops": "training FLOPs"}  # fmt: skip
TOLERANCE = 0.02  # of a ratio: a last batch that is smaller, a classifier that is small


class RowLike(Protocol):
    """A row, as `tables` makes it."""

    @property
    def done(self) -> tuple[Record, ...]: ...
    @property
    def shown(self) -> str: ...


def unequal(row: RowLike, baseline: RowLike | None) -> list[str]:
    """Return `images forwarded x2.00` for each axis on which a row differs from the baseline.

    Args:
        row: of a table.
        baseline: of that table.
    """
    if baseline is None or row is baseline or not row.done or not baseline.done:
        return []
    return [
        f"{title} x{ratio:.2f}"
        for name, title in AXES.items()
        if (ratio := _ratio(row.done[0], baseline.done[0], name)) is not None
        and abs(ratio - 1) > TOLERANCE
    ]


def unequal_notes(rows: Sequence[RowLike], baseline: RowLike | None) -> Iterator[str]:
    """Yield one note that names the rows which used other amounts than the baseline."""
    found = {row.shown: unequal(row, baseline) for row in rows}
    told = "; ".join(f"{name} ({', '.join(axes)})" for name, axes in found.items() if axes)
    if told and baseline is not None:
        budget = baseline.done[0].budget
        unit = next(unit for unit, value in budget.items() if value is not None)
        left_open = f"ratios to {baseline.shown} of what that leaves open"
        yield f"the budget is equal in {unit}; {left_open}: {told}"


def _ratio(of: Record, to: Record, name: str) -> float | None:
    value, base = _amount(of, name), _amount(to, name)
    return value / base if value and base else None


def _amount(result: Record, name: str) -> float | None:
    if name == "images_forwarded" and result.images_forwarded is not None:
        return result.images_forwarded + (result.images_forwarded_without_gradient or 0)
    value = getattr(result, name)
    return None if value is None else float(value)
