"""YAML 1.2 as plain data, with the position of every key and value.

Values follow the core schema of YAML 1.2: `true` and `false` are the only truth values, `yes` is
text. Tags, anchors, aliases and merge keys are refused: a suite is data, written out.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    Event,
    ScalarEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from raskd_bench.errors import Fault, RequestError, SuiteError, did_you_mean
from raskd_bench.spec.syntax import Place, syntax_fault
from raskd_bench.spec.words import odd_space, plain_value

Path_ = tuple[str | int, ...]
MAX_DEPTH = 20
MAX_BYTES = 256_000
UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


class Document:
    """A YAML file as dicts, lists and scalars, where its parts stand, and what is wrong with them.

    Attributes:
        data: the plain value; refused parts are None in it, or absent.
        file: the name as the user gave it, for messages.
        folder: where it lies.
        faults: so far.
        incomplete: mappings that lack keys for a reason that is already a fault.

    Raises:
        SuiteError: the file is not YAML.
        RequestError: there is no such file, or it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.file, self.folder = str(path), path.parent
        self.faults: list[Fault] = []
        self.incomplete: set[Path_] = set()
        self._refused: set[Path_] = set()
        self._keys: dict[Path_, Place] = {(): (1, 1)}
        self._values: dict[Path_, Place] = {(): (1, 1)}
        self._events: Iterator[Event] = YAML(typ="safe", pure=True).parse(self._text(path))
        try:
            self.data: Any = self._document()
        except MarkedYAMLError as error:
            self._stop(*self._odd_space(error) or syntax_fault(error))
        except SuiteError:
            raise
        except Exception as error:  # whatever else the parser makes of arbitrary bytes
            self._stop((1, 1), f"not YAML: {error}".partition("\n")[0])

    def __contains__(self, path: Path_) -> bool:
        return path in self._values

    def fault(self, path: Path_, message: str, *, at_key: bool = False) -> None:
        """Note a fault at `path`, or at its nearest part that exists, unless it was refused."""
        if self.is_refused(path):
            return
        known = path
        while known not in self._values:
            known = known[:-1]
        place = (self._keys if at_key else self._values)[known]
        self.faults.append(Fault(self.file, *place, dotted(path), message))

    def refuse(self, path: Path_, message: str, *, at_key: bool = False) -> None:
        """Note a fault that makes the value useless: nothing more will be said about it."""
        self.fault(path, message, at_key=at_key)
        self.silence(path)

    def silence(self, path: Path_) -> None:
        """Say nothing of `path` from now on: another fault is about it."""
        self._refused.add(path)

    def is_refused(self, path: Path_) -> bool:
        """Whether a fault, noted already, is about `path` or the part it lies in."""
        return any(path[:length] in self._refused for length in range(len(path) + 1))

    def _stop(self, place: Place, message: str) -> NoReturn:
        raise SuiteError([*self.faults, Fault(self.file, *place, "", message)])

    def _odd_space(self, error: MarkedYAMLError) -> tuple[Place, str] | None:
        """Return the place of a space that is none to YAML, in a line that a syntax error names."""
        marks = [mark for mark in (error.context_mark, error.problem_mark) if mark is not None]
        for number in sorted({mark.line for mark in marks}):
            line = self._lines[number] if number < len(self._lines) else ""
            if odd := odd_space(line.partition(" #")[0]):
                return (number + 1, odd[0] + 1), odd[1]
        return None

    def _document(self) -> Any:
        next(self._events)
        start = next(self._events)
        if isinstance(start, StreamEndEvent):
            return None
        if start.version or start.tags:  # type: ignore[attr-defined]
            self._stop(_place(start), "directives ('%...') are not allowed; remove what is above")
        data = self._value(next(self._events), ())
        next(self._events)
        extra = next(self._events)
        if not isinstance(extra, StreamEndEvent):
            self._stop(_place(extra), "a second document starts here; a file holds one suite")
        return data

    def _value(self, event: Event, path: Path_) -> Any:
        """Return the value that starts with `event`; its positions and faults go under `path`."""
        self._values[path] = _place(event)
        self._keys.setdefault(path, _place(event))
        if isinstance(event, AliasEvent):
            self.refuse(path, "aliases (*name) are not allowed; write the value out")
            return None
        self._bare(event, path)
        if isinstance(event, ScalarEvent):
            return self._scalar(event, path)
        if len(path) == MAX_DEPTH:
            self.fault(path, f"nested more than {MAX_DEPTH} levels deep")
            raise SuiteError(self.faults)
        if not isinstance(event, SequenceStartEvent):
            return self._mapping(path)
        items: list[Any] = []
        while not isinstance(event := next(self._events), CollectionEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _bare(self, event: Any, path: Path_) -> None:
        """Refuse a tag, and an anchor, before a key or value."""
        if event.anchor is not None:
            self.fault(path, "anchors (&name) are not allowed; remove it")
        if event.tag is not None:
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            self.refuse(path, f"the tag {tag!r} is not allowed: a suite is data; remove it")

    def _scalar(self, event: ScalarEvent, path: Path_) -> Any:
        value = plain_value(event.value) if event.implicit[0] else event.value
        if isinstance(value, str) and not value.isprintable():
            odd = next(character for character in value if not character.isprintable())
            text = f"contains {odd!r}; write one line of printable characters"
            self.refuse(path, (odd_space(value) or (0, text))[1])
            return None
        if isinstance(value, int) and abs(value) >= 2**63:
            self.refuse(path, f"must be below 2^63; found {event.value[:30]}")
            return None
        if isinstance(value, float) and not math.isfinite(value):
            self.refuse(path, f"must be a finite number; found {event.value}")
            return None
        return value

    def _mapping(self, path: Path_) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while not isinstance(event := next(self._events), CollectionEndEvent):
            key = self._key(event, path, result)
            value = next(self._events)
            if key is None:
                self._skip(value)
            else:
                result[key] = self._value(value, (*path, key))
        return result

    def _key(self, event: Event, path: Path_, known: dict[str, Any]) -> str | None:
        """Return a key of the mapping at `path`, or None, with a fault noted, if it is no use."""
        if not isinstance(event, ScalarEvent) or not event.value.isprintable():
            self._skip(event)
            self.incomplete.add(path)
            odd = odd_space(event.value) if isinstance(event, ScalarEvent) else None
            self._note(event, path, odd[1] if odd else "a key must be one plain word")
            return None
        key = str(event.value)
        if key == "<<":
            self.incomplete.add(path)
            self._note(event, (*path, key), "merge keys are not allowed; write the keys out")
            return None
        if key in known:
            first = self._keys[(*path, key)][0]
            self._note(event, (*path, key), f"is given twice, first on line {first}; remove one")
            return None
        self._keys[(*path, key)] = self._values[(*path, key)] = _place(event)
        self._bare(event, (*path, key))
        return key

    def _note(self, event: Event, path: Path_, message: str) -> None:
        self.faults.append(Fault(self.file, *_place(event), dotted(path), message))

    def _skip(self, event: Event) -> None:
        """Read over the rest of the value that starts with `event`."""
        depth = 0
        while True:
            depth += isinstance(event, CollectionStartEvent)
            depth -= isinstance(event, CollectionEndEvent)
            if depth == 0:
                return
            event = next(self._events)

    def _text(self, path: Path) -> str:
        data = _read(path)
        if len(data) > MAX_BYTES:
            self._stop((1, 1), f"is larger than {MAX_BYTES // 1000} kB: not a suite")
        try:
            text = data.decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            before = data[: error.start].decode("utf-8-sig", "replace")
            words = f"is not UTF-8 text; found the byte 0x{data[error.start]:02x}"
            self._stop(_end(before), f"{words}; save the file as UTF-8")
        odd = UNREADABLE.search(text)
        if odd:
            self._stop(_end(text[: odd.start()]), f"contains {odd[0]!r}; remove it")
        self._lines = re.split("[\r\n]", text)
        return text


def dotted(path: Path_) -> str:
    """Return `methods[2].epsilon` for `("methods", 2, "epsilon")`."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part[:60]}" for part in path)
    return "".join(parts).removeprefix(".")


def _place(event: Event) -> Place:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _end(text: str) -> Place:
    """Return the place that follows a text."""
    return text.count("\n") + 1, len(text) - text.rfind("\n")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        known = sorted(str(found) for found in path.parent.glob("*.y*ml"))[:5]
        hint = did_you_mean(str(path), known)
        hint = hint or (f"; there: {', '.join(known)}" if known else "")
        raise RequestError(f"{path}: no such suite file{hint}") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        reason = getattr(error, "strerror", None) or error
        raise RequestError(f"{path}: cannot be read: {reason}") from error
