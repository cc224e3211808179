"""What a lead that is offered to a contract is expected to bring: its price, as far as such leads are taken and kept."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec import Struct

DOUBT = 20
"""So many leads of the campaign's own average are put beside what a contract did: a few leads say little."""

_ONE, _PLACES = Decimal(1), Decimal("0.0001")


class Record(Struct, frozen=True):
    """What became of a contract's leads lately. `kept_long` were accepted so long ago that a return would be known,
    and `returned` are those of them that came back."""

    contract: str
    campaign: str
    price: Decimal
    answered: int = 0
    accepted: int = 0
    kept_long: int = 0
    returned: int = 0


class Expected(Struct, frozen=True):
    """Of one contract; the rates are smoothed."""

    value: Decimal
    accepts: Decimal
    returns: Decimal

    def __str__(self) -> str:
        return f"{self.value:f} (accepts {self.accepts:.1%}, returns {self.returns:.1%})"


class Expectations:
    """What one process knows of it; exchanged whole, never changed."""

    def __init__(self) -> None:
        self.of: Mapping[str, Expected] = {}
        self.values: Mapping[str, Decimal] = {}

    def learn(self, records: Iterable[Record]) -> None:
        self.of = expected(records)
        self.values = {contract: one.value for contract, one in self.of.items()}


NOTHING_KNOWN = Expectations()


def expected(records: Iterable[Record]) -> dict[str, Expected]:
    """price × accept rate × (1 − return rate), the rates drawn towards those of the whole campaign."""
    of_campaign: dict[str, list[Record]] = {}
    for one in records:
        of_campaign.setdefault(one.campaign, []).append(one)
    return {one.contract: _expected(one, every) for every in of_campaign.values() for one in every}


def _expected(one: Record, every: Iterable[Record]) -> Expected:
    all_answered = sum(other.answered for other in every)
    all_kept = sum(other.kept_long for other in every)
    usual = Decimal(sum(other.accepted for other in every)) / all_answered if all_answered else _ONE
    back = Decimal(sum(other.returned for other in every)) / all_kept if all_kept else Decimal(0)
    accepts = (one.accepted + DOUBT * usual) / (one.answered + DOUBT)
    returns = (one.returned + DOUBT * back) / (one.kept_long + DOUBT)
    return Expected((one.price * accepts * (1 - returns)).quantize(_PLACES), accepts, returns)
