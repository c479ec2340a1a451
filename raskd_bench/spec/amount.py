"""Amounts with a unit: `2%`, `+2 %`, `0.5pp`. A number alone is never taken for a share."""

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from raskd_bench.spec.trial import misfit
from raskd_bench.spec.words import flow, shown

Unit = Literal["%", "pp", ""]
NUMBER = r"[-+]? *(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
WRITTEN = re.compile(rf"({NUMBER}) *(%|pp|)")
MEANT = (  # what people write for the two units, and marks that a bound does without
    (re.compile(r"±|\+-|\+/-|[<>]=?"), ""),
    (re.compile(r"(?i)percentage points?|percent points?|points?|p\.p\.|%p|% ?points?"), "pp"),
    (re.compile(r"(?i)per ?cent|pct"), "%"),
    (re.compile(r","), "."),
    (re.compile(r"\N{MINUS SIGN}"), "-"),
)
FRACTION_BELOW = {"%": 0.2, "pp": 0.05}  # a bare 0.02 was meant as a fraction, a bare 2 was not
UNITS = {"%": "in % of the baseline", "pp": "in percentage points (pp)"}


@dataclass(frozen=True)
class Amount:
    """A number with its unit, as a suite writes it.

    Attributes:
        text: as written, for sentences.
        value: a fraction for `%` and `pp`: 0.02 for `2%`, 0.005 for `0.5pp`.
        unit: `%` (of the baseline's value), `pp` (percentage points), or none.
    """

    text: str
    value: float
    unit: Unit

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, written: Any) -> "Amount":
        """Return what a suite's author wrote.

        Raises:
            PydanticCustomError: it is no amount.
        """
        number = isinstance(written, (int, float)) and not isinstance(written, bool)
        if number and math.isfinite(written):
            return cls(flow(written), float(written), "")
        amount = cls._of_text(written) if isinstance(written, str) else None
        if amount is None:
            rule = "must be an amount with its unit, e.g. 2% or 0.5pp"
            raise misfit(f"{rule}; found {shown(written)}{_mended(written)}")
        return amount

    @classmethod
    def _of_text(cls, text: str) -> "Amount | None":
        match = WRITTEN.fullmatch(text.strip())
        if match is None:
            return None
        digits, unit = match[1].replace(" ", ""), match[2]
        value = float(digits + "e-2" if unit else digits)  # not / 100: 7% is 0.07 to the bit
        return cls(text.strip(), value, unit) if math.isfinite(value) else None  # type: ignore[arg-type]

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls.parse(value),
            serialization=core_schema.plain_serializer_function_ser_schema(str, when_used="json"),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: Any) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "pattern": rf"^ *{NUMBER} *(%|pp)? *$"},
                          {"type": "number"}]}  # fmt: skip


def unit_fault(amount: Amount, unit: Literal["%", "pp"]) -> str | None:
    """Return what is wrong with an amount that should be in `unit`, and what to write, or None."""
    if amount.unit == unit:
        return None
    number = abs(amount.value)
    if amount.unit or number < FRACTION_BELOW[unit]:
        meant = in_hundredths(number)
    else:
        meant = amount.text.lstrip("+- ")
    if amount.unit:
        return f"must be {UNITS[unit]}; found {shown(amount.text)}; write {meant}{unit}"
    return f"needs a unit: write {meant}{unit}; found {amount.text}"


def in_hundredths(value: float) -> str:
    """Return `2` for 0.02, without an exponent and to the last digit."""
    return format(Decimal(repr(value)).scaleb(2).normalize(), "f")


def _mended(written: Any) -> str:
    """Return `"; write 0.5pp"` where it is plain what was meant."""
    if not isinstance(written, str):
        return ""
    for pattern, instead in MEANT:
        written = pattern.sub(instead, written)
    written = written.strip()
    return f"; write {written}" if WRITTEN.fullmatch(written) and len(written) < 20 else ""


def _share(written: Any) -> float:
    amount = Amount.parse(written)
    problem = unit_fault(amount, "%")
    if problem is None and amount.value <= 0:
        problem = f"must be above 0%; found {shown(amount.text)}"
    if problem is not None:
        raise misfit(problem)
    return amount.value


Relative = Annotated[
    float,
    BeforeValidator(_share),
    PlainSerializer(lambda value: f"{in_hundredths(value)}%", when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^ *\+? *([0-9]+\.?[0-9]*|\.[0-9]+) *% *$"}),
]
"""A share of the baseline above 0: 0.02, written `2%`."""
