"""Leads that leave into a CRM and by token, from the real service: one login for many, renewed when it ends, no secret kept in clear."""

import asyncio
import json
from collections.abc import Callable

import pytest

from tests.buyer import Received
from tests.buyer import reply as http
from tests.distribute.scripted import Answers, Scripted, said, token
from tests.e2e.books import Books
from tests.e2e.catalogues import catalogue, source
from tests.e2e.conftest import Make
from tests.e2e.source import Source, lead

pytestmark = pytest.mark.e2e

LOGIN, RECORD = "POST /services/oauth2/token", "POST /services/data/v62.0/sobjects/Lead"
CONTACTS, TOKEN, LEADS, HOOK = (
    "POST /crm/v3/objects/contacts",
    "POST /token",
    "GET /leads",
    "POST /services/T0/B0/k3y-of-chat",
)
SECRETS = ("s3cret-of-salesforce", "s3cret-of-hubspot", "s3cret-of-webhook", "k3y-of-chat", "tok-")


def contract(id_: str, deliver: str, *, bill: int) -> str:
    return f"""
  - id: {id_}
    contracts:
      - id: {id_}
        campaign: solar
        price: "42.00"
        when: lead.bill == {bill}.0
        retry: {{schedule: [1s, 1s, 1s], until: 60s}}
        deliver: {deliver}
"""


def tokens() -> Callable[[Received], bytes]:
    """A new one for each login."""
    count = iter(range(1, 1_000))
    return lambda _: token(f"tok-{next(count)}")


def salesforce(*ended: str) -> Callable[[Received], bytes]:
    """One that believes no token that has ended, and has had `ann5` already."""

    def answer(request: Received) -> bytes:
        if request.headers["authorization"].removeprefix("Bearer ") in ended:
            return said(401, [{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}])
        if json.loads(request.body)["Email"] == "ann5@example.com":
            return said(400, [{"errorCode": "DUPLICATES_DETECTED", "message": "Use one of these records?"}])
        return said(201, {"id": "00Q000000000001", "success": True, "errors": []})

    return answer


async def test_each_of_them_has_its_lead_and_nobody_a_secret(services: Make, database_url: str) -> None:
    says: dict[str, Answers] = {
        LOGIN: tokens(), RECORD: salesforce("tok-1"), TOKEN: tokens(),
        LEADS: [http(503, b"", "Retry-After: 1"), http(200, b"<p class=answer>SOLD<i id=ref>77</i></p>", kind="text/html")],
        CONTACTS: [said(201, {"id": "512"})], HOOK: [http(200, b"ok", kind="text/plain")],
    }  # fmt: skip
    async with Scripted(says) as server:
        service = services(database_url=database_url, wire_seconds="10", lease_seconds="20")
        url = server.url("")
        client = "{client_id: gate, client_secret: s3cret-of-salesforce}"
        fields = "{LastName: first_name, Company: {value: Private}, Email: email}"
        oauth2 = f'{{token_url: "{url}/token", client_id: gate, client_secret: s3cret-of-webhook}}'
        words = "{reading: 'css:p.answer', map: {'sold*': accepted, '*': unclear}}"
        await service.configure(
            catalogue(
                source(),
                contract("to-salesforce", f'{{adapter: salesforce, url: "{url}", client: {client}, fields: {fields}}}', bill=1),
                contract("to-hubspot", f'{{adapter: hubspot, url: "{url}", token: s3cret-of-hubspot, fields: {{email: email}}, existing: update}}', bill=2),
                contract("to-chat", f'{{adapter: chat, service: slack, url: "{url}/services/T0/B0/k3y-of-chat", proof: taken}}', bill=3),
                contract("by-token", f'{{adapter: webhook, url: "{url}/leads", method: GET, fields: {{e: email}}, auth: {{oauth2: {oauth2}}}, words: {words}, reference: "css:#ref"}}', bill=4),
            )
        )  # fmt: skip
        key = await service.key("source", "acme")
        await service.start()
        async with Source(service.url, key) as acme, Books(database_url) as books:
            first = await acme.post({**lead(0), "bill": "1"})
            later = await asyncio.gather(
                *(acme.post({**lead(n), "bill": str(max(1, n - 5))}) for n in range(1, 10))
            )
            await books.settled()
            states = await books.states(one.lead for one in (first, *later))
            references = await books.conn.fetch(
                "select contract, reference from delivery where state = 'accepted'"
            )
            kept = await books.one("select string_agg(c::text, '') from configured c")
            told = await books.one("select string_agg(exchanges::text, '') from attempt_end")
        assert await service.stop() == 0
    assert [states[one.lead] for one in later] == ["sold"] * 4 + ["unsold"] + ["sold"] * 4
    assert states[first.lead] == "sold"
    assert {(row[0], row[1]) for row in references} == {
        ("to-salesforce", "00Q000000000001"), ("to-hubspot", "512"), ("to-chat", None), ("by-token", "77"),
    }  # fmt: skip
    assert server.asked.count(LOGIN) == 2, "one for all, and another when it had ended"
    assert server.asked.count(TOKEN) == 1
    assert "sealed:v1:" in kept
    assert "***" in told
    assert [one for one in SECRETS if one in kept + told + service.log()] == []
    assert "example.com" not in service.log()
