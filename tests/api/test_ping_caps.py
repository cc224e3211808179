"""A source that may bring no more leads is told so when it asks, and nobody is asked for a bid in vain."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Api, serving
from tests.bidders import Bidders, bidder, campaign, market, source

FACTS = {"state": "CA", "bill": 180}
ANN = {"first_name": "Ann", "email": "ann@example.com", **FACTS}


@pytest.fixture
async def bidders() -> AsyncIterator[Bidders]:
    async with Bidders({"sunco": "12.00"}) as listening:
        yield listening


@pytest.fixture
async def api(database_url: str, tmp_path: Path, bidders: Bidders) -> AsyncIterator[Api]:
    capped = {
        "acme": "{per: day, leads: 1}", "texan": '{per: day, leads: 0, when: "lead.state == \\"TX\\""}',
        "dear": '{per: month, amount: "11.99"}', "sharing": '{per: month, amount: "6.00"}',
    }  # fmt: skip
    sources = [source(name, more=f", caps: [{cap}]") for name, cap in capped.items()]
    sources[-1] = sources[-1].replace("reply: sold", 'reply: sold, revenue_share: "50"')
    sources.append(source("coarse", more=", reasons: coarse, caps: [{per: total, leads: 0}]"))
    yaml = market(bidder(bidders, "sunco"), campaign=campaign("{deadline: 2s}"), sources="".join(sources))
    async with serving(database_url, tmp_path, yaml) as running:
        yield running


async def ping(api: Api, key: str = "", **more: Any) -> Any:
    headers = {"x-api-key": key or api.acme}
    return (await api.http.post("/v1/ping", json=FACTS | more, headers=headers)).json()


def why(answer: Any) -> list[str]:
    return [one["code"] for one in answer.get("reasons", [])]


async def test_where_its_cap_is_full_nobody_is_asked(api: Api, bidders: Bidders) -> None:
    first = await ping(api)
    assert (await api.post({**ANN, "ping_id": first["ping_id"]})).json()["price"] == "12.00"
    answer = await ping(api)
    assert (answer["outcome"], answer["price"], why(answer)) == ("failure", "0.00", ["source_cap"])
    assert answer["reason"] == "no more is taken from this source now"
    assert len(bidders.pings()) == 1


async def test_a_cap_on_some_leads_stops_no_others(api: Api) -> None:
    key = await api.key("source", "texan")
    assert [(await ping(api, key, state=state))["outcome"] for state in ("CA", "TX")] == [
        "success", "failure",
    ]  # fmt: skip


async def test_no_price_is_told_for_which_nothing_is_left(api: Api, bidders: Bidders) -> None:
    key = await api.key("source", "dear")
    assert why(await ping(api, key)) == ["source_cap"]
    bidders.bids["sunco"] = "11.99"
    assert (await ping(api, key))["price"] == "11.99"


async def test_what_its_part_of_earlier_sales_came_to_counts(api: Api) -> None:
    """A lead without a ping brings it half of what sunco pays; with that its budget is used up."""
    key = await api.key("source", "sharing")
    sold = await api.value("select 1") and (await api.post({**ANN}, key=key)).json()
    assert (sold["outcome"], sold["price"]) == ("success", "0.50")
    await api.value("update counter set value = 60000 where key like 'budget:source/sharing:%'")
    assert why(await ping(api, key)) == ["source_cap"]


async def test_who_is_told_no_reasons_is_told_none(api: Api) -> None:
    answer = await ping(api, await api.key("source", "coarse"))
    assert why(answer) == ["refused"]


async def test_a_test_is_not_counted_and_not_stopped(api: Api) -> None:
    headers = {"x-api-key": await api.key("source", "coarse")}
    answer = await api.http.post("/v1/ping?test=1", json=FACTS, headers=headers)
    assert answer.json()["outcome"] == "success"
