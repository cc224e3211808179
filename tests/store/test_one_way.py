"""A lead that is sold either way has an only buyer or copies, never both, whatever the code does."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.core.world import World
from app.store import decisions
from app.store.rows import NewDelivery
from tests.store.test_decisions import Pair, pair, until_waiting

__all__ = ["pair"]

WORLD = World()
LEAD = """
insert into lead (id, submission_id, position, source, campaign, received_at, state, catalogue)
values ($1, $1, 0, 'acme', 'solar', now(), 'delivering', 1)
"""


async def a_lead(conn: Any) -> UUID:
    id_ = WORLD.new_id()
    await conn.execute(LEAD, id_)
    return id_


def delivery(lead_id: UUID, slot: int, *, alone: bool | None, round_: int = 1) -> NewDelivery:
    return NewDelivery(
        id=WORLD.new_id(), lead_id=lead_id, round=round_, slot=slot, rank=1, campaign="solar", contract=f"c{slot}",
        buyer=f"b{slot}", price=Decimal(42), reserved="", test=False, priority=0.0, alone=alone,
    )  # fmt: skip


async def give(conn: Any, *rows: NewDelivery) -> None:
    await decisions.insert_deliveries(conn, rows, WORLD.new_id())


async def test_who_has_it_alone_is_no_copy_beside(pair: Pair) -> None:
    conn, _ = pair
    lead = await a_lead(conn)
    await give(conn, delivery(lead, 1, alone=True))
    with pytest.raises(asyncpg.ExclusionViolationError):
        await give(conn, delivery(lead, 2, alone=False))


async def test_copies_stand_beside_each_other_and_beside_nobody_alone(pair: Pair) -> None:
    conn, _ = pair
    lead = await a_lead(conn)
    await give(conn, delivery(lead, 2, alone=False), delivery(lead, 3, alone=False))
    with pytest.raises(asyncpg.ExclusionViolationError):
        await give(conn, delivery(lead, 1, alone=True))


async def test_when_all_copies_are_refused_one_may_have_it_alone_and_no_copy_comes_back(pair: Pair) -> None:
    conn, _ = pair
    lead = await a_lead(conn)
    await give(conn, delivery(lead, 2, alone=False))
    await conn.execute("update delivery set state = 'rejected' where lead_id = $1", lead)
    await give(conn, delivery(lead, 1, alone=True))
    with pytest.raises(asyncpg.ExclusionViolationError):
        await conn.execute("update delivery set state = 'waiting' where lead_id = $1 and slot = 2", lead)


async def test_another_round_may_be_sold_the_other_way(pair: Pair) -> None:
    conn, _ = pair
    lead = await a_lead(conn)
    await give(conn, delivery(lead, 1, alone=True))
    await give(conn, delivery(lead, 2, alone=False, round_=2))


async def test_leads_that_are_sold_in_one_way_only_are_left_alone(pair: Pair) -> None:
    conn, _ = pair
    lead = await a_lead(conn)
    await give(conn, delivery(lead, 1, alone=None), delivery(lead, 2, alone=None))


async def test_of_two_who_sell_it_both_ways_at_once_one_fails(pair: Pair) -> None:
    first, second = pair
    lead = await a_lead(first)
    transaction = first.transaction()
    await transaction.start()
    await give(first, delivery(lead, 1, alone=True))
    other = asyncio.create_task(give(second, delivery(lead, 2, alone=False)))
    await until_waiting(first, second)
    await transaction.commit()
    with pytest.raises(asyncpg.ExclusionViolationError):
        await other
