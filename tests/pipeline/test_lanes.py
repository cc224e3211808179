"""Of one contract no more conversations are held at once than it says, by however many processes, and nobody waits for ever."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.world import World
from app.pipeline.lanes import Lanes, shares
from app.store import lanes as store
from app.store.database import Database
from app.store.lanes import Lane
from tests.buyer import Buyer
from tests.pipeline.house import catalogue, contract, lead, opened, source

A, B, C = (UUID(int=n) for n in (1, 2, 3))
NAME = "west"


def lane(process: UUID, held: int, wants: int, fed: float = 0.0, *, lately: bool = True) -> Lane:
    return Lane(NAME, process, held, wants, fed, lately)


# shares ----------------------------------------------------------------------------------------------


def test_who_is_alone_has_all() -> None:
    assert shares(4, [lane(A, 0, 1)]) == {A: 4}


def test_everybody_has_what_it_wants_where_that_is_there_and_the_rest_is_shared() -> None:
    assert shares(8, [lane(A, 2, 4), lane(B, 2, 1)]) == {A: 6, B: 2}


def test_where_more_is_wanted_than_there_is_nobody_has_more_than_another_who_wants_more() -> None:
    assert shares(7, [lane(A, 3, 9, 5.0), lane(B, 3, 2, 5.0), lane(C, 0, 9, 1.0)]) == {A: 2, B: 2, C: 3}


def test_of_too_few_lanes_who_has_none_and_had_none_for_longest_is_next() -> None:
    assert shares(1, [lane(A, 1, 5, 1.0), lane(B, 0, 5, 3.0), lane(C, 0, 5, 2.0)]) == {A: 0, B: 0, C: 1}


def test_nobody_waits_for_one_that_is_not_seen() -> None:
    assert shares(2, [lane(A, 0, 5), lane(B, 1, 5, lately=False)]) == {A: 2}


@given(st.integers(1, 40), st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=6))
def test_all_is_given_and_never_more(most: int, told: list[tuple[int, int]]) -> None:
    given_ = shares(most, [lane(UUID(int=n), held, wants) for n, (held, wants) in enumerate(told)])
    assert sum(given_.values()) == most


# several processes -----------------------------------------------------------------------------------


class Process:
    """What a Sender does with its lanes, one step at a time."""

    def __init__(self, database: Database, most: int) -> None:
        self.world, self.me, self.most = World(), World().new_id(), most
        self.talking = self.queue = 0
        self.lanes = Lanes(
            database, self.world, process_id=lambda: self.me, lease_seconds=60.0, longest=120.0
        )
        self.lanes._begin = lambda: None  # type: ignore[method-assign]  # it looks when the test says so
        self.lanes.attend(self)

    def busy(self, _: str) -> int:
        return self.talking

    def waiting(self, _: str) -> int:
        return self.queue

    def admit(self, _: str) -> None:
        while self.queue and self.talking < self.lanes.room(CONTRACT, self.most):
            self.queue, self.talking = self.queue - 1, self.talking + 1

    def come(self) -> None:
        self.queue += 1
        self.admit(NAME)

    def end(self) -> None:
        if self.talking:
            self.talking -= 1
            self.admit(NAME)


class _Contract:
    id = place = NAME
    settings = bid = postback = None


CONTRACT: Any = _Contract()
_STEP = st.tuples(st.sampled_from(["come", "come", "end", "look", "look", "die"]), st.integers(0, 2))


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(most=st.integers(1, 5), steps=st.lists(_STEP, max_size=40), moment=st.integers(-1, 40))
def test_whatever_they_do_and_whoever_dies_no_more_talk_at_once(
    database_url: str, most: int, steps: list[tuple[str, int]], moment: int
) -> None:
    asyncio.run(_drive(database_url, most, steps, moment))


async def _drive(url: str, most: int, steps: list[tuple[str, int]], moment: int) -> None:
    """`moment`: how long after all have begun to look leads come; -1 where one looks at a time."""
    database = await Database.open(url, size=3)
    try:
        async with database.acquire() as conn:
            await conn.execute("delete from lane")
        processes, ghosts = [Process(database, most) for _ in range(3)], Counter[UUID]()
        for what, n in steps:
            one = processes[n]
            if what == "look" and moment >= 0:
                looks = [asyncio.create_task(each.lanes.look()) for each in processes]
                for _ in range(moment):
                    await asyncio.sleep(0)
                for _ in range(most):
                    one.come()  # between the question and its answer
                await asyncio.gather(*looks)
            elif what == "look":
                await one.lanes.look()
            elif what == "die":
                ghosts[one.me] += one.talking  # its buyer is still at it
                processes[n] = Process(database, most)
            else:
                getattr(one, what)()
            assert sum(each.talking for each in processes) + ghosts.total() <= most
        await _all_are_served(database, processes)
    finally:
        await database.close()


async def _all_are_served(database: Database, processes: list[Process]) -> None:
    """Once the time of the dead is over everybody in line comes to be sent, however few lanes there are."""
    async with database.acquire() as conn:
        living = [one.me for one in processes]
        await conn.execute("update lane set until = now() where process_id <> all($1::uuid[])", living)
    for _ in range(1_000):
        if not any(one.queue for one in processes):
            return
        for one in processes:
            await one.lanes.look()
            one.end()
            assert sum(each.talking for each in processes) <= one.most
    raise AssertionError("somebody starves")


async def test_what_is_not_renewed_in_time_is_not_used(database: Database) -> None:
    one = Process(database, 2)
    one.come()
    await one.lanes.look()
    assert (one.talking, one.lanes.room(CONTRACT, 2)) == (1, 2)
    later = one.world.monotonic() + 30.0
    one.lanes._world = World(monotonic=lambda: later)
    assert one.lanes.room(CONTRACT, 2) == 0


async def test_what_a_killed_process_held_is_nobodys_until_its_time_is_over(database: Database) -> None:
    dead, one = Process(database, 2), Process(database, 2)
    dead.come()
    await dead.lanes.look()  # alone, so it has both
    one.come()
    await one.lanes.look()
    assert one.talking == 0
    async with database.acquire() as conn:
        await conn.execute("update lane set until = now() where process_id = $1", dead.me)
    await one.lanes.look()
    assert one.talking == 1


async def test_what_comes_while_lanes_are_given_up_does_not_use_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = Process(database, 4), Process(database, 4)
    one.come()
    await one.lanes.look()
    for _ in range(4):
        other.come()
    await other.lanes.look()
    renew = store.renew

    async def late(*told: Any) -> None:
        for _ in range(3):
            one.come()
        await renew(*told)

    with monkeypatch.context() as patched:
        patched.setattr(store, "renew", late)
        await one.lanes.look()
    await other.lanes.look()
    assert (one.talking, other.talking) == (1, 3)


async def test_what_was_held_is_sure_only_while_it_was_sure_all_the_time(database: Database) -> None:
    one, clock = Process(database, 1), [1_000.0]
    one.lanes._world = World(monotonic=lambda: clock[0])
    one.come()
    await one.lanes.look()
    since = clock[0]
    clock[0] += 20.0
    await one.lanes.look()
    assert one.lanes.sure(NAME, since)
    clock[0] += 30.0
    assert not one.lanes.sure(NAME, since)
    await one.lanes.look()
    assert (one.lanes.sure(NAME, since), one.lanes.sure(NAME, clock[0])) == (False, True)


async def test_who_has_no_use_for_its_lanes_gives_them_back(database: Database) -> None:
    one = Process(database, 2)
    one.come()
    await one.lanes.look()
    one.end()
    later = one.world.monotonic() + 6.0
    one.lanes._world = World(monotonic=lambda: later)
    await one.lanes.look()
    async with database.acquire() as conn:
        assert await conn.fetchval("select count(*) from lane") == 0


async def test_with_the_database_away_nothing_new_is_begun_and_nothing_is_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = Process(database, 1)
    one.come()

    async def away(*_: Any) -> Any:
        raise asyncpg.CannotConnectNowError("away")

    with monkeypatch.context() as patched:
        patched.setattr("app.pipeline.lanes.lanes.locked", away)
        with pytest.raises(asyncpg.CannotConnectNowError):
            await one.lanes.look()
    assert (one.talking, one.queue) == (0, 1)
    await one.lanes.look()
    assert (one.talking, one.queue) == (1, 0)


async def test_a_contract_that_says_nothing_costs_no_row(database: Database, buyer: Buyer) -> None:
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/ok")))) as house:
        assert (await house.one(lead())).state == "sold"
        assert await house.value("select count(*) from lane") == 0


async def test_a_contract_that_says_how_many_is_sold_to_and_its_lanes_are_left_at_the_end(
    database: Database, buyer: Buyer
) -> None:
    more = "concurrency: 3"
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/ok"), more=more))) as house:
        assert (await house.one(lead())).state == "sold"
        assert [tuple(r) for r in await house.rows("select contract, held from lane")] == [("b1", 3)]
    async with database.acquire() as conn:
        assert await conn.fetchval("select count(*) from lane") == 0
