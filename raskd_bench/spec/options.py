"""Hyper-parameters and options of a named entry, checked against its source without importing it.

An annotation in a method's `__init__` is the rule its values are held to: `float`, `int`, `bool`,
`str`, `Literal[...]`, unions of them, and the ranges `Fraction`, `Positive`, `NonNegative`,
`Count`. Anything else is left to the class itself.
"""

import ast
from collections.abc import Iterator
from functools import cache, reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from raskd_bench import catalog
from raskd_bench.errors import Fault, did_you_mean
from raskd_bench.spec.yaml import Document, Path_

TYPES: dict[str, Any] = {
    "float": Annotated[float, Field(allow_inf_nan=False)],
    "int": int,
    "bool": bool,
    "str": str,
    "None": None,
    "Fraction": Annotated[float, Field(ge=0, le=1)],
    "Positive": Annotated[float, Field(gt=0, allow_inf_nan=False)],
    "NonNegative": Annotated[float, Field(ge=0, allow_inf_nan=False)],
    "Count": Annotated[int, Field(ge=1)],
}
STORAGE = "Literal['auto', 'device', 'stream']"
OWN_KEYS = {"method": ("name", "label"), "student": ("name",), "dataset": ("name", "storage")}


def option_faults(
    document: Document, path: Path_, kind: catalog.Kind, entry: Any
) -> Iterator[Fault]:
    """Yield what is wrong with the name and options of one entry of the suite."""
    at = path if isinstance(entry, str) else (*path, "name")
    entry = {"name": entry} if isinstance(entry, str) else entry
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        return  # the model has said so
    try:
        card = catalog.find(kind, entry["name"], Path(document.file).parent)
    except catalog.NoSuchName as error:
        yield document.fault(at, str(error))
        return
    yield from _unknown_and_wrong(document, path, card, entry)
    for parameter in card.parameters:
        if parameter.required and parameter.name not in entry:
            text = f"{card.name} needs {parameter.name!r} ({parameter.annotation})"
            yield document.fault(path, text)


def _unknown_and_wrong(
    document: Document, path: Path_, card: catalog.Card, entry: dict[str, Any]
) -> Iterator[Fault]:
    parameters = {parameter.name: parameter for parameter in card.parameters}
    own = OWN_KEYS[card.kind]
    for key, value in entry.items():
        if key in own:
            problem = mismatch(STORAGE, value) if key == "storage" else None
            if problem:
                yield document.fault((*path, key), problem)
            continue
        if key in parameters:
            problem = mismatch(parameters[key].annotation, value)
            if problem:
                yield document.fault((*path, key), problem)
        elif not card.free_options:
            hint = did_you_mean(key, (*own, *parameters))
            listing = f" ({card.name} has {', '.join(parameters) or 'no options'})"
            text = f"unknown option of {card.name}{hint}{listing}"
            yield document.fault((*path, key), text, at_key=True)


def mismatch(annotation: str, value: Any) -> str | None:
    """Return how `value` breaks the rule of `annotation`, or None."""
    adapter = _adapter(annotation)
    if adapter is None:
        return None
    try:
        adapter.validate_python(value, strict=True)
    except ValidationError as error:
        wanted = " or ".join(dict.fromkeys(e["msg"].removeprefix("Input ") for e in error.errors()))
        return f"{wanted}; found {value!r}"
    return None


@cache
def _adapter(annotation: str) -> TypeAdapter[Any] | None:
    rule = _rule(ast.parse(annotation, mode="eval").body)
    return None if rule is Any else TypeAdapter(rule, config=ConfigDict(strict=True))


def _rule(node: ast.expr) -> Any:
    """Return the type an annotation's syntax tree stands for; `Any` where it is not one of ours."""
    if isinstance(node, ast.Name):
        return TYPES.get(node.id, Any)
    if isinstance(node, ast.Constant) and node.value is None:
        return None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = [_rule(node.left), _rule(node.right)]
        return Any if Any in sides else reduce(or_, sides)
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal":
        return Literal[ast.literal_eval(node.slice)]
    return Any
