"""Which numbers of a trial other trials beside it disturb; those are not compared."""

from collections.abc import Sequence

from raskd_bench.record import Record

DISTURBED = frozenset({
    "train_seconds", "setup_seconds", "eval_seconds", "io_seconds", "wall_seconds",
    "data_wait_seconds", "preparation_seconds", "step_seconds", "energy_joules",
    "peak_host_bytes",
})  # fmt: skip


def is_alone(result: Record) -> bool:
    """Whether no other trial ran beside this one, or beside its teacher's training."""
    return (result.jobs or 1) * (result.seeds_together or 1) == 1


def comparable(result: Record, name: str) -> bool:
    """Whether a field of a Record may be compared with that of another."""
    return name not in DISTURBED or is_alone(result)


def beside_others(records: Sequence[Record]) -> list[str]:
    """Return a note that says which Records' times are left out; none if all ran alone."""
    said = ", ".join(sorted({how for result in records for how in _company(result)}))
    if not said:
        return []
    return [f"times, energy and host memory of trials that ran side by side ({said}) are not "
            "compared; FLOPs and accuracy are"]  # fmt: skip


def _company(result: Record) -> list[str]:
    """Return in words how a trial had others beside it."""
    ways = {"--jobs": result.jobs or 1, "seeds_together:": result.seeds_together or 1}
    return [f"{way} {number}" for way, number in ways.items() if number > 1]
