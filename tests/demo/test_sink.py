"""The demo's buyers answer by the lead alone, so that the README can foretell what will happen."""

from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest
from standardwebhooks.webhooks import Webhook

from app.demo import SECRET, build_sink

FIRST = "019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3"
LEAD = {"phone": "+14155550101", "state": "CA", "bill": 180}


def signed(body: bytes, *, delivery: str = FIRST, secret: str = SECRET) -> dict[str, str]:
    at = datetime(2025, 11, 20, 14, 32, tzinfo=UTC)
    return {
        "webhook-id": delivery,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(delivery, at, body.decode()),
    }


class Shop:
    """Both buyers behind a client, and what they said aloud."""

    def __init__(self) -> None:
        self.said: list[str] = []
        transport = httpx.ASGITransport(build_sink(self.said.append))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://sink")

    async def json(self, lead: dict[str, Any], **how: str) -> httpx.Response:
        body = orjson.dumps(lead)
        headers = signed(body, **how) | {"content-type": "application/json"}
        return await self.client.post("/sunco", content=body, headers=headers)

    async def form(self, body: str) -> httpx.Response:
        headers = signed(body.encode()) | {"content-type": "application/x-www-form-urlencoded"}
        return await self.client.post("/brightroof", content=body, headers=headers)


@pytest.fixture
def shop() -> Shop:
    return Shop()


async def test_sunco_accepts_a_lead_with_a_reference_and_its_price(shop: Shop) -> None:
    reply = await shop.json(LEAD)
    assert reply.status_code == 200
    assert reply.json() == {"status": "accepted", "id": "SC-53458", "price": "42.00"}


async def test_the_same_delivery_gets_the_same_reference_again(shop: Shop) -> None:
    assert (await shop.json(LEAD)).json() == (await shop.json(LEAD)).json()


async def test_sunco_has_no_licence_for_nevada(shop: Shop) -> None:
    reply = await shop.json(LEAD | {"state": "NV"})
    assert reply.json() == {"status": "rejected", "reason": "state_not_licensed"}


async def test_sunco_is_down_at_the_first_try_of_a_phone_that_ends_in_seven(shop: Shop) -> None:
    lead = LEAD | {"phone": "+14155550107"}
    first, second = await shop.json(lead), await shop.json(lead)
    assert (first.status_code, first.headers["retry-after"]) == (503, "5")
    assert second.json()["status"] == "accepted"


async def test_brightroof_answers_in_words_of_its_own(shop: Shop) -> None:
    assert (await shop.form("state=NV&bill=140")).json() == {
        "result": "ok",
        "lead": "BR-53458",
        "pays": "39.00",
    }


async def test_brightroof_wants_a_bill_of_sixty(shop: Shop) -> None:
    assert (await shop.form("state=CA&bill=59.5")).json() == {"result": "no", "why": "bill_too_low"}


async def test_a_delivery_signed_with_another_secret_is_answered_401(shop: Shop) -> None:
    reply = await shop.json(LEAD, secret="whsec_c29tZWJvZHkgZWxzZSBzaWduZWQgdGhpcw==")
    assert reply.status_code == 401


async def test_what_was_changed_after_signing_is_answered_401(shop: Shop) -> None:
    headers = signed(orjson.dumps(LEAD)) | {"content-type": "application/json"}
    reply = await shop.client.post("/sunco", content=orjson.dumps(LEAD | {"bill": 1}), headers=headers)
    assert reply.status_code == 401


async def test_noise_is_answered_400(shop: Shop) -> None:
    for body in (b"\x00\xff", b"[]", b"{", b"1"):
        headers = {"content-type": "application/json", "webhook-id": "x"}
        reply = await shop.client.post("/sunco", content=body, headers=headers)
        assert reply.status_code in (400, 401)


async def test_a_signed_body_that_is_no_lead_is_answered_400(shop: Shop) -> None:
    headers = signed(b"[1]") | {"content-type": "application/json"}
    assert (await shop.client.post("/sunco", content=b"[1]", headers=headers)).status_code == 400


async def test_other_addresses_and_methods_are_refused(shop: Shop) -> None:
    assert (await shop.client.post("/nobody")).status_code == 404
    assert (await shop.client.get("/sunco")).status_code == 405


async def test_one_line_is_said_a_delivery_and_it_names_ids_only(shop: Shop) -> None:
    await shop.json(LEAD)
    assert shop.said == ["sunco      8a40d9b3  200  accepted SC-53458 42.00"]
