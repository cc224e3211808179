"""A source reads how to ask for a price first, and what it reads works."""

import hashlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Api, serving
from tests.api.programs import can_run, over_a_socket, run
from tests.bidders import Bidders, bidder, campaign, market, source

SALTED = ", ping: {salt: pepper, per_minute: 120, otherwise: refuse}"
NAMES = ", mapping: {ground.st: state, fname: first_name}"


@pytest.fixture
async def bidders() -> AsyncIterator[Bidders]:
    async with Bidders({"sunco": "12.00"}) as listening:
        yield listening


@pytest.fixture
async def api(database_url: str, tmp_path: Path, bidders: Bidders) -> AsyncIterator[Api]:
    yaml = market(
        bidder(bidders, "sunco"), campaign=campaign("{deadline: 2s, expires: 90s}"),
        sources=source(more=NAMES + SALTED) + source("coarse", more=", reasons: coarse, ping: {contact: drop}"),
    )  # fmt: skip
    async with serving(database_url, tmp_path, yaml) as running:
        yield running


async def told(api: Api, key: str = "") -> dict[str, Any]:
    answer = await api.get("/v1/spec.json", key or api.acme)
    found: dict[str, Any] = answer.json()["ping"]
    return found


async def test_a_source_reads_what_a_ping_may_carry_by_its_own_names(api: Api) -> None:
    ping = await told(api)
    assert (ping["fields"], ping["without"]) == (["ground.st", "bill"], ["fname", "email", "phone"])
    assert (ping["per_minute"], ping["deadline_seconds"], ping["expires_seconds"]) == (120, 2.0, 90.0)
    assert (ping["contact"], ping["otherwise"]) == ("refuse", "refuse")
    assert [one["code"] for one in ping["reasons"]] == [
        "ping_unknown", "ping_expired", "ping_used", "ping_changed", "ping_no_bid", "ping_test",
    ]  # fmt: skip


async def test_a_salt_is_spoken_of_and_never_told(api: Api) -> None:
    answer = await api.get("/v1/spec.json", api.acme)
    assert "pepper" not in answer.text + (await api.get("/v1/spec.html", api.acme)).text
    phone, email = answer.json()["ping"]["hashes"]
    assert (phone["name"], phone["salted"], phone["hashed"]) == ("phone_hash", True, "SALT+15125550100")
    assert email["example"] == hashlib.sha256(b"SALTann.smith@example.com").hexdigest()


async def test_a_hash_without_a_salt_is_as_the_example_says(api: Api) -> None:
    phone, _ = (await told(api, await api.key("source", "coarse")))["hashes"]
    assert (phone["salted"], phone["example"]) == (False, hashlib.sha256(b"+15125550100").hexdigest())


async def test_a_source_that_is_not_told_why_reads_no_reasons(api: Api) -> None:
    ping = await told(api, await api.key("source", "coarse"))
    assert (ping["reasons"], [one["status"] for one in ping["answers"]]) == ([], [200, 200, 429])
    assert ping["answers"][1]["body"]["reasons"][0]["code"] == "refused"


async def test_the_answers_are_those_that_come(api: Api, bidders: Bidders) -> None:
    yes, no, contact, _ = (await told(api))["answers"]
    headers = {"x-api-key": api.acme}

    async def ping(**facts: Any) -> Any:
        return await api.http.post("/v1/ping", json=facts, headers=headers)

    answer = await ping(bill=180)
    assert answer.status_code == yes["status"]
    assert answer.json().keys() == yes["body"].keys() - {"buyers"}
    refused = await ping(email="ann@example.com", fname="Ann")
    assert refused.status_code == contact["status"]
    assert refused.json()["code"] == contact["body"]["code"]
    bidders.bids["sunco"] = None
    assert {**(await ping(bill=180)).json(), "ping_id": ""} == {**no["body"], "ping_id": ""}


@pytest.mark.parametrize("language", ["curl", "Python", "PHP", "JavaScript"])
async def test_every_sample_pings_then_posts_and_is_sold(
    api: Api, bidders: Bidders, tmp_path: Path, language: str
) -> None:
    if not can_run(language):
        pytest.skip(f"THE {language} SAMPLE IS NOT RUN: there is no {language} here")
    async with over_a_socket(api) as address:
        headers = {"x-api-key": api.acme, "host": address.removeprefix("http://")}
        spec = (await api.http.get("/v1/spec.json", headers=headers)).json()
        mine = [sample for sample in spec["ping"]["samples"] if sample["language"] == language]
        for sample in mine:
            out = await run(sample, api.acme, tmp_path)
            assert re.search("201.*success", out, re.DOTALL), out
    assert len(mine) == (3 if language == "curl" else 1)
    assert bidders.pings() == [{"state": "CA", "bill": 180}] * len(mine)
    assert [one["bid"] for one in bidders.leads("sunco")] == ["bid-sunco"] * len(mine)
    assert await api.value("select count(*) from ping where lead_id is not null") == len(mine)
    assert await api.value("select count(*) from lead where test and state = 'sold'") == len(mine)


async def test_the_page_has_the_section_and_one_without_pings_has_none(api: Api) -> None:
    page = (await api.get("/v1/spec.html", api.acme)).text
    for said in (
        "A price first",
        "ground.st",
        "ping_changed",
        "120 pings a minute",
        "bid_id",
        "SALT+15125550100",
    ):
        assert said in page, said
    assert "A price first" not in (await plain(api)).text


async def plain(api: Api) -> Any:
    """The page of a source with whom nobody spoke of pings."""
    await api.configure(
        "campaigns: [{id: roofs, fields: {email: {type: email}}}]\nsources: [{id: plain, campaign: roofs}]"
    )
    return await api.get("/v1/spec.html", await api.key("source", "plain"))


async def test_a_changed_pace_is_news_and_a_changed_salt_is_not(api: Api) -> None:
    before = (await api.get("/v1/spec.json", api.acme)).json()
    await api.configure("sources:" + source(more=NAMES + SALTED.replace("pepper", "salz")))
    same = (await api.get("/v1/spec.json", api.acme)).json()
    assert same["fingerprint"] == before["fingerprint"]
    await api.configure("sources:" + source(more=NAMES + SALTED.replace("120", "90")))
    now = (await api.get(f"/v1/spec.json?since={before['version']}", api.acme)).json()
    assert [one["name"] for one in now["changes"]["terms"]] == ["ping"]
    assert "http" not in json.dumps(now["changes"])


async def test_a_default_of_the_sources_own_is_no_contact_in_its_ping(api: Api) -> None:
    await api.configure("sources:" + source(more=", defaults: {first_name: Friend}, ping: {}"))
    answer = await api.http.post("/v1/ping", json={"state": "CA"}, headers={"x-api-key": api.acme})
    assert (answer.status_code, answer.json()["price"]) == (200, "12.00")


async def test_a_source_with_a_cap_reads_what_it_hears_beyond_it_and_what_names_nobody_else(
    api: Api, bidders: Bidders
) -> None:
    """As it is said: the answer is compared with one that comes."""
    capped = source("acme", more=", ping: {}, caps: [{per: total, leads: 0}]")
    await api.configure(market(bidder(bidders, "sunco"), campaign=campaign("{deadline: 2s}"), sources=capped))
    (full,) = [one for one in (await told(api))["answers"] if one["outcome"] == "no more"]
    said = (await api.http.post("/v1/ping", json={"state": "CA"}, headers={"x-api-key": api.acme})).json()
    assert (said["reasons"], said["outcome"]) == (full["body"]["reasons"], full["body"]["outcome"])
    assert "one that names who may have it is refused" in (await api.get("/v1/spec.html", api.acme)).text
