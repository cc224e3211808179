"""Turns, shares and work are handed out fairly by several processes at once, over one real database."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from random import Random

import pytest

from app.core.world import World
from app.distribute.ranking import Standing
from app.distribute.route import RouteIndex
from app.distribute.wanting import Choice, Want
from app.pipeline.choosing import Again, Chooser
from app.store import decisions
from app.store.database import Database
from tests.distribute.routing.standing import NOON, contract, index_of

PROCESSES = 4


class Process:
    """One that hands leads out; it knows of the others only what the database says."""

    def __init__(self, database: Database) -> None:
        self.database, self.chooser = database, Chooser(World())

    async def place(self, wants: Sequence[Want]) -> Sequence[Choice]:
        while True:
            try:
                async with self.database.acquire() as conn, conn.transaction():
                    return await self.chooser.choose(conn, wants)
            except Again:
                continue
            except decisions.MissingCounters as missing:
                async with self.database.acquire() as conn:
                    await self.chooser.prepare(conn, missing.keys)


async def sold(
    processes: Sequence[Process],
    index: RouteIndex[Standing],
    sizes: Sequence[int],
    copies: int = 1,
    *,
    random: Random | None = None,
) -> Counter[str]:
    """Who got how many, where each process hands out batches of these sizes, all at the same time; by chance each in an
    order of its own."""
    match = index.match({}, source="acme", at=NOON)
    got: Counter[str] = Counter()

    async def work(process: Process) -> None:
        for size in sizes if random is None else random.sample(sizes, len(sizes)):
            for choice in await process.place([Want(match, copies)] * size):
                got.update(one.contract for one in choice.chosen)

    async with asyncio.TaskGroup() as group:
        for process in processes:
            group.create_task(work(process))
    return got


@pytest.fixture
def processes(database: Database) -> list[Process]:
    return [Process(database) for _ in range(PROCESSES)]


@pytest.mark.parametrize(("equals", "copies"), [(2, 1), (7, 1), (23, 1), (7, 3)])
async def test_counts_of_equals_differ_by_at_most_one(
    processes: list[Process], equals: int, copies: int
) -> None:
    index = index_of(*(contract(f"c{i:02d}") for i in range(equals)), rank=("round_robin",))
    got = await sold(processes, index, [1, 50, 3, 1, 17], copies)
    assert got.total() == 72 * PROCESSES * copies
    assert max(got.values()) - min(got.values()) <= 1


async def test_weights_are_kept_within_one_turn(processes: list[Process]) -> None:
    weights = {"a": 5, "b": 3, "c": 2}
    index = index_of(*(contract(one, weight=each) for one, each in weights.items()), rank=("weight",))
    got = await sold(processes, index, [40, 1, 9])
    assert all(abs(got[one] - 200 * each / 10) <= 1 for one, each in weights.items())


async def test_shares_are_kept_within_one_lead(processes: list[Process]) -> None:
    shares = {"a": 45.5, "b": 20, "c": 7.25}
    contracts = [contract(one, percent=each) for one, each in shares.items()]
    index = index_of(*contracts, contract("d"), contract("e"), rank=("percentage", "round_robin"))
    got = await sold(processes, index, [60, 1, 1, 13, 5])
    leads = 80 * PROCESSES
    assert got.total() == leads
    assert all(abs(got[one] - leads * each / 100) < 1 for one, each in shares.items())
    assert abs(got["d"] - got["e"]) <= 1


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_comes_where_and_when_each_way_stays_fair(processes: list[Process], seed: int) -> None:
    """Batches, contracts, weights and shares by chance; the sums are those of one process that took all in a row."""
    random = Random(seed)
    ids = [f"c{n}" for n in range(random.randint(2, 9))]
    sizes = [random.randint(1, 40) for _ in range(random.randint(2, 6))]
    leads, n = sum(sizes) * PROCESSES, len(ids)
    parts = {one: random.randint(1, 9) for one in ids}
    shares = {one: random.randint(1, 10_000 // n) / 100 for one in ids}

    async def got(rank: str, **said: Mapping[str, float]) -> list[int]:
        contracts = [
            contract(f"{rank}-{one}", **{key: each[one] for key, each in said.items()}) for one in ids
        ]
        found = await sold(processes, index_of(*contracts, rank=(rank,)), sizes, random=random)
        assert found.total() == leads
        return [found[f"{rank}-{one}"] for one in ids]

    for equal in (await got("round_robin"), await got("load")):
        assert max(equal) - min(equal) <= 1
    for n_got, share in zip(await got("percentage", percent=shares), shares.values(), strict=True):
        assert abs(n_got - leads * share / sum(shares.values())) < 1 + 1e-6
    turns = zip(await got("weight", weight=parts), parts.values(), strict=True)
    for (one, weight), (other, than) in combinations(turns, 2):
        assert abs(one / weight - other / than) <= 1 / min(weight, than) + 1e-3


async def test_of_a_thousand_leads_over_two_processes_each_has_its_percent(processes: list[Process]) -> None:
    shares = {"a": 50, "b": 30, "c": 12.5}
    contracts = [contract(one, percent=each) for one, each in shares.items()]
    index = index_of(*contracts, contract("d"), rank=("percentage", "round_robin"))
    got = await sold(processes[:2], index, [1, 7, 100, 64, 28, 200, 100])
    assert got == {"a": 500, "b": 300, "c": 125, "d": 75}


async def test_work_is_spread_evenly_and_counted_exactly(
    processes: list[Process], database: Database
) -> None:
    index = index_of(*(contract(f"c{i}") for i in range(9)), rank=("load", "round_robin"))
    got = await sold(processes, index, [20, 1, 7, 1, 1])
    assert max(got.values()) - min(got.values()) <= 1
    async with database.acquire() as conn:
        rows = await conn.fetch("select key, value from counter where key like 'open:%'")
    assert {row[0]: row[1] for row in rows} == {f"open:{one}": n for one, n in got.items()}


async def test_who_joins_or_comes_back_is_as_fair_from_then_on(processes: list[Process]) -> None:
    def index(*ids: str, paused: str = "") -> RouteIndex[Standing]:
        return index_of(*(contract(one, paused=one == paused) for one in ids), rank=("round_robin",))  # type: ignore[return-value]

    await sold(processes, index("a", "b", "c"), [30, 1])
    paused = await sold(processes, index("a", "b", "c", paused="b"), [30, 1])
    assert abs(paused["a"] - paused["c"]) <= 1
    back = await sold(processes, index("a", "b", "c", "new"), [30, 1, 4])
    assert max(back.values()) - min(back.values()) <= 2, "the last turns before, and the first ones after"
    assert back["new"] <= back.total() / 4 + 1
