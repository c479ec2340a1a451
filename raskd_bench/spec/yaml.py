"""YAML 1.2 as plain data, with the position of every key and value."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from raskd_bench.errors import Fault, RequestError, SuiteError

Path_ = tuple[str | int, ...]
PLAIN_TAGS = {f"tag:yaml.org,2002:{tag}" for tag in ("str", "int", "float", "bool", "null", "seq",
                                                     "map")}  # fmt: skip
TIMESTAMP = "tag:yaml.org,2002:timestamp"
MAX_DEPTH = 20


class Document:
    """A YAML file as dicts, lists and scalars, and where each of its parts stands.

    Attributes:
        data: the plain value.
        file: the name as the user gave it, for messages.
    """

    def __init__(self, path: Path) -> None:
        self.file = str(path)
        self.faults: list[Fault] = []
        self._keys: dict[Path_, tuple[int, int]] = {(): (1, 1)}
        self._values: dict[Path_, tuple[int, int]] = {(): (1, 1)}
        self._yaml = YAML(typ="safe", pure=True)
        root = self._compose(_read(path))
        self.data: Any = None if root is None else self._plain(root, ())

    def fault(self, path: Path_, message: str, *, at_key: bool = False) -> Fault:
        """Return a Fault at the position of `path`, or of its nearest part that exists."""
        known = path
        while known not in self._values:
            known = known[:-1]
        line, column = (self._keys if at_key else self._values)[known]
        return Fault(self.file, line, column, dotted(path), message)

    def _compose(self, text: str) -> Node | None:
        try:
            return self._yaml.compose(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
            problem = error.problem or error.context or "cannot be parsed"
            raise SuiteError(
                [Fault(self.file, line, column, "", f"not YAML: {problem}")]
            ) from error
        except (YAMLError, RecursionError, ValueError) as error:
            reason = str(error).partition("\n")[0] or "nested too deeply"
            raise SuiteError([Fault(self.file, 1, 1, "", f"not YAML: {reason}")]) from error

    def _plain(self, node: Node, path: Path_) -> Any:
        position = (node.start_mark.line + 1, node.start_mark.column + 1)
        self._values[path] = position
        self._keys.setdefault(path, position)
        tag = str(node.tag)
        if len(path) > MAX_DEPTH:
            self.faults.append(self.fault(path, f"nested more than {MAX_DEPTH} levels deep"))
            return None
        if node.anchor is not None:
            self.faults.append(
                self.fault(path, "anchors and aliases are not allowed; write it out")
            )
            return None
        if tag == TIMESTAMP:
            return node.value
        if tag not in PLAIN_TAGS:
            self.faults.append(self.fault(path, f"the tag {tag!r} is not allowed: a suite is data"))
            return None
        if isinstance(node, SequenceNode):
            return [self._plain(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        return self._yaml.constructor.construct_object(node)

    def _mapping(self, node: MappingNode, path: Path_) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, ScalarNode) else "?"
            inner = (*path, key)
            duplicate = key in result
            where = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if duplicate:
                line, column = where
                first = self._keys[inner][0]
                text = f"given twice, first on line {first}"
                self.faults.append(Fault(self.file, line, column, dotted(inner), text))
                continue
            self._keys[inner] = where
            result[key] = self._plain(value_node, inner)
        return result


def dotted(path: Path_) -> str:
    """Return `methods[2].epsilon` for `("methods", 2, "epsilon")`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        known = sorted(str(found) for found in path.parent.glob("*.y*ml"))[:5]
        hint = f"; there: {', '.join(known)}" if known else ""
        raise RequestError(f"{path}: no such suite file{hint}") from None
    except UnicodeDecodeError as error:
        raise SuiteError([Fault(str(path), 1, 1, "", f"not UTF-8 text: {error.reason}")]) from error
    except OSError as error:
        raise RequestError(f"{path}: cannot be read: {error.strerror}") from error
