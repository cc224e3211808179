"""How attempts end: once, by who holds them, and at a price that does not grow with the history that is kept."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core.world import World
from app.store import decisions, deliveries, in_line, resting
from app.store.rows import AttemptEnd, LeadChange
from tests.store.test_decisions import Pair, pair
from tests.store.test_one_way import a_lead, delivery

__all__ = ["pair"]

WORLD = World()
MINE = WORLD.new_id()
KEPT = "select n, outcome, late from attempt_end order by outcome"
# Of the days of the history those that this transaction has opened.
DAYS_OPENED = """
select count(distinct relation) from pg_locks
 where pid = pg_backend_pid() and relation::regclass::text ~ ('^' || $1 || '_[0-9]{8}$')
"""
A_MONTH = "select leadgate_make_partitions((now() at time zone 'UTC')::date - 30, 30)"


async def being_sent(conn: Any) -> tuple[UUID, UUID]:
    """A delivery whose first attempt is under way, held by `MINE`."""
    lead_id = await a_lead(conn)
    row = delivery(lead_id, 1, alone=None)
    await decisions.insert_deliveries(conn, [row], MINE)
    return lead_id, row.id


def ended(lead_id: UUID, delivery_id: UUID, outcome: str = "Accepted") -> AttemptEnd:
    return AttemptEnd(
        delivery_id=delivery_id, lead_id=lead_id, n=1, state="accepted", outcome=outcome, reason="", reference="R1",
        price=Decimal("42.00"), next_in=None, ms=12.5, read="{}", exchanges="[]",
    )  # fmt: skip


def sold(lead_id: UUID, delivery_id: UUID) -> LeadChange:
    return LeadChange(
        id=lead_id, delivery_id=delivery_id, state="sold", outcome="success", price=None, reasons="[]",
        revenue=Decimal("42.00"), ended=True,
    )  # fmt: skip


async def test_what_ends_in_time_opens_no_other_day_of_the_history(pair: Pair) -> None:
    conn, _ = pair
    await conn.execute(A_MONTH)
    whole, plain = await being_sent(conn), await being_sent(conn)
    for ends, change in ((ended(*whole), [sold(*whole)]), (ended(*plain), [])):
        async with conn.transaction():
            assert await deliveries.end(conn, [ends], MINE, change) == {ends.delivery_id}
            assert await conn.fetchval(DAYS_OPENED, "attempt_end") == 1


async def test_what_is_put_back_takes_its_attempt_with_it_and_opens_its_own_day(pair: Pair) -> None:
    conn, _ = pair
    await conn.execute(A_MONTH)
    put_off, lined, put_back = [await being_sent(conn) for _ in range(3)]
    (lead_id, id_), at = put_off, datetime.now(UTC)
    async with conn.transaction():
        await deliveries.put_off(conn, [(id_, lead_id, 1, at)])
        assert await conn.fetchval(DAYS_OPENED, "attempt") == 1
    async with conn.transaction():
        await in_line.stand(conn, [(lined[1], 1)], MINE)
        assert await conn.fetchval(DAYS_OPENED, "attempt") == 1
    async with conn.transaction():
        await resting.put_back(conn, [(put_back[1], 1)], MINE)
        assert await conn.fetchval(DAYS_OPENED, "attempt") == 1
    assert await conn.fetchval("select count(*) from attempt") == 0
    assert await conn.fetchval("select count(*) from delivery where state = 'waiting' and attempts = 0") == 3


async def test_who_is_late_is_kept_as_a_word_and_changes_nothing(pair: Pair) -> None:
    conn, _ = pair
    lead_id, id_ = await being_sent(conn)
    another = WORLD.new_id()
    assert await deliveries.end(conn, [ended(lead_id, id_)], another, [sold(lead_id, id_)]) == set()
    assert await conn.fetchval("select state from delivery") == "sending"
    assert await conn.fetchval("select state from lead") == "delivering"
    assert await conn.fetchval("select count(*) from entry") == 0
    assert [tuple(row) for row in await conn.fetch(KEPT)] == [(1, "Accepted", True)]


async def test_of_a_batch_only_who_is_late_is_told_so(pair: Pair) -> None:
    conn, _ = pair
    (in_time, first), (too_late, second) = await being_sent(conn), await being_sent(conn)
    await conn.execute("update delivery set attempts = 2 where id = $1", second)
    ends = [ended(too_late, second, "Rejected"), ended(in_time, first)]
    assert await deliveries.end(conn, ends, MINE) == {first}
    assert [tuple(row) for row in await conn.fetch(KEPT)] == [(1, "Accepted", False), (1, "Rejected", True)]


async def test_a_commit_in_doubt_leaves_one_word(pair: Pair) -> None:
    conn, _ = pair
    lead_id, id_ = await being_sent(conn)
    for _again in range(2):
        await deliveries.end(conn, [ended(lead_id, id_)], MINE, [sold(lead_id, id_)])
    assert [tuple(row) for row in await conn.fetch(KEPT)] == [(1, "Accepted", False)]
    assert await conn.fetchval("select revenue from lead") == Decimal("42.00")
