"""A lead that nobody claims goes to others, then to the next contract, whichever process looks and whoever dies."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from app.core.errors import NotFound
from app.core.metrics import expose
from app.store import pool
from app.store.database import Database
from tests.buyer import WAYS, Buyer, reply, says
from tests.pipeline.house import House, contract, lead, opened
from tests.pipeline.pools import Desk, house_yaml, pooling
from tests.pipeline.test_returning import Desk as Hearing

OFFER = ", offer: {team: west, for: 10m, then: [{team: east, for: 10m}, {team: all, for: 20m}, {to: house}]}"


def of_house(buyer: Buyer) -> tuple[str, str, str]:
    """The pool, a contract that outranks the one that the offer ends with, and that one."""
    first = contract("b1", buyer.url("/ok"), price="0").replace(
        "campaign: solar", "campaign: solar\n        priority: -200"
    )
    house = contract("house", buyer.url("/ok"), price="0", more='when: lead.state == "NV"')
    return pooling(deliver=OFFER, price="50.00"), first, house


@pytest.fixture
async def house(database: Database, buyer: Buyer) -> AsyncIterator[House]:
    async with opened(database, house_yaml(*of_house(buyer))) as house:
        yield house


@pytest.fixture
def desk(house: House) -> Desk:
    return Desk(house)


async def team_of(house: House) -> str | None:
    row = await house.rows("select team from pool")
    return row[0][0] if row else "gone"


async def test_it_is_offered_to_one_group_after_another(house: House, desk: Desk, buyer: Buyer) -> None:
    (lead_id,) = await desk.pooled()
    with pytest.raises(NotFound):
        await desk.claim("kim")
    seen = []
    for _ in range(4):
        seen.append(await team_of(house))
        await desk.time_is_over()
    assert seen == ["west", "east", None, "gone"]
    await house.ends(lead_id, "sold")
    assert await house.deliveries(lead_id) == [("inside-pool", "rejected"), ("house", "accepted")]
    assert await desk.story(lead_id) == [("offered", "offer"), ("offered", "offer"), ("unclaimed", "offer")]
    assert await house.value("select reason from delivery where contract = 'inside-pool'") == "nobody_claimed"


async def test_an_offer_that_is_not_over_stays(house: House, desk: Desk) -> None:
    await desk.pooled()
    await desk.offers.along()
    assert await team_of(house) == "west"


async def test_without_an_end_it_goes_to_the_next_contract(house: House, desk: Desk, buyer: Buyer) -> None:
    _, first, _ = of_house(buyer)
    await house.configure(house_yaml(pooling(deliver=", offer: {team: all, for: 5m}", price="50.00"), first))
    (lead_id,) = await desk.pooled()
    await desk.time_is_over()
    await house.ends(lead_id, "sold")
    assert (await house.deliveries(lead_id))[1] == ("b1", "accepted")


async def test_where_nobody_is_left_it_is_unsold_and_its_source_hears_no(house: House, desk: Desk) -> None:
    await house.configure(house_yaml(pooling(deliver=", offer: {team: all, for: 5m}")))
    (lead_id,) = await desk.pooled()
    await desk.time_is_over()
    assert await house.state(lead_id) == "unsold"
    assert await house.value("select outcome from lead") == "failure"


async def test_who_let_it_lie_does_not_hold_it_up_for_the_others(house: House, desk: Desk) -> None:
    await desk.pooled()
    for name in ("dana", "sam"):
        row = await desk.claim(name)
        await desk.pool.release(desk.person(name), row.lead_id)
    await desk.offers.along()
    assert await team_of(house) == "east"
    await desk.claim("kim")
    await house.run("update pool set expires_at = now()")
    await desk.offers.along()  # nobody of the buyer's is left: not in `east`, not in `all`
    assert await team_of(house) == "gone"


async def test_what_is_claimed_is_offered_to_nobody_else_until_it_is_free(house: House, desk: Desk) -> None:
    (lead_id,) = await desk.pooled()
    await desk.claim("dana")
    await house.run("update pool set until = now() - interval '1 hour'")
    await desk.offers.along()
    assert await team_of(house) == "west"
    assert await desk.close("dana", lead_id) == "sold"


async def test_a_group_without_anybody_is_passed_over(house: House, desk: Desk) -> None:
    people = "[{id: dana, team: west, paused: true}, {id: kim, team: east}]"
    offer = ", offer: {team: west, for: 10m, then: [{team: east}]}"
    await house.configure(house_yaml(pooling(people=people, deliver=offer)))
    await desk.pooled()
    await desk.offers.along()
    assert await team_of(house) == "east"


async def test_whose_contract_is_gone_goes_on(house: House, desk: Desk, buyer: Buyer) -> None:
    (lead_id,) = await desk.pooled()
    await house.configure(house_yaml(contract("b1", buyer.url("/ok"))))
    await house.run("update pool set until = now()")
    desk.offers._rounds = 59  # where nothing pools, every sixtieth look
    await desk.offers.along()
    await house.ends(lead_id, "sold")


async def test_of_many_processes_each_step_is_made_by_one(house: House, desk: Desk) -> None:
    leads = await desk.pooled(3)
    await house.run("update pool set until = now()")
    others = [Desk(house) for _ in range(4)]
    await asyncio.gather(*(one.offers.along() for one in others))
    assert {await team_of(house) for _ in leads} == {"east"}
    assert await house.value("select count(*) from lead_event where kind = 'offered'") == 3


async def test_an_erased_lead_leaves_the_pool_and_nobody_claims_it(house: House, desk: Desk) -> None:
    from app.store import erasing

    (lead_id,) = await desk.pooled()
    await desk.claim("dana")
    async with house.database.acquire() as conn, conn.transaction():
        assert await erasing.erase(conn, lead_id, lease_seconds=20, by="test")
    assert await house.value("select count(*) from pool") == 0
    assert await house.deliveries(lead_id) == [("inside-pool", "cancelled")]
    assert await house.state(lead_id) == "rejected"


async def test_a_process_that_dies_on_the_way_into_the_pool_loses_nothing(house: House, desk: Desk) -> None:
    (lead_id,) = await desk.pooled()
    await house.run("delete from pool")
    await house.run(
        "update delivery set state = 'sending', lease_id = gen_random_uuid() where lead_id = $1", lead_id
    )
    await house.upkeep._orphans(None)
    await house.upkeep.due()
    await house.until(lambda: house.value("select count(*) from pool"))
    assert await house.state(lead_id) == "pooled"


async def test_moved_it_is_offered_there_and_taken_from_whoever_had_it(house: House, desk: Desk) -> None:
    (lead_id,) = await desk.pooled()
    await desk.claim("dana")
    await desk.pool.move(lead_id, "east", by="ops")
    with pytest.raises(NotFound):
        await desk.claim("dana")
    assert (await desk.claim("kim")).lead_id == lead_id
    with pytest.raises(NotFound, match="known: all, east, west"):
        await desk.pool.move(lead_id, "north", by="ops")
    assert [kind for kind, _ in await desk.story(lead_id)] == ["claimed", "moved", "offered", "claimed"]


async def test_rows_and_deliveries_agree(house: House, desk: Desk) -> None:
    await desk.pooled(2)
    async with house.database.acquire() as conn:
        assert await pool.astray(conn) == (0, 0)
        await conn.execute("update delivery set state = 'cancelled'")
        assert await pool.astray(conn) == (2, 0)
        assert (await pool.sizes(conn))["inside-pool"][:2] == (2, 0)


# pushed first ---------------------------------------------------------------------------------------


def pushing(buyer: Buyer, pull: str, people: str, path: str = "/ok") -> str:
    """A push to people of `inside`, and its pool."""
    pushed = contract("push", buyer.url(path), price="0").split("    contracts:\n", 1)[1]
    pushed = pushed.replace("        campaign: solar", f"        campaign: solar\n        pull_after: {pull}")
    return pooling(people=people) + pushed


ABSENT = "[{id: dana, team: west, away: [{from: 2000-01-01, to: 2100-01-01}]}, {id: sam, team: east}]"


async def test_while_nobody_is_there_it_goes_to_the_pool_unsent(database: Database, buyer: Buyer) -> None:
    text = pushing(buyer, "{closed: true, to: inside-pool, team: west}", ABSENT)
    async with opened(database, house_yaml(text)) as house:
        (lead_id,) = await Desk(house).pooled()
        assert await house.deliveries(lead_id) == [("push", "rejected"), ("inside-pool", "pooled")]
        assert await house.value("select reason from delivery where contract = 'push'") == "nobody_there"
        assert (
            await house.value(
                "select max(json_array_length(exchanges)) from attempt_end where outcome = 'Rejected'"
            )
            == 0
        )


async def test_what_has_perhaps_arrived_goes_to_no_pool_when_everybody_has_left(
    database: Database, buyer: Buyer
) -> None:
    WAYS["/perhaps-pushed"] = WAYS["/reset"]
    pull = "{closed: true, to: inside-pool, team: west}\n        idempotent: true"
    async with opened(
        database, house_yaml(pushing(buyer, pull, "[{id: dana, team: west}]", "/perhaps-pushed"))
    ) as house:
        lead_id = await house.waiting(lead())
        await house.configure(house_yaml(pushing(buyer, pull, ABSENT, "/perhaps-pushed")))
        says("/perhaps-pushed", reply())
        await house.due_now()
        await house.ends(lead_id, "sold")
        assert await house.deliveries(lead_id) == [("push", "accepted")]


async def test_while_somebody_is_there_it_is_sent(database: Database, buyer: Buyer) -> None:
    text = pushing(buyer, "{closed: true, to: inside-pool}", ABSENT)
    async with opened(database, house_yaml(text)) as house:
        answer = await house.one(lead())
        assert answer.state == "sold"


async def test_without_a_word_in_time_it_goes_to_the_pool_and_not_back(
    database: Database, buyer: Buyer
) -> None:
    people = "[{id: dana}, {id: sam}]"
    text = pushing(buyer, "{no_action: 30m, to: inside-pool, person: dana}", people)
    async with opened(database, house_yaml(text)) as house:
        desk = Desk(house)
        answer = await house.one(lead())
        assert answer.state == "sold"
        await desk.offers.along()
        assert await house.state(answer.lead_id) == "sold"
        await house.run("update pull_watch set due_at = now()")
        await desk.offers.along()
        await house.ends(answer.lead_id, "pooled")
        assert await house.value("select outcome from lead") == "success"
        with pytest.raises(NotFound):
            await desk.claim("dana")
        assert (await desk.claim("sam")).lead_id == answer.lead_id
        assert await desk.close("sam", answer.lead_id) == "sold"


async def test_a_word_in_time_keeps_it(database: Database, buyer: Buyer) -> None:
    from app.model import Accepted

    text = pushing(buyer, "{no_action: 30m, to: inside-pool}", "[{id: dana}]")
    async with opened(database, house_yaml(text)) as house:
        answer = await house.one(lead())
        delivery = await house.value("select id from delivery")
        assert await house.settler.settle(delivery, Accepted(), by="buyer inside") is None
        assert await house.value("select count(*) from pull_watch") == 0
        await Desk(house).offers.along()
        assert await house.state(answer.lead_id) == "sold"


@pytest.mark.parametrize("code", ["contacted", "attempted.no_answer"])
async def test_who_told_what_became_of_it_in_time_keeps_it(
    database: Database, buyer: Buyer, code: str
) -> None:
    text = pushing(buyer, "{no_action: 30m, to: inside-pool}", "[{id: dana}]")
    async with opened(database, house_yaml(text)) as house:
        answer = await house.one(lead())
        told = {"delivery_id": str(await house.value("select id from delivery")), "code": code}
        (result,) = await Hearing(house).tell(told, buyer="inside")
        assert result.outcome == "accepted"
        await house.run("update pull_watch set due_at = now()")
        await Desk(house).offers.along()
        assert await house.state(answer.lead_id) == "sold"


async def test_what_its_buyer_named_a_price_for_stays_his(database: Database, buyer: Buyer) -> None:
    says("/paid", reply(200, b'{"status": "accepted", "price": "5.00"}'))
    text = pushing(buyer, "{no_action: 30m, to: inside-pool}", "[{id: dana}]", path="/paid")
    text = text.replace("accepted: reply.json", "price: reply.json.price\n          accepted: reply.json")
    async with opened(database, house_yaml(text)) as house:
        answer = await house.one(lead())
        await house.run("update pull_watch set due_at = now()")
        await Desk(house).offers.along()
        assert await house.state(answer.lead_id) == "sold"
        assert await house.deliveries(answer.lead_id) == [("push", "accepted")]
        assert await house.value("select count(*) from pull_watch") == 0


async def test_an_unclear_push_without_a_word_goes_to_the_pool(database: Database, buyer: Buyer) -> None:
    text = pushing(buyer, "{no_action: 30m, to: inside-pool, team: west}", ABSENT, path="/500")
    async with opened(database, house_yaml(text)) as house:
        answer = await house.one(lead())
        assert answer.state == "unclear"
        await house.run("update pull_watch set due_at = now()")
        await Desk(house).offers.along()
        await house.ends(answer.lead_id, "pooled")


def test_days_away_are_whole_days_in_the_zone_of_the_hours() -> None:
    from app.catalog.people import PersonDoc
    from app.distribute.presence import is_there

    hours = {"zone": "America/Los_Angeles", "open": {"daily": "08:00-18:00"}}
    dana = PersonDoc.model_validate(
        {
            "id": "dana",
            "hours": hours,
            "away": [{"from": "2026-12-24", "to": "2026-12-24"}, {"from": "2027-01-01", "to": "2027-01-02"}],
        }
    )
    said = {
        datetime(2026, 12, 24, 17, tzinfo=UTC): False,  # the 24th there, in the morning
        datetime(2026, 12, 25, 1, tzinfo=UTC): False,  # still the 24th there
        datetime(2026, 12, 25, 17, tzinfo=UTC): True,
        datetime(2026, 12, 25, 6, tzinfo=UTC): False,  # the evening before, closed
        datetime(2027, 1, 2, 20, tzinfo=UTC): False,
        datetime(2027, 1, 3, 20, tzinfo=UTC): True,
    }
    assert {at: is_there(dana, at) for at in said} == said


async def test_how_much_lies_there_is_told_and_an_empty_pool_says_so(house: House, desk: Desk) -> None:
    def told() -> list[float]:
        text = expose([house.metrics.snapshot()]).decode()
        found = dict(
            re.findall(
                r'^leadgate_pool_leads{contract="inside-pool",state="(\w+)"} (\S+)$', text, re.MULTILINE
            )
        )
        return [float(found[word]) for word in ("free", "claimed")]

    (lead_id, _) = await desk.pooled(2)
    await desk.claim("dana", lead_id)
    await desk.offers.gauges()
    assert told() == [1, 1]
    await house.run("delete from pool")
    await desk.offers.gauges()
    assert told() == [0, 0]


async def test_where_nothing_pools_nothing_is_asked(house: House, desk: Desk, buyer: Buyer) -> None:
    await house.configure(house_yaml(contract("b1", buyer.url("/ok"))))
    house.database.acquire = None  # type: ignore[assignment,method-assign]
    try:
        assert await desk.offers.along() is False
        await desk.offers.gauges()
    finally:
        del house.database.acquire
