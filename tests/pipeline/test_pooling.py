"""Who claims a lead of the pool has it alone, until it is closed, released, or its time is over."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from app.core.errors import Conflict, NotFound, NotYours, Refused
from app.core.world import World
from app.model import Accepted, Rejected
from app.pipeline.choosing import Chooser
from app.pipeline.faults import Retrying
from app.pipeline.replaying import Replayer
from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import House, contract, lead, opened
from tests.pipeline.pools import PEOPLE, Desk, house_yaml, pooling


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with opened(database, house_yaml()) as house:
        yield house


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


async def refused(doing: object, code: str) -> Refused:
    with pytest.raises(Refused) as said:
        await doing  # type: ignore[misc]
    assert said.value.reason == code, said.value.detail
    return said.value


async def test_a_lead_is_offered_and_sent_to_nobody(house: House, desk: Desk) -> None:
    (lead_id,) = await desk.pooled()
    assert await house.deliveries(lead_id) == [("inside-pool", "pooled")]
    assert await house.state(lead_id) == "pooled"
    [row] = await house.rows("select outcome, reason from attempt_end")
    assert tuple(row) == ("Pooled", "")
    assert house.at_rest()


async def test_claimed_and_taken_it_is_sold_and_its_source_is_paid(house: House, desk: Desk) -> None:
    (lead_id,) = await desk.pooled()
    row = await desk.claim("dana")
    assert (row.lead_id, row.person) == (lead_id, "dana")
    assert await desk.close("dana", lead_id, Accepted(reference="deal-7")) == "sold"
    [told] = await house.rows("select state, outcome, price from lead")
    assert (told["state"], told["outcome"], str(told["price"])) == ("sold", "success", "12.50")
    assert await house.value("select reference from delivery") == "deal-7"
    assert await house.value("select count(*) from pool") == 0
    assert await desk.story(lead_id) == [("claimed", "inside/dana"), ("closed", "inside/dana")]
    assert await house.value("select ended from pool_claim") == "closed"


async def test_the_next_is_the_one_of_the_earliest_moment(house: House, desk: Desk) -> None:
    first, second = await desk.pooled(2)
    await house.run("update pool set priority = priority - interval '1 hour' where lead_id = $1", second)
    assert [(await desk.claim(name)).lead_id for name in ("dana", "sam")] == [second, first]


async def test_refused_by_a_person_it_goes_to_the_next_contract(database: Database, buyer: Buyer) -> None:
    last = contract("b1", buyer.url("/ok")).replace(
        "campaign: solar", "campaign: solar\n        priority: -200"
    )
    async with opened(database, house_yaml(pooling(price="50.00"), last)) as house:
        desk = Desk(house)
        (lead_id,) = await desk.pooled()
        await desk.claim("dana")
        step = await desk.pool.close(desk.person("dana"), lead_id, Rejected(reason="no roof"))
        house.engine.follow(step)
        await house.ends(lead_id, "sold")
        assert await house.deliveries(lead_id) == [("inside-pool", "rejected"), ("b1", "accepted")]


async def test_released_it_goes_to_somebody_else_and_not_back(house: House, desk: Desk) -> None:
    (lead_id,) = await desk.pooled()
    await desk.claim("dana")
    await desk.pool.release(desk.person("dana"), lead_id, "speaks\0 Polish")
    await refused(desk.claim("dana"), "pool_empty")
    await refused(desk.claim("dana", lead_id), "not_offered")
    assert (await desk.claim("sam")).lead_id == lead_id
    data = await house.value("select data from lead_event where kind = 'released'")
    assert "speaks Polish" in data


async def test_who_had_it_gets_it_back_where_the_contract_says_so(house: House, desk: Desk) -> None:
    await house.configure(house_yaml(pooling(deliver=", exclude: 1")))
    await desk.pooled()
    for name in ("dana", "sam", "dana"):
        row = await desk.claim(name)
        await desk.pool.release(desk.person(name), row.lead_id)
    await refused(desk.claim("dana"), "pool_empty")
    await house.configure(house_yaml(pooling(deliver=", exclude: nobody")))
    await desk.claim("dana")


async def test_a_claim_whose_time_is_over_ends_and_ends_nothing(house: House, desk: Desk) -> None:
    (lead_id,) = await desk.pooled()
    await desk.claim("dana")
    await desk.time_is_over()
    with pytest.raises(NotYours, match="its time was over"):
        await desk.close("dana", lead_id)
    row = await desk.claim("sam")
    assert (row.lead_id, list(row.owners)) == (lead_id, ["dana"])
    with pytest.raises(NotYours):
        await desk.pool.release(desk.person("dana"), lead_id)
    assert [kind for kind, _ in await desk.story(lead_id)] == ["claimed", "expired", "claimed"]


async def test_a_claim_is_renewed_so_often_and_no_more(house: House, desk: Desk) -> None:
    await house.configure(house_yaml(pooling(deliver=", renewals: 1, hold: 1h")))
    (lead_id,) = await desk.pooled()
    row = await desk.claim("dana")
    await house.run("update pool set expires_at = now() + interval '1 second'")
    renewed = await desk.pool.renew(desk.person("dana"), lead_id)
    assert renewed.expires_at is not None
    assert row.expires_at is not None
    assert renewed.expires_at > row.expires_at
    await refused(desk.pool.renew(desk.person("dana"), lead_id), "not_renewed")
    with pytest.raises(NotYours):
        await desk.pool.renew(desk.person("sam"), lead_id)


async def test_a_lead_that_another_has_is_told_to_be_taken_and_by_whom(house: House, desk: Desk) -> None:
    (lead_id,) = await desk.pooled()
    await desk.claim("sam")
    said = await refused(desk.claim("dana", lead_id), "taken")
    assert said.detail.startswith("taken by Sam ")
    assert said.detail.endswith(" s ago")


async def test_ones_own_lead_is_claimed_once(house: House, desk: Desk) -> None:
    first, second = await desk.pooled(2)
    rows = [await desk.claim("dana", second) for _ in range(2)]
    assert [row.lead_id for row in rows] == [second, second]
    assert rows[0].claim_id == rows[1].claim_id
    assert await house.value("select count(*) from pool_claim") == 1
    delivery = await house.value("select delivery_id from pool where lead_id = $1", first)
    assert (await desk.claim("dana", delivery)).lead_id == first


async def test_blindly_nobody_chooses(house: House, desk: Desk) -> None:
    await house.configure(house_yaml(pooling(deliver=", view: blind_next")))
    (lead_id,) = await desk.pooled()
    await refused(desk.claim("dana", lead_id), "blind")
    assert (await desk.claim("dana")).lead_id == lead_id


async def test_nobody_has_more_at_once_than_its_capacity(house: House, desk: Desk) -> None:
    people = PEOPLE.replace("{id: dana,", "{id: dana, capacity: 2,")
    await house.configure(house_yaml(pooling(people=people)))
    await desk.pooled(4)
    got = await asyncio.gather(*(desk.claim("dana") for _ in range(4)), return_exceptions=True)
    assert sorted(one.reason for one in got if isinstance(one, Conflict)) == ["capacity", "capacity"]
    assert await house.value("select count(*) from pool where person = 'dana'") == 2


async def test_a_quota_counts_claims_of_its_period_released_ones_too(house: House, desk: Desk) -> None:
    await house.configure(house_yaml(pooling(deliver=", quota: [{per: day, leads: 2}]")))
    await desk.pooled(3)
    first = await desk.claim("dana")
    await desk.pool.release(desk.person("dana"), first.lead_id)
    await desk.claim("dana")
    await refused(desk.claim("dana"), "quota")
    await house.run("update pool_claim set at = at - interval '2 days'")
    await desk.claim("dana")
    await desk.claim("sam")


async def test_a_quota_of_a_person_is_over_all_contracts(house: House, desk: Desk) -> None:
    people = PEOPLE.replace("{id: dana,", "{id: dana, quota: [{per: week, leads: 1}],")
    await house.configure(house_yaml(pooling(people=people)))
    await desk.pooled(2)
    await desk.claim("dana")
    await refused(desk.claim("dana"), "quota")


async def test_a_quotas_day_is_that_of_its_zone_also_where_the_clock_is_put_on(database: Database) -> None:
    """Half an hour to midnight in New York on the day of twenty-three hours, which began at 5:00 in UTC."""
    late = World(now=lambda: datetime(2026, 3, 9, 3, 30, tzinfo=UTC))
    yaml = house_yaml(pooling(deliver=", quota: [{per: day, leads: 1, zone: America/New_York}]"))
    async with opened(database, yaml, world=late) as house:
        desk = Desk(house)
        await desk.pooled(2)
        await desk.claim("dana")
        await house.run("update pool_claim set at = '2026-03-08T05:00Z'")
        await refused(desk.claim("dana"), "quota")
        await house.run("update pool_claim set at = '2026-03-08T04:59:59Z'")
        await desk.claim("dana")


async def test_at_the_same_moment_a_quota_is_not_overdrawn(house: House, desk: Desk) -> None:
    await house.configure(house_yaml(pooling(deliver=", quota: [{per: day, leads: 3}]")))
    await desk.pooled(8)
    got = await asyncio.gather(*(desk.claim("dana") for _ in range(8)), return_exceptions=True)
    assert sum(not isinstance(one, Exception) for one in got) == 3


async def test_an_empty_pool_says_so_and_a_strangers_lead_does_not_exist(house: House, desk: Desk) -> None:
    await refused(desk.claim("dana"), "pool_empty")
    with pytest.raises(NotFound):
        await desk.claim("dana", house.world.new_id())
    await refused(desk.claim("eve"), "no_such_person")


async def test_who_is_paused_claims_nothing(house: House, desk: Desk) -> None:
    people = PEOPLE.replace("{id: dana,", "{id: dana, paused: true,")
    await house.configure(house_yaml(pooling(people=people)))
    await desk.pooled()
    await refused(desk.claim("dana"), "paused")


async def test_what_lies_in_the_pool_is_not_replayed(house: House, desk: Desk) -> None:
    await desk.pooled()
    retrying = Retrying(house.world, house.metrics)
    replayer = Replayer(house.database, house.world, Chooser(house.world), retrying, lambda: house.plans)
    with pytest.raises(Conflict, match="lies in the pool"):
        await replayer.ask(await house.value("select id from delivery"), by="ops", even_unclear=True)


async def test_settled_or_confirmed_by_another_door_it_leaves_the_pool(house: House, desk: Desk) -> None:
    (lead_id,) = await desk.pooled()
    row = await desk.claim("dana")
    await house.settler.settle(row.delivery_id, Accepted(), by="buyer inside")
    assert await house.state(lead_id) == "sold"
    assert await house.value("select count(*) from pool") == 0
    with pytest.raises(NotYours):
        await desk.close("dana", lead_id)


async def test_leads_that_come_together_lie_there_each_for_itself(house: House, desk: Desk) -> None:
    answers = await house.post(*(lead(f"ann{n}@example.com") for n in range(20)))
    assert {one.state for one in answers} == {"pooled"}
    rows = await house.rows("select lead_id from pool")
    assert {row[0] for row in rows} == {one.lead_id for one in answers}


async def test_a_test_lead_is_claimed_as_any_other_and_counts_in_no_quota(house: House, desk: Desk) -> None:
    await house.configure(house_yaml(pooling(deliver=", quota: [{per: day, leads: 1}]")))
    answer = await house.one(lead(), test=True)
    assert answer.state == "pooled"
    await desk.claim("dana")
    assert await desk.close("dana", answer.lead_id) == "sold"
    await desk.pooled()
    await desk.claim("dana")


async def test_of_a_shared_lead_one_is_bought_while_the_other_lies_in_the_pool(
    database: Database, buyer: Buyer
) -> None:
    text = house_yaml(pooling(), contract("b1", buyer.url("/ok")), sell="shared(2)")
    async with opened(database, text) as house:
        answer = await house.one(lead())
        await house.until(lambda: house.value("select outcome = 'success' and state = 'pooled' from lead"))
        assert sorted(await house.deliveries(answer.lead_id)) == [
            ("b1", "accepted"),
            ("inside-pool", "pooled"),
        ]
        desk = Desk(house)
        await desk.claim("dana")
        assert await desk.close("dana", answer.lead_id) == "sold"
        assert await house.value("select revenue from lead") == 42


async def test_a_quota_of_one_contract_counts_neither_those_of_another_nor_what_was_pushed(
    house: House, desk: Desk
) -> None:
    """Who let a pushed lead lie has not claimed it."""
    await house.configure(house_yaml(pooling(deliver=", quota: [{per: day, leads: 1}]")))
    await desk.pooled(2)
    noted = """insert into pool_claim (id, delivery_id, lead_id, buyer, contract, person, test, ended)
      values (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'inside', $1, 'dana', false, $2)"""
    await house.run(noted, "inside-pool", "pushed")
    await house.run(noted, "another-pool", "closed")
    await desk.claim("dana")
    await refused(desk.claim("dana"), "quota")


async def test_what_one_person_has_closed_another_has_not(house: House, desk: Desk) -> None:
    (lead_id,) = await desk.pooled()
    await desk.claim("dana")
    assert await desk.close("dana", lead_id) == "sold"
    assert await desk.close("dana", lead_id) == "sold"
    with pytest.raises(NotYours):
        await desk.close("sam", lead_id)


async def test_of_a_contract_that_rests_nothing_is_claimed(house: House, desk: Desk) -> None:
    await desk.pooled()
    await house.configure(house_yaml(pooling(more="paused: true")))
    await refused(desk.claim("dana"), "pool_empty")
