"""Pings in the database: a pace that holds over processes, and one lead for one ping."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.store import pings, upkeep
from app.store.database import Database
from app.store.pings import NewPing

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
PING = UUID("019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3")
LEAD = UUID("019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b4")


def ping(**more: Any) -> NewPing:
    told: dict[str, Any] = {
        "id": PING, "source": "acme", "campaign": "solar", "at": AT, "expires_at": AT + timedelta(minutes=1),
        "test": False, "price": Decimal("12.50"), "currency": "USD", "facts": {"state": "ab12"},
        "bids": [{"contract": "sunco", "pays": "15.00"}], "silent": {"volta": "late"}, "ms": 12.5,
    }  # fmt: skip
    return NewPing(**told | more)


async def test_of_many_pings_at_once_so_many_come_as_the_pace_allows(database: Database) -> None:
    async def one() -> float | None:
        async with database.acquire() as conn:
            return await pings.pace(conn, "acme", 5)

    waits = await asyncio.gather(*(one() for _ in range(20)))
    assert waits.count(None) == 5
    assert all(0 < wait <= 12 for wait in waits if wait is not None)


async def test_each_source_has_a_pace_of_its_own_and_time_gives_it_back(database: Database) -> None:
    async with database.acquire() as conn:
        assert await pings.pace(conn, "acme", 1) is None
        assert await pings.pace(conn, "acme", 1) is not None
        assert await pings.pace(conn, "other", 1) is None
        await conn.execute("update ping_pace set ahead_until = ahead_until - interval '1 minute'")
        assert await pings.pace(conn, "acme", 1) is None


async def test_a_ping_is_found_as_it_was_kept_and_is_used_by_one_lead(database: Database) -> None:
    async with database.acquire() as conn, conn.transaction():
        await pings.keep(conn, ping())
        kept = (await pings.lock(conn, [PING]))[PING]
        await pings.use(conn, {PING: LEAD})
        used = (await pings.lock(conn, [PING, LEAD]))[PING]
    assert (kept.source, kept.price, kept.facts, kept.bids, kept.lead_id) == (
        "acme", Decimal("12.50"), {"state": "ab12"}, [{"contract": "sunco", "pays": "15.00"}], None,
    )  # fmt: skip
    assert used.lead_id == LEAD


async def test_retention_takes_old_pings(database: Database) -> None:
    async with database.acquire() as conn:
        await pings.keep(conn, ping())
        assert (await upkeep.over_before(conn, AT)).get("ping") is None
        assert (await upkeep.over_before(conn, AT + timedelta(seconds=1)))["ping"] == 1
        await upkeep.forget_over(conn, AT + timedelta(seconds=1))
        assert await conn.fetchval("select count(*) from ping") == 0
