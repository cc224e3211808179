"""What a lead wants of contracts, and what came of it: values, between the pipeline and `allocate`."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from app.catalog.paying import part_of
from app.core.money import units
from app.distribute.aging import WHOLE, reduced
from app.distribute.caps import CounterKey, Use
from app.distribute.chain import Passage
from app.distribute.route import Match

_NOBODY: frozenset[str] = frozenset()


class Share(Struct, frozen=True):
    """What the source has of each sale, in percent, and its budgets that count it."""

    percent: Decimal
    budgets: tuple[Use, ...]

    def uses(self, price: Decimal) -> tuple[Use, ...]:
        n = units(part_of(price, self.percent))
        return tuple(replace(use, by=n) for use in self.budgets) if n else ()


class Want(Struct, frozen=True):
    """A lead that is to be placed. `tried` had it in this round; `buyers` hold it or must not get it; nor must who
    gets one of the wants before it that stand at the places `apart`.

    `gate` is used up by the lead itself, whoever gets it, and not given back: what its source may bring. `share` is used
    up by who gets it, as his own limits are.
    `prices` are what contracts pay for this lead, where that is not what they say."""

    match: Match
    copies: int = 1
    tried: Collection[str] = _NOBODY
    buyers: Collection[str] = _NOBODY
    apart: Collection[int] = ()
    gate: tuple[Use, ...] = ()
    prices: Mapping[str, Decimal] = {}
    factor: Decimal = WHOLE  # of all other prices
    passage: Passage | None = None  # where it goes on to contracts beyond `match`, or may be sold in two ways
    share: Share | None = None

    def price_of(self, contract: Any) -> Decimal | None:
        """None where it is the contract's own."""
        if self.factor != WHOLE and contract.id not in self.prices:
            return reduced(contract.doc.price, self.factor)
        return self.prices.get(contract.id)


class Reservation(Struct, frozen=True):
    """One contract chosen for one lead; `caps` are lines (`core.reserved`) of what it holds of counters, and of what
    is given back."""

    contract: str
    caps: tuple[str, ...] = ()
    turn: CounterKey | None = None


class Choice(Struct, frozen=True):
    """Fewer chosen than wanted and no `again`: the lead is exhausted, nobody is left to ask.

    `full` are the contracts passed over for a cap, with the cap's key; without a contract it is a cap of the whole
    campaign. `refused` is the key of a full `gate`. With `again` nothing was reserved.
    """

    chosen: tuple[Reservation, ...] = ()
    full: tuple[tuple[str, CounterKey], ...] = ()
    exhausted: bool = False
    again: tuple[CounterKey, ...] = ()
    refused: CounterKey = ""
    why: Mapping[str, Mapping[str, float]] = {}  # word of the ranking → contract → what counters said of it
    leg: int = 0  # of its passage, and in which way it was sold there
    shared: bool = False
    slots: tuple[int, ...] = ()  # which of them the chosen ones take
    earns: tuple[Decimal, ...] = ()  # sold to one, and shared, where both were thought of


class Allocation(Struct, frozen=True):
    """One Choice per Want, in order, and the sums to add to the counters; `full` are limits that left somebody out."""

    choices: tuple[Choice, ...]
    increments: dict[CounterKey, int]
    full: Collection[CounterKey] = ()
