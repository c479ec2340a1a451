"""Values and rules in the words of a suite's author."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
REAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)")
WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
YES, NO = ("yes", "y", "on"), ("no", "n", "off")
LONGEST = 60


def plain_value(text: str) -> Any:
    """Return what an unquoted scalar stands for in YAML 1.2's core schema."""
    if text in WORDS:
        return WORDS[text]
    if INTEGER.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base) if len(text) < 40 else 2**63
    if REAL.fullmatch(text):
        return float(text.replace(".inf", "inf").replace(".Inf", "inf").replace(".INF", "inf"))
    return text


def shown(value: Any) -> str:
    """Return a value as a suite would write it, shortened."""
    if isinstance(value, str):
        return repr(value if len(value) <= LONGEST else value[: LONGEST - 1] + "…")
    text = flow(value)
    if len(text) <= LONGEST:
        return text
    return "a mapping" if isinstance(value, Mapping) else "a list"


def flow(value: Any) -> str:
    """Return a value as YAML in one line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str):
        plain = re.fullmatch(r"[\w./][\w./+-]*", value) and isinstance(plain_value(value), str)
        return value if plain else repr(value)
    return repr(value)


def odd_space(text: str) -> tuple[int, str] | None:
    """Return the index of a space that is none to YAML, and what is wrong; None without one."""
    for index, character in enumerate(text):
        if character != " " and unicodedata.category(character) == "Zs":
            name = unicodedata.name(character).lower()
            return index, f"contains a {name} (U+{ord(character):04X}); write a plain space"
    return None


def decimal_comma(mapping: Mapping[str, Any], key: str) -> tuple[str, str] | None:
    """Return the key whose value `0,1` was cut at its comma, and what to write; None otherwise.

    In braces `lr: 0,1` is two entries, `lr: 0` and `1:`, of which `key` is the second.
    """
    keys = list(mapping)
    before = keys[keys.index(key) - 1]
    whole = mapping[before]
    if before == key or not key.isdecimal() or mapping[key] is not None or type(whole) is not int:
        return None
    return before, f"a comma ends the value of {before}; write {before}: {whole}.{key}"


def complaint(rule: str, value: Any) -> str:
    """Return what is wrong with a value that breaks a rule, and what to write instead.

    Args:
        rule: completes "must be", e.g. `a number above 0`.
        value: that was found.
    """
    return f"must be {rule}; found {shown(value)}{_remedy(rule, value)}"


def _remedy(rule: str, value: Any) -> str:
    """Return `"; write ..."` where it is plain what was meant."""
    if isinstance(value, str):
        return _remedy_for_text(rule, value)
    if isinstance(value, float) and value.is_integer() and "whole number" in rule:
        return f"; write {int(value)}"
    if rule == "text" and not isinstance(value, (list, dict)):
        return "; put it in quotes"
    return ""


def _remedy_for_text(rule: str, value: str) -> str:
    if "true" in rule and value.lower() in YES + NO:
        return f"; write {'true' if value.lower() in YES else 'false'}"
    if "number" not in rule:
        return ""
    if isinstance(plain_value(value), (int, float)):
        return "; remove the quotes"
    meant = value.replace("_", "").replace(",", ".")
    if isinstance(plain_value(meant), (int, float)):
        return f"; write {meant}"
    percent = plain_value(value.removesuffix("%").strip())
    return f"; write {percent / 100:g}" if isinstance(percent, (int, float)) else ""
