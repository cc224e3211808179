"""The trace tells the door and the format of what came, for every door: told from the row that each of them wrote."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.commands.steps import came
from app.pipeline.arrival import arrival, format_of
from app.pipeline.story import Story, story
from tests.api.conftest import Api, serving
from tests.api.test_batches import done, send
from tests.api.test_dialects import LEAD
from tests.api.test_inbound import ADS, google
from tests.buyer import Buyer
from tests.pipeline.house import catalogue, contract, source

ADF = "<adf><prospect><customer><contact><name>Ann</name><email>ann@example.com</email></contact></customer></prospect></adf>"
CAKE = ", replies: [{reply: cake, ckm_campaign_id: 1, ckm_key: q}], mapping: {f_name: first_name}"


@pytest.fixture
async def api(database_url: str, tmp_path: Path, buyer: Buyer) -> AsyncIterator[Api]:
    written = catalogue(
        source(reply="receipt"),
        source("ads", more=ADS),
        source("cake", more=CAKE),
        contract("b1", buyer.url("/ok")),
    )
    async with serving(database_url, tmp_path, written) as running:
        yield running


async def told(api: Api, submission_id: Any, position: int = 0) -> str:
    async with api.process.database.acquire() as conn:
        found = await story(conn, UUID(str(submission_id)))
    assert found is not None
    return came(found, found.submission["id"] if found.submission else found.id, position)


async def newest(api: Api) -> Any:
    return await api.value("select id from submission order by id desc limit 1")


@pytest.mark.parametrize(
    ("kind", "body", "format_"),
    [
        ("application/json", '{"email":"ann@example.com"}', "json"),
        ("application/x-www-form-urlencoded; charset=utf-8", "email=ann%40example.com", "form"),
        ("text/xml", "<lead><email>ann@example.com</email></lead>", "xml"),
        ("text/xml", ADF, "adf"),
        ("application/vnd.dealer+json", '{"email":"ann@example.com"}', "json"),
    ],
)
async def test_a_posted_lead_names_what_read_it_and_not_what_its_header_said(
    api: Api, kind: str, body: str, format_: str
) -> None:
    answer = await api.post(body, content_type=kind)
    assert await told(api, answer.json()["lead"]["id"]) == f"POST /v1/leads, {len(body)} B {format_}"


async def test_platforms_and_dialects_have_doors_of_their_own(api: Api) -> None:
    posted = await api.http.post("/in/google_ads/ads", json=google())
    assert posted.status_code == 200
    assert (await told(api, await newest(api))).startswith("POST /in/google-ads/ads, ")
    answer = await api.http.get(f"/in/cake/cake/d.ashx?ckm_campaign_id=1&ckm_key=q&{LEAD}")
    assert answer.status_code == 200
    assert (await told(api, await newest(api))).startswith("POST /in/cake/cake, ")


async def test_a_row_of_a_file_is_told_by_its_line(api: Api) -> None:
    begun = await send(api, "email,first_name\nann@example.com,Ann\nbob@example.com,Bob\n")
    await done(api, begun)
    assert (await told(api, await newest(api), 1)).startswith("line 3 of a file, batch …")


async def test_a_lead_in_parts_tells_how_it_began_and_how_each_part_came(api: Api) -> None:
    headers = {"authorization": f"Bearer {api.acme}"}
    begun = await api.http.post("/v1/leads?partial=1", json={"email": "ann@example.com"}, headers=headers)
    lead = begun.json()["lead"]["id"]
    patched = await api.http.patch(f"/v1/leads/{lead}", data={"state": "CA"}, headers=headers)
    assert patched.status_code == 200, patched.text
    assert await told(api, lead) == "POST /v1/leads?partial=1, 27 B json"
    async with api.process.database.acquire() as conn:
        found = await story(conn, UUID(lead))
    assert found is not None
    assert [came(found, part.submission_id) for part in found.parts] == ["PATCH, 8 B form"]


async def test_a_refused_body_names_what_could_not_read_it(api: Api) -> None:
    await api.post("<adf><prospect>", content_type="text/xml")

    async def noted() -> Story | None:
        async with api.process.database.acquire() as conn:
            refusal = await conn.fetchval("select id from refusal")
            return await story(conn, refusal) if refusal else None

    async with asyncio.timeout(10):
        while (found := await noted()) is None:
            await asyncio.sleep(0)
    assert found.arrivals[found.id].format == "adf"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"remote": "feed", "content_type": "application/rss+xml"}, ("channel feed", "feed")),
        ({"remote": "imap", "content_type": "message/rfc822"}, ("channel imap", "mail")),
        ({"content_type": "message/rfc822; door=lmtp"}, ("LMTP", "mail")),
        ({"content_type": "application/json"}, ("form of acme", "")),
        (
            {"content_type": "message/rfc822; door=lmtp", "key_hint": "abcd"},
            ("POST /v1/leads", "mail"),
        ),
        ({"remote": "meta", "content_type": "application/vnd.leadgate.meta"}, ("fetched from meta", "")),
        ({"content_type": "application/vnd.leadgate.meta"}, ("POST /in/meta/acme", "")),
    ],
)
def test_doors_without_a_key_are_told_by_what_else_they_wrote(
    row: dict[str, Any], said: tuple[str, str]
) -> None:
    whole = {
        "source": "acme", "remote": "127.0.0.1", "key_hint": "", "batch_id": None, "bytes": 9, "head": b"{}",
        "lines": None, "begun": False,
    } | row  # fmt: skip
    found = arrival(whole)
    assert (found.door, found.format) == said


def test_what_nothing_reads_is_named_by_its_type() -> None:
    assert format_of("image/png", b"\x89PNG") == "image/png"
    assert format_of("", b"\x89PNG") == "without a content type"
    assert format_of("", json.dumps({"a": 1}).encode()) == "json"
