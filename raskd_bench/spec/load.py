"""Read a suite file and report every fault of it at once."""

import re
from functools import reduce
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from raskd_bench.errors import SuiteError, did_you_mean
from raskd_bench.spec.checks import check_suite
from raskd_bench.spec.claims import Claim
from raskd_bench.spec.overhead import Overhead
from raskd_bench.spec.rules import one_of
from raskd_bench.spec.suite import SCHEMA, Suite
from raskd_bench.spec.trial import SGD, AdamW, Augmentation, Budget, Execution, Schedule, Teacher
from raskd_bench.spec.words import complaint, decimal_comma, flow, shown
from raskd_bench.spec.yaml import Document, Path_, dotted

MODELS: dict[Path_, type[BaseModel]] = {
    (): Suite,
    ("budget",): Budget,
    ("schedule",): Schedule,
    ("augmentation",): Augmentation,
    ("execution",): Execution,
    ("teacher",): Teacher,
    ("teacher", "budget"): Budget,
    ("overhead",): Overhead,
    ("claims",): Claim,
}
OPTIMIZERS: dict[str, type[BaseModel]] = {"sgd": SGD, "adamw": AdamW}
RULES = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "greater_than": "above {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "below {lt}",
    "less_than_equal": "{le} or less",
    "finite_number": "a finite number",
    "string_too_long": "at most {max_length} characters",
}
NAMED = {"data", "student", "methods"}
FRACTIONS = {"warmup", "milestones"}  # users of other tools write epochs there
UNITS = re.compile("(warmup)_?(epoch|step|iteration|iter)s?")


def load_suite(path: Path) -> Suite:
    """Return the suite in `path`.

    Raises:
        SuiteError: the file has faults; all of them, each with its position.
        RequestError: there is no such file, or it cannot be read.
    """
    document = Document(path)
    if not isinstance(document.data, dict):
        found = "the file is empty" if document.data is None else f"found {flow(document.data)}"
        document.fault((), f"a suite is a mapping; {found[:60]}; start with 'schema: {SCHEMA}'")
        raise SuiteError(document.faults)
    _check_version(document)
    suite = _validate(document)
    check_suite(document, suite)
    if suite is None or document.faults:
        raise SuiteError(document.faults)
    return suite


def _check_version(document: Document) -> None:
    """Refuse a newer format whole: what else would be said of it is wrong."""
    version = document.data.get("schema", SCHEMA)
    if type(version) is not int or version < SCHEMA:
        document.refuse(("schema",), f"must be {SCHEMA}; found {shown(version)}")
    elif version > SCHEMA:
        text = f"is {version}, but this program reads {SCHEMA}; upgrade raskd-bench"
        document.fault(("schema",), text)
        raise SuiteError(document.faults)


def _validate(document: Document) -> Suite | None:
    """Return the suite, or None with the model's faults noted."""
    try:
        return Suite.model_validate(document.data)
    except ValidationError as error:
        problems = error.errors(include_url=False)
    problems.sort(key=lambda problem: problem["type"] != "extra_forbidden")  # misspelt, or missing?
    for problem in problems:
        path = _path(document.data, problem["loc"])
        if problem["type"] == "extra_forbidden":
            _refuse_unknown(document, path)
        elif problem["type"] != "missing":
            _refuse(document, path, problem)
        elif path[:-1] not in document.incomplete:
            document.refuse(path, "is required" + _example(path))
    return None


def _path(data: Any, location: tuple[str | int, ...]) -> Path_:
    """Return the path in the file of a pydantic location."""
    if location[:1] == ("optimizer",) and len(location) > 1:
        return (location[0], *location[2:])  # without the name of the union's member
    if isinstance((*location, "")[1], int) and not isinstance(data[location[0]], list):
        return (location[0], *location[2:])  # a value alone, which stands for a list of one
    return location


def _refuse_unknown(document: Document, path: Path_) -> None:
    """Note an unknown key, and say nothing of the one that was probably meant."""
    key, parent = str(path[-1]), path[:-1]
    if cut := decimal_comma(_at(document.data, parent), key):
        document.refuse(path, cut[1], at_key=True)
        document.silence((*parent, cut[0]))
        return
    if other := _other_unit(document.data, path):
        document.refuse(path, other, at_key=True)
        return
    if parent == ("optimizer",):
        name = document.data["optimizer"]["name"]
        model = OPTIMIZERS[name]
    else:
        name, model = dotted(parent) or "a suite", MODELS[_without_indices(parent)]
    known = [field.alias or name for name, field in model.model_fields.items()]
    hint, listing = did_you_mean(key, known), ", ".join(known)
    document.refuse(path, f"unknown key{hint or f'; {name} has {listing}'}", at_key=True)
    meant = (*parent, hint.split("'")[1]) if hint else path
    if meant not in document:
        document.silence(meant)


def _at(data: Any, path: Path_) -> Any:
    """Return the part of a suite at a path."""
    return reduce(lambda part, key: part[key], path, data)


def _other_unit(data: Any, path: Path_) -> str | None:
    """Return what to write instead of `warmup_epochs: 5`; None for any other key."""
    match = UNITS.fullmatch(str(path[-1]))
    if match is None or path[:-1] != ("schedule",):
        return None
    name, unit = match[1], {"epoch": "epochs"}.get(match[2], "steps")
    value, budget = _at(data, path), data.get("budget")
    whole = budget.get(unit) if isinstance(budget, dict) else None
    known = isinstance(value, (int, float)) and isinstance(whole, int) and 0 < value < whole
    instead = f"{name}: {value / whole:.4g}" if known else f"e.g. {name}: 0.05"
    return f"unknown key; {name} is a fraction of the budget, not {unit}; write {instead}"


def _refuse(document: Document, path: Path_, problem: Any) -> None:
    """Note one of pydantic's errors, in our words, at its place in the file."""
    kind, value, context = problem["type"], problem["input"], problem.get("ctx", {})
    if kind == "misfit":
        at = (context["at"],) if context["at"] else ()
        document.refuse((*path, *at), context["text"])
    elif kind == "literal_error":
        choices = re.findall(r"'([^']*)'", context["expected"])
        document.refuse(path, one_of(tuple(choices)).broken_by(value) or problem["msg"])
    elif kind in {"union_tag_invalid", "union_tag_not_found"}:
        given = isinstance(value, dict) and "name" in value
        text = one_of(tuple(OPTIMIZERS)).broken_by(value["name"]) if given else None
        document.refuse((*path, "name"), text or f"is required; write {' or '.join(OPTIMIZERS)}")
    elif kind in {"too_short", "string_too_short"}:
        document.refuse(path, "must not be empty" + _example(path))
    else:
        document.refuse(path, _sentence(path, kind, value, context), at_key=value is None)


def _sentence(path: Path_, kind: str, value: Any, context: dict[str, Any]) -> str:
    limits = {key: flow(limit).removesuffix(".0") for key, limit in context.items()}
    rule = RULES[kind].format_map(limits) if kind in RULES else f"another value ({kind})"
    if rule == "a mapping" and (path[0] in NAMED or path == ("teacher", "student")):
        rule = "a name, or a mapping with a name"
    shape = rule.startswith(("a list", "a mapping", "a name"))
    fraction = kind == "less_than" and not FRACTIONS.isdisjoint(map(str, path))
    remedy = "; write a fraction of the budget, e.g. 0.05" if fraction else ""
    return complaint(rule, value) + (_example(path) if shape else remedy)


def _example(path: Path_) -> str:
    """Return `"; e.g. budget: {epochs: 12}"` for a key that has an example."""
    model = MODELS.get(_without_indices(path[:-1]))
    fields = model.model_fields.items() if model else ()
    field = next((field for name, field in fields if (field.alias or name) == path[-1]), None)
    return f"; e.g. {path[-1]}: {flow(field.examples[0])}" if field and field.examples else ""


def _without_indices(path: Path_) -> Path_:
    return tuple(part for part in path if not isinstance(part, int))
