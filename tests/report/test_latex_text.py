"""What comes from a suite stays text in LaTeX; a number has the digits of its uncertainty."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raskd_bench.report.latex_text import column, escaped, number
from raskd_bench.stats import Interval

CONTROL = re.compile(r"\\(?:[a-zA-Z]+|[^a-zA-Z])")


def depth_after(text):
    """Return how deep braces are nested at the end, those of control symbols left out."""
    depth = 0
    for character in CONTROL.sub("", text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    return depth


@given(st.text())
def test_any_text_has_balanced_braces_and_no_active_character(text):
    made = escaped(text)
    assert made.isascii()
    assert made.isprintable()
    assert depth_after(made) == 0
    assert set('&%$#_~^<>"`') & set(CONTROL.sub("", made)) == set()


@given(st.text(alphabet="[]*-\\{} a", min_size=1))
def test_no_text_begins_with_what_the_end_of_a_row_would_take(text):
    assert not escaped(text).startswith(("[", "*"))


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("ras_kd", r"ras\_kd"), ("50 % & more", r"50 \% \& more"),
        (r"\input{x}", r"\textbackslash{}input\{x\}"),
        ("a~b^c", r"a\textasciitilde{}b\textasciicircum{}c"),
        ("$x$ #1", r"\$x\$ \#1"), ("<b>", r"\textless{}b\textgreater{}"),
        ("µs", r"\ensuremath{\mu}s"), ("\u03c3 ± 2", r"\ensuremath{\sigma} \ensuremath{\pm} 2"),
        ("Müller", r'M\"{u}ller'), ("naïve", r'na\"{\i}ve'), ("a\u2013b", "a--b"),
        ("a--b", "a-{}-b"), ("two\nlines", "two lines"), ("\x1b[31m", "{[}?{]}{[}31m"),
        ("left\u202eright", "left{[}?{]}right"), ("字", "{[}U+5B57{]}"), ("\ud800", "{[}U+D800{]}"),
    ],
)  # fmt: skip
def test_text_is_written_as_commands(text, made):
    assert escaped(text) == made


@pytest.mark.parametrize(
    ("mean", "half", "text"),
    [
        (0.7831, 0.0042, "78.3(4)"), (0.78312, 0.00151, "78.31(15)"), (0.7831, 0.025, "78.3(25)"),
        (0.7831, 0.042, "78(4)"), (0.7831, 0.421, "78(42)"), (0.78312, 0.0, "78.31"),
        (0.78312, 0.0000421, "78.31"), (0.78312, math.nan, "78.31"), (math.nan, math.nan, ""),
        (0.7831, 0.003, "78.3(3)"), (0.7831, 0.00099, "78.31(10)"),
    ],
)  # fmt: skip
def test_digits_follow_the_uncertainty(mean, half, text):
    assert number(Interval(mean, half, 3), 100) == text


def test_a_difference_has_a_sign_and_nothing_has_no_number():
    assert number(Interval(0.0117, 0.0072, 3), 100, sign=True) == "+1.2(7)"
    assert number(Interval(-0.00001, 0.01, 3), 100, sign=True) == "+0.0(10)"
    assert number(None) == ""


@given(st.floats(0, 1), st.floats(1e-5, 0.5))
def test_a_number_is_within_its_last_digit_of_what_it_is(mean, half):
    value, _, rest = number(Interval(mean, half, 3), most=5).partition("(")
    rest = rest or "0)"  # too small for the last digit
    places = len(value.partition(".")[2])
    assert abs(float(value) - mean) <= 0.51 * 10**-places
    assert abs(int(rest.removesuffix(")")) * 10**-places - half) <= 0.51 * 10**-places


def test_a_column_has_room_for_the_widest_of_its_numbers():
    assert column(["{15.0 ms}", "1.000", "10.00(12)"]) == "S[table-format=2.3(2)]"
    assert column([r"\bfseries +1.2(7)", "-10(12)"]) == "S[table-format=+2.1(2)]"
    assert column(["{3}", "", "{1 of 2}"]) == "c"
