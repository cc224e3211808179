"""Which contracts want a lead, in rank order: one look into an index instead of a question to each.

A RouteIndex is built once per campaign and snapshot. Contracts are numbered in rank order, so a set of
contracts is one whole number and reading its bits upwards is the ranking. What leaves a contract out is
looked at in a published order, and the first cause counts: paused, source, area, filter (the parts that the
index knows), hours, hours of the person, filter (the parts that only CEL answers), then caps, by `allocate`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Generic

from msgspec import Struct
from msgspec.structs import replace

from app.catalog.documents import Distribution
from app.core.conditions import Asked, Facts, Node, asking
from app.core.money import units
from app.distribute.area import NOWHERE, Areas, Atlas
from app.distribute.bitsets import positions
from app.distribute.caps import CountedBalance, CountedCap, Limit, Use, caps_of, counted
from app.distribute.consumer_hours import PersonalHours, Reachable, Zones
from app.distribute.expecting import NOTHING_KNOWN, Expectations
from app.distribute.filters import Filters
from app.distribute.hours import Opening
from app.distribute.load import OpenLeads
from app.distribute.owners import NOBODY, Owners
from app.distribute.ranking import C, Line, Order, Standing, numbered, order_of, quantum, turn_key, words_of
from app.distribute.said import configured
from app.distribute.stages import Stages

_MISSING: Any = object()
_KEPT, _KEPT_LONG = 256, 256
"""So many sets of contracts are remembered in their order, of so many contracts each at the most."""
_NEVER = datetime.min.replace(tzinfo=UTC)
_EVER = datetime.max.replace(tzinfo=UTC)


class LeftOut(Struct, frozen=True, gc=False):
    """How many contracts were left out, by the first cause. `explain` names them and the value that did it.

    What changes by the minute can't be recomputed later, so those are named: contracts with a full cap, and those that rest.
    """

    paused: int = 0
    source: int = 0
    filter: int = 0
    hours: int = 0
    cap: tuple[str, ...] = ()
    consumer_hours: int = 0
    area: int = 0
    resting: tuple[str, ...] = ()

    def __str__(self) -> str:
        counts = [
            (self.filter, "filter"),
            (self.area, "area"),
            (self.hours, "hours"),
            (self.consumer_hours, "consumer_hours"),
            (len(self.cap), "cap"),
            (self.paused, "paused"),
            (len(self.resting), "resting"),
            (self.source, "source"),
        ]
        return ", ".join(f"{n} {word}" for n, word in counts if n)


class Match(Struct, frozen=True):
    """The contracts that want one lead now; `eligible` is their bitset in the index that made it."""

    index: "RouteIndex[Any]"
    lead: Facts
    source: str
    at: datetime
    eligible: int
    left_out: LeftOut
    order: Order
    zones: Zones = ()
    owners: Owners = NOBODY
    levels: Mapping[int, int] = {}
    """Where the ranking minds who has the person: contract → 0 for one that has it, 1 for another of its buyer."""
    rested: int = 0
    """Contracts that want it too, and rest: the last resort, where it waits."""

    @property
    def last_resort(self) -> "Match":
        return replace(self, eligible=self.rested, rested=0)

    @property
    def count(self) -> int:
        return self.eligible.bit_count()

    def ranked(self, limit: int | None = None) -> list[str]:
        """Contract ids, best first."""
        contracts, line = self.index.contracts, self._line()
        if line is not None:
            return list(line.ids[:limit])
        return [contracts[i].id for i in islice(self._best_first(), limit)]

    def tiers(self) -> Iterable[Sequence[int]]:
        """Numbers of the contracts, best first; equals stand together where counters decide between them."""
        line = self._line()
        if line is not None:
            return line.tiers
        return self._tiers() if self.index.counting else ((i,) for i in self._best_first())

    def _line(self) -> Line | None:
        """How these contracts stand for every lead alike; None where it isn't worth while to keep it."""
        if not self.index.counting or self.levels or self.count > _KEPT_LONG:
            return None
        lines = self.order.lines
        line = lines.get(self.eligible)
        if line is None:
            if len(lines) >= _KEPT:
                lines.clear()
            tiers = tuple(map(tuple, self._tiers()))
            ids = tuple(self.index.contracts[i].id for tier in tiers for i in tier)
            line = lines[self.eligible] = Line(ids, tiers)
        return line

    def _tiers(self) -> Iterator[list[int]]:
        tier: list[int] = []
        now: Any = None
        for i in self._best_first():
            at = self._tier(i) if self.levels else self.order.tiers[i]
            if at != now and tier:
                yield tier
                tier = []
            now = at
            tier.append(i)
        if tier:
            yield tier

    def _best_first(self) -> Iterable[int]:
        order = self.order
        if self.levels and self.index.words.clings:
            outer, levels, places, most = order.outer, self.levels, order.places, len(order.places)
            return sorted(
                positions(self.eligible), key=lambda i: (outer[i] * 3 + levels.get(i, 2)) * most + places[i]
            )
        if order.plain:
            return positions(self.eligible)
        return sorted(positions(self.eligible), key=order.places.__getitem__)

    def _tier(self, i: int) -> tuple[int, int, int]:
        level = self.levels.get(i, 2) if self.index.words.clings else 0
        return self.order.outer[i], level, self.order.tiers[i]


class RouteIndex(Generic[C]):
    """The contracts of one campaign, compiled. Immutable but for what it remembers of the current hour, and of what
    is expected of contracts at this minute."""

    def __init__(
        self,
        contracts: Sequence[C],
        distribution: Distribution,
        atlas: Atlas = NOWHERE,
        expectations: Expectations = NOTHING_KNOWN,
    ) -> None:
        order = numbered(contracts, distribution.rank)
        self.rank, self.words = distribution.rank, words_of(distribution.rank)
        self.turning = self.words.turning
        self.stages = Stages(self.words.stages, order)
        self.counting = bool(self.words.stages) or self.turning is not None
        self.sticky = "sticky" in self.rank
        self.contracts: tuple[C, ...] = tuple(order)
        self._expectations = expectations if "expected_value" in self.rank else NOTHING_KNOWN
        self._order = order_of(order, self.rank, self._expectations.values)
        self.copies = distribution.copies
        self.caps, self.common = _limits(order, distribution)
        self.areas = Areas([one.doc.area for one in order], distribution.territories, atlas)
        self._prices = tuple(units(one.doc.price) for one in order)
        self.steady = tuple(not any(limit.minds for limit in limits) for limits in self.caps)
        self.quanta = tuple(quantum(one.doc, self.turning) for one in order)
        self.least_quantum = min(self.quanta, default=0)
        self.turns = tuple(turn_key(one.id) for one in order)
        self.prices = {one.id: str(one.doc.price) for one in order}
        self.configured = configured([one.doc for one in order], self.rank)
        self.number = {one.id: i for i, one in enumerate(order)}
        self._of_buyer: defaultdict[str, list[int]] = defaultdict(list)
        for i, one in enumerate(order) if self.sticky else ():
            self._of_buyer[one.buyer].append(i)
        self._every = (1 << len(order)) - 1
        self._paused = _bits(i for i, one in enumerate(order) if one.paused)
        self._resting = 0
        self._used_at = self._used_in = _NEVER
        self._used: dict[int, tuple[Use, ...]] = {}
        self._sources, self._any_source = _by_source(order)
        self._hours = _Openings(order)
        self._personal = PersonalHours([one.doc.consumer_hours for one in order])
        filters = Filters(order)
        self.asked = filters.asked
        self._groups, self._fields = filters.groups, filters.fields()
        self._asks = _bits(self.asked)

    def rest(self, contracts: Iterable[str]) -> None:
        """These are asked last from now on, until it is told otherwise: their buyers fail."""
        self._resting = _bits(self.number[one] for one in contracts if one in self.number)

    def rests(self, contract_id: str) -> bool:
        return bool(self._resting >> self.number[contract_id] & 1)

    @property
    def minds_consumers(self) -> bool:
        """Whether any contract asks which time it is where the person is."""
        return self._personal.minding != 0

    @property
    def order(self) -> Order:
        """As what is expected has it now."""
        values = self._expectations.values
        if self._order.values is not values:
            self._order = order_of(self.contracts, self.rank, values)
        return self._order

    def match(
        self, lead: Facts, *, source: str, at: datetime, zones: Zones = (), owners: Owners = NOBODY
    ) -> Match:
        """`lead` holds valid normal values by field; `at` is an aware instant; `zones` is where the person may be;
        `owners` have this person already."""
        running = self._every & ~self._paused
        from_source = running & self._sources.get(source, self._any_source)
        placed = from_source & self.areas.passing(lead) if self.areas.minding else from_source
        known = placed
        for field, absent, slots in self._fields:
            value = lead.get(field, _MISSING)
            if value is _MISSING:
                known &= absent
            else:
                for one in slots:
                    known &= one.passing(value)
            if not known:
                break
        opened = known & self._hours.open_at(at)
        reached = opened
        if opened & self._personal.minding:
            reached &= ~self._personal.closed_at(zones, at)
        wanted = self._answer(reached, lead, source) if reached & self._asks else reached
        eligible, rested = (wanted & ~self._resting, wanted & self._resting) if self._resting else (wanted, 0)
        wanting = placed.bit_count()
        left_out = LeftOut(
            self._paused.bit_count(),
            running.bit_count() - from_source.bit_count(),
            wanting - known.bit_count() + reached.bit_count() - wanted.bit_count(),
            known.bit_count() - opened.bit_count(),
            consumer_hours=opened.bit_count() - reached.bit_count(),
            area=from_source.bit_count() - wanting,
            resting=tuple(self.contracts[i].id for i in positions(rested)) if rested else (),
        )
        levels = self._levels(owners) if self.sticky and owners is not NOBODY else {}
        return Match(self, lead, source, at, eligible, left_out, self.order, zones, owners, levels, rested)

    def _levels(self, owners: Owners) -> Mapping[int, int]:
        found = {i: 1 for buyer in owners.buyers for i in self._of_buyer.get(buyer, ())}
        return found | {self.number[one]: 0 for one in owners.contracts if one in self.number}

    def uses(
        self, i: int, lead: Facts, source: str, at: datetime, price: int | None = None
    ) -> tuple[Use, ...]:
        """What such a lead takes of the limits of contract `i`; `price` in ten-thousandths where it is not its own."""
        price = self._prices[i] if price is None else price
        found = (limit.use(lead, source, at, price) for limit in self.caps[i])
        return tuple(use for use in found if use is not None)

    def steady_uses(self, i: int, at: datetime) -> tuple[Use, ...]:
        """`uses` where the limits of contract `i` mind no lead, at its own price."""
        if at is not self._used_at:
            second = at.replace(microsecond=0)  # windows begin and end with one
            if second != self._used_in:
                self._used, self._used_in = {}, second
            self._used_at = at
        found = self._used.get(i)
        if found is None:
            found = self._used[i] = self.uses(i, {}, "", at)
        return found

    def buyer_of(self, contract_id: str) -> str:
        buyer: str = self.contracts[self.number[contract_id]].buyer
        return buyer

    def opening(self, i: int) -> Opening | None:
        """The hours of contract number `i`."""
        return self._hours.of(i)

    def reachable(self, i: int) -> Reachable | None:
        """The person's hours that contract number `i` keeps to."""
        return self._personal.of(i)

    def _answer(self, standing: int, lead: Facts, source: str) -> int:
        """Ask the parts that only CEL answers, each text once, over one activation."""
        over = asking(lead, source)
        answers: dict[int, bool] = {}
        rest = standing & self._asks
        while rest:
            low = rest & -rest
            for group in self.asked[low.bit_length() - 1]:
                node, members = self._groups[group]
                if group not in answers:
                    answers[group] = (
                        node.expression.over(over) is True if isinstance(node, Asked) else node.holds(lead)
                    )
                if not answers[group]:
                    standing &= ~members
                    rest &= ~members
                    break
            else:
                rest ^= low
        return standing

    def asked_of(self, i: int) -> tuple[Node, ...]:
        """The parts of contract `i`'s filter that the index could not hold."""
        return tuple(self._groups[group][0] for group in self.asked.get(i, ()))


class _Openings:
    """Who is open: one bitset that holds until the next hour strikes for anybody."""

    def __init__(self, contracts: Sequence[Standing]) -> None:
        self._kinds: dict[tuple[Any, ...], list[Any]] = {}
        always = 0
        for i, one in enumerate(contracts):
            hours = one.doc.hours
            if hours is None:
                always |= 1 << i
                continue
            rest = "" if hours.plain else hours.model_dump_json(exclude={"zone", "open"})
            key = (hours.zone, *((day, str(span)) for day, span in hours.open.items()), rest)
            kind = self._kinds.setdefault(key, [None, 0])
            kind[0] = kind[0] or Opening(hours)
            kind[1] |= 1 << i
        self._always, self._open = always, always
        self._from, self._to = (_NEVER, _EVER) if not self._kinds else (_EVER, _NEVER)

    def open_at(self, at: datetime) -> int:
        if not self._from <= at < self._to:
            self._look(at)
        return self._open

    def of(self, i: int) -> Opening | None:
        return next((opening for opening, members in self._kinds.values() if members >> i & 1), None)

    def _look(self, at: datetime) -> None:
        self._open, self._from, self._to = self._always, _NEVER, _EVER
        for opening, members in self._kinds.values():
            is_open, since, until = opening.steady(at)
            self._from, self._to = max(self._from, since), min(self._to, until)
            if is_open:
                self._open |= members


def _limits(
    contracts: Sequence[Standing], distribution: Distribution
) -> tuple[tuple[tuple[Limit | OpenLeads, ...], ...], tuple[CountedCap, ...]]:
    """Of each contract its own caps, those that it shares with its buyer's and with all of the campaign's, and what
    its buyer owes; and those of the whole campaign that count leads, which are looked at once."""
    buyers: dict[str, tuple[Limit, ...]] = {}
    campaign = caps_of(f"campaign/{contracts[0].doc.campaign}", distribution.caps) if contracts else ()
    for one in contracts:
        if one.buyer not in buyers:
            money = one.account.money
            balance = () if money is None else (CountedBalance(one.buyer, money),)
            buyers[one.buyer] = (*caps_of(f"buyer/{one.buyer}", one.account.caps), *balance)
    loading = "load" in distribution.rank
    found = tuple(
        (*counted(one.doc), *buyers[one.buyer], *campaign, *((OpenLeads(one.id),) if loading else ()))
        for one in contracts
    )
    return found, tuple(cap for cap in campaign if not cap.money)


def _by_source(contracts: Sequence[Standing]) -> tuple[dict[str, int], int]:
    """Source that any contract names → who takes its leads; and who takes those of all others."""
    anybody = _bits(i for i, one in enumerate(contracts) if not one.doc.sources)
    named: dict[str, int] = {}
    for i, one in enumerate(contracts):
        for source in one.doc.sources:
            named[source] = named.get(source, anybody) | 1 << i
    for i, one in enumerate(contracts):
        for source in one.doc.except_sources:
            named[source] = named.get(source, anybody) & ~(1 << i)
    return named, anybody


def _bits(numbers: Any) -> int:
    bits = 0
    for i in numbers:
        bits |= 1 << i
    return bits
