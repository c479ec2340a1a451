"""Read a suite file and report every fault of it at once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from raskd_bench import catalog
from raskd_bench.errors import BenchError, Fault, SuiteError, did_you_mean
from raskd_bench.spec.options import option_faults
from raskd_bench.spec.suite import GRID_AXES, Suite
from raskd_bench.spec.yaml import Document, Path_

NOT_YET = {
    "overhead": "paired overhead campaigns are not part of this version; remove the key",
    "claims": "claims with verdicts are not part of this version; remove the key",
}


def load_suite(path: Path) -> Suite:
    """Return the suite in `path`.

    Raises:
        SuiteError: the file has faults; all of them, each with its position.
        RequestError: there is no such file, or it cannot be read.
    """
    document = Document(path)
    if document.faults:
        raise SuiteError(document.faults)
    if not isinstance(document.data, dict):
        raise SuiteError([document.fault((), "a suite is a mapping of keys to values")])
    suite: Suite | None = None
    faults: list[Fault] = []
    try:
        suite = Suite.model_validate(document.data)
    except ValidationError as error:
        faults = [_fault(document, problem) for problem in error.errors()]
    raw = document.data
    broken = {fault.key.partition("[")[0].partition(".")[0] for fault in faults}
    for check in (_parts, _methods, _baseline, _exclude, _task):
        faults += [
            fault for fault in check(document, raw)
            if fault.key.partition("[")[0].partition(".")[0] not in broken
        ]  # fmt: skip
    if faults or suite is None:
        raise SuiteError(faults)
    return suite


def _fault(document: Document, problem: Any) -> Fault:
    """Put one pydantic error into our words, at its place in the file."""
    path, model = _locate(document.data, problem["loc"])
    kind, context = problem["type"], problem.get("ctx", {})
    if kind == "extra_forbidden":
        name = str(path[-1])
        message = NOT_YET.get(name, f"unknown key{did_you_mean(name, _keys(path, model))}")
        return document.fault(path, message, at_key=True)
    if kind == "missing":
        return document.fault(path, "is required")
    if kind == "literal_error":
        value = problem["input"]
        hint = did_you_mean(value, context["expected"].split("'")) if isinstance(value, str) else ""
        return document.fault(path, f"{value!r} is not {context['expected']}{hint}")
    if kind == "union_tag_invalid":
        message = f"{context['tag']!r} is not one of {context['expected_tags']}"
        tags = context["expected_tags"].replace("'", "").split(", ")
        return document.fault((*path, "name"), message + did_you_mean(context["tag"], tags))
    if kind == "union_tag_not_found":
        return document.fault((*path, "name"), "is required: sgd or adamw")
    message = problem["msg"].removeprefix("Input ").replace("valid dictionary", "mapping")
    shown = "" if isinstance(problem["input"], (dict, list)) else f"; found {problem['input']!r}"
    found = "" if kind in {"budget", "schedule", "nesterov", "duplicate", "name"} else shown
    return document.fault(path, message + found)


def _locate(data: Any, location: tuple[str | int, ...]) -> tuple[Path_, str]:
    """Return the path in the file of a pydantic location, dropping the names of union members."""
    path: list[str | int] = []
    for index, part in enumerate(location):
        last = index == len(location) - 1
        if isinstance(part, int):
            if not isinstance(data, list):
                continue  # a scalar that stands for a list of one
            path.append(part)
            data = data[part]
        elif isinstance(data, dict) and (part in data or last):
            path.append(part)
            data = data.get(part)
    return tuple(path), str(path[0]) if len(path) > 1 else ""


def _keys(path: Path_, section: str) -> tuple[str, ...]:
    """The keys a mapping of the suite may hold."""
    if not section:
        return tuple(field.alias or name for name, field in Suite.model_fields.items())
    annotation: Any = Suite.model_fields[section].annotation
    members = getattr(annotation, "__args__", (annotation,))
    models = [m for m in members if isinstance(m, type) and issubclass(m, BaseModel)]
    return tuple(name for model in models for name in model.model_fields)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _path(raw: Any, key: str, index: int) -> Path_:
    return (key, index) if isinstance(raw[key], list) else (key,)


def _parts(document: Document, raw: dict[str, Any]) -> Iterator[Fault]:
    """Students, data sets and the teacher's student: names and options."""
    for key, kind in (("data", "dataset"), ("student", "student")):
        for index, entry in enumerate(_as_list(raw.get(key, []))):
            yield from option_faults(document, _path(raw, key, index), kind, entry)
    teacher = raw.get("teacher")
    if isinstance(teacher, dict) and "student" in teacher:
        yield from option_faults(document, ("teacher", "student"), "student", teacher["student"])


def _methods(document: Document, raw: dict[str, Any]) -> Iterator[Fault]:
    """Names, hyper-parameters, labels, and pairs that do not go together."""
    labels: dict[str, int] = {}
    for index, entry in enumerate(_as_list(raw.get("methods", []))):
        path: Path_ = ("methods", index)
        faults = list(option_faults(document, path, "method", entry))
        yield from faults
        name = entry.get("name") if isinstance(entry, dict) else entry
        if not isinstance(name, str):
            continue
        label = entry.get("label", name) if isinstance(entry, dict) else name
        if isinstance(label, str) and label in labels:
            text = f"{label!r} is already the name of methods[{labels[label]}]; give it a label"
            yield document.fault(path, text)
        else:
            labels[str(label)] = index
        if not faults:
            yield from _impossible(document, raw, path, name)


def _impossible(document: Document, raw: dict[str, Any], path: Path_, name: str) -> Iterator[Fault]:
    card = catalog.find("method", name, Path(document.file).parent)
    task = raw.get("task", "classification")
    if task in catalog.TASKS and task not in card.tasks:
        listing = ", ".join(sorted(card.tasks))
        yield document.fault(path, f"{name} is defined for {listing} only; task is {task!r}")
    if card.needs_teacher and "teacher" not in raw:
        text = f"{name} needs a teacher; add 'teacher: {{student: resnet20}}' to the suite"
        yield document.fault(path, text)
    for student in _as_list(raw.get("student", [])):
        other = student.get("name") if isinstance(student, dict) else student
        if isinstance(other, str) and catalog.family(other) not in card.backbones:
            listing = ", ".join(sorted(card.backbones))
            yield document.fault(path, f"{name} is defined for {listing} students; not {other!r}")


def _baseline(document: Document, raw: dict[str, Any]) -> Iterator[Fault]:
    entries = _as_list(raw.get("methods", []))
    labels = [e.get("label", e.get("name")) if isinstance(e, dict) else e for e in entries]
    names = [label for label in labels if isinstance(label, str)]
    baseline = raw.get("baseline")
    if isinstance(baseline, str) and baseline not in names:
        hint = did_you_mean(baseline, names)
        yield document.fault(("baseline",), f"no method of this suite is called {baseline!r}{hint}")


def _exclude(document: Document, raw: dict[str, Any]) -> Iterator[Fault]:
    """Every key of an exclusion is an axis, and its value occurs on it."""
    axes = {axis: _as_list(raw.get(axis, Suite.model_fields[axis].default)) for axis in GRID_AXES}
    entries = _as_list(raw.get("methods", []))
    axes["method"] = [e.get("label", e.get("name")) if isinstance(e, dict) else e for e in entries]
    for index, exclusion in enumerate(_as_list(raw.get("exclude", []))):
        for key, value in exclusion.items() if isinstance(exclusion, dict) else ():
            path: Path_ = ("exclude", index, key)
            if key not in axes:
                hint = did_you_mean(key, axes)
                text = f"not an axis of the grid{hint} (axes: {', '.join(axes)})"
                yield document.fault(path, text, at_key=True)
                continue
            known = [item.get("name") if isinstance(item, dict) else item for item in axes[key]]
            if value not in known:
                text = f"no {key} of this suite is {value!r}, so nothing is excluded"
                yield document.fault(path, text)


def _task(document: Document, raw: dict[str, Any]) -> Iterator[Fault]:
    task = raw.get("task", "classification")
    if isinstance(task, str) and task not in catalog.TASKS:
        listing = ", ".join(catalog.TASKS)
        text = f"{task!r} is not a task of this version{did_you_mean(task, catalog.TASKS)}"
        yield document.fault(("task",), f"{text} ({listing})")


def check(path: Path) -> BenchError | None:
    """Return what is wrong with a suite file, or None."""
    try:
        load_suite(path)
    except BenchError as error:
        return error
    return None
