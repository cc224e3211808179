"""What a contract pays for a lead that has waited: a part of its price."""

from decimal import ROUND_HALF_UP, Decimal

from app.core.money import UNIT

WHOLE = Decimal(1)
_CENT = Decimal("0.01")


def reduced(price: Decimal, factor: Decimal) -> Decimal:
    """In the places in which it was written, two at least: half a cent goes up."""
    if factor == WHOLE:
        return price
    written = Decimal(1).scaleb(int(price.as_tuple().exponent))
    return (price * factor).quantize(min(max(written, UNIT), _CENT), ROUND_HALF_UP)
