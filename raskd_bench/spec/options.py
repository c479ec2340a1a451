"""Entries of a suite that name a method, student or data set: their options, held to its source."""

from dataclasses import dataclass
from typing import Any

from raskd_bench import catalog
from raskd_bench.errors import did_you_mean
from raskd_bench.spec.rules import RULES, Rule, one_of, rule_of
from raskd_bench.spec.words import decimal_comma
from raskd_bench.spec.yaml import Document, Path_

OWN_KEYS = {"method": ("name", "label"), "student": ("name",), "dataset": ("name",)}
PRESET = "preset"  # an option of methods that have published settings
# Options of every data set. They stand in a trial where its suite gives them and nowhere else: a
# default that was filled in would give every trial another id.
READING = {"storage": one_of(("auto", "device", "stream")), "cache": one_of(("auto", True, False))}
# The same, of which images a data set has.
CHOOSING = {"per_class": RULES["Count"]}
# Options that came after trials had ids: at its default, such a one does not stand in a trial.
LATER = {("dataset", "test_fraction"), ("dataset", "alpha")}


@dataclass(frozen=True)
class Entry:
    """A method, student or data set as the suite names it.

    Attributes:
        path: its place in the suite.
        name: of the method, student or data set.
        label: what the suite calls it.
        options: other keys.
        card: what its source says; None if nothing is called so.
        sound: no fault was found in the options.
    """

    path: Path_
    name: str
    label: str
    options: dict[str, Any]
    card: catalog.Card | None
    sound: bool

    @property
    def settled(self) -> dict[str, Any]:
        """The options, with defaults filled in."""
        return settle(self.card, self.options) if self.card else self.options


def settle(card: catalog.Card, options: dict[str, Any]) -> dict[str, Any]:
    """Return all options of an entry: defaults filled in, and 4 as 4.0 where a number is meant."""
    rules = _rules(card)
    own = {key: value for key, value in options.items() if key != PRESET or not card.presets}
    settled = card.defaults | dict(card.presets.get(options.get(PRESET, ""), {})) | own
    for name, value in settled.items():
        rule = rules.get(name)
        if rule is not None and rule.real and type(value) is int:
            settled[name] = float(value)
    defaults = {key: value for key, value in card.defaults.items() if (card.kind, key) in LATER}
    return {k: v for k, v in settled.items() if k not in defaults or v != defaults[k]}


def read_entries(document: Document, key: str, kind: catalog.Kind) -> list[Entry]:
    """Return the entries under a key of the suite that have a name, their faults noted."""
    raw = document.data.get(key)
    if isinstance(raw, list):
        pairs: list[tuple[Path_, Any]] = [((key, index), item) for index, item in enumerate(raw)]
    else:
        pairs = [((key,), raw)]
    entries = (read_entry(document, path, kind, item) for path, item in pairs)
    return [entry for entry in entries if entry is not None]


def read_entry(document: Document, path: Path_, kind: catalog.Kind, raw: Any) -> Entry | None:
    """Return an entry, its faults noted, or None if it has no name, which the model says."""
    given = {"name": raw} if isinstance(raw, str) else raw
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        return None
    name, label = given["name"], given.get("label")
    options = {key: value for key, value in given.items() if key not in OWN_KEYS[kind]}
    before = len(document.faults)
    card = None
    try:
        card = catalog.find(kind, name, document.folder)
        _check_options(document, path, card, options)
    except catalog.NoSuchName as error:
        document.refuse((*path, "name") if isinstance(raw, dict) else path, str(error))
    label = label if kind == "method" and isinstance(label, str) else name
    return Entry(path, name, label, options, card, len(document.faults) == before)


def _rules(card: catalog.Card) -> dict[str, Rule | None]:
    own: dict[str, Rule | None] = {**READING, **CHOOSING} if card.kind == "dataset" else {}
    if card.presets:
        own[PRESET] = one_of(tuple(card.presets))
    return own | {p.name: rule_of(p.annotation) for p in card.parameters}


def _check_options(
    document: Document, path: Path_, card: catalog.Card, options: dict[str, Any]
) -> None:
    rules, meant = _rules(card), set()
    for key, value in _whole(document, path, options).items():
        if key in rules:
            rule = rules[key]
            problem = rule.broken_by(value) if rule else None
            if problem:
                document.refuse((*path, key), problem)
        elif not card.free_options:
            noun = "hyper-parameter" if card.kind == "method" else "option"
            hint = did_you_mean(key, (*OWN_KEYS[card.kind], *rules))
            meant.add(hint)
            text = hint or f"; {card.name} has {', '.join(rules) or f'no {noun}s'}"
            document.refuse((*path, key), f"unknown {noun} of {card.name}{text}", at_key=True)
    for name in (p.name for p in card.parameters if p.required and p.name not in options):
        if did_you_mean(name, [name]) not in meant:
            rule = rules[name]
            words = rule.words if rule else "a value"
            example = f"{{name: {card.name}, {name}: ...}}"
            text = f"is required by {card.name}: {words}, e.g. {example}"
            document.fault((*path, name), text)


def _whole(document: Document, path: Path_, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options without those that a decimal comma cut in two, which is noted."""
    cut = {key: found for key in options if (found := decimal_comma(options, key))}
    for key, (_, text) in cut.items():
        document.refuse((*path, key), text, at_key=True)
    halves = {before for before, _ in cut.values()} | set(cut)
    return {key: value for key, value in options.items() if key not in halves}
