"""The placebo control: a method that silently trains the baseline is an error."""

from collections.abc import Iterable

from raskd_bench import catalog
from raskd_bench.record import Record


def placebos(records: Iterable[Record]) -> list[str]:
    """Return a line for each finished trial whose student is bit-identical to the baseline's.

    Two students that are not the same network have different negative log-likelihoods on the test
    split, to the last digit and at every evaluation. A method whose weights are all zero is cross
    entropy by design and is left out, as far as its `off_switch` says so.
    """
    done = [record for record in records if record.finished and record.curve]
    baselines = {_arm(r): r for r in done if r.label == r.baseline}
    lines = []
    for found in done:
        base = baselines.get(_arm(found))
        if base is None or found.label == found.baseline or found.switched_off:
            continue
        if _fingerprint(found) == _fingerprint(base):
            lines.append(
                f"{found.label}, seed {found.seed}: its student is bit-identical to that of "
                f"{base.label} over {found.steps} steps: {_cause(found)}"
            )
    return lines


def _cause(record: Record) -> str:
    """Return why a method trained the baseline, as far as it is known."""
    classes = record.data.classes if record.data is not None else None
    known = catalog.find("method", record.method) if _ours(record.method) else None
    if classes is not None and known is not None and classes < known.fewest_classes:
        number = "two classes" if classes == 2 else f"{classes} classes"
        return (f"with {number} {record.method} is cross entropy by construction; it needs "
                f"{known.fewest_classes}, so leave it out here")  # fmt: skip
    return "the method did nothing (a bug in it, or a budget too short for it)"


def _ours(method: str) -> bool:
    return method in catalog.names("method")


def _arm(record: Record) -> tuple[str, int, str | None, str | None]:
    machine = record.machine
    return record.cell, record.seed, machine.get("host"), machine.get("device")


def _fingerprint(record: Record) -> list[float]:
    return [point["test_nll"] for point in record.curve if "test_nll" in point]
