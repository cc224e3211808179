"""A lead that is held keeps its ping: its bidders, its price and its expiry."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.commands.steps import Setting
from app.commands.telling import tell
from app.pipeline.faults import Retrying
from app.pipeline.reviewing import Reviewer
from app.pipeline.story import story
from app.pipeline.tracks import Step
from tests.api.conftest import Api, serving
from tests.bidders import Bidders, bidder, campaign, market, source, standing

FACTS = {"state": "CA", "bill": 180}
OFFICE = {"first_name": "Ann", "email": "info@dana.example", **FACTS}
HOLDS = '[{check: email, role: hold}, {check: duplicate, on: [email], within: "30d"}]'


@pytest.fixture
async def bidders() -> AsyncIterator[Bidders]:
    async with Bidders({"sunco": "12.00", "volta": "15.00"}) as listening:
        yield listening


@pytest.fixture
async def api(database_url: str, tmp_path: Path, bidders: Bidders) -> AsyncIterator[Api]:
    """Two who are pinged, and one who has not bid but pays more than they."""
    yaml = market(
        bidder(bidders, "sunco"), bidder(bidders, "volta"), standing(bidders, "late", "50.00", more="paused: true"),
        campaign=campaign("{deadline: 2s, expires: 10m}", checks=HOLDS),
        sources=source(more=', price: "7.00"') + source("strict", more=", ping: {otherwise: refuse}"),
    )  # fmt: skip
    async with serving(database_url, tmp_path, yaml) as running:
        yield running


async def a_held_one(api: Api, key: str = "", **more: str) -> tuple[UUID, str]:
    """(the lead, its ping)"""
    headers = {"x-api-key": key or api.acme}
    ping_id = (await api.http.post("/v1/ping", json=FACTS, headers=headers)).json()["ping_id"]
    answer = (await api.post({**OFFICE, "ping_id": ping_id, **more}, key=key or api.acme)).json()
    assert answer["outcome"] == "pending", answer
    return UUID(answer["lead"]["id"]), ping_id


def reviewer(api: Api) -> Reviewer:
    on = api.process
    retrying = Retrying(on.world, on.metrics)
    return Reviewer(on.database, on.engine.recorder, on.engine.tracker, on.world, retrying)


async def let_go(api: Api, lead_id: UUID) -> Step:
    step = await reviewer(api).approve(lead_id, by="ann")
    assert step is not None
    api.process.engine.follow(step)
    async with asyncio.timeout(10):
        while await api.value("select ended_at is null from lead where id = $1", lead_id):
            await asyncio.sleep(0.01)
    return step


async def told(api: Api, lead_id: UUID, key: str = "") -> Any:
    return (await api.get(f"/v1/leads/{lead_id}", key or api.acme)).json()


async def test_it_goes_to_its_bidders_at_their_prices_and_its_source_is_paid_what_was_promised(
    api: Api, bidders: Bidders
) -> None:
    lead_id, _ = await a_held_one(api)
    await api.configure(f"buyers:{standing(bidders, 'late', '50.00')}")
    await let_go(api, lead_id)
    assert bidders.leads("volta") == [{"email": "info@dana.example", "price": "15.00", "bid": "bid-volta"}]
    assert bidders.leads("late") == []
    answer = await told(api, lead_id)
    assert (answer["outcome"], answer["price"]) == ("success", "15.00")


async def test_a_bidder_who_refuses_it_makes_way_for_the_next_and_for_nobody_else(
    api: Api, bidders: Bidders
) -> None:
    lead_id, _ = await a_held_one(api)
    await api.configure(f"buyers:{standing(bidders, 'late', '50.00')}")
    bidders.refusing = {"volta", "sunco"}
    await let_go(api, lead_id)
    assert [len(bidders.leads(name)) for name in ("volta", "sunco", "late")] == [1, 1, 0]
    assert (await told(api, lead_id))["outcome"] == "failure"


async def test_only_those_whom_the_person_agreed_to_have_it(api: Api, bidders: Bidders) -> None:
    lead_id, _ = await a_held_one(api, bid_id="2")
    await let_go(api, lead_id)
    assert [len(bidders.leads(name)) for name in ("volta", "sunco")] == [0, 1]
    assert (await told(api, lead_id))["price"] == "12.00"


async def test_no_other_lead_gets_what_was_promised_while_it_waits(api: Api, bidders: Bidders) -> None:
    _, ping_id = await a_held_one(api)
    other = (await api.post({**OFFICE, "email": "ann@example.com", "ping_id": ping_id})).json()
    assert [one["code"] for one in other["reasons"]] == ["ping_used"]
    assert other["price"] == "7.00"


async def test_refused_by_a_person_it_lets_another_have_its_ping(api: Api, bidders: Bidders) -> None:
    lead_id, ping_id = await a_held_one(api)
    await reviewer(api).reject(lead_id, "an office", by="ann")
    other = (await api.post({**OFFICE, "email": "ann@example.com", "ping_id": ping_id})).json()
    assert (other["outcome"], other["price"]) == ("success", "15.00")


async def expire(api: Api, lead_id: UUID) -> None:
    await api.value(
        """update lead_detail set routing = jsonb_set(routing::jsonb, '{ping,expires_at}',
             to_jsonb('2026-01-01T00:00:00+00:00'::text))::json where lead_id = $1""",
        lead_id,
    )


async def test_let_go_too_late_it_is_sold_as_any_other_and_its_source_told_why(
    api: Api, bidders: Bidders
) -> None:
    lead_id, _ = await a_held_one(api)
    await api.configure(f"buyers:{standing(bidders, 'late', '50.00')}")
    await expire(api, lead_id)
    await let_go(api, lead_id)
    assert bidders.leads("late")[0]["price"] == "50.00"
    answer = await told(api, lead_id)
    assert (answer["outcome"], answer["price"]) == ("success", "7.00")
    assert [one["code"] for one in answer["reasons"]][-1] == "ping_expired"
    event = "select data ->> 'lapsed' from lead_event where lead_id = $1 and kind = 'approved'"
    assert await api.value(event, lead_id) == "ping_expired"


async def test_let_go_too_late_it_is_refused_where_its_source_wants_no_other_sale(
    api: Api, bidders: Bidders
) -> None:
    key = await api.key("source", "strict")
    lead_id, _ = await a_held_one(api, key)
    await expire(api, lead_id)
    step = await let_go(api, lead_id)
    assert (step.state, step.jobs, bidders.leads("volta")) == ("rejected", (), [])
    answer = await told(api, lead_id, key)
    assert (answer["outcome"], answer["reasons"][0]["code"]) == ("failure", "ping_expired")
    assert await api.value("select count(*) from dedupe_key") == 0


async def test_a_word_that_is_only_tried_leaves_the_promise_as_it_was(api: Api, bidders: Bidders) -> None:
    lead_id, _ = await a_held_one(api)
    step = await reviewer(api).approve(lead_id, by="ann", dry=True)
    assert step is not None
    assert [(job.contract.id, str(job.price)) for job in step.jobs] == [("volta", "15.00")]
    assert (await reviewer(api).reject(lead_id, "no", by="ann", dry=True)) is not None
    assert await api.value("select lead_id from ping") == lead_id
    await let_go(api, lead_id)
    assert (await told(api, lead_id))["price"] == "15.00"


async def story_of(api: Api, lead_id: UUID) -> str:
    async with api.process.database.acquire() as conn:
        found = await story(conn, lead_id)
    assert found is not None
    return "\n".join(tell(found, Setting(now=api.process.world.now())))


async def test_a_trace_shows_what_is_kept_for_it_and_that_it_was_kept_too_short(
    api: Api, bidders: Bidders
) -> None:
    lead_id, _ = await a_held_one(api)
    waiting = await story_of(api, lead_id)
    assert "its bids are kept for it until" in waiting
    assert "bids: volta 15.00 > sunco 12.00" in waiting
    await expire(api, lead_id)
    await let_go(api, lead_id)
    assert "and it was approved later" in await story_of(api, lead_id)
