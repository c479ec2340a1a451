"""What must be true of a suite as a whole: names, pairs, duplicates, exclusions."""

import json
import math
from typing import Any

from raskd_bench import catalog
from raskd_bench.errors import did_you_mean
from raskd_bench.spec.comparisons import check_comparisons, check_pairs_left
from raskd_bench.spec.grid import as_list, axis_values, cell_names, cells, check_choice, listing
from raskd_bench.spec.options import Entry, read_entries, read_entry
from raskd_bench.spec.suite import GRID_AXES, Suite, excluded
from raskd_bench.spec.words import shown
from raskd_bench.spec.yaml import Document, Path_, dotted

MAX_TRIALS = 100_000
REMEDY = "batch_size is {size}; write a larger one, or exclude the pair"


def check_suite(document: Document, suite: Suite | None) -> None:
    """Note the faults that concern more than one value.

    Args:
        document: a mapping; what its model refused is passed over.
        suite: made from it, None if it does not fit the model.
    """
    raw = document.data
    data = read_entries(document, "data", "dataset")
    students = read_entries(document, "student", "student")
    methods = read_entries(document, "methods", "method")
    teacher = raw.get("teacher")
    if isinstance(teacher, dict):
        read_entry(document, ("teacher", "student"), "student", teacher.get("student"))
    _check_repeats(document, [*data, *students])
    _check_task(document)
    _check_labels(document, methods)
    _check_same_trials(document, methods)
    _check_pairs(document, methods, students)
    _check_teacher(document, methods)
    _check_baseline(document, methods)
    _check_graphs(document)
    _check_exclusions(document, methods)
    check_comparisons(document, [entry.label for entry in methods])
    if suite is not None and not document.faults:
        _check_size(document, suite, methods)


def _check_repeats(document: Document, entries: list[Entry]) -> None:
    """Values of an axis differ, students and data sets with their defaults filled in."""
    values: list[tuple[Path_, Any]] = [(e.path, {"name": e.name} | e.settled) for e in entries]
    for key in ("batch_size", "precision", "compile", "seeds"):
        raw = as_list(document.data.get(key))
        values += [((key, index), value) for index, value in enumerate(raw)]
    first: dict[tuple[Any, str], Path_] = {}
    for path, value in values:
        earlier = first.setdefault((path[0], _identity(value)), path)
        if earlier != path:
            name = value["name"] if isinstance(value, dict) and "name" in value else shown(value)
            document.fault(path, f"{name} is already {dotted(earlier)}; remove one")


def _identity(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _check_task(document: Document) -> None:
    task = document.data.get("task", catalog.TASKS[0])
    if task not in catalog.TASKS:
        hint = did_you_mean(task, catalog.TASKS) if isinstance(task, str) else ""
        listing = ", ".join(catalog.TASKS)
        text = f"{shown(task)} is not a task of this version{hint} ({listing})"
        document.refuse(("task",), text)


def _check_labels(document: Document, methods: list[Entry]) -> None:
    first: dict[str, Entry] = {}
    for entry in methods:
        earlier = first.setdefault(entry.label, entry)
        if earlier is entry:
            continue
        where = dotted(earlier.path)
        if entry.name == earlier.name and entry.settled == earlier.settled:
            document.fault(entry.path, f"{entry.label} is already {where}; remove one")
        else:
            text = f"{shown(entry.label)} is already the label of {where}; write another label"
            document.fault((*entry.path, "label"), text)


def _check_same_trials(document: Document, methods: list[Entry]) -> None:
    first: dict[str, Entry] = {}
    for entry in methods:
        if entry.card is None or not entry.sound:
            continue
        code = [str(entry.card.path), entry.card.symbol]
        earlier = first.setdefault(_identity([code, entry.settled]), entry)
        if earlier.label != entry.label:
            other = f"{dotted(earlier.path)} ({shown(earlier.label)})"
            text = f"is the same trial as {other} once defaults are filled in; change or remove one"
            document.fault(entry.path, text)


def _check_pairs(document: Document, methods: list[Entry], students: list[Entry]) -> None:
    """A method is defined for the task and for the students that it meets."""
    task = document.data.get("task", catalog.TASKS[0])
    exclusions = as_list(document.data.get("exclude"))
    exclusions = [exclusion for exclusion in exclusions if isinstance(exclusion, dict)]
    for entry in methods:
        card = entry.card
        if card is None:
            continue
        if task in catalog.TASKS and task not in card.tasks:
            listing = ", ".join(sorted(card.tasks))
            document.fault(entry.path, f"{entry.name} is for {listing} only; task is {task}")
        for student in students:
            pair = {"method": entry.label, "student": student.name}
            if student.card is None or excluded(exclusions, pair):
                continue
            if catalog.family(student.name) not in card.backbones:
                listing = ", ".join(sorted(card.backbones))
                text = f"{entry.name} is for {listing} students only, not for {student.name}"
                document.fault(entry.path, f"{text}; remove it or exclude the pair")


def _check_teacher(document: Document, methods: list[Entry]) -> None:
    """There is a teacher if, and only if, a method needs one."""
    cards = [entry.card for entry in methods]
    given = document.data.get("teacher") is not None
    absent = not given and not document.is_refused(("teacher",))
    for entry in methods:
        if entry.card and entry.card.needs_teacher and absent:
            text = f"{entry.name} needs a teacher; add 'teacher: {{student: resnet20}}'"
            document.fault(entry.path, text)
    known = len(as_list(document.data.get("methods"))) == len(cards)
    unused = not any(c is None or c.needs_teacher or c.free_options for c in cards)
    if given and known and unused:
        text = "is not used: no method of this suite needs a teacher; remove it"
        document.fault(("teacher",), text, at_key=True)


def _check_baseline(document: Document, methods: list[Entry]) -> None:
    baseline, labels = document.data.get("baseline"), [entry.label for entry in methods]
    if isinstance(baseline, str) and baseline not in labels:
        hint = did_you_mean(baseline, labels)
        text = f"no method of this suite is called {shown(baseline)}{hint}"
        document.fault(("baseline",), text + ("" if hint else listing(labels)))


def _check_graphs(document: Document) -> None:
    """CUDA graphs are recorded of compiled kernels."""
    execution, compiled = document.data.get("execution"), as_list(document.data.get("compile"))
    asked = isinstance(execution, dict) and execution.get("cuda_graphs") is True
    if asked and not (compiled and all(value is True for value in compiled)):
        text = "records compiled kernels; write compile: true, or remove it"
        document.fault(("execution", "cuda_graphs"), text, at_key=True)


def _check_exclusions(document: Document, methods: list[Entry]) -> None:
    """Every key of an exclusion is an axis, and its value occurs on it."""
    axes = axis_values(document) | {"method": [entry.label for entry in methods]}
    for index, exclusion in enumerate(as_list(document.data.get("exclude"))):
        if exclusion == {}:
            document.fault(("exclude", index), "is empty and excludes nothing; remove it")
        elif isinstance(exclusion, dict):
            check_choice(document, ("exclude", index), exclusion, axes)


def _check_size(document: Document, suite: Suite, methods: list[Entry]) -> None:
    """Something is left to run, and not more than anyone could."""
    axes = [len(getattr(suite, axis)) for axis in GRID_AXES]
    count = math.prod(axes) * len(suite.methods) * max(1, len(suite.seeds))
    if count > MAX_TRIALS:
        document.fault((), f"{count} trials are too many; {MAX_TRIALS} are possible")
        return
    left = [{"method": label} | cell_names(cell) for cell in cells(suite) for label in suite.labels]
    if all(excluded(suite.exclude, names) for names in left):
        document.fault(("exclude",), "leaves nothing to run; remove an exclusion", at_key=True)
        return
    _check_batches(document, suite, methods)
    check_pairs_left(document, suite)


def _check_batches(document: Document, suite: Suite, methods: list[Entry]) -> None:
    """What a method compares within a batch is there, in every cell where it is run."""
    sizes = as_list(document.data.get("batch_size", suite.batch_size))
    for entry in methods:
        fewest = entry.card.smallest_batch if entry.card else 1
        names = [{"method": entry.label} | cell_names(cell) for cell in cells(suite)]
        small = {found["batch_size"] for found in names if not excluded(suite.exclude, found)}
        for size in (size for size in sizes if size in small and size < fewest):
            text = f"{entry.label} compares images of a batch and needs {fewest}; {REMEDY}"
            document.fault(entry.path, text.format(size=size))
