"""What an annotation in a method's source asks of a value, without importing that source.

`float`, `int`, `bool`, `str`, `Literal[...]`, unions of them, and the ranges `Fraction`,
`Positive`, `NonNegative`, `Count` of method.py are rules. Anything else is left to the class.
"""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from raskd_bench.errors import did_you_mean
from raskd_bench.spec.words import complaint, flow


@dataclass(frozen=True)
class Rule:
    """A condition on one value.

    Attributes:
        words: complete "must be".
        holds: whether a value meets it.
        real: a number with a fraction: 4 means 4.0.
        choices: all values there are, if they can be listed.
    """

    words: str
    holds: Callable[[Any], bool]
    real: bool = False
    choices: tuple[Any, ...] = ()

    def broken_by(self, value: Any) -> str | None:
        """Return how a value breaks the rule, or None."""
        if self.holds(value):
            return None
        names = [choice for choice in self.choices if isinstance(choice, str)]
        hint = did_you_mean(value, names) if isinstance(value, str) else ""
        return complaint(self.words, value) + hint


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return _whole(value) or isinstance(value, float)


RULES = {
    "float": Rule("a number", _number, real=True),
    "int": Rule("a whole number", _whole),
    "bool": Rule("true or false", lambda value: isinstance(value, bool)),
    "str": Rule("text", lambda value: isinstance(value, str)),
    "None": Rule("null", lambda value: value is None),
    "Fraction": Rule("a number from 0 to 1", lambda v: _number(v) and 0 <= v <= 1, real=True),
    "Positive": Rule("a number above 0", lambda v: _number(v) and v > 0, real=True),
    "NonNegative": Rule("a number of 0 or more", lambda v: _number(v) and v >= 0, real=True),
    "Count": Rule("a whole number of 1 or more", lambda v: _whole(v) and v >= 1),
}


@cache
def rule_of(annotation: str) -> Rule | None:
    """Return the rule an annotation stands for, or None where it is not one of ours."""
    return _rule(ast.parse(annotation, mode="eval").body)


def one_of(choices: tuple[Any, ...]) -> Rule:
    """Return the rule that a value is one of `choices`."""
    return Rule(
        "one of " + ", ".join(map(flow, choices)),
        lambda value: any(type(value) is type(c) and value == c for c in choices),
        choices=choices,
    )


def _rule(node: ast.expr) -> Rule | None:
    if isinstance(node, ast.Name):
        return RULES.get(node.id)
    if isinstance(node, ast.Constant) and node.value is None:
        return RULES["None"]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _either(_rule(node.left), _rule(node.right))
    if isinstance(node, ast.Subscript) and ast.unparse(node.value) in {"Literal", "typing.Literal"}:
        try:
            choices = ast.literal_eval(node.slice)
        except ValueError:  # a name: known to the class only
            return None
        return one_of(choices if isinstance(choices, tuple) else (choices,))
    return None


def _either(left: Rule | None, right: Rule | None) -> Rule | None:
    if left is None or right is None:
        return None
    return Rule(
        f"{left.words} or {right.words}",
        lambda value: left.holds(value) or right.holds(value),
        all(rule.real for rule in (left, right) if rule is not RULES["None"]),
        left.choices + right.choices,
    )
