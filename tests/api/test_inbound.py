"""What platforms post: proof first, durable, then 200; without a proof nothing is kept."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import Api, serving
from tests.buyer import Buyer
from tests.pipeline.house import catalogue, contract, source

KEY = "0ur-key-at-google"
ADS = f", platforms: [{{platform: google_ads, key: {KEY}}}], mapping: {{full_name: first_name}}"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def house(buyer: Buyer) -> str:
    return catalogue(
        source(more=ADS),
        source("bare"),
        source("asleep", more=ADS + ", paused: true"),
        contract("b1", buyer.url("/ok")),
    )


def google(lead: str = "L1", key: str = KEY, **more: Any) -> dict[str, Any]:
    return {
        "lead_id": lead,
        "user_column_data": [
            {"column_id": "FULL_NAME", "string_value": "Ann Lee"},
            {"column_id": "EMAIL", "string_value": "ann@example.com"},
        ],
        "google_key": key,
        **more,
    }


async def post(api: Api, body: Any, path: str = "/in/google_ads/acme", **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await api.http.post(path, content=content, headers={"content-type": "application/json", **headers})


async def state_of(api: Api) -> str:
    """Of the only lead, once it is decided and handed over."""
    async with asyncio.timeout(10):
        while (found := await api.value("select state from lead")) in (None, "delivering"):
            await asyncio.sleep(0)
    return str(found)


async def test_a_lead_is_answered_at_once_kept_without_the_key_and_sold(api: Api, buyer: Buyer) -> None:
    answer = await post(api, google())
    assert (answer.status_code, answer.content) == (200, b"{}")
    assert await state_of(api) == "sold"
    row = await api.value("select row_to_json(s)::text from submission s")
    assert "vnd.leadgate.google-ads" in row
    body = bytes(await api.value("select body from submission"))
    assert KEY.encode() not in body
    assert b"google_key" not in body
    assert json.loads(buyer.received[-1].body)["email"] == "ann@example.com"


async def test_the_same_lead_twice_or_at_once_is_one_submission(api: Api) -> None:
    answers = await asyncio.gather(*(post(api, google(gcl_id=str(n))) for n in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert await api.value("select count(*) from submission") == 1
    await post(api, google("L2"))
    assert await api.value("select count(*) from submission") == 2
    kept = await api.value("select max(expires_at) > now() + interval '29 days' from idempotency")
    assert kept is True


async def test_a_wrong_key_is_forged_and_nothing_is_stored(api: Api) -> None:
    for key in ("", KEY[:-1], KEY.upper(), "ключ", 7, None):
        answer = await post(api, google(key=key))  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["code"]) == (401, "forged")
        assert KEY not in answer.text
    for table in ("submission", "refusal", "idempotency"):
        assert await api.value(f"select count(*) from {table}") == 0


async def test_a_test_lead_is_a_test_however_often_it_is_sent(api: Api) -> None:
    for _ in range(2):
        assert (await post(api, google("TeSt_LeAd_iD", is_test=True))).status_code == 200
    assert await api.value("select count(*) from submission where test") == 2


NOWHERE = [
    "/in/google_ads/nobody", "/in/google_ads/bare", "/in/fax/acme", "/in/typeform/acme", "/in/google_ads", "/in/",
    "/in/google_ads/acme/more", "/in/google_ads/acme%2Fmore", "/in//acme", "/in/google_ads/",
]  # fmt: skip


async def test_what_is_not_configured_is_not_found_and_says_no_more(api: Api) -> None:
    answers = [await post(api, google(), path) for path in NOWHERE]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


async def test_a_paused_source_takes_nothing_and_another_method_is_told_which(api: Api) -> None:
    assert (await post(api, google(), "/in/google-ads/acme")).status_code == 200  # a dash is as good
    answer = await post(api, google(), "/in/google_ads/asleep")
    assert (answer.status_code, answer.json()["code"]) == (404, "source_off")
    answer = await api.http.get("/in/google_ads/acme")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_a_body_of_another_shape_is_refused_and_not_kept(api: Api) -> None:
    for body in (b"", b"[]", b"{", b"\xff\xfe{}", b"null", b'{"google_key":' + b"[" * 5_000):
        answer = await post(api, body)
        assert answer.status_code == 400
        assert answer.headers["content-type"] == "application/problem+json"
    assert await api.value("select count(*) from refusal") == 0


async def test_a_proved_body_that_can_not_be_read_is_kept_as_a_refusal_without_the_key(api: Api) -> None:
    answer = await post(api, {"lead_id": "L1", "user_column_data": "?", "google_key": KEY})
    assert (answer.status_code, answer.json()["where"]) == (400, "user_column_data")
    async with asyncio.timeout(5):
        while not (body := await api.value("select body from refusal")):
            await asyncio.sleep(0)
    assert json.loads(bytes(body)) == {"lead_id": "L1", "user_column_data": "?"}


async def test_a_body_without_end_is_cut_off(api: Api) -> None:
    async def flood() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 65_536

    answer = await api.http.post("/in/google_ads/acme", content=flood())
    assert (answer.status_code, answer.headers["connection"]) == (413, "close")
    assert (await post(api, b" " * 1_000_001)).status_code == 413


async def test_without_the_database_or_while_going_away_it_is_told_to_come_again(api: Api) -> None:
    await api.process.database.close()
    answer = await post(api, google())
    assert (answer.status_code, answer.json()["code"]) == (503, "not_durable")
    assert "retry-after" in answer.headers
    assert api.root.intake is not None
    api.root.intake.draining = True
    assert "going away" in (await post(api, google())).json()["detail"]


async def test_what_a_killed_process_left_is_read_again_by_its_platform(
    database_url: str, tmp_path: Path, house: str
) -> None:
    async with serving(database_url, tmp_path, house) as api:
        api.process.engine.later = lambda works, **_: None  # type: ignore[method-assign]  # killed before it decided
        assert (await post(api, google())).status_code == 200
        assert await api.value("select count(*) from lead") == 0
    async with serving(database_url, tmp_path, house) as again:
        assert await state_of(again) == "sold"
