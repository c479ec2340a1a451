"""What a YAML syntax error means, in plain words."""

from typing import Any, NamedTuple

from ruamel.yaml.error import MarkedYAMLError

Place = tuple[int, int]


class _Meaning(NamedTuple):
    """Our words for one of the parser's, and whether the fault lies where the part was opened."""

    words: str
    at_opening: bool = False


DIRECTIVES = "directives ('%...') are not allowed; remove the line"
TAGS = "tags ('!...') are not allowed: a suite is data; remove it"
ALIASES = "anchors ('&...') and aliases ('*...') are not allowed; write the value out"
MEANINGS = {  # the first phrase that occurs in the parser's context or problem
    "scanning a directive": _Meaning(DIRECTIVES, at_opening=True),
    "YAML directive": _Meaning(DIRECTIVES),
    "incompatible YAML document": _Meaning(DIRECTIVES),
    "duplicate tag handle": _Meaning(DIRECTIVES),
    "scanning a tag": _Meaning(TAGS, at_opening=True),
    "parsing a tag": _Meaning(TAGS, at_opening=True),
    "ing an tag": _Meaning(TAGS, at_opening=True),
    "undefined tag handle": _Meaning(TAGS),
    "scanning an anchor": _Meaning(ALIASES, at_opening=True),
    "scanning an alias": _Meaning(ALIASES, at_opening=True),
    "scanning a block scalar": _Meaning("write the text on one line, in quotes", at_opening=True),
    r"found character '\t'": _Meaning("a tab cannot indent; use spaces"),
    "that cannot start any token": _Meaning("{character} cannot start a value; put it in quotes"),
    "mapping values are not allowed here": _Meaning(
        "a ':' in the wrong place; line the key up with its neighbours, or put a value that has "
        "': ' in it in quotes"
    ),
    "expected ',' or ']'": _Meaning("this '[' is not closed; add ']'", at_opening=True),
    "expected ',' or '}'": _Meaning("this '{{' is not closed; add '}}'", at_opening=True),
    "expected <block end>": _Meaning("does not line up with the lines above; indent it like them"),
    "could not find expected ':'": _Meaning("a key without a value; write 'key: value'", True),
    "sequence entries are not allowed": _Meaning("a '-' cannot stand here; give it its own line"),
    "found unexpected end of stream": _Meaning("this quote is never closed", at_opening=True),
    "unknown escape character": _Meaning("{character} is no escape in \"\"; use '' instead"),
    "mapping keys are not allowed": _Meaning("a '?' cannot stand here; write 'key: value'"),
    "but found '<stream end>'": _Meaning("the file ends here, but a bracket is not closed"),
    "expected the node content": _Meaning("{character} cannot stand here; a value was expected"),
    "expected '<document start>'": _Meaning("does not belong here; what is above is complete"),
}


def syntax_fault(error: MarkedYAMLError) -> tuple[Place, str]:
    """Return the 1-based place of a syntax error and what is wrong there."""
    problem = error.problem or error.context or "cannot be parsed"
    character = "'" + problem.partition("'")[2].partition("'")[0] + "'"
    for phrase, meaning in MEANINGS.items():
        if phrase in f"{error.context}: {problem}":
            marks = [error.problem_mark, error.context_mark]
            place = _place(*(reversed(marks) if meaning.at_opening else marks))
            return place, f"not YAML: {meaning.words.format(character=character)}"
    return _place(error.problem_mark, error.context_mark), f"not YAML: {problem}"


def _place(*marks: Any) -> Place:
    """Return the place of the first mark that there is."""
    return next(((m.line + 1, m.column + 1) for m in marks if m is not None), (1, 1))
