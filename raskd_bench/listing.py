"""What `raskd-bench list` prints: read from source files, without importing torch."""

import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from raskd_bench import catalog
from raskd_bench.costs import conditions, cost_of
from raskd_bench.errors import BenchError

if TYPE_CHECKING:
    from raskd_bench.spec import Suite
    from raskd_bench.summaries import Summaries, Summary

Row = tuple[str, ...]
Rows = tuple[Row, list[Row]]


READING_NOTES = {  # the rules are spec's, whose import is slow; a test holds them together
    "storage": "one of auto, device, stream; of every data set: images on the device, or streamed",
    "cache": "one of auto, true, false; of every data set of files: decode once a machine",
    "per_class": "a whole number of 1 or more; of every data set: training images of each class",
}
METHOD_HEAD = ("method", "year", "level", "students", "images", "step FLOPs", "+params", "state",
               "needs", "reference")  # fmt: skip


def methods() -> Rows:
    """Return what each method distils, needs and costs by count, and its paper."""
    cards = [catalog.find("method", name) for name in catalog.names("method")]
    return METHOD_HEAD, [_method_row(card) for card in cards]


def _method_row(card: catalog.Card) -> Row:
    constants, cost = card.constants, cost_of(card.name)
    counts = ("", "", "", "") if cost is None else (
        f"x{cost.images_per_primary:g}", f"x{cost.step_flops_ratio:.3f}",
        f"{cost.extra_params:,}", _size(cost.state_bytes),
    )  # fmt: skip
    return (
        card.name, str(constants.get("year") or ""), str(constants.get("level", "none")),
        ", ".join(sorted(card.backbones)), *counts, _needs(card),
        str(constants.get("paper", "")),
    )  # fmt: skip


def method_notes() -> list[str]:
    """Return what the columns of the methods' table mean."""
    return [
        f"images (forwarded for each image of the batch), step FLOPs, parameters and state: "
        f"counted on {conditions()}; FLOPs are those of matrix products and convolutions",
        "level: whose knowledge is distilled: of classes, instances, features, or a teacher",
    ]


def document() -> str:
    """Return docs/methods.md: the table and all cards."""
    head, rows = methods()
    lines = ["# Methods", "", "Generated from the methods' own files by `scripts/method-docs`.", ""]
    lines += [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    lines += [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    lines += ["", *(f"- {note}" for note in method_notes()), ""]
    for row in rows:
        lines += [f"## {row[0]}", "", "```text", card(row[0]), "```", ""]
    return "\n".join(lines)


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


def dataset_notes() -> list[str]:
    """Return the options that every data set has."""
    return [f"{name}: {note}" for name, note in READING_NOTES.items()]


def suites(folder: Path) -> Rows:
    """Return file, name and size of each suite in a folder.

    Raises:
        BenchError: there is no such folder.
    """
    if not folder.is_dir():
        raise BenchError(f"{folder}: no such folder; run this where your suites are")
    from raskd_bench.summaries import Summaries  # imports hashlib, which no other listing needs

    seen = Summaries()
    rows: list[Row] = [(str(path), *_summary(path, seen)) for path in sorted(folder.glob("*.y*ml"))]
    seen.save()
    return ("suite", "name", "what"), rows


def _summary(path: Path, seen: "Summaries") -> "Summary":
    """Return name and contents of a suite, the first fault instead if it has any."""
    try:
        text = path.read_bytes()
        if found := seen.find(text):
            return found
        from raskd_bench.spec import load_suite  # slower to import than all else that is listed

        suite = load_suite(path)
    except (BenchError, OSError) as error:
        return "", f"has faults: {str(error).partition(chr(10))[0]}"
    made = suite.name, _contents(suite)
    seen.keep(text, made)
    return made


def _contents(suite: "Suite") -> str:
    """Return what a suite runs in each cell."""
    methods, seeds = len(suite.methods), len(suite.seeds)
    parts = []
    if seeds:
        text = f"{_many(methods, 'method')}, {_many(seeds, 'seed')}, {suite.budget}"
        parts.append(f"{text}: {_many(methods * seeds, 'trial')} a cell")
    if suite.overhead is not None:
        modes = " and ".join(suite.overhead.modes)
        timed = _many(len(suite.overhead_methods), "method")
        parts.append(f"{timed} timed against {suite.overhead_baseline} ({modes})")
    if suite.claims:
        parts.append(_many(len(suite.claims), "claim"))
    return "; ".join(parts)


def card(name: str, kind: catalog.Kind = "method") -> str:
    """Return the card of a method, student or data set.

    Of a method: equation, hyper-parameters and presets, cost, published numbers.
    """
    found = catalog.find(kind, name)
    lines = [f"{found.name}: {found.title}", "", textwrap.indent(found.description, "  "), ""]
    if kind == "method":
        lines += _method_lines(found)
    lines.append("options:" if found.parameters else "options: none")
    for parameter in found.parameters:
        default = "required" if parameter.required else f"default {parameter.default}"
        lines.append(f"  {parameter.name}: {_range(parameter.annotation)}, {default}")
    for preset, values in found.presets.items():
        text = ", ".join(f"{key} {value}" for key, value in values.items())
        lines.append(f"  preset {preset}: {text}")
    if published := found.constants.get("published"):
        lines += ["published top-1 accuracy, % (not ranked: recipes differ; in brackets where it "
                  "was read):", *(f"  {line}" for line in published)]  # fmt: skip
    if footnote := found.constants.get("footnote"):
        lines.append(f"note: {footnote}")
    return "\n".join(lines)


def _method_lines(found: catalog.Card) -> list[str]:
    lines = [
        f"reference: {found.constants.get('paper', '')}",
        f"level: {found.constants.get('level', 'none')}",
        f"tasks: {', '.join(sorted(found.tasks))}; students: {', '.join(sorted(found.backbones))}",
        f"needs: {_needs(found) or 'nothing beyond the batch'}",
    ]
    if cost := cost_of(found.name):
        lines.append(
            f"costs: x{cost.images_per_primary:g} images forwarded, x{cost.step_flops_ratio:.4f} "
            f"FLOPs a step, x{cost.train_flops_ratio:.4f} FLOPs an epoch, "
            f"{cost.extra_params:,} more parameters in training, {_size(cost.state_bytes)} of "
            "state"
        )
        lines.append(f"  ({conditions()})")
    return lines


RANGES = {"Fraction": "0 to 1", "Positive": "above 0", "NonNegative": "0 or above",
          "Count": "whole number from 1", "bool": "true or false"}  # fmt: skip


def _range(annotation: str) -> str:
    """Return an annotation in words."""
    if annotation.startswith("Literal["):
        return annotation.removeprefix("Literal[").removesuffix("]").replace("'", "")
    return RANGES.get(annotation, annotation)


def _size(count: int) -> str:
    return "0" if count == 0 else f"{count / 1e6:,.2f} MB" if count >= 1e4 else f"{count} B"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _needs(found: catalog.Card) -> str:
    needs = []
    if found.needs_teacher:
        needs.append("a teacher")
    if found.teaches_itself:
        needs.append("itself, trained before")
    if (views := int(found.constants.get("views", 1))) > 1:
        needs.append(f"{views} views")
    if found.samples:
        needs.append("a sampler")
    if found.smallest_batch > 1:
        needs.append(f"batches of {found.smallest_batch}")
    if found.constants.get("smallest_picture") == "stride":
        needs.append("pictures >= stride")
    if found.fewest_classes > 2:
        needs.append(f"{found.fewest_classes} classes")
    return ", ".join(needs)
