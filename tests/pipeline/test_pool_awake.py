"""Who claims the next lead of a pool gets somebody who may be called now; the others wait where they are.

The clock of the house is the test's, in a year in which nothing is due for the database, whose clock is its own.
"""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from app.core.errors import NotFound
from app.pipeline.pool_view import PoolView
from app.store.database import Database
from tests.pipeline.house import House, opened
from tests.pipeline.pools import Desk, house_yaml, pooling
from tests.pipeline.test_consumer_hours import HOURS, Clock
from tests.pipeline.test_pooling_together import _FILL

DAY = datetime(2040, 7, 1, 18, tzinfo=UTC)
EVENING = datetime(2040, 7, 2, 2, tzinfo=UTC)  # 22:00 in New York, 19:00 in Los Angeles
NIGHT = datetime(2040, 7, 2, 6, tzinfo=UTC)
MORNING = datetime(2040, 7, 2, 12, tzinfo=UTC)  # 08:00 in New York
MINDING = house_yaml(pooling(more=HOURS))
SECOND = """
      - id: second
        campaign: solar
        price: "0"
        priority: -200
        deliver: {adapter: internal}
"""
SLEEP = "those who wait in the pool may not be called yet: the first from {}"


async def nobody(desk: Desk, name: str) -> dict[str, Any]:
    """What a claim is answered where nobody may be had now."""
    with pytest.raises(NotFound) as refused:
        await desk.claim(name)
    assert refused.value.reason == "pool_empty"
    return {"detail": refused.value.detail, **refused.value.extra}


async def test_who_sleeps_is_passed_over_until_the_morning(database: Database) -> None:
    clock = Clock(DAY)
    async with opened(database, MINDING, world=clock.world()) as house:
        desk = Desk(house)
        (east,), (west,) = [await desk.pooled(1, state=state) for state in ("NY", "CA")]
        zones = await house.rows("select zones from pool order by priority")
        assert [row[0] for row in zones] == ["America/New_York", "America/Los_Angeles"]
        clock.at = EVENING
        assert (await desk.claim("dana")).lead_id == west
        told = await nobody(desk, "sam")
        assert told == {
            "detail": SLEEP.format("2040-07-02T12:00:00+00:00"),
            "reachable_from": "2040-07-02T12:00:00+00:00",
        }
        clock.at = MORNING
        assert (await desk.claim("sam")).lead_id == east
        assert await nobody(desk, "kim") == {"detail": "nothing in the pool is offered to you now"}


async def test_by_name_a_sleeper_may_be_claimed_and_it_is_said_from_when_on(database: Database) -> None:
    clock = Clock(DAY)
    async with opened(database, MINDING, world=clock.world()) as house:
        desk = Desk(house)
        (lead_id,) = await desk.pooled(1, state="NY")
        clock.at = NIGHT
        row = await desk.claim("dana", lead_id)
        view = PoolView(house.database, desk.pool, house.engine.tracker, house.world)
        card = await view.card(desk.person("dana"), row)
        assert card is not None
        assert card.reachable_from == MORNING


@pytest.mark.parametrize(
    ("night", "opens"),
    [
        ("2040-03-10T06:00", "2040-03-10T13:00"),  # by winter time
        ("2040-03-11T06:00", "2040-03-11T12:00"),  # the clock jumps in this night
        ("2040-11-03T05:00", "2040-11-03T12:00"),
        ("2040-11-04T05:00", "2040-11-04T13:00"),  # an hour comes twice
    ],
)
async def test_the_morning_comes_by_the_clock_of_the_person(
    database: Database, night: str, opens: str
) -> None:
    clock, at = Clock(DAY), datetime.fromisoformat(f"{opens}+00:00")
    async with opened(database, MINDING, world=clock.world()) as house:
        desk = Desk(house)
        (lead_id,) = await desk.pooled(1, state="NY")
        clock.at = datetime.fromisoformat(f"{night}+00:00")
        assert (await nobody(desk, "dana"))["reachable_from"] == at.isoformat()
        clock.at = at.replace(hour=at.hour - 1, minute=59)
        await nobody(desk, "dana")
        clock.at = at
        assert (await desk.claim("dana")).lead_id == lead_id


async def test_of_those_who_may_be_called_the_earliest_is_next(database: Database) -> None:
    clock = Clock(DAY)
    async with opened(database, MINDING, world=clock.world()) as house:
        desk = Desk(house)
        states = ("CA", "NY", "NV", "CA", "WA")
        came = [(await desk.pooled(1, state=state))[0] for state in states]
        clock.at = EVENING
        got = [(await desk.claim(name)).lead_id for name in ("dana", "sam", "kim", "dana")]
        assert got == [one for one, state in zip(came, states, strict=True) if state != "NY"]


async def test_what_lay_there_before_anybody_minded_is_looked_up(database: Database) -> None:
    clock = Clock(DAY)
    async with opened(database, house_yaml(), world=clock.world()) as house:
        desk = Desk(house)
        (east,) = await desk.pooled(1, state="NY")
        await house.configure(MINDING)
        clock.at = EVENING
        await nobody(desk, "sam")
        assert await house.value("select zones from pool") == "America/New_York"
        await house.configure(house_yaml())
        clock.at = DAY
        (west,) = await desk.pooled(1, state="CA")
        await house.configure(MINDING)
        clock.at = EVENING
        assert (await desk.claim("dana")).lead_id == west
        await house.configure(house_yaml())
        assert (await desk.claim("sam")).lead_id == east


async def test_a_pool_that_minds_does_not_keep_people_from_one_that_does_not(database: Database) -> None:
    clock = Clock(DAY)
    async with opened(database, house_yaml(pooling(more=HOURS) + SECOND), world=clock.world()) as house:
        desk = Desk(house)
        (minded,), (free,) = [await desk.pooled(1, state="NY") for _ in range(2)]
        await house.run("update pool set contract = 'second' where lead_id = $1", free)
        clock.at = NIGHT
        assert (await desk.claim("dana")).lead_id == free
        await nobody(desk, "sam")
        clock.at = MORNING
        assert (await desk.claim("sam")).lead_id == minded


async def test_only_what_is_offered_to_a_person_is_waited_for(database: Database) -> None:
    clock = Clock(DAY)
    async with opened(database, MINDING, world=clock.world()) as house:
        desk = Desk(house)
        (lead_id,) = await desk.pooled(1, state="NY")
        await desk.claim("dana")
        await desk.pool.release(desk.person("dana"), lead_id)
        clock.at = NIGHT
        assert await nobody(desk, "dana") == {"detail": "nothing in the pool is offered to you now"}
        assert (await nobody(desk, "sam"))["reachable_from"] == MORNING.isoformat()


async def test_where_nobody_minds_nothing_more_is_asked(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def asked(*_: Any) -> Any:
        raise AssertionError("nobody minds")

    monkeypatch.setattr("app.pipeline.awake.pool_zones.kinds", asked)
    async with opened(database, house_yaml()) as house:
        desk = Desk(house)
        (lead_id,) = await desk.pooled()
        assert (await desk.claim("dana")).lead_id == lead_id
        await nobody(desk, "sam")


async def test_five_hundred_who_claim_at_once_in_the_evening_never_share(
    database: Database, database_url: str
) -> None:
    people = f"[{', '.join(f'{{id: p{n}, capacity: 1}}' for n in range(500))}]"
    text, clock = house_yaml(pooling(people=people, more=HOURS)), Clock(EVENING)
    async with AsyncExitStack() as stack:
        houses: list[House] = [await stack.enter_async_context(opened(database, text, world=clock.world()))]
        own = await Database.open(database_url, size=8, application_name="another")
        stack.push_async_callback(own.close)
        houses.append(await stack.enter_async_context(opened(own, text, world=clock.world())))
        await houses[0].run(_FILL, 450)
        for zone, n in (("America/New_York", 150), ("America/Los_Angeles", 150), ("America/Denver", 150)):
            await houses[0].run(
                "update pool set zones = $1 where delivery_id in "
                "(select delivery_id from pool where zones = '?' order by delivery_id limit $2)",
                zone,
                n,
            )
        desks = [Desk(house) for house in houses]

        async def one(n: int) -> UUID | None:
            try:
                return (await desks[n % 2].claim(f"p{n}")).lead_id
            except NotFound:
                return None

        got = await asyncio.gather(*(one(n) for n in range(500)))
        owned = Counter(lead_id for lead_id in got if lead_id is not None)
        assert (set(owned.values()), len(owned)) == ({1}, 300)
        zones = await houses[0].rows("select distinct zones from pool where claim_id is not null order by 1")
        assert [row[0] for row in zones] == ["America/Denver", "America/Los_Angeles"]
