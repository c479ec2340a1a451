"""The placebo control: a method that silently trains the baseline is an error."""

from collections.abc import Iterable

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
                f"{base.label} over {found.steps} steps: the method did nothing (a bug in it, or "
                "a budget too short for it)"
            )
    return lines


def _arm(record: Record) -> tuple[str, int, str | None, str | None]:
    machine = record.machine
    return record.cell, record.seed, machine.get("host"), machine.get("device")


def _fingerprint(record: Record) -> list[float]:
    return [point["test_nll"] for point in record.curve if "test_nll" in point]
