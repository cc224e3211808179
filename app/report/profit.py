"""What is earned by source, campaign, buyer or contract in some time, in each currency apart."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from app.core.money import written
from app.store import profit as store
from app.store.database import Database
from app.store.profit import Dimension, Profit

_DAY = timedelta(days=1)


async def profit(database: Database, by: Dimension, first: datetime, past: datetime) -> list[Profit]:
    """The most profitable first, per currency. It is asked a day at a time: no statement takes long."""
    found: dict[tuple[str, str | None], Profit] = {}
    for begin, end in _days(first, past):
        async with database.acquire() as conn:
            for one in await store.between(conn, by, begin, end):
                key = one.currency, one.name
                found[key] = _added(found[key], one) if key in found else one
    booked = [one for one in found.values() if one.sales or any(one.sums)]
    return sorted(booked, key=lambda one: (one.currency, -one.margin, one.name or ""))


def total(found: list[Profit], currency: str) -> Profit:
    """Of all names in one currency."""
    ones = [one for one in found if one.currency == currency]
    whole = ones[0]
    for one in ones[1:]:
        whole = _added(whole, one)
    return whole


def share(one: Profit) -> Decimal | None:
    """The margin in percent of what was earned; None where nothing was."""
    earned = one.revenue - one.returns - one.credits
    return round(100 * one.margin / earned, 1) if earned > 0 else None


def as_json(one: Profit, by: Dimension) -> dict[str, Any]:
    """In the API's shape."""
    percent = share(one)
    return {
        by: one.name, "currency": one.currency, "sales": one.sales, "revenue": written(one.revenue),
        "returns": written(one.returns), "absorbed_returns": written(one.absorbed), "credits": written(one.credits), "cost": written(one.cost),
        "margin": written(one.margin), "margin_percent": None if percent is None else f"{percent:.1f}",
    }  # fmt: skip


def _days(first: datetime, past: datetime) -> Iterator[tuple[datetime, datetime]]:
    while first < past:
        end = min(first + _DAY, past)
        yield first, end
        first = end


def _added(one: Profit, other: Profit) -> Profit:
    return Profit(
        name=one.name, currency=one.currency, sales=one.sales + other.sales, revenue=one.revenue + other.revenue,
        returns=one.returns + other.returns, credits=one.credits + other.credits, cost=one.cost + other.cost,
        absorbed=one.absorbed + other.absorbed,
    )  # fmt: skip
