"""Under which code, versions and machines two sets of results were measured."""

from collections.abc import Iterator, Sequence
from typing import Any

from raskd_bench.evidence.header import Header
from raskd_bench.machine import PACKAGES, slug
from raskd_bench.record import Record
from raskd_bench.report.campaigns import Campaign

Facts = dict[str, set[str]]


def changed_between(
    before: Sequence[Record], campaigns_before: Sequence[Campaign],
    after: Sequence[Record], campaigns_after: Sequence[Campaign],
) -> Iterator[str]:  # fmt: skip
    """Yield `commit a1b2c3 -> d4e5f6` for each circumstance that is not the same.

    Args:
        before: Records of the first set.
        campaigns_before: of the first set.
        after: Records of the second set.
        campaigns_after: of the second set.
    """
    first, second = _facts(before, campaigns_before), _facts(after, campaigns_after)
    for name in first:
        if first[name] != second[name]:
            yield f"{name} {_listed(first[name])} -> {_listed(second[name])}"


def _facts(records: Sequence[Record], campaigns: Sequence[Campaign]) -> Facts:
    headers = [item.header for found in campaigns for item in found.comparisons]
    sources: list[Record | Header] = [*records, *headers]
    facts: Facts = {"commit": {(source.commit or "unknown")[:10] for source in sources}}
    facts["uncommitted changes"] = {_yes(source.dirty) for source in sources}
    facts["raskd-bench"] = {source.program for source in sources}
    machines: list[dict[str, Any]] = [source.machine for source in sources]
    facts["machine"] = {slug(machine) for machine in machines}
    for name in ("device", "threads", "python"):
        facts[name] = {str(machine.get(name)) for machine in machines}
    for package in PACKAGES:
        facts[package] = {str(machine.get("versions", {}).get(package)) for machine in machines}
    return facts


def _yes(changed: bool | None) -> str:
    return "unknown" if changed is None else "yes" if changed else "no"


def _listed(values: set[str]) -> str:
    return ", ".join(sorted(values)) or "nothing"
