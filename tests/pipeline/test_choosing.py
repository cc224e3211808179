"""Transactions of one process that choose at the same time reckon with each other, and with nothing that is undone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.distribute.wanting import Want
from app.pipeline.choosing import Again
from app.store import decisions
from app.store.database import Database
from tests.distribute.routing.standing import NOON, Contract, contract, index_of
from tests.pipeline.test_fairness import Process

WAITS = """
select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"""


class Pause:
    """Where a transaction has chosen and is neither committed nor undone yet."""

    def __init__(self) -> None:
        self.reached, self.over = asyncio.Event(), asyncio.Event()

    async def rest(self) -> None:
        self.reached.set()
        await self.over.wait()


class Undone(Exception):
    """What breaks a transaction off after it has chosen."""


class Alone(Process):
    """The only process; its transactions are told apart by their tasks."""

    def __init__(self, database: Database, *contracts: Contract) -> None:
        super().__init__(database)
        self.chooser.alone = True
        self.again = 0
        self.match = index_of(*contracts, rank=("round_robin",)).match({}, source="acme", at=NOON)

    async def sell(self, leads: int, pause: Pause | None = None, *, undone: bool = False) -> list[str]:
        """As a batch is decided."""
        wants = [Want(self.match)] * leads
        while True:
            try:
                with self.chooser.kept():
                    async with self.database.acquire() as conn, conn.transaction():
                        choices = await self.chooser.choose(conn, wants)
                        if pause is not None:
                            await pause.rest()
                        if undone:
                            raise Undone
                return [one.contract for choice in choices for one in choice.chosen]
            except Again:
                self.again += 1
            except decisions.MissingCounters as missing:
                async with self.database.acquire() as conn:
                    await self.chooser.prepare(conn, missing.keys)

    @asynccontextmanager
    async def beside(self, leads: int, *, undone: bool = False) -> AsyncIterator[asyncio.Task[list[str]]]:
        """While another batch of so many leads has chosen and is not committed; what follows waits for it."""
        pause = Pause()
        first = asyncio.create_task(self.sell(leads, pause, undone=undone))
        await pause.reached.wait()
        yield first
        async with self.database.acquire() as conn:
            while not await conn.fetchval(WAITS):
                await asyncio.sleep(0)
        pause.over.set()


@pytest.fixture
async def process(database: Database) -> Alone:
    alone = Alone(database, *(contract(f"c{i}") for i in range(4)))
    assert await alone.sell(4) == ["c0", "c1", "c2", "c3"]
    return alone


async def test_who_chooses_beside_a_batch_that_is_not_committed_goes_on_where_that_ends(
    process: Alone,
) -> None:
    async with process.beside(2) as first:
        then = asyncio.create_task(process.sell(3))
    assert (await first, await then, process.again) == (["c0", "c1"], ["c2", "c3", "c0"], 0)


async def test_a_turn_that_was_never_taken_is_the_next_ones(process: Alone) -> None:
    assert await process.sell(3) == ["c0", "c1", "c2"]
    async with process.beside(1, undone=True) as first:
        then = asyncio.create_task(process.sell(1))
    with pytest.raises(Undone):
        await first
    assert await then == ["c3"]


async def test_a_cap_that_only_another_batch_would_fill_is_looked_at_and_not_believed(
    database: Database,
) -> None:
    alone = Alone(database, contract("c0", caps=[{"per": "total", "leads": 2}]))
    await alone.sell(1)
    async with alone.beside(1, undone=True) as first:
        then = asyncio.create_task(alone.sell(1))
    with pytest.raises(Undone):
        await first
    assert await then == ["c0"]
    assert await alone.sell(1) == []


async def test_who_chooses_among_others_does_not_wait(process: Alone) -> None:
    pause = Pause()
    first = asyncio.create_task(process.sell(1, pause))
    await pause.reached.wait()
    process.match = index_of(contract("d0"), contract("d1"), rank=("round_robin",)).match(
        {}, source="acme", at=NOON
    )
    assert await process.sell(2) == ["d0", "d1"]
    pause.over.set()
    assert await first == ["c0"]


async def test_batches_of_one_process_are_fair_however_many_are_undone(database: Database) -> None:
    process = Alone(database, *(contract(f"c{i}", caps=[{"per": "total", "leads": 4}]) for i in range(4)))

    async def half(n: int) -> list[str]:
        try:
            return await process.sell(n % 3 + 1, undone=n % 5 == 4)
        except Undone:
            return []

    sold = [one for batch in await asyncio.gather(*(half(n) for n in range(40))) for one in batch]
    counts = [sold.count(f"c{i}") for i in range(4)]
    assert counts == [4, 4, 4, 4]
