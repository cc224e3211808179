"""An operator sends a lead one more round, by the rules that hold for its source."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import Api, serving
from tests.api.test_amend import rejected, send
from tests.buyer import Buyer
from tests.pipeline.house import catalogue, contract, source


async def again(api: Api, lead_id: str, key: str, query: str = "", **headers: str) -> httpx.Response:
    return await send(api, "POST", f"/admin/v1/leads/{lead_id}/reprocess{query}", key=key, **headers)


async def mended(api: Api, lead_id: str) -> None:
    """What its source says of it later; no round of its own."""
    answer = await send(api, "PATCH", f"/v1/leads/{lead_id}", {"email": "ann@example.com"})
    assert (answer.status_code, answer.json()["state"]) == (200, "rejected")


async def trail(api: Api, lead_id: str) -> list[tuple[Any, ...]]:
    async with api.process.database.acquire() as conn:
        rows = await conn.fetch(
            "select kind, by_whom, data->>'was' from lead_event where lead_id = $1::text::uuid and kind = 'reprocessed'",
            lead_id,
        )
    return [tuple(row) for row in rows]


async def test_a_rejected_lead_is_sold_in_its_next_round_and_its_trail_says_who_wished_that(api: Api) -> None:
    lead_id, dana = await rejected(api), await api.key("user", "dana")
    await mended(api, lead_id)
    answer = await again(api, lead_id, dana)
    assert (answer.status_code, answer.json()["outcome"], answer.json()["lead"]) == (
        201,
        "success",
        {"id": lead_id},
    )
    assert await trail(api, lead_id) == [("reprocessed", "user dana", "rejected")]
    assert (await api.get(f"/v1/leads/{lead_id}", api.acme)).json()["state"] == "sold"


async def test_a_dry_run_says_what_would_come_of_it_and_changes_nothing(api: Api) -> None:
    lead_id, dana = await rejected(api), await api.key("user", "dana")
    before = await again(api, lead_id, dana, "?dry_run=1")
    assert before.status_code == 200
    assert before.json() == {
        "lead": lead_id, "round": 2, "was": "rejected", "state": "rejected", "asked": [], "not_asked": [],
        "reasons": [{"code": "missing", "field": "email", "message": "email is required"}], "dry_run": True,
    }  # fmt: skip
    await mended(api, lead_id)
    told = (await again(api, lead_id, dana, "?dry_run=1")).json()
    assert (told["state"], told["asked"], told["reasons"]) == ("delivering", ["b1"], [])
    assert await api.value("select count(*) from delivery") == 0
    assert await api.value("select count(*) from lead_round") == 0
    assert await api.value("select state || round from lead") == "rejected1"
    assert await trail(api, lead_id) == []


async def test_a_source_that_was_not_on_the_line_is_told(
    database_url: str, tmp_path: Path, buyer: Buyer
) -> None:
    told = source(more=f", callback: {{url: '{buyer.url('/ok')}'}}")
    async with serving(database_url, tmp_path, catalogue(told, contract("b1", buyer.url("/ok")))) as api:
        lead_id, dana = await rejected(api), await api.key("user", "dana")
        await mended(api, lead_id)
        assert (await again(api, lead_id, dana)).json()["outcome"] == "success"
        assert await api.value("select count(*) from callback where outcome = 'success'") == 1


async def test_what_its_source_may_not_an_operator_may_not_either(api: Api) -> None:
    dana = await api.key("user", "dana")
    sold = (await api.post({"first_name": "Bo", "email": "bo@example.com"})).json()["lead"]["id"]
    nobody = "01a20202-b0f1-78ef-b670-e65ac63bbcc6"
    for lead_id, status, code in (
        (sold, 409, "sold"),
        (nobody, 404, "not_found"),
        ("nonsense", 404, "not_found"),
    ):
        for query in ("", "?dry_run=1"):
            answer = await again(api, lead_id, dana, query)
            assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await trail(api, sold) == []


async def test_a_lead_whose_person_wants_no_more_calls_goes_no_further(api: Api) -> None:
    lead_id, dana = await rejected(api), await api.key("user", "dana")
    await mended(api, lead_id)
    async with api.process.database.acquire() as conn:
        await conn.execute("update lead set stopped_at = now() where id = $1::text::uuid", lead_id)
    answer = await again(api, lead_id, dana)
    assert (answer.status_code, answer.json()["code"]) == (409, "stopped"), answer.text
    assert await trail(api, lead_id) == []


async def test_only_an_operator_may(api: Api) -> None:
    lead_id = await rejected(api)
    for key in (api.acme, await api.key("buyer", "b1"), await api.key("user", "b1/dana"), "nonsense"):
        assert (await again(api, lead_id, key)).status_code == 401
        assert (await again(api, lead_id, key, "?dry_run=1")).status_code == 401
    assert await api.value("select round from lead") == 1


async def test_many_at_once_are_one_round_and_one_sale(api: Api) -> None:
    lead_id, dana = await rejected(api), await api.key("user", "dana")
    await mended(api, lead_id)
    wishes = [again(api, lead_id, dana) for _ in range(8)]
    wishes += [send(api, "POST", f"/v1/leads/{lead_id}/reprocess") for _ in range(8)]
    answers = await asyncio.gather(*wishes)
    assert {(one.status_code, one.json()["outcome"]) for one in answers} == {(201, "success")}
    assert await api.value("select count(*) from delivery") == 1
    assert len(await trail(api, lead_id)) == 1


async def test_the_same_wish_twice_is_one_round(api: Api) -> None:
    lead_id, dana = await rejected(api), await api.key("user", "dana")
    for _ in range(2):
        answer = await again(api, lead_id, dana, idempotency_key="k1")
        assert (answer.status_code, answer.json()["outcome"]) == (201, "failure")
    assert await api.value("select round from lead") == 2
    await send(api, "POST", f"/v1/leads/{lead_id}/reprocess", idempotency_key="k1")
    assert await api.value("select round from lead") == 3


async def test_a_lead_of_a_source_that_asked_for_receipts_only_is_answered_when_it_is_decided(
    api: Api,
) -> None:
    quick, dana = await api.key("source", "quick"), await api.key("user", "dana")
    lead_id = (await api.post({"first_name": "Ann"}, key=quick)).json()["lead"]["id"]
    async with asyncio.timeout(10):
        while await api.value("select count(*) from lead where state = 'rejected'") == 0:
            await asyncio.sleep(0)
    answer = await again(api, lead_id, dana)
    assert (answer.status_code, answer.json()["outcome"]) == (201, "failure")


@pytest.mark.parametrize("query", ["?dry_run=perhaps", "?dry_run=2"])
async def test_a_word_that_is_no_yes_is_no_wish(api: Api, query: str) -> None:
    lead_id, dana = await rejected(api), await api.key("user", "dana")
    answer = await again(api, lead_id, dana, query)
    assert (answer.status_code, answer.json()["code"]) == (422, "unprocessable")
