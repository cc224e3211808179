"""Ad platforms against the real service: what they were answered 200 for is sold once, whoever is killed in between."""

import hmac
import json
from collections import Counter
from typing import Any

import httpx
import pytest
from aiohttp import web

from tests.e2e.books import Books, until
from tests.e2e.catalogues import catalogue, contract
from tests.e2e.conftest import Make
from tests.e2e.counting import CountingBuyer
from tests.pipeline.platform_server import PlatformServer, hang_up, lead, status

pytestmark = pytest.mark.e2e

SECRETS = ("0ur-key-at-google", "0ur-verify-token", "0ur-app-secret", "0ur-access", "0ur-client-secret")
CODE = "890e4665-4dfe-4ab1-b689-ed553bceeed0"


def told(api: str) -> str:
    key, verify, app, access, client = SECRETS
    return f"""
  - id: acme
    campaign: solar
    reply: receipt
    price: "12.50"
    platforms:
      - {{platform: google_ads, key: {key}}}
      - {{platform: meta, verify_token: {verify}, app_secret: {app}, access_token: {access}, api: "{api}"}}
      - {{platform: linkedin, client_secret: {client}, access_token: {access}, api: "{api}"}}
"""


def signed(secret: str, body: bytes, prefix: bytes = b"") -> str:
    return hmac.digest(secret.encode(), prefix + body, "sha256").hex()


def meta(*leads: str) -> tuple[bytes, dict[str, str]]:
    changes = [{"field": "leadgen", "value": {"leadgen_id": int(lead), "form_id": 5}} for lead in leads]
    body = json.dumps({"object": "page", "entry": [{"id": "1", "time": 1, "changes": changes}]}).encode()
    return body, {"x-hub-signature-256": f"sha256={signed(SECRETS[2], body)}"}


def linkedin(action: str, lead: str) -> tuple[bytes, dict[str, str]]:
    event = {
        "type": "LEAD_ACTION",
        "leadAction": action,
        "leadGenFormResponse": f"urn:li:leadGenFormResponse:{lead}",
    }
    body = json.dumps(event).encode()
    return body, {"x-li-signature": signed(SECRETS[4], body, b"hmacsha256=")}


def google(lead: str) -> bytes:
    columns = [
        {"column_id": "FIRST_NAME", "string_value": "Ann"},
        {"column_id": "EMAIL", "string_value": f"{lead}@example.com"},
    ]
    return json.dumps({"lead_id": lead, "user_column_data": columns, "google_key": SECRETS[0]}).encode()


async def post(
    http: httpx.AsyncClient, platform: str, body: bytes, headers: dict[str, str] | None = None
) -> int:
    answer = await http.post(f"/in/{platform}/acme", content=body, headers=headers or {})
    return answer.status_code


async def test_leads_of_three_ad_platforms_are_sold_once_through_a_kill(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    service = services(database_url=database_url, hasty=True)
    async with PlatformServer() as server, Books(database_url) as books:
        await service.configure(catalogue(told(server.url), contract("b1", buyer.url("b1"))))
        await service.start()
        server.ways["2"] = [status(429, retry_after="1"), lead("2")]
        server.ways["3"] = [hang_up, lead("3")]
        server.ways["4a"] = [linkedin_lead("4a")]
        async with httpx.AsyncClient(base_url=service.url) as http:
            await challenged(http)
            assert await post(http, "meta", b"{}", {"x-hub-signature-256": "sha256=0"}) == 401
            server.open.clear()  # whatever is fetched hangs until after the kill
            assert await post(http, "meta", *meta("1", "2", "3")) == 200
            assert await post(http, "meta", *meta("3", "1")) == 200
            assert await post(http, "linkedin", *linkedin("CREATED", "4a")) == 200
            assert [await post(http, "google_ads", google("g1")) for _ in range(3)] == [200] * 3
            await until(lambda: _asked(server))
            await until(lambda: books.one("select count(*) from lead where state = 'sold'"))  # who came whole
        service.kill()
        server.open.set()
        await service.start()
        await hurry(books)
        await books.settled()
        expected = [
            "ann1@example.com",
            "ann2@example.com",
            "ann3@example.com",
            "4a@example.com",
            "g1@example.com",
        ]
        assert Counter(one.delivery.email for one in buyer.answered) == Counter(expected)
        await deleted(service.url, books)
    assert not [secret for secret in SECRETS if secret in service.log()]
    assert "example.com" not in service.log()


async def challenged(http: httpx.AsyncClient) -> None:
    query = {"hub.mode": "subscribe", "hub.verify_token": SECRETS[1], "hub.challenge": "1158201444"}
    answer = await http.get("/in/meta/acme", params=query)
    assert (answer.status_code, answer.text) == (200, "1158201444")
    answer = await http.get("/in/linkedin/acme", params={"challengeCode": CODE})
    assert answer.json()["challengeResponse"] == signed(SECRETS[4], CODE.encode())


async def _asked(server: PlatformServer) -> Any:
    return server.asked


async def hurry(books: Books) -> None:
    """The waits of the schedule pass until everything is fetched."""

    async def done() -> bool:
        await books.conn.execute(
            "update platform_lead set next_at = now() where state = 'waiting' and lease_id is null"
        )
        return await books.one("select count(*) from platform_lead where state <> 'done'") == 0

    await until(done, what="everything fetched")


async def deleted(url: str, books: Books) -> None:
    async with httpx.AsyncClient(base_url=url) as http:
        assert await post(http, "linkedin", *linkedin("DELETED", "4a")) == 200
    await hurry(books)
    kept = await books.one("select string_agg(encode(body, 'escape'), '') from submission")
    told = await books.one("select string_agg(exchanges::text, '') from attempt_end")
    assert "4a@example.com" not in kept + told
    assert "ann1@example.com" in kept
    assert await books.money() == (210, 210)


def linkedin_lead(identity: str) -> web.Response:
    questions = [
        {"questionId": 1, "predefinedField": "EMAIL"},
        {"questionId": 2, "predefinedField": "FIRST_NAME"},
    ]
    answers = [(1, f"{identity}@example.com"), (2, "Ann")]
    told = [
        {"questionId": n, "answerDetails": {"textQuestionAnswer": {"answer": text}}} for n, text in answers
    ]
    return web.json_response(
        {"id": identity, "formResponse": {"answers": told}, "form": {"content": {"questions": questions}}}
    )
