"""A lead that goes another round goes it with its ping: with what was promised for it while that holds, and says why not after."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.api.conftest import Api, serving
from tests.api.test_routing import explain
from tests.bidders import Bidders, bidder, campaign, market, source, standing

FACTS = {"state": "CA", "bill": 180}
ANN = {"first_name": "Ann", "email": "ann@example.com", **FACTS}
OFFICE = {**ANN, "email": "info@dana.example"}
HOLDS = "[{check: email, role: hold}]"


@pytest.fixture
async def bidders() -> AsyncIterator[Bidders]:
    async with Bidders({"sunco": "12.00", "volta": "15.00"}) as listening:
        yield listening


def written(bidders: Bidders, on: str = "ping") -> str:
    return market(
        bidder(bidders, "sunco"), bidder(bidders, "volta"), standing(bidders, "late", "50.00", more="paused: true"),
        campaign=campaign(f"{{on: {on}, deadline: 2s, expires: 10m}}", checks=HOLDS),
        sources=source(more=', price: "7.00"') + source("strict", more=", ping: {otherwise: refuse}") + source("open"),
    )  # fmt: skip


@pytest.fixture
async def api(database_url: str, tmp_path: Path, bidders: Bidders) -> AsyncIterator[Api]:
    async with serving(database_url, tmp_path, written(bidders)) as running:
        yield running


async def ping(api: Api, key: str = "") -> str:
    headers = {"x-api-key": key or api.acme}
    return str((await api.http.post("/v1/ping", json=FACTS, headers=headers)).json()["ping_id"])


async def post(api: Api, ping_id: str, lead: dict[str, Any] = ANN, key: str = "") -> Any:
    return (await api.post({**lead, "ping_id": ping_id}, key=key or api.acme)).json()


async def again(api: Api, lead_id: str, key: str = "", **changed: Any) -> Any:
    headers = {"x-api-key": key or api.acme}
    if changed:
        path = f"/v1/leads/{lead_id}?reprocess=1"
        return (await api.http.patch(path, json=changed, headers=headers)).json()
    return (await api.http.post(f"/v1/leads/{lead_id}/reprocess", headers=headers)).json()


async def late_wants_it(api: Api, bidders: Bidders) -> None:
    """Somebody who has not bid, and pays more than all who have."""
    await api.configure(f"buyers:{standing(bidders, 'late', '50.00')}")


async def unsold(api: Api, bidders: Bidders, key: str = "") -> str:
    bidders.refusing = {"volta", "sunco"}
    answer = await post(api, await ping(api, key), key=key)
    assert answer["outcome"] == "failure", answer
    bidders.refusing = set()
    await late_wants_it(api, bidders)
    return str(answer["lead"]["id"])


async def expire(api: Api) -> None:
    await api.value("update ping set expires_at = '2026-01-01'")


def codes(answer: Any) -> list[str]:
    return [one["code"] for one in answer["reasons"]]


async def test_its_bidders_are_asked_again_at_their_prices_and_nobody_else(
    api: Api, bidders: Bidders
) -> None:
    lead_id = await unsold(api, bidders)
    answer = await again(api, lead_id)
    assert (answer["outcome"], answer["price"]) == ("success", "15.00")
    assert (len(bidders.leads("volta")), len(bidders.leads("late"))) == (2, 0)
    assert bidders.leads("volta")[1] == {"email": "ann@example.com", "price": "15.00", "bid": "bid-volta"}


async def test_a_corrected_lead_has_what_its_ping_promised(api: Api, bidders: Bidders) -> None:
    ping_id = await ping(api)
    refused = await post(api, ping_id, {**ANN, "email": "no address"})
    assert refused["outcome"] == "failure"
    answer = await again(api, refused["lead"]["id"], email="ann@example.com")
    assert (answer["outcome"], answer["price"]) == ("success", "15.00")
    assert str(await api.value("select lead_id from ping")) == refused["lead"]["id"]


async def test_corrected_in_what_was_pinged_it_is_another_lead(api: Api, bidders: Bidders) -> None:
    lead_id = await unsold(api, bidders)
    answer = await again(api, lead_id, bill=20)
    assert (answer["price"], codes(answer)) == ("7.00", ["ping_changed"])


async def test_what_another_lead_has_made_use_of_is_gone(api: Api, bidders: Bidders) -> None:
    ping_id = await ping(api)
    refused = await post(api, ping_id, {**ANN, "email": "no address"})
    await post(api, ping_id, {**ANN, "email": "bob@example.com"})
    answer = await again(api, refused["lead"]["id"], email="ann@example.com")
    assert (answer["price"], codes(answer)) == ("7.00", ["ping_used"])


async def test_held_again_it_keeps_its_ping(api: Api, bidders: Bidders) -> None:
    held = await post(api, await ping(api), OFFICE)
    assert (await again(api, held["lead"]["id"]))["outcome"] == "pending"
    assert str(await api.value("select lead_id from ping")) == held["lead"]["id"]
    kept = "select routing -> 'ping' -> 'bids' -> 0 ->> 'contract' from lead_detail"
    assert await api.value(kept) == "volta"


async def test_refused_in_its_new_round_it_gives_its_ping_back(api: Api, bidders: Bidders) -> None:
    ping_id = await ping(api)
    held = await post(api, ping_id, OFFICE)
    assert (await again(api, held["lead"]["id"], email="no address"))["outcome"] == "failure"
    other = await post(api, ping_id, {**ANN, "email": "bob@example.com"})
    assert (other["outcome"], other["price"]) == ("success", "15.00")


async def test_after_its_time_it_is_sold_as_any_other_and_its_source_told_why(
    api: Api, bidders: Bidders
) -> None:
    lead_id = await unsold(api, bidders)
    await expire(api)
    answer = await again(api, lead_id)
    assert (answer["outcome"], answer["price"], codes(answer)) == ("success", "7.00", ["ping_expired"])
    assert bidders.leads("late")[0]["price"] == "50.00"


async def test_a_ping_of_long_ago_has_run_out_also_where_it_is_not_kept_any_more(
    api: Api, bidders: Bidders
) -> None:
    lead_id = await unsold(api, bidders)
    await api.value("delete from ping")
    assert codes(await again(api, lead_id)) == ["ping_unknown"]
    bidders.refusing = {"late", "volta", "sunco"}
    other = UUID((await post(api, await ping(api), {**ANN, "email": "bob@example.com"}))["lead"]["id"])
    await api.value("delete from ping")
    await api.value(
        "update submission set received_at = received_at - interval '2 days' where id = $1", other
    )
    bidders.refusing = set()
    assert codes(await again(api, str(other))) == ["ping_expired"]


async def test_after_its_time_it_is_refused_where_its_source_wants_no_other_sale(
    api: Api, bidders: Bidders
) -> None:
    key = await api.key("source", "strict")
    lead_id = await unsold(api, bidders, key)
    await expire(api)
    answer = await again(api, lead_id, key)
    assert (answer["outcome"], codes(answer)) == ("failure", ["ping_expired"])
    assert bidders.leads("late") == []


async def test_after_its_time_it_is_auctioned_anew_where_leads_without_a_ping_are(
    api: Api, bidders: Bidders
) -> None:
    await api.configure(written(bidders, "post"))
    key = await api.key("source", "open")
    lead_id = await unsold(api, bidders, key)
    await expire(api)
    bidders.bids = {"sunco": "19.00", "volta": "15.00"}
    answer = await again(api, lead_id, key)
    assert (answer["outcome"], answer["price"], codes(answer)) == ("success", "50.00", ["ping_expired"])
    bids = "select routing -> 'bids' ->> 1 from lead_detail"
    assert '"sunco"' in await api.value(bids)
    assert len(bidders.pings()) == 4


async def test_while_it_holds_nobody_is_asked_for_another_bid(api: Api, bidders: Bidders) -> None:
    await api.configure(written(bidders, "post"))
    lead_id = await unsold(api, bidders)
    assert (await again(api, lead_id))["price"] == "15.00"
    assert len(bidders.pings()) == 2


async def test_a_rehearsal_with_a_ping_shows_its_bidders_and_uses_nothing_up(
    api: Api, bidders: Bidders
) -> None:
    ping_id = await ping(api)
    await late_wants_it(api, bidders)
    for _ in range(2):
        (lead,) = (await explain(api, {**ANN, "ping_id": ping_id})).json()["leads"]
        assert [(one["contract"], one["price"]) for one in lead["would_send"]] == [("volta", "15.00")]
    assert await api.value("select lead_id from ping") is None
    assert (await post(api, ping_id))["price"] == "15.00"
