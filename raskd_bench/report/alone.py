"""Which numbers of a trial other work disturbs; those are not compared, and not fit to print."""

from collections.abc import Sequence

from raskd_bench.record import Record

TIMES = frozenset({
    "train_seconds", "setup_seconds", "eval_seconds", "io_seconds", "wall_seconds",
    "data_wait_seconds", "preparation_seconds", "step_seconds", "energy_joules",
})  # fmt: skip
MIN_STEPS = 30  # of a trial: fewer give no time of a step that would come out again


def unfit(result: Record) -> str | None:
    """Return why a Record's times are not fit to print, or None: a phrase that ends a sentence."""
    if reasons := _disturbances(result):
        return f"disturbed: {'; '.join(reasons)}"
    if company := _company(result):
        return f"ran side by side with others ({', '.join(company)})"
    if result.steps is not None and result.steps < MIN_STEPS:
        return f"only {result.steps} steps; a time needs {MIN_STEPS}"
    return None


def is_alone(result: Record) -> bool:
    """Whether nothing else ran beside this trial, or beside its teacher's training.

    Neither another trial, nor other work that the machine did meanwhile, as far as it was seen.
    """
    return not _company(result) and not _disturbances(result)


def comparable(result: Record, name: str) -> bool:
    """Whether a field of a Record may be compared with that of another, and printed as a cost."""
    if name == "peak_host_bytes":  # other work takes cores, not a process's memory
        return not _company(result)
    return name not in TIMES or unfit(result) is None


def beside_others(records: Sequence[Record]) -> list[str]:
    """Return notes that say which Records' times are left out; none if all are fit to print."""
    notes = []
    if said := ", ".join(sorted({how for result in records for how in _company(result)})):
        notes.append(f"times, energy and host memory of trials that ran side by side ({said}) are "
                     "not compared; FLOPs and accuracy are")  # fmt: skip
    spoilt = [result for result in records if _disturbances(result)]
    if spoilt:
        causes = sorted({cause for result in spoilt for cause in _disturbances(result)})
        listing = "; ".join(causes[:3]) + ("; ..." if len(causes) > 3 else "")
        notes.append(f"times of {len(spoilt)} of {len(records)} trials were disturbed ({listing}) "
                     "and are not compared; FLOPs and accuracy are")  # fmt: skip
    hasty = sorted(
        {
            result.steps
            for result in records
            if is_alone(result) and unfit(result) and result.steps is not None
        }
    )
    if hasty:
        counts = " and ".join(map(str, hasty[:3])) + (" and more" if len(hasty) > 3 else "")
        notes.append(f"times of trials of {counts} steps are blank: a time needs {MIN_STEPS}")
    return notes


def _company(result: Record) -> list[str]:
    """Return in words how a trial had other trials beside it."""
    ways = {"--jobs": result.jobs or 1, "seeds_together:": result.seeds_together or 1}
    return [f"{way} {number}" for way, number in ways.items() if number > 1]


def _disturbances(result: Record) -> list[str]:
    """Return what made a trial's times unfit to compare, as it was seen while it trained."""
    return list(result.disturbance.reasons) if result.disturbance is not None else []
