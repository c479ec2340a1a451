"""What `raskd-bench list` prints: read from source files, without importing torch."""

import textwrap
from pathlib import Path

from raskd_bench import catalog
from raskd_bench.errors import BenchError
from raskd_bench.spec import load_suite

Row = tuple[str, ...]
Rows = tuple[Row, list[Row]]


def methods() -> Rows:
    """Return name, what it is, what it needs, and the paper of each method."""
    cards = [catalog.find("method", name) for name in catalog.names("method")]
    rows: list[Row] = [
        (c.name, c.title, _needs(c), str(c.constants.get("paper", ""))) for c in cards
    ]
    return ("method", "what", "needs", "reference"), rows


def students() -> Rows:
    """Return name and description of each student."""
    cards = [catalog.find("student", name) for name in catalog.names("student")]
    rows: list[Row] = [(card.name, card.title) for card in cards]
    rows.append(("timm/<name>", "any model of the timm library, e.g. timm/vit_tiny_patch16_224"))
    return ("student", "what"), rows


def datasets() -> Rows:
    """Return name, description and options of each data set."""
    cards = [catalog.find("dataset", name) for name in catalog.names("dataset")]
    rows: list[Row] = [(c.name, c.title, ", ".join(p.name for p in c.parameters)) for c in cards]
    return ("data set", "what", "options"), rows


def suites(folder: Path) -> Rows:
    """Return file, name and size of each suite in a folder.

    Raises:
        BenchError: there is no such folder.
    """
    if not folder.is_dir():
        raise BenchError(f"{folder}: no such folder; run this where your suites are")
    rows: list[Row] = []
    for path in sorted(folder.glob("*.y*ml")):
        try:
            suite = load_suite(path)
            methods, seeds = len(suite.methods), len(suite.seeds)
            text = f"{_many(methods, 'method')}, {_many(seeds, 'seed')}, {suite.budget}"
            trials = _many(methods * seeds, "trial")
            rows.append((str(path), suite.name, f"{text}: {trials} a cell"))
        except BenchError as error:
            rows.append((str(path), "", f"has faults: {str(error).partition(chr(10))[0]}"))
    return ("suite", "name", "what"), rows


def card(name: str, kind: catalog.Kind = "method") -> str:
    """Return the card of a method: equation, hyper-parameters, reference."""
    found = catalog.find(kind, name)
    lines = [f"{found.name}: {found.title}", "", textwrap.indent(found.description, "  "), ""]
    if paper := found.constants.get("paper"):
        lines.append(f"reference: {paper}")
    if kind == "method":
        lines += [
            f"tasks: {', '.join(sorted(found.tasks))}",
            f"students: {', '.join(sorted(found.backbones))}",
            f"needs: {_needs(found) or 'nothing beyond the batch'}",
        ]
    lines.append("options:" if found.parameters else "options: none")
    for parameter in found.parameters:
        default = "required" if parameter.required else f"default {parameter.default}"
        lines.append(f"  {parameter.name}: {parameter.annotation}, {default}")
    if footnote := found.constants.get("footnote"):
        lines.append(f"note: {footnote}")
    return "\n".join(lines)


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _needs(found: catalog.Card) -> str:
    needs = []
    if found.needs_teacher:
        itself = found.constants["needs_teacher"] == "self"
        needs.append("a teacher of its own kind" if itself else "a teacher")
    if (views := int(found.constants.get("views", 1))) > 1:
        needs.append(f"{views} views")
    return ", ".join(needs)
