"""What a cap on returns counts: what its contract sold in a period, and what of that came back or may yet."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from app.core.world import World
from app.store import returns

WORLD = World()
FIRST, PAST = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
WITHIN, TICK = datetime(2026, 11, 20, tzinfo=UTC), timedelta(microseconds=1)

_DELIVERY = """
insert into delivery (id, lead_id, round, slot, rank, campaign, contract, buyer, state, price, test, ended_at)
values ($1, $1, 1, 1, 1, 'solar', $2, 'sunco', $3, 42, $4, $5)
"""
_REQUEST = """
insert into return_request (id, delivery_id, lead_id, campaign, contract, buyer, source, state, reason, sold_at,
                            requested_at, price, currency, remedy, found)
values ($1, $1, $1, 'solar', $2, 'sunco', 'acme', $3, 'other', $4, $4, 42, 'USD', 'credit', '{}')
"""


@pytest.fixture
async def conn(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    conn = await asyncpg.connect(database_url)
    yield conn
    await conn.close()


async def sold(
    conn: Any, *, contract: str = "west", state: str = "accepted", test: bool = False, at: datetime = WITHIN,
    back: str = "",
) -> None:  # fmt: skip
    """A delivery that ended so, and the state of its return where it has one."""
    id_ = WORLD.new_id()
    await conn.execute(_DELIVERY, id_, contract, state, test, at)
    if back:
        await conn.execute(_REQUEST, id_, contract, back, at)


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        ({}, (1, 0)),
        ({"at": FIRST}, (1, 0)),
        ({"at": FIRST - TICK}, (0, 0)),
        ({"at": PAST - TICK}, (1, 0)),
        ({"at": PAST}, (0, 0)),
        ({"contract": "east"}, (0, 0)),
        ({"state": "rejected"}, (0, 0)),
        ({"state": "unclear"}, (0, 0)),
        ({"test": True}, (0, 0)),
        ({"back": "requested"}, (1, 1)),
        ({"back": "approved"}, (1, 1)),
        ({"back": "denied"}, (1, 0)),
        ({"back": "withdrawn"}, (1, 0)),
        ({"back": "approved", "contract": "east"}, (0, 0)),
        ({"back": "approved", "at": PAST - TICK}, (1, 1)),
        ({"back": "approved", "at": PAST}, (0, 0)),
        ({"back": "approved", "at": FIRST - TICK}, (0, 0)),
        ({"back": "approved", "test": True}, (0, 0)),
    ],
)
async def test_a_period_counts_its_own_sales_and_what_of_them_came_back(
    conn: asyncpg.Connection, told: dict[str, Any], counted: tuple[int, int]
) -> None:
    await sold(conn, **told)
    assert await returns.used(conn, "west", FIRST, PAST) == counted
