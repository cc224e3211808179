"""Form builders and pages post as they do today, to another address: leads come of it, and the pages go on."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from tests.api.conftest import Api
from tests.buyer import Buyer
from tests.ingest.platforms.golden import case
from tests.pipeline.house import catalogue, contract

SITE = "https://www.example.com"
TOKEN = "example-token-0001"
SOURCES = """
  - {id: typeform, campaign: solar, reply: receipt, mapping: {"What is your name?": first_name},
     platforms: [{platform: typeform, secret: a-secret-of-ours}]}
  - {id: unbounce, campaign: solar, reply: receipt, mapping: {phone_number: phone},
     platforms: [{platform: unbounce, token: example-token-0001}]}
  - {id: gravity_forms, campaign: solar, reply: receipt, mapping: {"1.3": first_name, "2": email, "3": phone},
     platforms: [{platform: gravity_forms, token: example-token-0001, form: 4}]}
  - {id: wufoo, campaign: solar, reply: receipt, mapping: {Name.First: first_name},
     platforms: [{platform: wufoo, handshake_key: our handshake & key}]}
  - {id: jotform, campaign: solar, reply: receipt, mapping: {name.first: first_name, phone.full: phone},
     platforms: [{platform: jotform, token: example-token-0001}]}
  - {id: hubspot, campaign: solar, reply: receipt, mapping: {firstname: first_name},
     platforms: [{platform: hubspot, portal: 62515, form: 4b8d9f0e-7a1c, origins: ["https://www.example.com"]}]}
  - {id: salesforce, campaign: solar, reply: receipt,
     platforms: [{platform: salesforce, oid: 00D50000000IZ3Z, origins: ["https://www.example.com"],
                  redirect_hosts: [www.example.com]}]}
  - {id: tiktok, campaign: solar, reply: receipt, mapping: {name: first_name, phone_number: phone},
     platforms: [{platform: tiktok, token: example-token-0001}]}
"""
ANN = {"first_name": "Ann", "email": "ann@example.com"}
PHONE = {"phone": "+15125550100"}
EXPECTED: dict[str, tuple[str, list[dict[str, str]]]] = {
    "typeform": ("response", [{"first_name": "Zoë Müller", "email": "zoe@example.com", **PHONE}]),
    "unbounce": ("webhook", [ANN | PHONE]),
    "gravity_forms": ("entry", [ANN | PHONE]),
    "wufoo": ("entry", [ANN]),
    "jotform": ("submission", [{"first_name": "Zoë", "email": "zoe@example.com", **PHONE}]),
    "hubspot": ("submission", [ANN]),
    "salesforce": ("lead", [{"first_name": "Zoë", "email": "zoe@example.com"}]),
    "tiktok": ("entry", [{"first_name": "Ann Lee", "email": "ann@example.com", **PHONE}, {"email": "bob@example.com"}]),
}  # fmt: skip


@pytest.fixture
def house(buyer: Buyer) -> str:
    return catalogue(SOURCES, contract("b1", buyer.url("/ok")))


async def send(api: Api, platform: str, name: str = "", **instead: Any) -> httpx.Response:
    """The golden case as the platform sends it; `headers`, `query` or `body` are others where they are given."""
    given = case(platform, name or EXPECTED[platform][0]) | instead
    return await api.http.post(
        f"/in/{platform}/{platform}",
        params=given.get("query", {}),
        headers=given.get("headers", {}),
        content=given["body"],
    )


async def leads_of(api: Api, source: str, count: int) -> list[dict[str, str]]:
    """Normal values by field, of all leads of a source once there are as many."""
    query = """select coalesce(json_agg(d.fields order by d.fields->'email'->>1), '[]')::text
                 from lead l join lead_detail d on d.lead_id = l.id where l.source = $1"""
    async with asyncio.timeout(10):
        while len(found := json.loads(await api.value(query, source))) < count:
            await asyncio.sleep(0)
    return [{name: value[1] for name, value in fields.items()} for fields in found]


async def test_what_each_platform_posts_becomes_its_leads_once_however_often_it_comes(api: Api) -> None:
    for platform, (_, expected) in EXPECTED.items():
        answers = [await send(api, platform) for _ in range(2)]
        assert answers[0].status_code < 400, (platform, answers[0].text)
        assert (answers[0].status_code, answers[0].content) == (answers[1].status_code, answers[1].content)
        assert await leads_of(api, platform, len(expected)) == expected
    assert await api.value("select count(*) from submission") == len(EXPECTED)


async def test_what_proves_nothing_is_a_401_and_nothing_is_stored(api: Api) -> None:
    forged: dict[str, dict[str, Any]] = {
        "typeform": {"body": case("typeform", "response")["body"] + b" "},
        "unbounce": {"query": {"token": TOKEN[:-1]}},
        "gravity_forms": {"headers": {"content-type": "application/json"}},
        "wufoo": {"body": b"Field1=Ann&HandshakeKey=another"},
        "jotform": {"query": {}},
        "hubspot": {"headers": {"content-type": "application/json", "origin": "https://evil.example"}},
        "salesforce": {"body": b"oid=00D50000000AAAA&last_name=Lee"},
        "tiktok": {"query": {"token": ""}},
    }
    assert set(forged) == set(EXPECTED)
    for platform, instead in forged.items():
        answer = await send(api, platform, **instead)
        assert (answer.status_code, answer.json()["code"]) == (401, "forged"), platform
        assert TOKEN not in answer.text
    for table in ("submission", "refusal", "idempotency"):
        assert await api.value(f"select count(*) from {table}") == 0


async def test_no_secret_is_stored_with_what_was_posted(api: Api) -> None:
    for platform in EXPECTED:
        await send(api, platform)
    bodies = await api.value("select string_agg(body, ''::bytea) from submission")
    for secret in (TOKEN, "a-secret-of-ours", "handshake"):
        assert secret.encode() not in bytes(bodies)


async def test_a_page_of_salesforce_is_sent_on_to_its_own_thanks(api: Api) -> None:
    answer = await send(api, "salesforce")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{SITE}/thanks?a=1&b=2")
    assert answer.content == b""
    body = b"oid=00D50000000IZ3Z&first_name=Ann&email=ann%40example.com&retURL=https%3A%2F%2Fevil.example"
    answer = await send(api, "salesforce", body=body)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "location" not in answer.headers
    assert "evil" not in answer.text
    assert len(await leads_of(api, "salesforce", 2)) == 2


async def test_a_script_of_a_hubspot_page_may_ask_post_and_read(api: Api) -> None:
    asks = {
        "origin": SITE,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type",
    }
    allowed = await api.http.options("/in/hubspot/hubspot", headers=asks)
    assert allowed.status_code == 204
    assert allowed.headers["access-control-allow-origin"] == SITE
    assert "POST" in allowed.headers["access-control-allow-methods"]
    assert allowed.headers["access-control-allow-headers"] == "content-type"
    answer = await send(api, "hubspot")
    assert answer.json() == {"inlineMessage": "Thanks for submitting the form."}
    assert answer.headers["access-control-allow-origin"] == SITE
    refused = await send(api, "hubspot", body=b"{")
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (400, SITE)
    other = await api.http.options("/in/hubspot/hubspot", headers=asks | {"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in other.headers


async def test_a_proved_body_that_cannot_be_read_is_a_400_and_kept_for_a_person_to_see(api: Api) -> None:
    answer = await send(api, "unbounce", body=b"data.json=%7B")
    assert (answer.status_code, answer.json()["code"], answer.json()["where"]) == (400, "syntax", "data.json")
    async with asyncio.timeout(5):
        while not (body := await api.value("select body from refusal where source = 'unbounce'")):
            await asyncio.sleep(0)
    assert bytes(body) == b"data.json=%7B"
    assert await api.value("select count(*) from submission") == 0
