"""Amounts: what a number with a unit stands for, and what a number without one is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from raskd_bench.spec.amount import Amount, Relative, in_hundredths, unit_fault

RELATIVE = TypeAdapter(Relative)
SPACES = st.text(" ", max_size=3)
DIGITS = st.text("0123456789", min_size=1, max_size=12)
NUMBERS = st.one_of(
    DIGITS,
    st.builds("{}.{}".format, DIGITS, DIGITS),
    st.builds(".{}".format, DIGITS),
    st.builds("{}.".format, DIGITS),
)
UNITS = st.sampled_from(["%", "pp", ""])


@given(NUMBERS, st.sampled_from(["", "+", "-"]), UNITS, st.tuples(SPACES, SPACES, SPACES, SPACES))
def test_spacing_and_a_plus_sign_change_nothing(number, sign, unit, spaces):
    before, after_sign, after_number, end = spaces
    amount = Amount.parse(f"{before}{sign}{after_sign}{number}{after_number}{unit}{end}")
    plain = Amount.parse(f"{sign.replace('+', '')}{number}{unit}")
    assert (amount.value, amount.unit) == (plain.value, unit)
    assert amount.value == float(sign + number + ("e-2" if unit else ""))


@given(NUMBERS, SPACES, UNITS)
def test_the_text_of_an_amount_is_that_amount_again(number, space, unit):
    amount = Amount.parse(f"{number}{space}{unit}")
    assert Amount.parse(amount.text) == amount
    assert str(amount) == f"{number}{space}{unit}".strip()


@given(st.floats(min_value=1e-9, max_value=1e6))
def test_a_share_is_written_so_that_it_reads_as_itself(value):
    text = RELATIVE.dump_json(value).decode()
    assert text == f'"{in_hundredths(value)}%"'
    assert RELATIVE.validate_json(text) == value


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [("2%", 0.02, "%"), ("+2 %", 0.02, "%"), ("-1%", -0.01, "%"), ("7%", 0.07, "%"),
     ("- .5 pp", -0.005, "pp"), ("0.5pp", 0.005, "pp"), ("12.%", 0.12, "%"), ("3", 3.0, ""),
     (3, 3.0, ""), (0.25, 0.25, "")],
)  # fmt: skip
def test_an_amount_is_a_fraction_and_its_unit(text, value, unit):
    amount = Amount.parse(text)
    assert (amount.text, amount.value, amount.unit) == (str(text), value, unit)


@pytest.mark.parametrize(
    ("written", "remedy"),
    [("2,5%", "; write 2.5%"), ("± 1 %", "; write 1 %"), ("<=2%", "; write 2%"),
     ("2 percent", "; write 2 %"), ("0.5 percentage points", "; write 0.5 pp"),
     ("\N{MINUS SIGN}1%", "; write -1%"), ("0.5 p.p.", "; write 0.5 pp"), ("two", ""), ("", ""),
     ("%", ""), ("1e3%", ""), ("1 2%", ""), ("\u0663%", ""), (True, ""), (None, ""), ([2], ""),
     (float("inf"), ""), ("9" * 400 + "%", "")],
)  # fmt: skip
def test_anything_else_is_refused_with_what_was_probably_meant(written, remedy):
    with pytest.raises(PydanticCustomError) as caught:
        Amount.parse(written)
    text = str(caught.value)
    assert text.startswith("must be an amount with its unit, e.g. 2% or 0.5pp; found ")
    assert text.partition("; write")[2] == remedy.partition("; write")[2]


@pytest.mark.parametrize(
    ("written", "unit", "words"),
    [("2%", "%", None), ("0.5pp", "pp", None),
     (0.02, "%", "needs a unit: write 2%; found 0.02"),
     (2, "%", "needs a unit: write 2%; found 2"),
     ("+0.5", "%", "needs a unit: write 0.5%; found +0.5"),
     (0.005, "pp", "needs a unit: write 0.5pp; found 0.005"),
     (0.3, "pp", "needs a unit: write 0.3pp; found 0.3"),
     ("0.5pp", "%", "must be in % of the baseline; found '0.5pp'; write 0.5%"),
     ("0.5%", "pp", "must be in percentage points (pp); found '0.5%'; write 0.5pp")],
)  # fmt: skip
def test_another_unit_or_none_is_told_what_to_write(written, unit, words):
    assert unit_fault(Amount.parse(written), unit) == words


@pytest.mark.parametrize("written", ["0%", "-2%", "2pp", "0.02", 0.02, True, "0.0 %"])
def test_a_share_is_a_percentage_above_0(written):
    with pytest.raises(ValidationError) as caught:
        RELATIVE.validate_python(written)
    assert [error["type"] for error in caught.value.errors()] == ["misfit"]
