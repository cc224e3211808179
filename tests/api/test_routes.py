"""What sources, buyers, people and monitoring read beside the intake."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.api.description import meanings
from app.api.openapi import document
from app.core.metrics import METRICS
from app.store.database import Away
from tests.api.conftest import Api
from tests.api.test_intake import problem
from tests.buyer import reply, says
from tests.pipeline.house import lead

NOBODY = "01a20202-aefc-7ccb-9e6d-fd8cf1aed9d0"
ROOT = Path(__file__).parents[2]


async def sold(api: Api) -> str:
    return str((await api.post(lead())).json()["lead"]["id"])


async def unclear(api: Api) -> tuple[str, str]:
    """(lead, delivery) that only the buyer can tell the end of."""
    says("/ok", b"")
    try:
        id_ = str((await api.post(lead())).json()["lead"]["id"])
    finally:
        says("/ok", reply())
    return id_, str(await api.value("select id from delivery"))


async def test_a_source_sees_its_own_lead(api: Api) -> None:
    id_ = await sold(api)
    body = (await api.get(f"/v1/leads/{id_}", api.acme)).json()
    assert (body["id"], body["state"], body["outcome"], body["price"]) == (id_, "sold", "success", "12.50")
    assert [moment["what"] for moment in body["timeline"]] == ["received", "accepted", "sold"]
    assert not re.search(r"\bb1\b", json.dumps(body))


async def test_another_sources_lead_does_not_exist(api: Api) -> None:
    id_ = await sold(api)
    other = await api.get(f"/v1/leads/{id_}", await api.key("source", "quick"))
    nobody = await api.get(f"/v1/leads/{NOBODY}", api.acme)
    assert problem(other, 404, "not_found") == problem(nobody, 404, "not_found")
    problem(await api.get("/v1/leads/no-id", api.acme), 404, "not_found")
    problem(await api.get(f"/v1/leads/{id_}"), 401, "no_key")
    problem(await api.get(f"/v1/leads/{id_}", await api.key("buyer", "b1")), 401, "no_key")


async def test_every_lead_of_an_undecided_submission_can_be_asked_for(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = await api.key("source", "quick")
    monkeypatch.setattr(api.process.engine, "later", lambda _: None)
    answer = await api.post([lead("a@example.com"), lead("b@example.com")], key=quick)
    for one in answer.json()["results"]:
        body = (await api.get(one["status_url"], quick)).json()
        assert (body["state"], body["outcome"]) == ("received", "pending")
        problem(await api.get(one["status_url"], api.acme), 404, "not_found")


async def confirm(api: Api, delivery: str, key: str, body: Any) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    return await api.http.post(f"/v1/deliveries/{delivery}/confirm", content=content, headers=headers)


async def test_a_buyer_says_later_that_it_took_the_lead(api: Api) -> None:
    id_, delivery = await unclear(api)
    key = await api.key("buyer", "b1")
    yes = {"outcome": "accepted", "reference": "R-1", "price": "40.00"}
    assert (await confirm(api, delivery, key, yes)).json() == {
        "delivery": delivery, "outcome": "accepted", "repeated": False,
    }  # fmt: skip
    assert (await api.get(f"/v1/leads/{id_}", api.acme)).json()["state"] == "sold"
    assert str(await api.value("select revenue from lead")) == "40.00"
    assert await api.value("select reference from delivery") == "R-1"
    assert (await confirm(api, delivery, key, yes)).json()["repeated"] is True
    problem(await confirm(api, delivery, key, {"outcome": "rejected"}), 409, "ended_otherwise")
    assert str(await api.value("select revenue from lead")) == "40.00"


@pytest.mark.parametrize("outcome", ["rejected", "duplicate"])
async def test_a_buyer_says_later_that_it_did_not_take_the_lead(api: Api, outcome: str) -> None:
    id_, delivery = await unclear(api)
    answer = await confirm(
        api, delivery, await api.key("buyer", "b1"), {"outcome": outcome, "reason": "out of area"}
    )
    assert answer.json()["repeated"] is False
    body = (await api.get(f"/v1/leads/{id_}", api.acme)).json()
    assert (body["state"], body["outcome"], body["price"]) == ("unsold", "failure", "0.00")
    assert await api.value("select reason from delivery") == "out of area"


async def test_only_its_buyer_confirms_a_delivery(api: Api) -> None:
    _, delivery = await unclear(api)
    yes = {"outcome": "accepted"}
    stranger, own = await api.key("buyer", "other"), await api.key("buyer", "b1")
    theirs = problem(await confirm(api, delivery, stranger, yes), 404, "not_found")
    assert theirs == problem(await confirm(api, NOBODY, own, yes), 404, "not_found")
    problem(await confirm(api, delivery, api.acme, yes), 401, "no_key")
    problem(await confirm(api, "no-id", own, yes), 404, "not_found")


async def test_a_confirmation_that_can_not_be_read_is_told_where(api: Api) -> None:
    _, delivery = await unclear(api)
    key = await api.key("buyer", "b1")
    bad: list[tuple[Any, int, str, str | None]] = [
        (b"{", 400, "syntax", None),
        (b"", 400, "syntax", None),
        ({"outcome": "perhaps"}, 422, "unprocessable", "outcome"),
        ({"outcome": "accepted", "unknown": 1}, 422, "unprocessable", "unknown"),
        ({"outcome": "accepted", "price": "-1"}, 422, "unprocessable", "price"),
        ({"outcome": "accepted", "price": "NaN"}, 422, "unprocessable", "price"),
        ({"outcome": "accepted", "price": 1e30}, 422, "unprocessable", "price"),
        ({"outcome": "accepted", "reference": "a\0b"}, 422, "unprocessable", "reference"),
        ([], 422, "unprocessable", None),
        (b" " * 70_000, 413, "too_large", None),
    ]
    for body, status, code, where in bad:
        assert problem(await confirm(api, delivery, key, body), status, code).get("where") == where
    problem(await confirm(api, delivery, "nobody", b" " * 70_000), 401, "no_key")
    assert await api.value("select state from delivery") == "unclear"


async def test_what_is_not_there_is_a_problem_too(api: Api) -> None:
    problem(await api.get("/nowhere"), 404, "not_found")
    response = await api.http.delete("/healthz")
    problem(response, 405, "method")
    assert response.headers["allow"] == "GET"


async def test_alive_and_ready_are_two_things(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await api.get("/healthz")).json()["status"] == "ok"
    assert (await api.get("/readyz")).json()["status"] == "ready"

    async def away() -> float:
        raise Away("gone")

    monkeypatch.setattr(api.process.database, "ping", away)
    response = await api.get("/readyz")
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert (await api.get("/healthz")).status_code == 200


async def test_without_a_database_a_reader_is_asked_to_come_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Any:
        raise Away("gone")

    monkeypatch.setattr(api.process.database, "acquire", away)
    problem(await api.get(f"/v1/leads/{NOBODY}", api.acme), 503, "not_durable")


async def test_metrics_have_the_declared_names(api: Api) -> None:
    await sold(api)
    await api.process.upkeep.gauges()
    api.process.sharing.write()
    response = await api.get("/metrics")
    families = {family.name: family for family in text_string_to_metric_families(response.text)}
    declared = {one.name.removesuffix("_total") for one in METRICS}
    assert {name.removesuffix("_total") for name in families} <= declared
    assert {"leadgate_leads", "leadgate_deliveries", "leadgate_queue_depth"} <= families.keys()
    (answered,) = [s for s in families["leadgate_answers"].samples if s.labels["outcome"] == "success"]
    assert answered.value == 1


async def test_the_docs_show_every_route(api: Api) -> None:
    page = await api.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for path in document()["paths"]:
        assert path in page.text
    assert (await api.http.get("/")).headers["location"] == "/docs"


async def test_every_code_that_is_raised_is_explained(api: Api) -> None:
    page = (await api.get("/docs/problems")).text
    raised = set()
    for folder in ("api", "pipeline", "ingest", "core"):
        for file in (ROOT / "app" / folder).rglob("*.py"):
            raised |= set(re.findall(r"""(?:code=|, code = )["']([a-z_]+)["']""", file.read_text()))
    raised |= set(meanings())
    assert {"syntax", "idempotency_key_reused", "not_durable", "internal"} <= raised
    for code in raised:
        assert f'id="{code}"' in page, f"{code} is not explained at /docs/problems"


def test_the_document_that_is_checked_in_is_this_codes() -> None:
    kept = json.loads((ROOT / "openapi" / "openapi.json").read_text())
    assert kept == document(), "openapi/openapi.json is not this code's: make openapi"
