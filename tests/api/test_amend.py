"""A source goes on with a lead of its own over HTTP: begun, completed, corrected, asked for again."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from app.store.database import Database
from tests.api.conftest import Api

JSON = {"content-type": "application/json"}
ANN = {"first_name": "Ann", "phone": "+14155550123"}


async def send(
    api: Api, method: str, path: str, body: Any = None, *, key: str = "", **headers: str
) -> httpx.Response:
    given = {"authorization": f"Bearer {key or api.acme}", **JSON}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    content = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
    return await api.http.request(method, path, content=content, headers=given)


async def rejected(api: Api, **fields: str) -> str:
    answer = (await api.post({"first_name": "Ann", **fields})).json()
    assert answer["outcome"] == "failure"
    return str(answer["lead"]["id"])


async def test_a_lead_is_begun_corrected_and_completed_under_one_id(api: Api) -> None:
    begun = await send(api, "POST", "/v1/leads?partial=1", ANN)
    assert (begun.status_code, begun.json()["outcome"], begun.json()["state"]) == (202, "pending", "partial")
    lead_id = begun.json()["lead"]["id"]
    assert begun.json()["status_url"].endswith(f"/v1/leads/{lead_id}")
    assert (await api.get(f"/v1/leads/{lead_id}", api.acme)).json()["state"] == "partial"
    patched = await send(api, "PATCH", f"/v1/leads/{lead_id}", {"first_name": "Anne"})
    assert (patched.status_code, patched.json()["state"]) == (200, "partial")
    done = await send(api, "POST", f"/v1/leads?completes={lead_id}", {"email": "ann@example.com"})
    assert (done.status_code, done.json()["outcome"]) == (201, "success")
    assert done.json()["lead"]["id"] == lead_id
    seen = (await api.get(f"/v1/leads/{lead_id}", api.acme)).json()
    assert (seen["state"], [one["what"] for one in seen["timeline"]][-1]) == ("sold", "sold")


async def test_the_same_mark_goes_on_with_the_lead_it_began(api: Api) -> None:
    first = await send(api, "POST", "/v1/leads?partial=1", ANN, idempotency_key="visitor")
    again = await send(api, "POST", "/v1/leads?partial=1", {"state": "CA"}, idempotency_key="visitor")
    assert first.json()["lead"] == again.json()["lead"]


async def test_a_correction_with_a_new_round_at_once_is_answered_as_a_post(api: Api) -> None:
    lead_id = await rejected(api)
    path = f"/v1/leads/{lead_id}?reprocess=1"
    asked = [
        send(api, "PATCH", path, {"email": "ann@example.com"}, idempotency_key="once") for _ in range(20)
    ]
    answers = await asyncio.gather(*asked)
    told = {(one.status_code, one.json().get("outcome")) for one in answers}
    assert (201, "success") in told
    assert {status for status, _ in told} <= {201, 202, 409}
    assert await api.value("select count(*) from delivery") == 1
    repeated = await send(api, "PATCH", path, {"email": "ann@example.com"}, idempotency_key="once")
    assert (repeated.status_code, repeated.json()["outcome"]) == (201, "success")
    late = await send(api, "PATCH", f"/v1/leads/{lead_id}", {"email": "bob@example.com"})
    assert (late.status_code, late.json()["code"]) == (409, "sold")


async def test_it_is_answered_in_xml_to_who_wants_xml(api: Api) -> None:
    lead_id = await rejected(api)
    answer = await send(api, "POST", f"/v1/leads/{lead_id}/reprocess", accept="application/xml")
    assert answer.status_code == 201
    assert answer.text.startswith("<result><outcome>failure</outcome>")


async def test_a_receipt_is_answered_by_a_receipt(api: Api) -> None:
    quick = await api.key("source", "quick")
    posted = await api.post({"first_name": "Ann"}, key=quick)
    lead_id = posted.json()["lead"]["id"]

    async with asyncio.timeout(10):
        while await api.value("select count(*) from lead where state = 'rejected'") == 0:
            await asyncio.sleep(0)
    answer = await send(
        api, "PATCH", f"/v1/leads/{lead_id}?reprocess=1", {"email": "a@example.com"}, key=quick
    )
    assert (answer.status_code, answer.json()["outcome"]) == (202, "pending")


@pytest.mark.parametrize(
    "method, path, body, status, code",
    [
        ("PATCH", "/v1/leads/{id}", b"{", 400, "syntax"),
        ("PATCH", "/v1/leads/{id}", b"", 400, "empty"),
        ("PATCH", "/v1/leads/{id}", b'[{"a": 1}, {"b": 2}]', 422, "several"),
        ("PATCH", "/v1/leads/nonsense", b'{"a": 1}', 404, "not_found"),
        ("PATCH", "/v1/leads/01a20202-b0f1-78ef-b670-e65ac63bbcc6", b'{"a": 1}', 404, "not_found"),
        ("POST", "/v1/leads/01a20202-b0f1-78ef-b670-e65ac63bbcc6/reprocess", None, 404, "not_found"),
        ("POST", "/v1/leads?completes={id}", b'{"a": 1}', 404, "not_found"),
        ("POST", "/v1/leads?completes=", b'{"a": 1}', 404, "not_found"),
        ("POST", "/v1/leads?partial=1", b"{", 400, "syntax"),
        ("POST", "/v1/leads?partial=1", b"x" * 1_100_000, 413, "too_large"),
        ("GET", "/v1/leads?partial=1", None, 405, "method"),
        ("DELETE", "/v1/leads/{id}", None, 405, "method"),
    ],
)
async def test_what_can_not_be_taken_is_a_problem(
    api: Api, method: str, path: str, body: bytes | None, status: int, code: str
) -> None:
    lead_id = await rejected(api)
    answer = await send(api, method, path.replace("{id}", lead_id), body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_of_another_type_is_refused_and_a_form_and_a_merge_patch_are_taken(api: Api) -> None:
    lead_id = await rejected(api)
    path = f"/v1/leads/{lead_id}"
    assert (await send(api, "PATCH", path, b"x", content_type="image/png")).status_code == 415
    kinds = {
        "application/merge-patch+json": b'{"state": "CA"}',
        "application/x-www-form-urlencoded": b"email=ann%40example.com",
    }
    for kind, body in kinds.items():
        assert (await send(api, "PATCH", path, body, content_type=kind)).status_code == 200


async def test_without_a_key_of_that_source_there_is_no_such_lead(api: Api) -> None:
    lead_id = await rejected(api)
    quick, buyer = await api.key("source", "quick"), await api.key("buyer", "b1")
    for method, path in (("PATCH", f"/v1/leads/{lead_id}"), ("POST", f"/v1/leads/{lead_id}/reprocess")):
        assert (await send(api, method, path, {"a": "b"}, key=quick)).status_code == 404
        assert (await send(api, method, path, {"a": "b"}, key=buyer)).status_code == 401
        assert (await send(api, method, path, {"a": "b"}, key="nonsense")).status_code == 401
    assert (await send(api, "POST", "/v1/leads?partial=1", ANN, key="nonsense")).status_code == 401


async def test_a_lead_that_was_given_up_is_completed_after_all(api: Api) -> None:
    begun = await send(api, "POST", "/v1/leads?partial=1", ANN)
    lead_id = begun.json()["lead"]["id"]
    await api.value("update partial set due_at = now() returning 1")
    async with asyncio.timeout(10):
        while await api.value("select count(*) from lead where state = 'rejected'") == 0:
            await asyncio.sleep(0.01)
    done = await send(api, "POST", f"/v1/leads?completes={lead_id}", {"email": "ann@example.com"})
    assert (done.status_code, done.json()["outcome"]) == (201, "success")


async def test_while_the_database_is_away_nothing_is_acknowledged(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead_id = await rejected(api)

    def away(self: Database) -> Any:
        raise ConnectionRefusedError

    monkeypatch.setattr(Database, "acquire", away)
    asked = [
        send(api, method, path, {"email": "ann@example.com"})
        for method, path in (
            ("PATCH", f"/v1/leads/{lead_id}"),
            ("POST", f"/v1/leads/{lead_id}/reprocess"),
            ("POST", "/v1/leads?partial=1"),
            ("POST", f"/v1/leads?completes={lead_id}"),
        )
    ]
    for answer in await asyncio.gather(*asked):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    monkeypatch.undo()
