"""Whoever waits for a rate's turn has not been sent: its attempt begins with the turn, whatever becomes of the process."""

import asyncio

import pytest

from app.store.database import Database
from tests.buyer import Buyer, reply, says
from tests.pipeline.house import House, catalogue, contract, lead, opened, source

RATE = "rate: {per: minute, n: 2}"
FULL = """
insert into pace values ('b1', now() + interval '1 hour', 2)
on conflict (contract) do update set began = excluded.began, used = excluded.used
"""
STILL = "insert into pace values ('b1', now() + interval '1 hour', 0)"
DEAD = "00000000-0000-7000-8000-00000000dead"


@pytest.fixture
def text(buyer: Buyer) -> str:
    return catalogue(source(reply="receipt"), contract("b1", buyer.url("/ok"), more=RATE))


def leads(n: int) -> list[dict[str, str]]:
    return [lead(f"ann{i}@example.com") for i in range(n)]


async def taken(house: House, records: list[dict[str, str]]) -> None:
    work = house.work(*records)
    await house.keep(work)
    house.engine.later([work])


async def stand(house: House, states: dict[str, int]) -> None:
    async def so() -> bool:
        rows = await house.rows(
            "select case when state = 'waiting' and lease_id is not null then 'in line' else state end, count(*) "
            "from delivery group by 1"
        )
        return {row[0]: row[1] for row in rows} == states

    await house.until(so)


def impatient(house: House) -> None:
    """Asks for its turn again and again, so that no test waits for a window's end."""

    async def at_once(_: float) -> None:
        await asyncio.sleep(0)

    house.engine._paces._sleep = at_once


async def asking(house: House, n: int) -> None:
    """Until so many ask for their turn: their rows are there a moment before."""

    async def so() -> bool:
        return len(house.engine._paces._waiting["b1"]) == n

    await house.until(so)


async def forgotten(house: House) -> None:
    """Until the process has nothing in hand."""

    async def so() -> bool:
        return not house.engine.sender.in_hand

    await house.until(so)


async def recover(house: House) -> None:
    """As if this process had been seen for a whole lease."""
    house.upkeep._seen_since -= 1_000
    await house.upkeep.recover()


async def test_no_more_begin_in_a_minute_than_the_rate_says_and_the_rest_waits(
    database: Database, buyer: Buyer, text: str
) -> None:
    async with opened(database, text) as house:
        await house.run(STILL)
        await taken(house, leads(6))
        await stand(house, {"accepted": 2, "waiting": 4})
        assert len(buyer.received) == 2
        assert {
            row[0] for row in await house.rows("select attempts from delivery where state = 'waiting'")
        } == {0}
        await taken(house, [lead(f"bob{i}@example.com") for i in range(3)])
        await stand(house, {"accepted": 2, "waiting": 5, "in line": 2})
        await asking(house, 2)
        house.engine.sender.abandon()  # as at the end of a process: what waits goes back unsent
        await stand(house, {"accepted": 2, "waiting": 7})
        await forgotten(house)
        assert len(buyer.received) == 2
        await house.run("delete from pace")
        await house.due_now()
        await stand(house, {"accepted": 4, "waiting": 5})


async def test_what_waits_for_its_turn_in_a_process_that_dies_was_not_sent(
    database: Database, buyer: Buyer, text: str
) -> None:
    async with opened(database, text) as house:
        await house.run(FULL)
        await taken(house, leads(2))
        await stand(house, {"in line": 2})
        await asking(house, 2)
        await house.run("update delivery set lease_id = $1", DEAD)
        house.engine.sender.abandon()  # the dead say nothing
        await forgotten(house)
        await recover(house)
        assert [
            tuple(row) for row in await house.rows("select state, attempts, next_at <= now() from delivery")
        ] == [("waiting", 0, True)] * 2
        assert await house.value("select count(*) from attempt") == 0
        await house.run("delete from pace")
        await house.upkeep.due()
        await stand(house, {"accepted": 2})
        assert len(buyer.received) == 2


async def test_what_the_living_have_in_line_is_theirs(database: Database, text: str) -> None:
    async with opened(database, text) as house:
        await house.run(FULL)
        await taken(house, leads(2))
        await stand(house, {"in line": 2})
        await recover(house)
        await house.upkeep.lost()
        await house.upkeep.lost()
        await stand(house, {"in line": 2})
        assert not await house.upkeep.due()
        await asking(house, 2)
        house.engine.sender.abandon()


async def test_who_was_given_up_while_it_stood_in_line_is_not_sent(
    database: Database, buyer: Buyer, text: str
) -> None:
    async with opened(database, text) as house:
        impatient(house)
        await house.run(FULL)
        await taken(house, leads(1))
        await stand(house, {"in line": 1})
        await house.run("update delivery set state = 'cancelled', lease_id = null")
        await house.run("delete from pace")

        async def at_rest() -> bool:
            return house.at_rest()

        await house.until(at_rest)
        assert await house.value("select state from delivery") == "cancelled"
        assert buyer.received == []


async def test_a_retry_that_stands_in_line_keeps_its_attempts(database: Database, buyer: Buyer) -> None:
    says("/rate-503", reply(503))
    async with opened(
        database, catalogue(source(), contract("b1", buyer.url("/rate-503"), more=RATE))
    ) as house:
        impatient(house)
        await taken(house, leads(1))

        async def refused() -> bool:
            return bool(await house.value("select attempts = 1 and state = 'waiting' from delivery"))

        await house.until(refused)
        await house.run(FULL)
        await house.due_now()
        await stand(house, {"in line": 1})
        assert await house.value("select attempts from delivery") == 1
        assert await house.value("select count(*) from attempt") == 1
        says("/rate-503", reply())
        await house.run("delete from pace")
        await stand(house, {"accepted": 1})
        assert await house.value("select attempts from delivery") == 2
        assert await house.value("select count(*) from attempt") == 2


async def test_what_was_lined_up_by_a_commit_in_doubt_is_found_and_sent(
    database: Database, buyer: Buyer, text: str
) -> None:
    async with opened(database, text) as house:
        await house.run(FULL)
        await taken(house, leads(1))
        await stand(house, {"in line": 1})
        await asking(house, 1)
        house.engine.sender.abandon()
        await stand(house, {"waiting": 1})
        await forgotten(house)
        await house.run("delete from pace")
        # As if the process had never heard that it was committed.
        await house.run("update delivery set lease_id = $1, next_at = null", house.identity())
        await house.upkeep.lost()
        await stand(house, {"in line": 1})
        await house.upkeep.lost()
        await stand(house, {"accepted": 1})
        assert len(buyer.received) == 1
