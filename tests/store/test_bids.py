"""Who takes a lead that he bid for before owes what he bid in the attempt that may have handed it over."""

from collections.abc import AsyncIterator
from decimal import Decimal
from uuid import UUID

import asyncpg
import pytest

from app.core.world import World
from app.store import bids
from app.store.bids import Bidden
from app.store.database import Database

WORLD = World()
LEAD, DELIVERY, PROCESS = WORLD.new_id(), WORLD.new_id(), WORLD.new_id()
Tried = tuple[str | None, str | None, str | None]
"""(bid, how the attempt ended or None where it has not, the price that was said at its end)"""


@pytest.fixture
async def conn(database: Database) -> AsyncIterator[asyncpg.Connection]:
    async with database.acquire() as conn:
        yield conn


async def tried(conn: asyncpg.Connection, *attempts: Tried) -> None:
    for n, (bid, outcome, price) in enumerate(attempts, 1):
        await conn.execute(
            "insert into attempt (lead_id, delivery_id, n, process_id, bid) values ($1, $2, $3, $4, $5)",
            LEAD, DELIVERY, n, PROCESS, bid and Decimal(bid),
        )  # fmt: skip
        if outcome is not None:
            await conn.execute(
                """insert into attempt_end (lead_id, delivery_id, n, outcome, reason, price, ms, exchanges)
                   values ($1, $2, $3, $4, '', $5, 1, '[]')""",
                LEAD, DELIVERY, n, outcome, price and Decimal(price),
            )  # fmt: skip


@pytest.mark.parametrize(
    ("attempts", "owed"),
    [
        ([], None),
        ([("5", None, None)], "5"),
        ([("5", "Unclear", None)], "5"),
        ([("5", "Unclear", "4")], "4"),
        ([("5", "TryLater", None)], None),
        ([("5", "TryLater", None), ("7", None, None)], "7"),
        ([("5", "Unclear", None), ("7", "TryLater", None)], "5"),
        ([("5", "Unclear", None), ("7", "Unclear", None)], "7"),
        ([(None, "Unclear", None)], None),
        ([("5", "Unclear", None), (None, "Unclear", None)], "5"),
    ],
)
async def test_the_last_attempt_that_may_have_handed_it_over_says_what_is_owed(
    conn: asyncpg.Connection, attempts: list[Tried], owed: str | None
) -> None:
    await tried(conn, *attempts)
    found = await bids.bid(conn, LEAD, DELIVERY)
    assert found == (None if owed is None else Decimal(owed))


@pytest.mark.parametrize(
    ("n", "state", "process", "kept"),
    [
        (2, "sending", PROCESS, True), (1, "sending", PROCESS, False), (2, "unclear", PROCESS, False),
        (2, "sending", UUID(int=1), False),
    ],
)  # fmt: skip
async def test_a_bid_is_kept_with_its_own_attempt_while_that_is_this_processs(
    conn: asyncpg.Connection, n: int, state: str, process: UUID, kept: bool
) -> None:
    await conn.execute(
        """insert into delivery (id, lead_id, round, slot, rank, campaign, contract, buyer, state, price, attempts,
                                 lease_id)
           values ($1, $2, 1, 1, 1, 'solar', 'west', 'sunco', $3, 42, 2, $4)""",
        DELIVERY, LEAD, state, process,
    )  # fmt: skip
    await tried(conn, ("5", "TryLater", None), (None, None, None))
    assert await bids.keep(conn, [Bidden(DELIVERY, LEAD, n, Decimal(7))], PROCESS) == (
        {DELIVERY} if kept else set()
    )
    found = [row[0] for row in await conn.fetch("select bid from attempt order by n")]
    assert found == [5, 7 if kept else None]
