"""A held lead of a campaign that auctions whole leads is auctioned when a person lets it go: once, by the service."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.core.errors import Conflict
from app.pipeline.faults import Retrying
from app.pipeline.reviewing import Reviewer
from app.pipeline.tracks import Step
from tests.api.conftest import Api, serving
from tests.bidders import Bidders, bidder, campaign, market, source, standing

FACTS = {"state": "CA", "bill": 180}
OFFICE = {"first_name": "Ann", "email": "info@dana.example", "phone": "512 555 0100", **FACTS}
HOLDS = '[{check: email, role: hold}, {check: duplicate, on: [email], within: "30d"}]'
WORDS = "select count(*) from lead_event where kind = 'approved'"


@pytest.fixture
async def bidders() -> AsyncIterator[Bidders]:
    async with Bidders({"sunco": "12.00", "volta": "15.00"}) as listening:
        yield listening


def written(bidders: Bidders, auction: str = '{on: post, deadline: 2s, minimum: "5.00", margin: {percent: 20}}') -> str:  # fmt: skip
    return market(
        bidder(bidders, "sunco"), bidder(bidders, "volta"), standing(bidders, "cheap", "4.00"),
        campaign=campaign(auction, checks=HOLDS),
        sources=source() + source("fixed", more=', price: "7.00"') + source("early", more=", reply: verdict")
        + source("strict", more=", ping: {otherwise: refuse}"),
    ).replace("reply: sold, deadline: 20s, reply: verdict", "reply: verdict, deadline: 20s")  # fmt: skip


@pytest.fixture
async def api(database_url: str, tmp_path: Path, bidders: Bidders) -> AsyncIterator[Api]:
    async with serving(database_url, tmp_path, written(bidders)) as running:
        for task in running.process.upkeep._takers:  # the test says when the service looks
            task.cancel()
        yield running


async def a_held_one(api: Api, of: str = "acme", **more: Any) -> UUID:
    key = api.acme if of == "acme" else await api.key("source", of)
    answer = (await api.post({**OFFICE, **more}, key=key)).json()
    assert answer["state"] == "held", answer
    return UUID(answer["lead"]["id"])


def reviewer(api: Api) -> Reviewer:
    on = api.process
    retrying = Retrying(on.world, on.metrics)
    return Reviewer(on.database, on.engine.recorder, on.engine.tracker, on.world, retrying)


async def let_go(api: Api, lead_id: UUID, *, dry: bool = False) -> Step:
    step = await reviewer(api).approve(lead_id, by="ann", dry=dry)
    assert step is not None
    return step


async def auctioned(api: Api, lead_id: UUID) -> tuple[str, str | None]:
    """(state, price of its source) once it has ended."""
    await api.process.attended.late_auctions.hold()
    async with asyncio.timeout(10):
        while await api.value("select ended_at is null from lead where id = $1", lead_id):
            await asyncio.sleep(0.01)
    return await standing_of(api, lead_id)


async def standing_of(api: Api, lead_id: UUID) -> tuple[str, str | None]:
    found = await api.value("select array[state, price::text] from lead where id = $1", lead_id)
    return found[0], found[1]


async def test_its_bidders_are_asked_without_its_contacts_and_the_best_gets_it(
    api: Api, bidders: Bidders
) -> None:
    lead_id = await a_held_one(api)
    assert bidders.pings() == []
    step = await let_go(api, lead_id)
    assert (step.state, step.jobs) == ("held", ())
    assert await standing_of(api, lead_id) == ("held", None)
    assert await auctioned(api, lead_id) == ("sold", "12.00")
    assert bidders.pings() == [FACTS, FACTS]
    assert bidders.leads("volta") == [{"email": "info@dana.example", "price": "15.00", "bid": "bid-volta"}]
    kept = "select array(select one ->> 'contract' from json_array_elements(routing -> 'bids') one) from lead_detail"
    assert await api.value(kept) == ["volta", "sunco"]
    assert await api.value(WORDS) == 1
    assert await api.value("select count(*) from let_go") == 0


async def test_who_refuses_it_makes_way_for_the_next_bidder_and_for_nobody_else(
    api: Api, bidders: Bidders
) -> None:
    lead_id = await a_held_one(api)
    await let_go(api, lead_id)
    bidders.refusing = {"volta", "sunco"}
    assert (await auctioned(api, lead_id))[0] == "unsold"
    assert [len(bidders.leads(name)) for name in ("volta", "sunco", "cheap")] == [1, 1, 0]


async def test_a_source_with_a_price_of_its_own_is_paid_that(api: Api) -> None:
    lead_id = await a_held_one(api, "fixed")
    await let_go(api, lead_id)
    assert await auctioned(api, lead_id) == ("sold", "7.00")


async def test_where_nobody_bids_it_is_unsold(api: Api, bidders: Bidders) -> None:
    bidders.bids = {"sunco": None, "volta": None}
    lead_id = await a_held_one(api)
    await let_go(api, lead_id)
    assert await auctioned(api, lead_id) == ("unsold", None)
    assert bidders.leads("cheap") == []
    silent = "select array(select json_object_keys(routing -> 'silent') order by 1) from lead_detail"
    assert await api.value(silent) == ["cheap", "sunco", "volta"]
    answer = (await api.get(f"/v1/leads/{lead_id}", api.acme)).json()
    assert (answer["outcome"], answer["reasons"][0]["code"]) == ("failure", "no_buyer")


async def test_a_source_that_hears_the_verdict_is_bought_from_at_the_price_that_was_bid(api: Api) -> None:
    lead_id = await a_held_one(api, "early")
    await let_go(api, lead_id)
    assert await auctioned(api, lead_id) == ("sold", "12.00")
    assert await api.value("select sum(amount) from entry where kind = 'cost'") == 12


async def test_several_who_let_it_go_and_several_who_hold_its_auction_are_one_sale(
    api: Api, bidders: Bidders
) -> None:
    lead_id = await a_held_one(api)
    await asyncio.gather(*(let_go(api, lead_id) for _ in range(4)))

    async def hold() -> None:
        await api.value("update let_go set due_at = now() - interval '1 second'")  # as if the other had died
        await api.process.attended.late_auctions.hold()

    await asyncio.gather(hold(), hold(), hold())
    assert (await auctioned(api, lead_id))[0] == "sold"
    assert (len(bidders.leads("volta")), await api.value(WORDS)) == (1, 1)


async def test_whoever_dies_with_it_leaves_it_to_be_auctioned_by_another(api: Api, bidders: Bidders) -> None:
    lead_id = await a_held_one(api)
    await let_go(api, lead_id)
    dying = asyncio.create_task(api.process.attended.late_auctions.hold())
    while not bidders.pings():
        await asyncio.sleep(0)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    assert await standing_of(api, lead_id) == ("held", None)
    await api.process.attended.late_auctions.hold()  # it is another's yet
    assert await standing_of(api, lead_id) == ("held", None)
    await api.value("update let_go set due_at = now()")
    assert (await auctioned(api, lead_id))[0] == "sold"


async def test_refused_meanwhile_it_is_not_auctioned(api: Api, bidders: Bidders) -> None:
    lead_id = await a_held_one(api)
    await let_go(api, lead_id)
    assert await reviewer(api).reject(lead_id, "no", by="bob") is not None
    assert (await auctioned(api, lead_id))[0] == "rejected"
    assert bidders.pings() == []


async def test_one_more_round_meanwhile_is_one_more_word(api: Api, bidders: Bidders) -> None:
    lead_id = await a_held_one(api)
    await let_go(api, lead_id)
    await api.http.post(f"/v1/leads/{lead_id}/reprocess", headers={"x-api-key": api.acme})
    await api.process.attended.late_auctions.hold()
    assert await standing_of(api, lead_id) == ("held", None)
    with pytest.raises(Conflict):
        await reviewer(api).auctioned(lead_id, [], {}, by="ann")
    assert bidders.pings() == []


async def test_a_word_that_is_only_tried_brings_nothing_about(api: Api, bidders: Bidders) -> None:
    lead_id = await a_held_one(api)
    assert (await let_go(api, lead_id, dry=True)).state == "held"
    await api.process.attended.late_auctions.hold()
    assert (bidders.pings(), await standing_of(api, lead_id)) == ([], ("held", None))


async def test_where_nobody_looked_in_time_it_is_auctioned_too_and_let_go_once(api: Api) -> None:
    yaml = campaign("{on: post}", checks=HOLDS).replace("    distribution:", "    review: {within: 4h, then: accept}\n    distribution:")  # fmt: skip
    await api.configure(yaml)
    lead_id = await a_held_one(api)
    await api.value("update lead set decided_at = now() - interval '5 hours'")
    clerk = api.process.attended.unattended
    assert [await clerk.end(), await clerk.end()] == [False, False]
    assert await api.value("select by_whom from let_go") == "time-out"
    assert await auctioned(api, lead_id) == ("sold", "15.00")


async def pinged(api: Api, of: str = "acme") -> UUID:
    key = api.acme if of == "acme" else await api.key("source", of)
    ping = (await api.http.post("/v1/ping", json=FACTS, headers={"x-api-key": key})).json()["ping_id"]
    return await a_held_one(api, of, ping_id=ping)


EXPIRES = """update lead_detail set routing = jsonb_set(routing::jsonb, '{ping,expires_at}',
             to_jsonb('2026-01-01T00:00:00+00:00'::text))::json"""


async def test_what_its_ping_promised_goes_before(api: Api, bidders: Bidders) -> None:
    lead_id = await pinged(api)
    step = await let_go(api, lead_id)
    assert [job.contract.id for job in step.jobs] == ["volta"]
    assert len(bidders.pings()) == 2
    api.process.engine.follow(step)
    assert await auctioned(api, lead_id) == ("sold", "12.00")


async def test_after_its_pings_time_it_is_auctioned_and_its_source_told_why(
    api: Api, bidders: Bidders
) -> None:
    lead_id = await pinged(api)
    await api.value(EXPIRES)
    bidders.bids["sunco"] = "20.00"
    assert (await let_go(api, lead_id)).state == "held"
    assert await auctioned(api, lead_id) == ("sold", "16.00")
    answer = (await api.get(f"/v1/leads/{lead_id}", api.acme)).json()
    assert [one["code"] for one in answer["reasons"]][-1] == "ping_expired"


async def test_after_its_pings_time_nobody_is_asked_where_its_source_wants_no_other_sale(
    api: Api, bidders: Bidders
) -> None:
    lead_id = await pinged(api, "strict")
    await api.value(EXPIRES)
    assert (await let_go(api, lead_id)).state == "rejected"
    assert len(bidders.pings()) == 2


async def test_where_its_campaign_sells_otherwise_by_then_it_is_sold_so(api: Api, bidders: Bidders) -> None:
    lead_id = await a_held_one(api)
    await let_go(api, lead_id)
    await api.configure(campaign("{on: ping}", checks=HOLDS))
    assert (await auctioned(api, lead_id))[0] == "sold"
    assert (bidders.pings(), len(bidders.leads("cheap"))) == ([], 1)
