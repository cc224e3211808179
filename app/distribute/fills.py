"""How full limits are, for a person: «140 of 200 today», «owes 120.00 of 500.00»."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from app.core.conditions import Facts
from app.core.money import of_units, written
from app.core.reserved import MONEY
from app.distribute.caps import CountedBalance, CountedCap, CounterKey
from app.distribute.route import RouteIndex

Kind = Literal["cap", "budget", "balance"]

_NOW = {"hour": "this hour", "day": "today", "week": "this week", "month": "this month", "total": "in all"}
_ROLLING = {
    "hour": "in any hour",
    "day": "in any 24 hours",
    "week": "in any 7 days",
    "month": "in any 30 days",
}
_WHOSE = {"buyer": "its buyer's", "campaign": "the campaign's", "source": "the source's"}


def limit_kind(key: CounterKey) -> Kind:
    """What a person calls such a limit."""
    kind = key.partition(":")[0]
    return "budget" if kind == "budget" else "balance" if kind == "balance" else "cap"


def keys_of(index: RouteIndex[Any], contracts: Iterable[str], at: datetime) -> list[CounterKey]:
    """The counters that say how full the limits of these contracts are."""
    numbers = (index.number[one] for one in contracts if one in index.number)
    found = (key for i in numbers for limit in index.caps[i] for key in limit.part(at).keys)
    return list(dict.fromkeys(found))


def fills(
    index: RouteIndex[Any],
    lead: Facts,
    contracts: Sequence[str],
    *,
    source: str,
    at: datetime,
    used: Mapping[CounterKey, int],
) -> list[tuple[str, list[str]]]:
    """Of each contract every limit that counts this lead; contracts without one are left out."""
    told = ((one, list(_of(index, index.number[one], lead, source, at, used))) for one in contracts)
    return [(one, said) for one, said in told if said]


def _of(
    index: RouteIndex[Any], i: int, lead: Facts, source: str, at: datetime, used: Mapping[CounterKey, int]
) -> Iterator[str]:
    for limit in index.caps[i]:
        if isinstance(limit, CountedBalance) or (
            isinstance(limit, CountedCap) and limit.counts(lead, source)
        ):
            yield fill(limit, at, used)


def fill(limit: CountedCap | CountedBalance, at: datetime, used: Mapping[CounterKey, int]) -> str:
    n = sum(used.get(key, 0) for key in limit.part(at).keys)
    if isinstance(limit, CountedBalance):
        return _balance(n, limit)
    told = f"{_amount(limit.name, n)} of {_amount(limit.name, limit.limit)} {when(limit)}"
    whose = _WHOSE.get(limit.name.split(":")[1].partition("/")[0] if "/" in limit.name else "")
    return f"{whose} {told}" if whose else told


def when(cap: CountedCap) -> str:
    return _ROLLING[cap.per] if cap.rolling else _NOW[cap.per]


def _balance(owed: int, limit: CountedBalance) -> str:
    """What is paid beforehand is not owed: it is left."""
    left = written(of_units(limit.limit - owed))
    told = (
        f"{left} left"
        if limit.limit == 0
        else f"owes {written(of_units(owed))} of {written(of_units(limit.limit))}"
    )
    if limit.start is None:
        return told
    return f"{told}, offered nothing below {written(of_units(limit.limit - limit.start))}"


def _amount(name: str, n: int) -> str:
    return f"{of_units(n):,.2f}" if name.startswith(MONEY) else f"{n:,}"
