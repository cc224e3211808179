"""Which contracts want a lead, in rank order: one look into an index instead of a question to each.

A RouteIndex is built once per campaign and snapshot. Contracts are numbered in rank order, so a set of
contracts is one whole number and reading its bits upwards is the ranking. What leaves a contract out is
looked at in a published order, and the first cause counts: paused, source, filter (the parts that the
index knows), hours, hours of the person, filter (the parts that only CEL answers), then caps, by `allocate`.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Generic

from msgspec import Struct

from app.catalog.documents import Distribution
from app.core.conditions import Asked, Facts, Node, Question, asking, conjuncts
from app.distribute.bitsets import FAMILY, Slot, positions, slot
from app.distribute.caps import CountedCap, counted
from app.distribute.consumer_hours import PersonalHours, Reachable, Zones
from app.distribute.hours import Opening
from app.distribute.ranking import C, Standing, quantum, ranked, turn_key

_MISSING: Any = object()
_NEVER = datetime.min.replace(tzinfo=UTC)
_EVER = datetime.max.replace(tzinfo=UTC)


class LeftOut(Struct, frozen=True, gc=False):
    """How many contracts were left out, by the first cause. `explain` names them and the value that did it.

    What changes by the minute can't be recomputed later, so those are named: contracts with a full cap.
    """

    paused: int = 0
    source: int = 0
    filter: int = 0
    hours: int = 0
    cap: tuple[str, ...] = ()
    consumer_hours: int = 0

    def __str__(self) -> str:
        counts = [
            (self.filter, "filter"),
            (self.hours, "hours"),
            (self.consumer_hours, "consumer_hours"),
            (len(self.cap), "cap"),
            (self.paused, "paused"),
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
    zones: Zones = ()

    @property
    def count(self) -> int:
        return self.eligible.bit_count()

    def ranked(self, limit: int | None = None) -> list[str]:
        """Contract ids, best first."""
        found: list[str] = []
        for i in positions(self.eligible):
            if len(found) == limit:
                break
            found.append(self.index.contracts[i].id)
        return found

    def tiers(self) -> Iterator[list[int]]:
        """Numbers of the contracts, best first; equals stand together where they take turns."""
        if not self.index.turning:
            for i in positions(self.eligible):
                yield [i]
            return
        tier: list[int] = []
        tier_of, now = self.index.tiers, -1
        for i in positions(self.eligible):
            if tier_of[i] != now and tier:
                yield tier
                tier = []
            now = tier_of[i]
            tier.append(i)
        if tier:
            yield tier


class RouteIndex(Generic[C]):
    """The contracts of one campaign, compiled. Immutable but for what it remembers of the current hour."""

    def __init__(self, contracts: Sequence[C], distribution: Distribution) -> None:
        order, self.tiers, self.turning = ranked(contracts, distribution.rank)
        self.contracts: tuple[C, ...] = tuple(order)
        self.copies = distribution.copies
        self.caps: tuple[tuple[CountedCap, ...], ...] = tuple(counted(one.doc) for one in order)
        self.quanta = tuple(quantum(one.doc, self.turning) for one in order)
        self.least_quantum = min(self.quanta, default=0)
        self.turns = tuple(turn_key(one.id) for one in order)
        self.number = {one.id: i for i, one in enumerate(order)}
        self._every = (1 << len(order)) - 1
        self._paused = _bits(i for i, one in enumerate(order) if one.paused)
        self._sources, self._any_source = _by_source(order)
        self._hours = _Openings(order)
        self._personal = PersonalHours([one.doc.consumer_hours for one in order])
        filters = _Filters(order)
        self.asked = filters.asked
        self._groups, self._fields = filters.groups, filters.fields()
        self._asks = _bits(self.asked)

    @property
    def minds_consumers(self) -> bool:
        """Whether any contract asks which time it is where the person is."""
        return self._personal.minding != 0

    def match(self, lead: Facts, *, source: str, at: datetime, zones: Zones = ()) -> Match:
        """`lead` holds valid normal values by field; `at` is an aware instant; `zones` is where the person may be."""
        running = self._every & ~self._paused
        from_source = running & self._sources.get(source, self._any_source)
        known = from_source
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
        eligible = self._answer(reached, lead, source) if reached & self._asks else reached
        wanting = from_source.bit_count()
        left_out = LeftOut(
            self._paused.bit_count(),
            running.bit_count() - wanting,
            wanting - known.bit_count() + reached.bit_count() - eligible.bit_count(),
            known.bit_count() - opened.bit_count(),
            consumer_hours=opened.bit_count() - reached.bit_count(),
        )
        return Match(self, lead, source, at, eligible, left_out, zones)

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
            key = (hours.zone, *((day, str(span)) for day, span in hours.open.items()))
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


class _Filters:
    """Sorts every part of every filter into a slot, or among those that must be asked."""

    def __init__(self, contracts: Sequence[Standing]) -> None:
        self._every = (1 << len(contracts)) - 1
        self._slots: dict[tuple[str, str], Slot] = {}
        self._absent: dict[str, int] = {}
        self.groups: list[tuple[Node, int]] = []
        self.asked: dict[int, tuple[int, ...]] = {}
        self._group_of: dict[str, int] = {}
        for i, one in enumerate(contracts):
            for part in conjuncts(one.doc.when) if one.doc.when is not None else ():
                if not (isinstance(part, Question) and self._kept(i, part)):
                    self._ask(i, part)

    def fields(self) -> tuple[tuple[str, int, tuple[Slot, ...]], ...]:
        """Per field: its name, who stands where it is absent, its slots; most asked first."""
        by_field: dict[str, list[Slot]] = {}
        for (field, _), one in self._slots.items():
            one.close()
            by_field.setdefault(field, []).append(one)
        order = sorted(by_field, key=lambda field: self._absent[field].bit_count())
        return tuple((field, self._absent[field], tuple(by_field[field])) for field in order)

    def _kept(self, i: int, test: Question) -> bool:
        """One test of a family per contract and field; a second one is rare and asked instead."""
        family = FAMILY[test.op]
        key = (test.field, family)
        if key not in self._slots:
            self._slots[key] = slot(family, self._every)
        if family != "not_in" and self._slots[key].asks >> i & 1:
            return False
        self._slots[key].add(i, test)
        absent = self._absent.get(test.field, self._every)
        self._absent[test.field] = absent if family == "has_not" else absent & ~(1 << i)
        return True

    def _ask(self, i: int, part: Node) -> None:
        group = self._group_of.setdefault(part.text, len(self.groups))
        if group == len(self.groups):
            self.groups.append((part, 0))
        node, members = self.groups[group]
        self.groups[group] = node, members | 1 << i
        self.asked[i] = (*self.asked.get(i, ()), group)


def _by_source(contracts: Sequence[Standing]) -> tuple[dict[str, int], int]:
    anybody = _bits(i for i, one in enumerate(contracts) if not one.doc.sources)
    named: dict[str, int] = {}
    for i, one in enumerate(contracts):
        for source in one.doc.sources:
            named[source] = named.get(source, anybody) | 1 << i
    return named, anybody


def _bits(numbers: Any) -> int:
    bits = 0
    for i in numbers:
        bits |= 1 << i
    return bits
