"""What each name brings in and costs, by hand: of every kind of entry what it counts as, and who bears a lead's cost."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.core.world import World
from app.store import profit
from app.store.database import Database
from app.store.profit import Dimension

WORLD = World()
FIRST, PAST = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
TICK = timedelta(microseconds=1)

_DELIVERY = """
insert into delivery (id, lead_id, round, slot, rank, campaign, contract, buyer, state, price)
values ($1, $2, 1, $5, 1, 'solar', $3 || '-west', $3, $4, 42)
"""
_BOOK = """
insert into entry (kind, debit, credit, amount, currency, lead_id, delivery_id, source, campaign, buyer, contract, at,
                   key)
values ($1, $2, $3, $4, 'USD', $5::uuid, $6, 'acme', 'solar', $7, $7 || '-west', $8,
        case when $5::uuid is null then gen_random_uuid()::text end)
"""
SIDES = {
    "sale": ("buyer:b1", "revenue:solar"), "return": ("revenue:solar", "buyer:b1"), "cost": ("cost:solar", "source:acme"),
    "cost_return": ("source:acme", "cost:solar"), "payout": ("source:acme", "cash"), "deposit": ("cash", "buyer:b1"),
    "payment": ("cash", "buyer:b1"), "credit": ("credits", "buyer:b1"),
}  # fmt: skip


@pytest.fixture
async def conn(database: Database) -> AsyncIterator[asyncpg.Connection]:
    async with database.acquire() as conn:
        yield conn


async def book(
    conn: Any, kind: str, amount: str, *, lead: UUID | None = None, delivery: UUID | None = None, buyer: str | None = None,
    at: datetime = FIRST,
) -> None:  # fmt: skip
    await conn.execute(_BOOK, kind, *SIDES[kind], Decimal(amount), lead, delivery, buyer, at)


async def handed(conn: Any, lead: UUID, buyer: str, state: str = "accepted", slot: int = 1) -> UUID:
    id_ = WORLD.new_id()
    await conn.execute(_DELIVERY, id_, lead, buyer, state, slot)
    return id_


async def told(conn: Any, by: Dimension) -> dict[str | None, Any]:
    """Name → (sales, revenue, returns, credits, cost), summed up, of whoever has any."""
    found: dict[str | None, list[Any]] = {}
    for one in await profit.between(conn, by, FIRST, PAST):
        sums = (one.sales, one.revenue, one.returns, one.credits, one.cost)
        found[one.name] = [a + b for a, b in zip(found.get(one.name, [0] * 5), sums, strict=True)]
    return {name: tuple(sums) for name, sums in found.items() if any(sums)}


async def test_a_sale_and_its_cost_count_on_their_day_alone(conn: asyncpg.Connection) -> None:
    for at in (FIRST - TICK, FIRST, PAST - TICK, PAST):
        lead = WORLD.new_id()
        delivery = await handed(conn, lead, "b1")
        await book(conn, "sale", "42", lead=lead, delivery=delivery, buyer="b1", at=at)
        await book(conn, "cost", "12", lead=lead, at=at)
    names: dict[Dimension, str] = {
        "source": "acme", "campaign": "solar", "buyer": "b1", "contract": "b1-west",
    }  # fmt: skip
    for by, name in names.items():
        assert await told(conn, by) == {name: (2, 84, 0, 0, 24)}


@pytest.mark.parametrize("by", ["source", "campaign", "buyer", "contract"])
async def test_what_is_paid_in_or_out_earns_and_costs_nothing(
    conn: asyncpg.Connection, by: Dimension
) -> None:
    for kind in ("payout", "deposit", "payment"):
        await book(conn, kind, "900", buyer="b1")
    assert await told(conn, by) == {}


async def test_what_is_taken_back_costs_its_buyers_nothing_any_more(conn: asyncpg.Connection) -> None:
    lead = WORLD.new_id()
    delivery = await handed(conn, lead, "b1")
    for kind, amount in (("sale", "42"), ("return", "42")):
        await book(conn, kind, amount, lead=lead, delivery=delivery, buyer="b1")
    await book(conn, "cost", "12", lead=lead)
    await book(conn, "cost_return", "12", lead=lead)
    assert await told(conn, "buyer") == {"b1": (1, 42, 42, 0, 0)}
    assert await told(conn, "source") == {"acme": (1, 42, 42, 0, 0)}


async def test_only_who_took_a_lead_bears_what_it_cost(conn: asyncpg.Connection) -> None:
    lead = WORLD.new_id()
    await book(conn, "cost", "10", lead=lead)
    await handed(conn, lead, "b1")
    await handed(conn, lead, "b2", "rejected")
    assert await told(conn, "buyer") == {"b1": (0, 0, 0, 0, 10)}
    for n in (2, 3):
        await handed(conn, lead, f"b{n + 1}", slot=n)
    found = await told(conn, "contract")
    assert sorted(sums[4] for sums in found.values()) == [
        Decimal("3.333333"),
        Decimal("3.333333"),
        Decimal("3.333334"),
    ]


async def test_what_one_sale_cost_is_borne_by_whom_it_was_made_to(conn: asyncpg.Connection) -> None:
    lead = WORLD.new_id()
    first, second = await handed(conn, lead, "b1"), await handed(conn, lead, "b2", slot=2)
    await book(conn, "cost", "6", lead=lead, delivery=first, buyer="b1")
    await book(conn, "cost", "9", lead=lead, delivery=second, buyer="b2")
    assert await told(conn, "buyer") == {"b1": (0, 0, 0, 0, 6), "b2": (0, 0, 0, 0, 9)}
    assert await told(conn, "source") == {"acme": (0, 0, 0, 0, 15)}


async def test_a_credit_lessens_what_its_buyer_brings_in(conn: asyncpg.Connection) -> None:
    await book(conn, "credit", "5", buyer="b1")
    assert await told(conn, "buyer") == {"b1": (0, 0, 0, 5, 0)}
    assert await told(conn, "source") == {"acme": (0, 0, 0, 5, 0)}
