"""What a source is paid where it has no price of its own: a part of what each buyer pays for its leads."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

from pydantic import AfterValidator, Field

from app.core.money import Amount

_PLACES = Decimal("0.000001")


def _percent(share: Decimal) -> Decimal:
    if not 0 < share <= 100:
        raise ValueError("is more than 0 and at most 100: percent of what its leads are sold for")
    return share


RevenueShare = Annotated[
    Annotated[Amount, AfterValidator(_percent)] | None,
    Field(description="Instead of `price`: so many percent of what each of its sales brings."),
]


def as_percent(share: Decimal) -> str:
    """As people write it: "60", "33.333333"."""
    return f"{share.normalize():f}"


def part_of(amount: Decimal, percent: Decimal) -> Decimal:
    """To the millionth, halves away from zero, as the ledger has it."""
    return (amount * percent / 100).quantize(_PLACES, ROUND_HALF_UP)
