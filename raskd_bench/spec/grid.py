"""The grid of a suite: its cells, and mappings of axes to values that pick some of them."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from raskd_bench.errors import did_you_mean
from raskd_bench.spec.suite import GRID_AXES, Suite
from raskd_bench.spec.words import flow, shown
from raskd_bench.spec.yaml import Document, Path_


def cells(suite: Suite) -> Iterator[dict[str, Any]]:
    """Yield the values of the axes in each cell."""
    values = [getattr(suite, axis) for axis in GRID_AXES]
    return (dict(zip(GRID_AXES, chosen, strict=True)) for chosen in itertools.product(*values))


def cell_names(cell: dict[str, Any]) -> dict[str, Any]:
    """Return a cell as an exclusion would write it."""
    return {axis: getattr(value, "name", value) for axis, value in cell.items()}


def axis_values(document: Document) -> dict[str, list[Any]]:
    """Return the values of each axis as an exclusion would write them."""
    return {axis: _values(document, axis) for axis in GRID_AXES}


def check_choice(
    document: Document, path: Path_, choice: dict[str, Any], axes: dict[str, list[Any]]
) -> None:
    """Note faults of the mapping at `path`: each key is an axis, and its value occurs on it."""
    for key, value in choice.items():
        at = (*path, key)
        if key not in axes:
            text = f"is not an axis of the grid{did_you_mean(key, axes)}"
            document.fault(at, f"{text} ({', '.join(axes)})", at_key=True)
        elif isinstance(value, (list, dict)):
            document.fault(at, f"must be one value; found {shown(value)}")
        elif not any(type(value) is type(known) and value == known for known in axes[key]):
            names = [flow(known) for known in axes[key]]
            hint = "" if flow(value) in names else did_you_mean(str(value), names)
            text = f"no {key} of this suite is {shown(value)}{hint or listing(names)}"
            document.fault(at, text)


def as_list(value: Any) -> list[Any]:
    """Return a list as it is, another value in one, and nothing for None."""
    return value if isinstance(value, list) else [] if value is None else [value]


def listing(names: Iterable[str]) -> str:
    """Return `"; it has x, y"`: what a suite has instead of a name that it has not."""
    return f"; it has {', '.join(dict.fromkeys(names))}"


def _values(document: Document, axis: str) -> list[Any]:
    values = as_list(document.data.get(axis, Suite.model_fields[axis].default))
    return [value.get("name") if isinstance(value, dict) else value for value in values]
