"""Cards: what a source file says of a method, student or data set, read from its syntax tree."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from raskd_bench.errors import BenchError, did_you_mean

TASKS = ("classification",)
BACKBONES = ("cnn", "vit")

Kind = Literal["method", "student", "dataset"]


class NoSuchName(BenchError):
    """A suite names something that no file defines."""


@dataclass(frozen=True)
class Parameter:
    """One keyword of a method, student or data set, as its source declares it."""

    name: str
    annotation: str
    default: Any = None
    required: bool = False


@dataclass(frozen=True)
class Card:
    """What a source file says of one method, student or data set."""

    kind: Kind
    name: str
    path: Path
    symbol: str
    title: str
    description: str
    parameters: tuple[Parameter, ...]
    free_options: bool = False  # accepts further keywords, as `timm` does
    constants: Mapping[str, Any] = field(default_factory=dict)
    samples: bool = False  # a method that chooses its batches itself

    @property
    def defaults(self) -> dict[str, Any]:
        return {p.name: p.default for p in self.parameters if not p.required}

    @property
    def tasks(self) -> frozenset[str]:
        return frozenset(self.constants.get("tasks", TASKS))

    @property
    def backbones(self) -> frozenset[str]:
        return frozenset(self.constants.get("backbones", BACKBONES))

    @property
    def needs_teacher(self) -> bool:
        """Whether it learns from the suite's teacher."""
        return self.constants.get("needs_teacher", False) is True

    @property
    def teaches_itself(self) -> bool:
        """Whether it learns from its own student, trained before by cross entropy."""
        return bool(self.constants.get("needs_teacher", False) == "self")

    @property
    def smallest_batch(self) -> int:
        """Images that a batch must have for what the method compares within it."""
        declared = self.constants.get("smallest_batch", 1)
        return declared if isinstance(declared, int) else 1

    @property
    def fewest_classes(self) -> int:
        """Classes that a data set must have, or the method is cross entropy."""
        declared = self.constants.get("fewest_classes", 2)
        return declared if isinstance(declared, int) else 2

    @property
    def presets(self) -> Mapping[str, Mapping[str, Any]]:
        """Published settings of hyper-parameters, by name."""
        return dict(self.constants.get("presets", {}))

    def is_switched_off(self, hparams: Mapping[str, Any]) -> bool:
        """Whether these hyper-parameters make the method cross entropy."""
        weights = self.constants.get("off_switch", ())
        return bool(weights) and all(hparams.get(name) == 0 for name in weights)


def function_cards(kind: Kind, path: Path, returns: str) -> Iterator[Card]:
    """Yield the cards of a file's public functions whose return annotation is `returns`."""
    if f"-> {returns}:" not in path.read_text(encoding="utf-8"):  # quicker than parsing it
        return
    for node in tree(path).body:
        if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
            continue
        if node.args.args:  # an entry has options only
            continue
        if isinstance(node.returns, ast.Name) and node.returns.id == returns:
            yield Card(
                kind, node.name, path, node.name, _first_line(node), ast.get_docstring(node) or "",
                _parameters(node, path), node.args.kwarg is not None,
            )  # fmt: skip


def method_card(path: Path, name: str, symbol: str | None = None) -> Card:
    """Return the card of a class, or of the file's only class based on Method.

    Raises:
        NoSuchName: there is no such class, or what it declares cannot be used.
    """
    module = tree(path)
    classes = {node.name: node for node in module.body if isinstance(node, ast.ClassDef)}
    found = [
        node for node in classes.values()
        if (node.name == symbol and node.bases) or (symbol is None and "Method" in _bases(node))
    ]  # fmt: skip
    if len(found) != 1:
        raise NoSuchName(f"{path} {_lacks(symbol, classes)}")
    lineage, foreign = _lineage(found[0], classes)
    functions = [n for c in lineage for n in c.body if isinstance(n, ast.FunctionDef)]
    init = next((node for node in functions if node.name == "__init__"), None)
    constants = {key: value for c in reversed(lineage) for key, value in _constants(c)}
    _check_sets(path, found[0], constants)
    return Card(
        "method", name, path.resolve(), found[0].name,
        _first_line(module), ast.get_docstring(found[0]) or "",
        _parameters(init, path) if init else (),
        init.args.kwarg is not None if init else foreign,
        constants,
        any(node.name == "sample" for node in functions),
    )  # fmt: skip


def tree(path: Path) -> ast.Module:
    """Return the syntax tree of a file, as it is now."""
    return _parsed(path.read_text(encoding="utf-8"), str(path))


@cache
def _parsed(text: str, file: str) -> ast.Module:
    return ast.parse(text, filename=file)


def _bases(node: ast.ClassDef) -> list[str]:
    return [ast.unparse(base).rpartition(".")[2] for base in node.bases]


def _lacks(symbol: str | None, classes: Mapping[str, ast.ClassDef]) -> str:
    """Return why a file's classes do not give a method."""
    if symbol in classes:
        return f"has a class {symbol} that is not based on Method"
    wanted = f"class {symbol}" if symbol else "single class based on Method"
    hint = did_you_mean(symbol or "", classes)
    return f"has no {wanted}{hint} (its classes: {', '.join(classes) or 'none'})"


def _lineage(
    node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]
) -> tuple[list[ast.ClassDef], bool]:
    """Return a class and its bases in the same file, and whether there are others than Method."""
    lineage, foreign = [node], False
    for current in lineage:
        for name in _bases(current):
            if name in classes and classes[name] not in lineage:
                lineage.append(classes[name])
            foreign = foreign or (name not in classes and name != "Method")
    return lineage, foreign


def _check_sets(path: Path, node: ast.ClassDef, constants: Mapping[str, Any]) -> None:
    for key in ("tasks", "backbones"):
        value = constants.get(key, ())
        listed = isinstance(value, (set, frozenset, tuple, list))
        if not listed or not all(isinstance(item, str) for item in value):
            raise NoSuchName(f"{path}:{node.lineno}: {key} of {node.name} must be a set of names")


def _first_line(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> str:
    return (ast.get_docstring(node) or "").partition("\n")[0].rstrip(".")


def _parameters(function: ast.FunctionDef, path: Path) -> tuple[Parameter, ...]:
    """Return what can be passed by keyword.

    Raises:
        NoSuchName: a default is no literal, so that Records could not say what was run.
    """
    given = function.args
    plain = [*given.posonlyargs, *given.args]
    absent: list[ast.expr | None] = [None] * (len(plain) - len(given.defaults))
    defaults = [*absent, *given.defaults, *given.kw_defaults]
    parameters = []
    for arg, default in zip([*plain, *given.kwonlyargs], defaults, strict=True):
        annotation = ast.unparse(arg.annotation) if arg.annotation else "Any"
        try:
            value = None if default is None else ast.literal_eval(default)
        except (ValueError, TypeError) as error:
            text = f"the default of {arg.arg!r} must be written out, as a number, text or list"
            raise NoSuchName(f"{path}:{arg.lineno}: {text}") from error
        parameters.append(Parameter(arg.arg, annotation, value, required=default is None))
    return tuple(parameter for parameter in parameters if parameter.name != "self")


def _constants(node: ast.ClassDef) -> Iterator[tuple[str, Any]]:
    """Yield the class-level assignments whose values are literals (or frozenset of one)."""
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            target, value = statement.target.id, statement.value
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            target, value = statement.targets[0].id, statement.value
        else:
            continue
        if isinstance(value, ast.Call) and len(value.args) == 1:
            value = value.args[0]
        if value is None:  # declared only
            continue
        try:
            yield target, ast.literal_eval(value)
        except (ValueError, TypeError):  # no literal, such as a reference to ALL: not known here
            continue
