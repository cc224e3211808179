"""Prices: exact decimals with a currency; written as text with two to six places."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

_FINEST = Decimal("0.000001")


def amount(text: Any) -> Decimal:
    """`"12.50"`, 12 or 12.5 as an exact amount; ValueError for what is no amount (NaN, 1e99, "12,50", "12_50")."""
    said = str(text).strip()
    try:
        value = Decimal(said)
    except InvalidOperation:
        raise ValueError("is no amount; write it as 12.50") from None
    if "_" in said or not value.is_finite() or abs(value) >= 10**12 or value != value.quantize(_FINEST):
        raise ValueError("is no amount; write it as 12.50")
    # PostgreSQL takes no numeric of thousands of places, be they noughts
    return value if -6 <= int(value.as_tuple().exponent) <= 12 else value.quantize(_FINEST)


def written(value: Decimal) -> str:
    """12.5 → "12.50", 0.125 → "0.125"; what turned to nothing has no sign."""
    places = max(2, -int(value.normalize().as_tuple().exponent)) if value else 2
    return f"{value or Decimal(0):.{places}f}"


UNIT = Decimal("0.0001")
"""What counters count amounts in."""


def units(value: Decimal) -> int:
    """In ten-thousandths, halves away from zero: as PostgreSQL rounds a numeric."""
    return int(value.quantize(UNIT, ROUND_HALF_UP).scaleb(4))


def of_units(n: int) -> Decimal:
    return Decimal(n).scaleb(-4)


Amount = Annotated[
    Decimal, BeforeValidator(amount), PlainSerializer(written, return_type=str, when_used="always")
]
