"""Annotations as rules: what they accept, and what they say of the rest."""

import pytest

from raskd_bench import catalog
from raskd_bench.spec.options import settle
from raskd_bench.spec.rules import rule_of
from raskd_bench.spec.words import plain_value, shown

ACCEPTED = {
    "float": (0.5, 3, -1),
    "int": (0, -3),
    "bool": (True, False),
    "str": ("", "x"),
    "Fraction": (0, 0.0, 0.5, 1, 1.0),
    "Positive": (1e-9, 3),
    "NonNegative": (0, 0.0, 7.5),
    "Count": (1, 10**6),
    "Count | None": (None, 3),
    "Literal['a', 'b']": ("a", "b"),
    "typing.Literal[1, 'a']": (1, "a"),
    "Positive | Literal['auto']": (0.5, "auto"),
}
REFUSED = [
    ("float", "fast", "must be a number; found 'fast'"),
    ("float", True, "must be a number; found true"),
    ("float", "1e-3", "must be a number; found '1e-3'; remove the quotes"),
    ("float", "0,5", "must be a number; found '0,5'; write 0.5"),
    ("float", "5%", "must be a number; found '5%'; write 0.05"),
    ("int", 2.0, "must be a whole number; found 2.0; write 2"),
    ("int", 2.5, "must be a whole number; found 2.5"),
    ("int", "1_000", "must be a whole number; found '1_000'; write 1000"),
    ("bool", "yes", "must be true or false; found 'yes'; write true"),
    ("bool", "Off", "must be true or false; found 'Off'; write false"),
    ("bool", 1, "must be true or false; found 1"),
    ("str", 32, "must be text; found 32; put it in quotes"),
    ("str", [32], "must be text; found [32]"),
    ("Fraction", 1.01, "must be a number from 0 to 1; found 1.01"),
    ("Positive", 0, "must be a number above 0; found 0"),
    ("NonNegative", -0.1, "must be a number of 0 or more; found -0.1"),
    ("Count", 0, "must be a whole number of 1 or more; found 0"),
    ("Count | None", "x", "must be a whole number of 1 or more or null; found 'x'"),
    ("Literal['cosine', 'dot']", "cosin",
     "must be one of cosine, dot; found 'cosin'; did you mean 'cosine'?"),
    ("Literal[1, 2]", True, "must be one of 1, 2; found true"),
]  # fmt: skip


@pytest.mark.parametrize("annotation", ACCEPTED)
def test_a_rule_accepts_its_range(annotation):
    rule = rule_of(annotation)
    assert [rule.broken_by(value) for value in ACCEPTED[annotation]] == [None] * len(
        ACCEPTED[annotation]
    )


@pytest.mark.parametrize(("annotation", "value", "words"), REFUSED)
def test_a_rule_says_what_is_wrong_and_what_to_write(annotation, value, words):
    assert rule_of(annotation).broken_by(value) == words


@pytest.mark.parametrize("annotation", ["Any", "tuple[int, ...]", "Literal[MODES]", "int | Mode"])
def test_other_annotations_are_left_to_the_class(annotation):
    assert rule_of(annotation) is None


@pytest.mark.parametrize("name", catalog.names("method"))
def test_every_hyper_parameter_of_ours_has_a_rule_that_its_default_meets(name):
    card = catalog.find("method", name)
    rules = {p.name: rule_of(p.annotation) for p in card.parameters}
    assert {key: rules[key].broken_by(value) for key, value in card.defaults.items()} == (
        dict.fromkeys(card.defaults)
    )


def test_settling_fills_in_defaults_and_makes_whole_numbers_numbers():
    card = catalog.find("method", "kd")
    settled = settle(card, {"temperature": 3})
    assert settled == {"ce": 0.1, "kd": 0.9, "temperature": 3.0}
    assert isinstance(settled["temperature"], float)


@pytest.mark.parametrize(
    ("text", "value"),
    [("", None), ("~", None), ("true", True), ("yes", "yes"), ("12", 12), ("0x1F", 31),
     ("1e3", 1e3), ("5e-4", 5e-4), (".5", 0.5), ("1_000", "1_000"), ("1.2.3", "1.2.3"),
     ("2024-01-01", "2024-01-01"), ("-.inf", float("-inf")), ("e3", "e3")],
)  # fmt: skip
def test_plain_scalars_follow_the_core_schema(text, value):
    assert plain_value(text) == value
    assert type(plain_value(text)) is type(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "null"), (True, "true"), ("1", "'1'"), (0.5, "0.5"), ({"a": [1, "x", "1"]},
     "{a: [1, x, '1']}"), (["x" * 80], "a list"), ({"x": "y" * 80}, "a mapping"),
     ("x" * 80, "'" + "x" * 59 + "…'")],
)  # fmt: skip
def test_values_are_shown_as_a_suite_would_write_them(value, text):
    assert shown(value) == text
