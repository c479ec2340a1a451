"""What can be named in a suite: methods, students and data sets, read from their source files.

Nothing is imported: a card is parsed from the syntax tree, so that a suite is checked, and `list`
printed, without torch. A method is found by its file in `methods/`; a student or a data set by a
public function in `students/` or `data/` whose return annotation is `Backbone` or `Splits`.
"""

import ast
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from raskd_bench.errors import BenchError, did_you_mean

PACKAGE = Path(__file__).parent
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
        return bool(self.constants.get("needs_teacher", False))


def names(kind: Kind) -> tuple[str, ...]:
    """All names of a kind, sorted."""
    if kind == "method":
        return tuple(sorted(path.stem for path in _sources("methods")))
    return tuple(sorted(set(_functions(kind)) - {"timm"}))  # timm/<name> stands for a thousand


def find(kind: Kind, name: str, folder: Path | None = None) -> Card:
    """Return the card of a name, or of `./file.py:Class` relative to `folder` for a method.

    Raises:
        NoSuchName: nothing is called so; the message suggests the closest name.
    """
    if kind == "method" and ":" in name:
        return _user_method(name, folder or Path.cwd())
    if kind == "student" and name.startswith("timm/"):
        return _timm(name)
    if name not in names(kind):
        listing = f"'raskd-bench list {kind}s' shows all {len(names(kind))}"
        suggestion = did_you_mean(name, names(kind))
        raise NoSuchName(f"no {kind} is called {name!r}{suggestion} ({listing})")
    if kind == "method":
        return _method_card(PACKAGE / "methods" / f"{name}.py", name)
    return _functions(kind)[name]


def family(student: str) -> str:
    """`vit` for the transformers of timm, `cnn` for everything else."""
    transformers = ("vit_", "deit", "beit", "eva", "flexivit", "cait")
    return "vit" if student.removeprefix("timm/").startswith(transformers) else "cnn"


def digest(card: Card) -> str:
    """Twelve hexadecimal digits of the code a method's numbers depend on.

    Comments and white space do not change it: the syntax trees of the method's file and of
    `losses.py` are hashed. Records of another digest are never averaged together.
    """
    trees = (ast.unparse(_tree(path)) for path in (card.path, PACKAGE / "losses.py"))
    return hashlib.sha256("\n".join(trees).encode()).hexdigest()[:12]


def late_imports(path: Path) -> frozenset[str]:
    """Return the libraries that a file imports inside its functions, those of downloads left out.

    They are slow to import and only some suites need them; a run imports them once for all trials.
    """
    functions = (node for node in _tree(path).body if isinstance(node, ast.FunctionDef))
    inner = [node for f in functions if f.name != "_download" for node in ast.walk(f)]
    plain = {alias.name for node in inner if isinstance(node, ast.Import) for alias in node.names}
    return frozenset(
        plain | {node.module for node in inner if isinstance(node, ast.ImportFrom) and node.module}
    )


def _sources(folder: str) -> Iterator[Path]:
    return (path for path in (PACKAGE / folder).glob("*.py") if not path.stem.startswith("_"))


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


@cache
def _functions(kind: Kind) -> Mapping[str, Card]:
    folder, annotation = {"student": ("students", "Backbone"), "dataset": ("data", "Splits")}[kind]
    return {
        node.name: Card(
            kind, node.name, path, node.name, _first_line(node), ast.get_docstring(node) or "",
            _parameters(node), node.args.kwarg is not None,
        )
        for path in _sources(folder)
        for node in _tree(path).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        and not node.args.args  # an entry has options only
        and isinstance(node.returns, ast.Name) and node.returns.id == annotation
    }  # fmt: skip


def _timm(name: str) -> Card:
    card = _functions("student")["timm"]
    model = name.removeprefix("timm/")
    title = f"{model} of the timm library"
    parameters = tuple(p for p in card.parameters if p.name != "model")
    return Card("student", name, card.path, "timm", title, card.description, parameters, True)


def _user_method(name: str, folder: Path) -> Card:
    file, _, symbol = name.rpartition(":")
    path = (folder / file).resolve()
    if not path.is_file():
        raise NoSuchName(f"no such file: {path}; write ./file.py:Class, relative to the suite")
    try:
        return _method_card(path, name, symbol)
    except SyntaxError as error:
        raise NoSuchName(f"{path}:{error.lineno}: not Python: {error.msg}") from error


def _method_card(path: Path, name: str, symbol: str | None = None) -> Card:
    classes = [node for node in _tree(path).body if isinstance(node, ast.ClassDef)]
    methods = [n for n in classes if n.name == symbol or (symbol is None and _is_method(n))]
    if len(methods) != 1:
        found = ", ".join(node.name for node in classes) or "none"
        raise NoSuchName(
            f"{path} has no class {symbol or 'based on Method'!r}; its classes: {found}"
        )
    node = methods[0]
    init = next((n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"),
                None)  # fmt: skip
    return Card(
        "method", name, path, node.name,
        _first_line(_tree(path)), ast.get_docstring(node) or "",
        _parameters(init) if init else (), constants=dict(_constants(node)),
    )  # fmt: skip


def _is_method(node: ast.ClassDef) -> bool:
    return any(isinstance(base, ast.Name) and base.id == "Method" for base in node.bases)


def _first_line(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> str:
    return (ast.get_docstring(node) or "").partition("\n")[0].rstrip(".")


def _parameters(function: ast.FunctionDef) -> tuple[Parameter, ...]:
    pairs = zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True)
    return tuple(
        Parameter(
            arg.arg,
            ast.unparse(arg.annotation) if arg.annotation else "Any",
            None if default is None else ast.literal_eval(default),
            required=default is None,
        )
        for arg, default in pairs
    )


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
        try:
            yield target, ast.literal_eval(value) if value is not None else None
        except ValueError:  # an expression, such as a reference to ALL: the default applies
            continue
