"""The way of a lead that nobody took: from its campaign to its sweepers, along the chain, to the house.

A leg is a set of contracts that are asked as a campaign's are: ranked, in turns, under their caps. The next leg is
begun only where nobody of those before holds the lead; each is matched when it comes to it, and once.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic

from msgspec import Struct
from msgspec.structs import replace

from app.catalog.documents import CampaignDoc, Distribution
from app.distribute.ranking import C
from app.distribute.route import Match, RouteIndex

EXCLUSIVE = 1
"""The slot of a lead's only buyer, where it is sold either so or shared; its copies are 2 and more."""

SWEEPERS = "sweepers"


class Leg(Struct, frozen=True, kw_only=True):
    """`members` are the numbers of its contracts in `index`, as a bitset; `shared`, where it sells either way, holds
    those who take a copy, at the price of one."""

    name: str
    index: RouteIndex[Any]
    members: int
    copies: int = 1
    shared: RouteIndex[Any] | None = None

    @property
    def slots(self) -> int:
        return self.copies if self.shared is None else EXCLUSIVE + self.copies

    def slots_of(self, *, shared: bool) -> range:
        if self.shared is None:
            return range(1, self.copies + 1)
        return range(EXCLUSIVE + 1, self.slots + 1) if shared else range(EXCLUSIVE, EXCLUSIVE + 1)


class Chained(Struct, Generic[C], frozen=True, kw_only=True):
    """The catalogue, as far as chains are made of it. `index` is of all contracts of a campaign, compiled already;
    `make` compiles others."""

    campaigns: Mapping[str, CampaignDoc]
    by_campaign: Mapping[str, Sequence[C]]
    contracts: Mapping[str, C]
    index: Callable[[str], RouteIndex[C]]
    make: Callable[[Sequence[C], Distribution], RouteIndex[C]] = RouteIndex


def legs_of(campaign: str, of: Chained[Any]) -> tuple[Leg, ...]:
    """Empty where there is nothing but the campaign's contracts, sold in one way."""
    chain = tuple(links(campaign, of.campaigns))
    houses = {name for kind, name in chain if kind == "house"}
    legs = [leg for kind, name in chain for leg in _legs(kind, name, of, houses)]
    plain = len(legs) == 1 and legs[0].shared is None and legs[0].members == _every(legs[0].index)
    return () if plain else tuple(legs)


def links(campaign: str, campaigns: Mapping[str, CampaignDoc]) -> Iterator[tuple[str, str]]:
    """(`campaign` or `house`, its id) in the order of the chain, the campaign itself first; each once.

    A campaign of a chain brings its own chain with it.
    """
    yield from _links("campaign", campaign, campaigns, set())


def _links(
    kind: str, name: str, campaigns: Mapping[str, CampaignDoc], seen: set[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    if (kind, name) in seen:
        return
    seen.add((kind, name))
    yield kind, name
    doc = campaigns.get(name) if kind == "campaign" else None
    for one in doc.distribution.then if doc is not None else ():
        yield from _links(
            "house" if one.house else "campaign", one.house or one.campaign or "", campaigns, seen
        )


def contracts_of(campaign: str, of: Chained[C]) -> list[C]:
    """All contracts that a lead of this campaign may come to."""
    found: dict[str, C] = {}
    for kind, name in links(campaign, of.campaigns):
        house = (of.contracts[name],) if kind == "house" and name in of.contracts else ()
        for one in of.by_campaign.get(name, ()) if kind == "campaign" else house:
            found.setdefault(one.id, one)
    return list(found.values())


def _legs(kind: str, name: str, of: Chained[Any], houses: set[str]) -> Iterator[Leg]:
    if kind == "house":
        if name in of.contracts:
            house = [_open_to_all(of.contracts[name])]
            yield Leg(name=f"house {name}", index=of.make(house, Distribution()), members=1)
        return
    doc = of.campaigns.get(name)
    if doc is None:
        return
    index = of.index(name)
    asked = [(i, one) for i, one in enumerate(index.contracts) if one.id not in houses]
    first = [(i, one) for i, one in asked if not one.doc.sweeper]
    yield _first(doc, of, index, first)
    if sweeping := _bits(i for i, one in asked if one.doc.sweeper):
        yield Leg(name=f"{SWEEPERS} of {name}", index=index, members=sweeping)


def _first(
    doc: CampaignDoc, of: Chained[Any], index: RouteIndex[Any], contracts: Sequence[tuple[int, Any]]
) -> Leg:
    """A campaign's own contracts but for its sweepers."""
    to = doc.distribution
    if not to.hybrid:
        return Leg(name=doc.id, index=index, members=_bits(i for i, _ in contracts), copies=to.copies)
    alone = _bits(i for i, one in contracts if one.doc.price or one.doc.shared_price is None)
    copies = [_at_shared_price(one) for _, one in contracts if one.doc.shared_price is not None]
    return Leg(name=doc.id, index=index, members=alone, copies=to.copies, shared=of.make(copies, to))


def _open_to_all(contract: Any) -> Any:
    """The last resort has no filter; its hours and caps are its own."""
    free = {"when": None, "sources": (), "except_sources": (), "area": None, "from_score": None}
    return replace(contract, doc=contract.doc.model_copy(update=free))


def _at_shared_price(contract: Any) -> Any:
    return replace(contract, doc=contract.doc.model_copy(update={"price": contract.doc.shared_price}))


def _every(index: RouteIndex[Any]) -> int:
    return (1 << len(index.contracts)) - 1


def _bits(numbers: Iterable[int]) -> int:
    bits = 0
    for i in numbers:
        bits |= 1 << i
    return bits


class Passage:
    """One lead on the legs of its chain. `held` are (contract, slot) of those who have it in this round, or may."""

    def __init__(
        self,
        legs: Sequence[Leg],
        first: Match,
        *,
        held: Sequence[tuple[str, int]] = (),
        slots: int | None = None,
    ) -> None:
        """`slots`: how many the lead has; a campaign that sells to more by now does so with its next leads."""
        self.legs, self._first, self._slots = legs, first, slots
        self._held = held
        self._matches: dict[int, Match] = {id(first.index): first}

    def open(self) -> Iterator[int]:
        """The legs that may be begun: of a lead that somebody holds only that in which he got it."""
        if not self._held:
            yield from range(len(self.legs))
            return
        legs = {_leg_with(self.legs, contract) for contract, _ in self._held} - {None}
        yield from (n for n in legs if n is not None)

    def free(self, n: int, *, shared: bool) -> list[int]:
        """Slots of this way in which it may still be sold: none of the other way once somebody has it."""
        leg, taken = self.legs[n], {slot for _, slot in self._held}
        if leg.shared is not None and taken and shared == (EXCLUSIVE in taken):
            return []
        most = self._slots if self._slots is not None else leg.slots
        return [slot for slot in leg.slots_of(shared=shared) if slot not in taken and slot <= most]

    @property
    def own(self) -> Match:
        """The contracts of the lead's own campaign that it is offered first, at the prices of its only buyer: without
        those that stand further back in its chain, and those that take copies alone."""
        first = self._first
        return replace(first, eligible=first.eligible & self.legs[0].members)

    def match(self, n: int, *, shared: bool = False) -> Match:
        """The contracts of this leg that want the lead, at the prices of this way."""
        leg = self.legs[n]
        index = leg.shared if shared and leg.shared is not None else leg.index
        made = self._matches.get(id(index))
        if made is None:
            first = self._first
            made = index.match(
                first.lead, source=first.source, at=first.at, zones=first.zones, owners=first.owners
            )
            self._matches[id(index)] = made
        if index is leg.shared:
            return made
        return replace(made, eligible=made.eligible & leg.members, rested=made.rested & leg.members)


def share(legs: Sequence[Leg], one: tuple[str, int], other: tuple[str, int]) -> bool:
    """Whether two (contract, slot) may hold one lead together: in the same leg, and neither as its only buyer."""
    legs_of_both = {_leg_with(legs, contract) for contract, _ in (one, other)}
    if len(legs_of_both) > 1 or legs_of_both == {None}:
        return False
    (n,) = legs_of_both
    return n is not None and (legs[n].shared is None or EXCLUSIVE not in (one[1], other[1]))


def _leg_with(legs: Sequence[Leg], contract: str) -> int | None:
    return next((n for n, leg in enumerate(legs) if _stands(leg, contract)), None)


def _stands(leg: Leg, contract: str) -> bool:
    i = leg.index.number.get(contract)
    shares = leg.shared is not None and contract in leg.shared.number
    return shares or (i is not None and bool(leg.members >> i & 1))


def index_with(legs: Sequence[Leg], contract: str) -> RouteIndex[Any] | None:
    """The first index in which a contract stands."""
    return next((leg.index for leg in legs if contract in leg.index.number), None)


def indexes_of(legs: Iterable[Leg]) -> Iterator[RouteIndex[Any]]:
    for leg in legs:
        yield leg.index
        if leg.shared is not None:
            yield leg.shared


def members_of(legs: Iterable[Leg]) -> list[tuple[RouteIndex[Any], set[str]]]:
    """Each index of the chain, at the prices of a lead's only buyer, and who of it is asked on any leg."""
    found: dict[int, tuple[RouteIndex[Any], set[str]]] = {}
    for leg in legs:
        _, names = found.setdefault(id(leg.index), (leg.index, set()))
        names.update(one.id for index in indexes_of([leg]) for one in _members(leg, index))
    return list(found.values())


def _members(leg: Leg, index: RouteIndex[Any]) -> Iterator[Any]:
    for i, one in enumerate(index.contracts):
        if index is leg.shared or leg.members >> i & 1:
            yield one
