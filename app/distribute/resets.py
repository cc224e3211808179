"""When a cap that was full begins anew."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from app.distribute.caps import CountedCap, CounterKey, window
from app.distribute.route import RouteIndex


def resets_at(
    indexes: Iterable[RouteIndex[Any]], full: Sequence[tuple[str, CounterKey]], at: datetime
) -> datetime | None:
    """The first moment at which one of `full` (contract, or none for a cap of all, and the counter's key) counts from
    zero again. What rolls, and what a buyer owes, has no such moment."""
    ends = [
        window(cap.per, cap.zone, at)[1]
        for index in indexes
        for contract, key in full
        for cap in _limits(index, contract)
        if isinstance(cap, CountedCap) and not cap.rolling and cap.per != "total" and cap.key(at) == key
    ]
    return min(ends, default=None)


def _limits(index: RouteIndex[Any], contract: str) -> Iterator[Any]:
    if not contract:
        yield from index.common
    elif contract in index.number:
        yield from index.caps[index.number[contract]]
