"""Which counters a lead uses up, and up to where: caps by calendar or rolling, budgets, and what a buyer owes.

A counter's name holds all that must reset it. Editing the quantity keeps the count, editing `per`, `zone`,
`window` or `when` starts a new one.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

from msgspec import Struct

from app.catalog.documents import ContractDoc
from app.catalog.limits import Cap, Money
from app.core.conditions import Node, conjuncts
from app.core.money import units
from app.distribute.hours import instant
from app.model import Scalar

CounterKey = str
"""Stable text: `cap:sunco-west:day:5f1d9c02:2026-03-08T08:00Z`, `budget:…` where it sums up money, `balance:sunco`
for what a buyer owes, or a turn (`ranking.turn_key`). What is not a contract's own has its kind before its id:
`cap:buyer/sunco:…`, `cap:campaign/solar:…`, `cap:source/acme:…`."""

_NEVER = datetime.min.replace(tzinfo=UTC)
_EVER = datetime.max.replace(tzinfo=UTC)
_EPOCH = datetime.fromtimestamp(0, UTC)

PIECES = {
    "hour": (timedelta(minutes=5), 12),
    "day": (timedelta(hours=1), 24),
    "week": (timedelta(hours=6), 28),
    "month": (timedelta(days=1), 30),
}
"""A rolling window is counted in pieces, and looked at with one piece more than it is long: so whatever lies in any
window of that length is looked at together, and never more than the cap. The piece to come is looked at too: another
machine's clock may be there already."""


class Use(Struct, frozen=True, gc=False):
    """What one lead takes of one limit: `by` of counter `key`, while it and all of `also` stay within `limit`.
    Above `start` nothing is begun at all. A counter that may be `below_zero` is not empty where it was never seen."""

    key: CounterKey
    by: int
    limit: int
    also: tuple[CounterKey, ...] = ()
    start: int | None = None
    below_zero: bool = False

    @property
    def keys(self) -> tuple[CounterKey, ...]:
        """What must be locked to decide."""
        return (self.key, *self.also)

    def full(self, level: int) -> bool:
        """`level` is the sum of all `keys`."""
        return level + self.by > self.limit or (self.start is not None and level > self.start)


class CountedCap:
    """One cap, compiled; it remembers the window it last named."""

    __slots__ = (
        "_also",
        "_from",
        "_key",
        "_name",
        "_to",
        "_use",
        "_when",
        "limit",
        "money",
        "per",
        "rolling",
        "zone",
    )

    def __init__(self, of: str, cap: Cap, zone: str) -> None:
        """`of` is the id of its contract, or with its kind that of another: `buyer/sunco`."""
        self.money, self.rolling = cap.amount is not None, cap.window == "rolling"
        self.limit = units(cap.amount) if cap.amount is not None else cap.leads or 0
        self.per, self.zone = cap.per, ZoneInfo(zone)
        self._name = f"{'budget' if self.money else 'cap'}:{of}:{cap.per}:{_identity(cap, zone)}"
        self._when: tuple[Node, ...] = conjuncts(cap.when) if cap.when is not None else ()
        self._from, self._to, self._key = _EVER, _NEVER, ""
        self._also: tuple[CounterKey, ...] = ()
        self._use: Use | None = None  # as it was said last: of one window nearly all leads take the same

    @property
    def name(self) -> str:
        """The key without its window: the same name is the same cap."""
        return self._name

    @property
    def minds(self) -> bool:
        """Whether it matters which lead it is."""
        return bool(self._when)

    def counts(self, lead: Mapping[str, Scalar], source: str = "") -> bool:
        """Whether this lead uses the cap up."""
        return all(part.holds(lead, source) for part in self._when)

    def use(self, lead: Mapping[str, Scalar], source: str, at: datetime, price: int) -> Use | None:
        """`price` in ten-thousandths; what costs nothing uses up no budget."""
        by = price if self.money else 1
        if not by or not self.counts(lead, source):
            return None
        return self.part(at, by)

    def part(self, at: datetime, by: int = 1) -> Use:
        if not self._from <= at < self._to:
            self._look(at)
        use = self._use
        if use is None or use.by != by:
            use = self._use = Use(self._key, by, self.limit, self._also)
        return use

    def key(self, at: datetime) -> CounterKey:
        """The counter that is added to."""
        if not self._from <= at < self._to:
            self._look(at)
        return self._key

    def _look(self, at: datetime) -> None:
        if self.rolling:
            piece, pieces = PIECES[self.per]
            self._from = at - (at - _EPOCH) % piece
            self._to = self._from + piece
            self._also = tuple(self._at(self._from + n * piece) for n in (*range(-pieces, 0), 1))
        else:
            self._from, self._to = window(self.per, self.zone, at)
        self._key, self._use = self._at(self._from), None

    def ends(self, at: datetime) -> datetime | None:
        """When something of what is counted at `at` counts no more: the window ends, or a piece of a rolling one."""
        if not self._from <= at < self._to:
            self._look(at)
        return None if self.per == "total" else self._to

    def _at(self, start: datetime) -> CounterKey:
        return f"{self._name}:{'ever' if self.per == 'total' else f'{start:%Y-%m-%dT%H:%MZ}'}"


BALANCE = "balance:"
"""How counters begin that may be below zero."""


class CountedBalance:
    """What a buyer owes, as a limit of each of its contracts."""

    __slots__ = ("limit", "name", "start")
    per = "balance"
    minds = False

    def __init__(self, buyer: str, money: Money) -> None:
        self.name = f"{BALANCE}{buyer}"
        self.limit = units(money.credit_limit) if money.credit_limit is not None else 0
        self.start = None if money.low_balance is None else self.limit - units(money.low_balance)

    def use(self, lead: Mapping[str, Scalar], source: str, at: datetime, price: int) -> Use | None:
        return self.taking(price)

    def part(self, at: datetime, by: int = 0) -> Use:
        return self.taking(by)

    def taking(self, by: int) -> Use:
        return Use(self.name, by, self.limit, (), self.start, below_zero=True)

    def key(self, at: datetime) -> CounterKey:
        return self.name


Limit = CountedCap | CountedBalance


def counted(doc: ContractDoc) -> tuple[CountedCap, ...]:
    """The caps of a contract; of two that differ only in quantity the smaller one holds."""
    return caps_of(doc.id, doc.caps, zone=doc.hours.zone if doc.hours is not None else "UTC")


def caps_of(of: str, caps: Iterable[Cap], *, zone: str = "UTC") -> tuple[CountedCap, ...]:
    found: dict[str, CountedCap] = {}
    for cap in caps:
        one = CountedCap(of, cap, cap.zone or ("UTC" if cap.window == "rolling" else zone))
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
    """What a person calls it: `day`, `total`; of what a buyer owes `balance`."""
    parts = key.split(":")
    return parts[2] if len(parts) > 2 else parts[0]


def budget_of(key: CounterKey) -> str:
    """The key without its window."""
    return ":".join(key.split(":")[:4])


def _identity(cap: Cap, zone: str) -> str:
    when = cap.when.text if cap.when is not None else ""
    rolls = "\0rolling" if cap.window == "rolling" else ""
    return sha256(f"{cap.per}\0{zone}\0{when}{rolls}".encode()).hexdigest()[:8]
