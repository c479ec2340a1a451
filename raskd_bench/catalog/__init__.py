"""What can be named in a suite: methods, students and data sets, read from their source files.

Nothing is imported: a card is parsed from the syntax tree, so that a suite is checked, and `list`
printed, without torch. A method is found by its file in `methods/`; a student or a data set by a
public function in `students/` or `data/` whose return annotation is `Backbone` or `Splits`.
"""

import ast
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from raskd_bench.catalog.cards import (
    BACKBONES,
    TASKS,
    Card,
    Kind,
    NoSuchName,
    Parameter,
    function_cards,
    method_card,
    tree,
)
from raskd_bench.errors import did_you_mean

__all__ = [
    "BACKBONES",
    "PACKAGE",
    "TASKS",
    "Card",
    "Kind",
    "NoSuchName",
    "Parameter",
    "digest",
    "family",
    "find",
    "late_imports",
    "names",
]

PACKAGE = Path(__file__).parents[1]
TITLES = {"method": "method", "student": "student", "dataset": "data set"}
FUNCTIONS = {"student": ("students", "Backbone"), "dataset": ("data", "Splits")}
# what a method declares of the trials it may be run in: not part of its digest
PERMISSIONS = {"seeds_together", "smallest_batch", "smallest_picture", "fewest_classes"}
REGISTERED = re.compile(r"@register_model\s+def (\w+)\(")


def names(kind: Kind) -> tuple[str, ...]:
    """All names of a kind, sorted."""
    if kind == "method":
        return tuple(sorted(path.stem for path in _sources("methods")))
    folder, returns = FUNCTIONS[kind]
    cards = (card for path in _sources(folder) for card in function_cards(kind, path, returns))
    return tuple(sorted({card.name for card in cards} - {"timm"}))  # timm/<name>: a thousand


def find(kind: Kind, name: str, folder: Path | None = None) -> Card:
    """Return the card of a name, or of `./file.py:Class` relative to `folder` for a method.

    Raises:
        NoSuchName: nothing is called so; the message suggests the closest name.
    """
    if kind == "method" and (":" in name or name.endswith(".py")):
        return _user_method(name, folder or Path())
    if kind == "student" and name.startswith("timm/"):
        return _timm(name)
    card = _method(name) if kind == "method" else _function(kind, name)
    if card is None:
        raise NoSuchName(f"no {TITLES[kind]} is called {name!r}{_hint(kind, name)}")
    return card


def family(student: str) -> str:
    """`vit` for the transformers of timm, `cnn` for everything else."""
    transformers = ("vit_", "deit", "beit", "eva", "flexivit", "cait")
    return "vit" if student.removeprefix("timm/").startswith(transformers) else "cnn"


def digest(card: Card) -> str:
    """Twelve hexadecimal digits of the code a method's numbers depend on.

    Comments and white space do not change it: the syntax trees of the method's file, of the
    private module it may have beside it, and of `losses.py` are hashed, without what says which
    trials may be run, and how (`PERMISSIONS`). Records of another digest are never averaged
    together.
    """
    import copy
    import hashlib  # with OpenSSL: no listing of names needs it

    paths = (card.path, *_private_modules(card.path), PACKAGE / "losses.py")
    trees = (_WithoutPermission().visit(copy.deepcopy(tree(path))) for path in paths)
    codes = (ast.unparse(found) for found in trees)
    return hashlib.sha256("\n".join(codes).encode()).hexdigest()[:12]


class _WithoutPermission(ast.NodeTransformer):
    """Drops declarations of `PERMISSIONS`."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AnnAssign | None:
        target = node.target
        return None if isinstance(target, ast.Name) and target.id in PERMISSIONS else node


def late_imports(path: Path) -> frozenset[str]:
    """Return the libraries that a file imports inside its functions, those of downloads left out.

    They are slow to import and only some suites need them; a run imports them once for all trials.
    """
    functions = (node for node in tree(path).body if isinstance(node, ast.FunctionDef))
    inner = [node for f in functions if f.name != "_download" for node in ast.walk(f)]
    plain = {alias.name for node in inner if isinstance(node, ast.Import) for alias in node.names}
    return frozenset(
        plain | {node.module for node in inner if isinstance(node, ast.ImportFrom) and node.module}
    )


def _sources(folder: str) -> Iterator[Path]:
    files = os.listdir(PACKAGE / folder)  # noqa: PTH208, pathlib takes ten times as long
    return (PACKAGE / folder / file for file in files if file.endswith(".py") and file[0] != "_")


def _private_modules(path: Path) -> Iterator[Path]:
    """Yield the files of `methods/` with a leading underscore that a method's file imports from."""
    froms = (node for node in ast.walk(tree(path)) if isinstance(node, ast.ImportFrom))
    for package, _, name in ((node.module or "").rpartition(".") for node in froms):
        file = PACKAGE / "methods" / f"{name}.py"
        if package == "raskd_bench.methods" and name.startswith("_") and file.is_file():
            yield file


@cache
def _method(name: str) -> Card | None:
    path = PACKAGE / "methods" / f"{name}.py"
    return method_card(path, name) if name in names("method") else None


@cache
def _function(kind: Kind, name: str) -> Card | None:
    folder, returns = FUNCTIONS[kind]
    sources = (path for path in _sources(folder) if f"def {name}(" in path.read_text("utf-8"))
    cards = (card for path in sources for card in function_cards(kind, path, returns))
    return next((card for card in cards if card.name == name), None)


def _hint(kind: Kind, name: str) -> str:
    """Return what was probably meant, and where all names are listed."""
    suggestion = did_you_mean(name, names(kind))
    if kind == "student" and name in _timm_models():
        suggestion = f"; did you mean 'timm/{name}'?"
    return f"{suggestion} ('raskd-bench list {kind}s' shows all {len(names(kind))})"


@cache
def _timm_models() -> frozenset[str]:
    """Names of timm's models by its source, as importing it takes seconds; empty without timm."""
    from importlib.util import find_spec

    spec = find_spec("timm")
    files = (Path(spec.origin).parent / "models").glob("*.py") if spec and spec.origin else ()
    texts = (path.read_text(encoding="utf-8") for path in files)
    return frozenset(name for text in texts for name in REGISTERED.findall(text))


def _timm(name: str) -> Card:
    card = find("student", "timm")
    model = name.removeprefix("timm/")
    if _timm_models() and model not in _timm_models():
        hint = did_you_mean(name, (f"timm/{known}" for known in _timm_models()))
        raise NoSuchName(f"timm has no model {model!r}{hint}")
    title = f"{model} of the timm library"
    parameters = tuple(p for p in card.parameters if p.name != "model")
    return Card("student", name, card.path, "timm", title, card.description, parameters, True)


def _user_method(name: str, folder: Path) -> Card:
    file, _, symbol = name.rpartition(":")
    path = folder / file
    if not (file.endswith(".py") and symbol.isidentifier()):
        raise NoSuchName(f"{name!r} is no method; a method of yours is ./file.py:Class")
    try:
        if not path.is_file():
            raise NoSuchName(f"no such file: {path}; ./file.py:Class is relative to the suite")
        return method_card(path, name, symbol)
    except SyntaxError as error:
        raise NoSuchName(f"{path}:{error.lineno}: not Python: {error.msg}") from error
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise NoSuchName(f"{path}: cannot be read: {error}") from error
