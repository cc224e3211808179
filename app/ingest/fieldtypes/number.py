"""An amount or a count, as people write it: currency signs and thousands separators are read away."""

import re

from pydantic import Field, model_validator

from app.core.registry import Settings
from app.ingest.fieldtype import FieldType, fieldtypes
from app.ingest.raw import invalid, valid, written
from app.model import Raw, Value

_SHAPES = {
    ".": re.compile(
        r"([+-]?)[$€£¥₹]?\s?([+-]?)(\d+|\d{1,3}(?:[,' \u00a0\u202f’]\d{3})+)(\.\d*)?\s?[$€£¥₹]?", re.ASCII
    ),
    ",": re.compile(
        r"([+-]?)[$€£¥₹]?\s?([+-]?)(\d+|\d{1,3}(?:[.' \u00a0\u202f’]\d{3})+)(,\d*)?\s?[$€£¥₹]?", re.ASCII
    ),
}
_SEPARATORS = re.compile(r"[,.' \u00a0\u202f’]")
_MOST = 2**53  # beyond, a float is no longer the number that was written


class NumberSettings(Settings):
    min: float | None = Field(None, allow_inf_nan=False)
    max: float | None = Field(None, allow_inf_nan=False)
    integer: bool = False
    decimal: str = Field(".", pattern=r"^[.,]$", description="What stands before the fraction: . or ,")

    @model_validator(mode="after")
    def _in_order(self) -> "NumberSettings":
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min is above max")
        return self


@fieldtypes.register
class Number(FieldType[NumberSettings]):
    """A whole number is an integer however it is written: `150`, `150.00` and `$150` are one value."""

    name = "number"
    settings = NumberSettings
    examples = (
        ({}, "$1,234.50", Value("$1,234.50", 1234.5)),
        ({"decimal": ","}, "1.234,50 €", Value("1.234,50 €", 1234.5)),
        ({"min": 0}, -5, Value(-5, None, False, {}, "is below 0")),
        ({"integer": True}, "2.5", Value("2.5", None, False, {}, "is no whole number")),
        ({}, "NaN", Value("NaN", None, False, {}, "is no number")),
    )

    def normal(self, raw: Raw, to: NumberSettings) -> Value:
        number = raw if isinstance(raw, int | float) and type(raw) is not bool else _read(raw, to)
        if number is None or number != number:
            return invalid(raw, "is no number")
        if not -_MOST <= number <= _MOST:
            return invalid(raw, "is too large")
        whole = number == int(number)
        if to.integer and not whole:
            return invalid(raw, "is no whole number")
        if to.min is not None and number < to.min:
            return invalid(raw, f"is below {to.min:g}")
        if to.max is not None and number > to.max:
            return invalid(raw, f"is above {to.max:g}")
        return valid(raw, int(number) if whole else number)


def _read(raw: Raw, to: NumberSettings) -> float | None:
    text = written(raw)
    if len(text) > 40 or type(raw) is bool:
        return None
    if text.isdecimal() and text.isascii():
        return int(text)
    match = _SHAPES[to.decimal].fullmatch(text)
    if match is None:
        return None
    sign, other, whole, fraction = match.groups()
    if sign and other:
        return None
    digits = _SEPARATORS.sub("", whole)
    number = float(f"{digits}.{fraction[1:]}") if fraction else int(digits)
    return -number if "-" in (sign, other) else number
