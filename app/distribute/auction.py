"""Who wins an auction and what it costs: bids ranked by what they are worth, paid by the first or the second price.

bid        what the buyer says he pays, or his contract's price
worth      the bid less his returns: bid × (1 − r); what ranks it
pays       first price: the bid; second price: the worth of the next buyer's bid and 0.01, at least the
           minimum, at most the bid
offered    what the source is offered of that: less the margin, in whole cents
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace
from pydantic import Field

from app.catalog.auction import AuctionDoc
from app.core.registry import Settings
from app.distribute.ping import PingRequest
from app.distribute.route import Match

_STEP = Decimal("0.01")
_NOTHING = Decimal(0)


class BidSettings(Settings):
    """How a contract bids. Without a `ping` it bids its price."""

    ping: PingRequest | None = Field(None, description="Where its buyer is asked for each bid.")
    named: bool = Field(False, description="A source may be told this buyer's name with his bid.")


class Bid(Struct, frozen=True, kw_only=True):
    """One contract's bid. `pays` and `offered` are known once it is ranked."""

    contract: str
    buyer: str
    price: Decimal
    reference: str = ""  # the buyer's own name for it
    worth: Decimal = _NOTHING
    pays: Decimal = _NOTHING
    offered: Decimal = _NOTHING


class Ranked(Struct, frozen=True):
    """The bids that count, best first, and why the others don't: contract → `minimum` or `margin`."""

    bids: tuple[Bid, ...]
    out: Mapping[str, str]


def ranked(bids: Iterable[Bid], auction: AuctionDoc, returned: Mapping[str, Decimal] = {}) -> Ranked:
    """Of equals the one that stands first among `bids`. `returned` is contract → the share of leads that it returns."""
    out: dict[str, str] = {}
    counted: list[Bid] = []
    for bid in bids:
        if bid.price <= 0 or bid.price < auction.minimum:
            out[bid.contract] = "minimum"
        else:
            counted.append(replace(bid, worth=bid.price * (1 - returned.get(bid.contract, _NOTHING))))
    counted.sort(key=lambda bid: -bid.worth)
    priced = [_priced(bid, counted[at + 1 :], auction) for at, bid in enumerate(counted)]
    out |= {bid.contract: "margin" for bid in priced if bid.offered <= 0}
    return Ranked(tuple(bid for bid in priced if bid.offered > 0), out)


def _priced(bid: Bid, below: Sequence[Bid], auction: AuctionDoc) -> Bid:
    pays = bid.price
    if auction.price == "second":
        other = next((one.worth for one in below if one.buyer != bid.buyer), None)
        next_up = auction.minimum if other is None else other.quantize(_STEP) + _STEP
        pays = min(bid.price, max(auction.minimum, next_up))
    return replace(bid, pays=pays, offered=auction.offered(pays))


class Bound(Match, frozen=True, kw_only=True):
    """A match in which only bidders are left, in the order of their bids."""

    ladder: tuple[int, ...] = ()

    def ranked(self, limit: int | None = None) -> list[str]:
        found = [self.index.contracts[i].id for i in self.ladder if self.eligible >> i & 1]
        return found if limit is None else found[:limit]

    def tiers(self) -> Iterator[list[int]]:
        for i in self.ladder:
            if self.eligible >> i & 1:
                yield [i]


def among(match: Match, bidders: Collection[str]) -> Match:
    """The match with `bidders` alone, the best first, as far as they still want the lead."""
    number = match.index.number
    ladder = tuple(number[one] for one in bidders if one in number)
    members = 0
    for i in ladder:
        members |= 1 << i
    told = {name: getattr(match, name) for name in Match.__struct_fields__}
    return Bound(**told | {"eligible": match.eligible & members, "ladder": ladder})
