"""What a source may be allowed: a Content-Type that says nothing or lies, and a lead in the address."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest

from app.ingest.format import formats
from app.ingest.reading import Reader
from tests.api.conftest import Api, serving
from tests.api.test_intake import problem
from tests.buyer import Buyer
from tests.pipeline.house import catalogue, contract, lead, source

FORM, JSON = "application/x-www-form-urlencoded", "application/json"


@pytest.fixture
async def api(database_url: str, tmp_path: Path, buyer: Buyer) -> AsyncIterator[Api]:
    yaml = catalogue(
        source(),
        source("lax", more=", sniff: true"),
        source("linked", more=", query: true"),
        source("paused", more=", query: true, paused: true"),
        contract("b1", buyer.url("/ok")),
    )
    async with serving(database_url, tmp_path, yaml) as running:
        yield running


async def get(api: Api, query: str, owner: str = "linked") -> httpx.Response:
    key = await api.key("source", owner)
    return await api.http.get(f"/v1/leads?{query}", headers={"x-api-key": key})


@pytest.mark.parametrize("said", [{}, {"content_type": "text/plain"}, {"content_type": FORM}])
async def test_a_type_that_lies_is_looked_through_where_the_source_allows_it(
    api: Api, said: dict[str, str]
) -> None:
    body = b'{"first_name": "Ann", "email": "ann@example.com"}'
    refused = await api.post(body, **said)
    assert refused.status_code in (400, 415)
    taken = await api.post(body, key=await api.key("source", "lax"), **said)
    assert (taken.status_code, taken.json()["outcome"]) == (201, "success")
    assert await api.value("select count(*) from submission") == 1
    kept = Reader(formats.discover()).read(body, await api.value("select content_type from submission"))
    assert kept == [{"first_name": "Ann", "email": "ann@example.com"}], (
        "whoever reads it again needs no setting"
    )


async def test_what_looks_like_nothing_is_refused_there_too(api: Api) -> None:
    key = await api.key("source", "lax")
    problem(await api.post(b"\x89PNG\r\n", key=key, content_type="image/png"), 415, "unknown_type")
    problem(await api.post(b"{]", key=key, content_type=JSON), 400, "syntax")
    assert await api.value("select count(*) from submission") == 0


async def test_the_part_of_a_lead_is_looked_at_as_the_whole_is(api: Api) -> None:
    headers = {"x-api-key": await api.key("source", "lax"), "content-type": "text/plain"}
    begun = await api.http.post("/v1/leads?partial=1", content=b"email=ann@example.com", headers=headers)
    lead_id = begun.json()["lead"]["id"]
    rest = b'{"first_name": "Ann"}'
    whole = await api.http.post(f"/v1/leads?completes={lead_id}", content=rest, headers=headers)
    assert (whole.status_code, whole.json()["outcome"]) == (201, "success")


async def test_a_lead_in_the_address_is_a_lead_where_the_source_allows_it(api: Api, buyer: Buyer) -> None:
    answers = [await get(api, urlencode(lead("ann@example.com")))]
    headers = {"x-api-key": await api.key("source", "linked")}
    answers.append(await api.http.post(f"/v1/leads?{urlencode(lead('bob@example.com'))}", headers=headers))
    answers.append(await api.http.post("/v1/leads?email=cid%40example.com", json=lead("x"), headers=headers))
    assert [(answer.status_code, answer.json()["outcome"]) for answer in answers] == [(201, "success")] * 3
    sold = [json.loads(one.body)["email"] for one in buyer.received]
    assert sold == ["ann@example.com", "bob@example.com", "cid@example.com"]


async def test_elsewhere_a_query_is_no_lead_and_get_no_method(api: Api) -> None:
    query = urlencode(lead("ann@example.com"))
    for owner in ("acme", "lax"):
        assert problem(await get(api, query, owner), 405, "method")
    problem(await api.http.get(f"/v1/leads?{query}"), 405, "method")
    problem(await api.http.get(f"/v1/leads?{query}&key={api.acme}"), 405, "method")
    headers = {"x-api-key": api.acme, "content-type": JSON}
    answer = await api.http.post(f"/v1/leads?{query}", content=b'{"first_name": "Ann"}', headers=headers)
    assert answer.json()["outcome"] == "failure"
    problem(await get(api, query, "paused"), 404, "source_off")


async def test_a_test_in_the_address_is_one(api: Api) -> None:
    answer = await get(api, urlencode(lead("ann@example.com")) + "&test=duplicate")
    assert answer.json()["outcome"] == "failure"
    assert await api.value("select count(*) from lead where test") == 1


async def test_what_is_wrong_with_an_address_is_told(api: Api) -> None:
    problem(await get(api, ""), 400, "empty")
    problem(await get(api, "test=1"), 400, "empty")
    problem(await get(api, "email=%ff"), 400, "charset")
    problem(await get(api, "email=%00"), 400, "nul")
    problem(await get(api, "&".join(f"f{n}=1" for n in range(2_001))), 400, "fields")
    assert await api.value("select count(*) from submission") == 0
