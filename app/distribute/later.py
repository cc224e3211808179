"""Who takes a lead that nobody takes now, and from when on: by opening hours, people's hours and limits that begin anew.

The slow path, as `explain`: it asks every contract, and goes forward in time from one thing that is against the lead to
the next. What others bring meanwhile is not known: a limit that begins anew is empty.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from app.core.conditions import Facts
from app.core.money import units
from app.distribute.caps import CountedCap, CounterKey, cap_of
from app.distribute.consumer_hours import Zones
from app.distribute.fills import limit_kind
from app.distribute.filters import parts_of
from app.distribute.route import RouteIndex

_MOST_STEPS = 100  # a rolling month is left piece by piece


class Later(Struct, frozen=True):
    """`at`: None where nobody can say, as of a cap that counts for ever. `because`: what stands against it until then."""

    contract: str
    buyer: str
    at: datetime | None
    because: tuple[str, ...]


class _Against(Struct, frozen=True):
    what: str
    until: datetime | None


def later(
    index: RouteIndex[Any],
    lead: Facts,
    *,
    source: str,
    at: datetime,
    zones: Zones = (),
    without: Collection[str] = (),
    used: Mapping[CounterKey, int] | None = None,
) -> list[Later]:
    """The soonest first, then in rank order. Without those whose rules never fit it, who are paused, `without` (buyers
    who have its person), and against whom nothing stands. `used` are the counters of `at`."""
    found = [
        _from(index, i, lead, source, at, zones, used or {})
        for i in _fitting(index, lead, source)
        if index.contracts[i].buyer not in without
    ]
    found = [one for one in found if one.because]
    return sorted(found, key=lambda one: (one.at is None, one.at or at))


def _fitting(index: RouteIndex[Any], lead: Facts, source: str) -> Iterator[int]:
    placed = index.areas.passing(lead) if index.areas.minding else -1
    for i, contract in enumerate(index.contracts):
        doc = contract.doc
        if contract.paused or (doc.sources and source not in doc.sources) or source in doc.except_sources:
            continue
        if placed >> i & 1 and all(part.holds(lead, source) for part in parts_of(doc)):
            yield i


def _from(
    index: RouteIndex[Any], i: int, lead: Facts, source: str, at: datetime, zones: Zones,
    used: Mapping[CounterKey, int],
) -> Later:  # fmt: skip
    contract, because, moment = index.contracts[i], dict[str, None](), at
    for _ in range(_MOST_STEPS):
        against = _against(index, i, lead, source, moment, zones, used)
        if against is None:
            return Later(contract.id, contract.buyer, moment, tuple(because))
        because[against.what] = None
        if against.until is None:
            break
        moment = against.until
    return Later(contract.id, contract.buyer, None, tuple(because))


def _against(
    index: RouteIndex[Any], i: int, lead: Facts, source: str, at: datetime, zones: Zones,
    used: Mapping[CounterKey, int],
) -> _Against | None:  # fmt: skip
    """The first thing that is against it at this moment, and until when."""
    opening = index.opening(i)
    if opening is not None and not opening.is_open(at):
        return _Against("hours", opening.opens_at(at))
    reachable = index.reachable(i)
    if reachable is not None and (opens := reachable.opens_at(zones, at)) != at:
        return _Against("consumer_hours", opens)
    price = units(index.contracts[i].doc.price)
    for limit in index.caps[i]:
        use = limit.use(lead, source, at, price)
        if use is not None and use.full(sum(used.get(key, 0) for key in use.keys)):
            told = limit_kind(use.key)
            what = told if told == "balance" else f"{told} per {cap_of(use.key)}"
            return _Against(what, limit.ends(at) if isinstance(limit, CountedCap) else None)
    return None
