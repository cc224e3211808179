"""What a lead that is offered to a contract is expected to bring: its price, as far as such leads are taken and kept."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

DOUBT = 20
"""So many leads of the campaign's own average are put beside what a contract did: a few leads say little."""

_PLACES = Decimal("0.0001")


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
    return {
        one.contract: _expected(one, *usual)
        for every in of_campaign.values()
        for usual in [_usual(every)]
        for one in every
    }


def _usual(every: Sequence[Record]) -> tuple[Decimal, Decimal]:
    """How many leads are accepted of those that are answered, and returned of those accepted."""
    answered, kept_long = sum(one.answered for one in every), sum(one.kept_long for one in every)
    accepts = Decimal(sum(one.accepted for one in every)) / answered if answered else Decimal(1)
    return accepts, Decimal(sum(one.returned for one in every)) / kept_long if kept_long else Decimal(0)


def _expected(one: Record, usual: Decimal, back: Decimal) -> Expected:
    accepts = (one.accepted + DOUBT * usual) / (one.answered + DOUBT)
    returns = (one.returned + DOUBT * back) / (one.kept_long + DOUBT)
    return Expected((one.price * accepts * (1 - returns)).quantize(_PLACES), accepts, returns)
