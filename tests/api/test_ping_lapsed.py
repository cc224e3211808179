"""A lead whose ping holds no more: auctioned where leads without a ping are, and never sold to others than its person agreed to."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.pipeline.live_auction import LiveAuctions
from tests.api.conftest import Api, serving
from tests.api.test_ping_held import OFFICE, let_go, told
from tests.api.test_ping_held import expire as expire_promise
from tests.bidders import Bidders, bidder, campaign, market, source, standing

FACTS = {"state": "CA", "bill": 180}
ANN = {"first_name": "Ann", "email": "ann@example.com", **FACTS}


@pytest.fixture
async def bidders() -> AsyncIterator[Bidders]:
    async with Bidders({"sunco": "12.00", "volta": "15.00"}) as listening:
        yield listening


def written(bidders: Bidders, on: str) -> str:
    return market(
        bidder(bidders, "sunco", price="99.00"), bidder(bidders, "volta"),
        campaign=campaign(f"{{on: {on}, deadline: 2s, expires: 10m}}", checks="[{check: email, role: hold}]"),
        sources=source() + source("strict", more=", ping: {otherwise: refuse}"),
    )  # fmt: skip


@pytest.fixture
async def api(database_url: str, tmp_path: Path, bidders: Bidders) -> AsyncIterator[Api]:
    async with serving(database_url, tmp_path, written(bidders, "post")) as running:
        yield running


async def ping(api: Api, key: str = "") -> str:
    headers = {"x-api-key": key or api.acme}
    return str((await api.http.post("/v1/ping", json=FACTS, headers=headers)).json()["ping_id"])


async def lapsed(api: Api, bidders: Bidders, key: str = "") -> str:
    """A ping that has run out; since then sunco bids more than volta."""
    ping_id = await ping(api, key)
    await api.value("update ping set expires_at = '2026-01-01'")
    bidders.bids["sunco"] = "19.00"
    return ping_id


def codes(answer: Any) -> list[str]:
    return [one["code"] for one in answer.get("reasons", ())]


async def test_it_is_auctioned_as_one_that_named_none_and_its_source_told_why(
    api: Api, bidders: Bidders
) -> None:
    answer = (await api.post({**ANN, "ping_id": await lapsed(api, bidders)})).json()
    assert (answer["outcome"], answer["price"], codes(answer)) == ("success", "19.00", ["ping_expired"])
    assert bidders.leads("sunco") == [{"email": "ann@example.com", "price": "19.00", "bid": "bid-sunco"}]
    assert len(bidders.pings()) == 4


async def test_while_it_holds_nobody_is_asked_twice(api: Api, bidders: Bidders) -> None:
    ping_id = await ping(api)
    bidders.bids["sunco"] = "19.00"
    answer = (await api.post({**ANN, "ping_id": ping_id})).json()
    assert (answer["price"], codes(answer), len(bidders.pings())) == ("15.00", [], 2)


async def test_of_many_that_come_with_one_ping_at_once_the_others_are_auctioned(
    api: Api, bidders: Bidders
) -> None:
    ping_id = await ping(api)
    bidders.bids["sunco"] = "19.00"
    people = [{**ANN, "email": f"ann{n}@example.com", "ping_id": ping_id} for n in range(6)]
    answers = [one.json() for one in await asyncio.gather(*map(api.post, people))]
    told = sorted((one["price"], *codes(one)) for one in answers)
    assert told == [("15.00",), *[("19.00", "ping_used")] * 5]


async def test_one_whose_ping_was_used_after_it_was_looked_at_is_auctioned_too(
    api: Api, bidders: Bidders, monkeypatch: pytest.MonkeyPatch
) -> None:
    ping_id = await ping(api)
    await api.post({**ANN, "ping_id": ping_id})
    bidders.bids["sunco"] = "19.00"

    async def looked_earlier(*_: Any) -> bool:
        return True

    monkeypatch.setattr(LiveAuctions, "_keeps", looked_earlier)
    answer = (await api.post({**ANN, "email": "bob@example.com", "ping_id": ping_id})).json()
    assert (answer["outcome"], answer["price"], codes(answer)) == ("success", "19.00", ["ping_used"])


async def test_nobody_is_asked_where_its_source_wants_no_other_sale(api: Api, bidders: Bidders) -> None:
    key = await api.key("source", "strict")
    answer = (await api.post({**ANN, "ping_id": await lapsed(api, bidders, key)}, key=key)).json()
    assert (answer["outcome"], codes(answer), len(bidders.pings())) == ("failure", ["ping_expired"], 2)


@pytest.mark.parametrize("on", ["post", "ping"])
async def test_whom_its_person_agreed_to_is_replaced_by_nobody(api: Api, bidders: Bidders, on: str) -> None:
    await api.configure(written(bidders, on))
    named = {**ANN, "ping_id": await lapsed(api, bidders), "bid_id": "1"}
    answer = (await api.post(named)).json()
    assert (answer["outcome"], codes(answer)) == ("failure", ["ping_expired"])
    assert bidders.leads("sunco") + bidders.leads("volta") == []


@pytest.mark.parametrize("on", ["post", "ping"])
async def test_nor_is_he_where_the_lead_is_let_go_too_late(api: Api, bidders: Bidders, on: str) -> None:
    await api.configure(written(bidders, on) + standing(bidders, "rich", "50.00"))
    held = (await api.post({**OFFICE, "ping_id": await ping(api), "bid_id": "2"})).json()
    lead_id = UUID(held["lead"]["id"])
    await expire_promise(api, lead_id)
    await let_go(api, lead_id)
    answer = await told(api, lead_id)
    assert (answer["state"], codes(answer)) == ("rejected", ["ping_expired"])
    assert bidders.leads("sunco") + bidders.leads("volta") + bidders.leads("rich") == []
