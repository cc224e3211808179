"""What buyers owe, on real PostgreSQL: derived, exact, and made anew wherever it is missing."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import asyncpg
import pytest

from app.core.world import World
from app.store import balances
from app.store.ledger import Entry, post

WORLD = World()


@pytest.fixture
async def conn(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    conn = await asyncpg.connect(database_url)
    yield conn
    await conn.close()


async def deposit(conn: Any, amount: str, key: str, *, buyer: str = "sunco") -> None:
    async with conn.transaction():
        entry = Entry(
            kind="deposit", debit="cash", credit=f"buyer:{buyer}", amount=Decimal(amount), currency="USD", key=key,
            buyer=buyer,
        )  # fmt: skip
        if await post(conn, [entry]):
            await balances.change(conn, {buyer: -Decimal(amount)})


async def delivery(conn: Any, reserved: str, *, buyer: str = "sunco", state: str = "waiting") -> None:
    await conn.execute(
        """insert into delivery (id, lead_id, round, slot, rank, campaign, contract, buyer, state, price, reserved)
           values ($1, $2, 1, 1, 1, 'solar', 'west', $3, $4, 42, $5)""",
        WORLD.new_id(), WORLD.new_id(), buyer, state, reserved,
    )  # fmt: skip


async def owed(conn: Any, buyer: str = "sunco") -> int | None:
    return (await balances.there(conn, [buyer])).get(buyer)


async def test_a_deposit_makes_the_counter_and_the_next_one_lowers_it(conn: asyncpg.Connection) -> None:
    await deposit(conn, "500", "a")
    assert await owed(conn) == -5_000_000
    await deposit(conn, "0.00015", "b")  # halves away from zero, as the ledger's rows are rounded
    assert await owed(conn) == -5_000_002
    assert await balances.differing(conn) == []


async def test_the_same_deposit_twice_counts_once(conn: asyncpg.Connection) -> None:
    await deposit(conn, "500", "a")
    await deposit(conn, "500", "a")
    assert await owed(conn) == -5_000_000


async def test_a_missing_counter_is_made_of_the_ledger_and_of_what_is_on_its_way(
    conn: asyncpg.Connection,
) -> None:
    await delivery(conn, "cap:west:day:1:2\nbalance:sunco\t420000")
    await delivery(conn, "balance:sunco\t420000\nbudget:west:day:1:2\t7", state="unclear")
    await delivery(conn, "balance:sunco\t420000", state="rejected")
    await delivery(conn, "balance:sunco\t9", buyer="moonco")
    await delivery(conn, "cap:west:day:1:2", state="sending")
    await deposit(conn, "500", "a")
    await balances.recount(conn, "sunco")
    await balances.make(conn, ["sunco", "nobody"])
    assert (await owed(conn), await owed(conn, "nobody")) == (840_000 - 5_000_000, 0)


async def test_making_a_counter_that_is_there_leaves_it(conn: asyncpg.Connection) -> None:
    await deposit(conn, "500", "a")
    await conn.execute("update counter set value = 7")
    await balances.make(conn, ["sunco"])
    assert await owed(conn) == 7


async def test_a_counter_that_says_something_else_is_told_and_can_be_counted_anew(
    conn: asyncpg.Connection,
) -> None:
    await deposit(conn, "500", "a")
    await deposit(conn, "20", "b", buyer="moonco")
    await conn.execute("update counter set value = value + 1 where key = 'balance:sunco'")
    (one,) = await balances.differing(conn)
    assert (one.buyer, one.counted, one.owed) == ("sunco", -4_999_999, -5_000_000)
    await balances.recount(conn, "sunco")
    await balances.make(conn, ["sunco"])
    assert await balances.differing(conn) == []


async def test_two_first_deposits_at_once_both_count(database_url: str, conn: asyncpg.Connection) -> None:
    other = await asyncpg.connect(database_url)
    try:
        first, second = conn.transaction(), other.transaction()
        await first.start()
        await second.start()
        await _posted(conn, "a")
        await balances.change(conn, {"sunco": Decimal(-1)})
        await _posted(other, "b")
        await first.commit()
        await balances.change(other, {"sunco": Decimal(-1)})
        await second.commit()
        assert await owed(conn) == -20_000
    finally:
        await other.close()


async def _posted(conn: Any, key: str) -> None:
    one = Entry(
        kind="deposit", debit="cash", credit="buyer:sunco", amount=Decimal(1), currency="USD", key=key
    )
    await post(conn, [one])


async def test_who_has_no_account_any_more_is_not_counted(conn: asyncpg.Connection) -> None:
    await deposit(conn, "500", "a")
    await deposit(conn, "20", "b", buyer="moonco")
    await balances.keep(conn, ["moonco"])
    assert await balances.there(conn, ["sunco", "moonco"]) == {"moonco": -200_000}
