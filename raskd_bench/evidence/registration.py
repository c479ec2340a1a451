"""The plan of a campaign, written down before its first sample, and named by its hash."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from raskd_bench import __version__
from raskd_bench.errors import RecordError
from raskd_bench.evidence.places import CURRENT, PLANS
from raskd_bench.files import write_text

SCHEMA = 1


class Registration(BaseModel):
    """What a suite wants to know, how it is decided, and when that was written down.

    The hash covers what decides: rules, claims, cells and the code of the methods; not the time,
    nor the commit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: int = Field(alias="schema", default=SCHEMA)
    suite: str
    overhead: dict[str, Any]
    claims: list[dict[str, Any]]
    cells: list[dict[str, Any]]  # axes, recipe, and each method with hyper-parameters and digest
    seeds: list[int] = []
    registered: str  # ISO 8601, UTC
    program: str = __version__
    commit: str | None = None
    dirty: bool | None = None

    @property
    def plan(self) -> str:
        """Twelve hexadecimal digits that name the plan."""
        content = self.model_dump(
            mode="json", exclude={"registered", "program", "commit", "dirty", "version"}
        )
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    def claim(self, identity: str) -> dict[str, Any] | None:
        """Return the claim of an id as it was registered."""
        return next((claim for claim in self.claims if claim.get("id") == identity), None)


def register(registration: Registration, folder: Path) -> Registration:
    """Write a plan unless it is there already; return it as it was first registered.

    It is the suite's current plan from now on, whichever was registered last.
    """
    path = folder / PLANS.replace("*", registration.plan)
    found = read(path) if path.exists() else None
    if found is None:
        content = registration.model_dump(mode="json", by_alias=True)
        write_text(json.dumps({"plan": registration.plan} | content, indent=1) + "\n", path)
    write_text(json.dumps({"plan": registration.plan}) + "\n", folder / CURRENT)
    return found or registration


def current(folder: Path) -> str | None:
    """Return the hash of the suite's current plan; None where it is not known."""
    try:
        found = json.loads((folder / CURRENT).read_text(encoding="utf-8"))["plan"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(found)


def read(path: Path) -> Registration:
    """Return a registered plan.

    Raises:
        RecordError: it cannot be read, is of a newer version, or is not what its name says.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        content.pop("plan", None)
        newer = content.get("schema", 0) > SCHEMA
        found = None if newer else Registration.model_validate(content)
    except (OSError, ValueError, ValidationError, AttributeError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise RecordError(f"{path}: is no registered plan, or a damaged one: {reason}") from None
    if found is None:
        raise RecordError(f"{path}: was written by a newer version; read it with that one")
    if path.name != PLANS.replace("*", found.plan):
        text = f"was changed after it was registered: its hash is {found.plan}"
        raise RecordError(f"{path}: {text}; restore it, or run the suite again")
    return found


def deviations(of_data: Registration, latest: Registration) -> Iterable[str]:
    """Yield what the latest plan says otherwise than the one that the data were taken under."""
    for name in sorted(of_data.overhead.keys() | latest.overhead.keys()):
        before, after = of_data.overhead.get(name), latest.overhead.get(name)
        if before != after:
            yield f"overhead.{name}: {before} -> {after}"
    yield from _changed_claims(of_data, latest)
    if of_data.seeds != latest.seeds:
        yield f"seeds: {of_data.seeds} -> {latest.seeds}"
    if of_data.cells != latest.cells:
        yield "cells, recipe or methods, or a method's code, differ"


def _changed_claims(of_data: Registration, latest: Registration) -> Iterable[str]:
    for identity in sorted({c["id"] for c in (*of_data.claims, *latest.claims)}):
        first, last = of_data.claim(identity), latest.claim(identity)
        if first is None or last is None:
            yield f"claim {identity}: {'added' if first is None else 'removed'} after the data"
            continue
        for key in sorted(first.keys() | last.keys()):
            if first.get(key) != last.get(key):
                yield f"claim {identity}: {key}: {first.get(key)} -> {last.get(key)}"
