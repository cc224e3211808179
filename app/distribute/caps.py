"""Which counters a lead uses up: one per cap and calendar window, in the cap's own zone.

A counter's name holds all that must reset it. Editing the quantity keeps the count, editing `per`,
`zone` or `when` starts a new one.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from app.catalog.documents import Cap, ContractDoc
from app.core.conditions import Node, conjuncts
from app.distribute.hours import instant
from app.model import Scalar

CounterKey = str
"""Stable text: `cap:sunco-west:day:5f1d9c02:2026-03-08T08:00Z`, or a turn (`ranking.turn_key`)."""

_NEVER = datetime.min.replace(tzinfo=UTC)
_EVER = datetime.max.replace(tzinfo=UTC)


class CountedCap:
    """One cap of one contract, compiled; it remembers the window it last named."""

    __slots__ = ("_from", "_key", "_name", "_to", "_when", "limit", "per", "zone")

    def __init__(self, contract: str, cap: Cap, zone: str) -> None:
        self.limit, self.per, self.zone = cap.leads, cap.per, ZoneInfo(zone)
        self._name = f"cap:{contract}:{cap.per}:{_identity(cap, zone)}"
        self._when: tuple[Node, ...] = conjuncts(cap.when) if cap.when is not None else ()
        self._from, self._to, self._key = _EVER, _NEVER, ""

    @property
    def name(self) -> str:
        """The key without its window: the same name is the same cap."""
        return self._name

    def counts(self, lead: Mapping[str, Scalar], source: str = "") -> bool:
        """Whether this lead uses the cap up."""
        return all(part.holds(lead, source) for part in self._when)

    def key(self, at: datetime) -> CounterKey:
        if not self._from <= at < self._to:
            self._from, self._to = window(self.per, self.zone, at)
            start = "ever" if self.per == "total" else f"{self._from:%Y-%m-%dT%H:%MZ}"
            self._key = f"{self._name}:{start}"
        return self._key


def counted(doc: ContractDoc) -> tuple[CountedCap, ...]:
    """The caps of a contract; of two that differ only in quantity the smaller one holds."""
    default = doc.hours.zone if doc.hours is not None else "UTC"
    found: dict[str, CountedCap] = {}
    for cap in doc.caps:
        one = CountedCap(doc.id, cap, cap.zone or default)
        if one.name not in found or one.limit < found[one.name].limit:
            found[one.name] = one
    return tuple(found.values())


def windows(contract: ContractDoc, at: datetime) -> list[CounterKey]:
    """The counters that are current at `at`, in the order of the caps; for showing «140 of 200 today»."""
    return [cap.key(at) for cap in counted(contract)]


def window(per: str, zone: ZoneInfo, at: datetime) -> tuple[datetime, datetime]:
    """[from, to) in UTC of the calendar period that `at` lies in; weeks begin on Monday."""
    if per == "total":
        return _NEVER, _EVER
    wall = at.astimezone(zone)
    day = wall.date()
    if per == "hour":  # of the wall clock: the hour that autumn repeats is one window, as its day is one
        return instant(day, wall.hour * 60, zone), instant(day, wall.hour * 60 + 60, zone)
    if per == "day":
        first, after = day, day + timedelta(days=1)
    elif per == "week":
        first = day - timedelta(days=day.weekday())
        after = first + timedelta(days=7)
    else:
        first = day.replace(day=1)
        after = (first + timedelta(days=32)).replace(day=1)
    return instant(first, 0, zone), instant(after, 0, zone)


def cap_of(key: CounterKey) -> str:
    """What a person calls it: `day`, `total`."""
    return key.split(":")[2]


def _identity(cap: Cap, zone: str) -> str:
    when = cap.when.text if cap.when is not None else ""
    return sha256(f"{cap.per}\0{zone}\0{when}".encode()).hexdigest()[:8]
