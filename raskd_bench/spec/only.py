"""`--only`: names joined by `and`, `or`, `not` and parentheses."""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from raskd_bench.errors import RequestError, did_you_mean

TOKEN = re.compile(r"""\s*(?:(?P<quoted>'[^']*'|"[^"]*")|(?P<bare>[()]|[^\s()'"]+))""")
BINDS = {"or": 1, "and": 2, "not": 3}


class _Token(NamedTuple):
    text: str
    operator: bool


class Only:
    """A condition on the names of a trial, e.g. `ras_kd or (kd and not seed2)`.

    A name may hold `*`, `?` and `[...]`, which match as in file names; one with spaces or
    parentheses stands in quotes.

    Raises:
        RequestError: the expression is malformed.
    """

    def __init__(self, expression: str) -> None:
        self.expression = expression
        self._postfix = list(self._ordered())

    def matches(self, names: Iterable[str]) -> bool:
        """Whether a trial that goes by `names` is chosen."""
        names, values = list(names), list[bool]()
        for text, operator in self._postfix:
            if not operator:
                values.append(any(_fits(text, name) for name in names))
            elif text == "not":
                values.append(not values.pop())
            else:
                last, first = values.pop(), values.pop()
                values.append(first and last if text == "and" else first or last)
        return values.pop()

    def check_names(self, known: Iterable[str]) -> None:
        """Raise RequestError for a name that fits none of `known`."""
        known = sorted(set(known))
        for text, operator in self._postfix:
            if not operator and not any(_fits(text, name) for name in known):
                hint = did_you_mean(text, known)
                raise RequestError(f"--only {self.expression}: no trial is called {text!r}{hint}")

    def _malformed(self, problem: str) -> RequestError:
        example = "write names like 'ras_kd or (cross_entropy and not seed2)'"
        return RequestError(f"--only {self.expression}: {problem}; {example}")

    def _tokens(self) -> Iterator[_Token]:
        position, text = 0, self.expression.rstrip()
        while position < len(text):
            match = TOKEN.match(text, position)
            if match is None:
                raise self._malformed("a quote is never closed")
            position, quoted, bare = match.end(), match["quoted"], match["bare"]
            yield _Token(quoted[1:-1] if quoted else bare, bare in {*BINDS, "(", ")"})

    def _ordered(self) -> Iterator[_Token]:
        """Yield the tokens so that an operator follows what it joins (Dijkstra's shunting yard)."""
        waiting: list[_Token] = []
        wants_name = True
        for token in self._tokens():
            starts = not token.operator or token.text in {"not", "("}
            if starts != wants_name:
                missing = "a name" if wants_name else "'and' or 'or'"
                raise self._malformed(f"{missing} is missing before {token.text!r}")
            if not token.operator:
                yield token
            elif token.text in {"not", "("}:
                waiting.append(token)
            else:
                yield from self._due(waiting, token.text)
            wants_name = token.operator and token.text != ")"
        if wants_name:
            raise self._malformed("a name is missing at the end")
        yield from self._due(waiting, "")

    def _due(self, waiting: list[_Token], text: str) -> Iterator[_Token]:
        """Yield the waiting operators that bind before `text`, which is `""` at the end."""
        while waiting and BINDS.get(waiting[-1].text, 0) >= max(1, BINDS.get(text, 0)):
            yield waiting.pop()
        if text in BINDS:
            waiting.append(_Token(text, operator=True))
        elif bool(waiting) != (text == ")"):
            raise self._malformed("a parenthesis is not closed" if waiting else "a ')' too many")
        elif waiting:
            waiting.pop()


def _fits(pattern: str, name: str) -> bool:
    return pattern == name or fnmatchcase(name, pattern)
