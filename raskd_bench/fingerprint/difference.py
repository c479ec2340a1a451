"""What changed between two fingerprints, in words."""

import math
from dataclasses import dataclass
from typing import Any

from raskd_bench.fingerprint.model import QUANTITIES, Fingerprint

TOTALS = {
    "matmul_flops_forward": "matmul_flops", "matmul_flops_backward": "matmul_flops",
    "bytes_read": "bytes_moved", "bytes_written": "bytes_moved",
}  # fmt: skip
SUFFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"))  # smaller counts are written whole
MIN_PERCENT = 10  # from here on, percentages are whole


@dataclass(frozen=True)
class Change:
    """One quantity that is not what it was."""

    name: str
    before: int
    after: int

    def __str__(self) -> str:
        title, unit = QUANTITIES[self.name]
        before, after = _pair(self.before, self.after, "" if unit in title else unit)
        return f"{title} {before} -> {after}{_relative(self.before, self.after)}"


@dataclass(frozen=True)
class Difference:
    """Two fingerprints that are not equal.

    Attributes:
        changes: of every quantity that differs.
        operations: names of the operations called more or less often, with before and after.
        unknown: operations of unknown FLOPs that came, with `+`, and went, with `-`.
    """

    changes: tuple[Change, ...]
    operations: tuple[tuple[str, int, int], ...]
    unknown: tuple[str, ...]

    @property
    def grew(self) -> bool:
        """Whether the step costs more in any quantity."""
        return any(change.after > change.before for change in self.changes)

    @property
    def sentence(self) -> str:
        """The quantities in one line; a part is left out where its total says it."""
        names = {change.name for change in self.changes}
        told = [str(change) for change in self.changes if TOTALS.get(change.name) not in names]
        return "; ".join(told) or "other operations, all quantities equal"

    @property
    def detail(self) -> list[str]:
        """The operations that appeared or vanished, a line each."""
        return [
            *(_operation(*operation) for operation in self.operations),
            *(f"FLOPs not known: {name}" for name in self.unknown),
        ]


def compare(before: Fingerprint, after: Fingerprint) -> Difference | None:
    """Return what is different, None if nothing is. Exact: there is no tolerance."""
    old, new = before.quantities(), after.quantities()
    changes = tuple(Change(name, old[name], new[name]) for name in old if old[name] != new[name])
    counts = [
        (name, before.operations.get(name, 0), after.operations.get(name, 0))
        for name in sorted({*before.operations, *after.operations})
    ]
    operations = tuple(count for count in counts if count[1] != count[2])
    came, went = set(after.unknown), set(before.unknown)
    unknown = (*(f"+ {name}" for name in sorted(came - went)),
               *(f"- {name}" for name in sorted(went - came)))  # fmt: skip
    if not (changes or operations or unknown):
        return None
    return Difference(changes, operations, unknown)


def settings_changed(before: dict[str, Any], after: dict[str, Any], prefix: str = "") -> list[str]:
    """Return `hparams.epsilon 0.1 -> 0.2` for each setting that is not what it was."""
    lines = []
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            lines += settings_changed(old, new, f"{prefix}{key}.")
        elif old != new:
            lines.append(f"{prefix}{key} {_setting(old)} -> {_setting(new)}")
    return lines


def _setting(value: Any) -> str:
    return "none" if value is None else str(value)


def _operation(name: str, before: int, after: int) -> str:
    sign, count = ("+", after - before) if after > before else ("-", before - after)
    known = f" ({before} -> {after})" if before and after else ""
    return f"{sign} {name} x{count}{known}"


def _pair(before: int, after: int, unit: str) -> tuple[str, str]:
    """Return two counts as short as they can be and still be told apart."""
    largest = max(before, after)
    size, suffix = next(((s, name) for s, name in SUFFIXES if largest >= s), (1.0, ""))
    old, new = (f"{count / size:,.3f} {suffix}{unit}" for count in (before, after))
    if suffix and old != new:
        return old, new
    return f"{before:,} {unit}".rstrip(), f"{after:,} {unit}".rstrip()


def _relative(before: int, after: int) -> str:
    if before == 0:
        return ""
    percent = 100 * (after - before) / before
    if abs(percent) >= MIN_PERCENT:
        return f" ({percent:+,.0f} %)"
    # two digits that count, however small the change is
    return f" ({percent:+.{1 - math.floor(math.log10(abs(percent)))}f} %)"
