"""`POST /v1/leads`: every answer that a source can get, and nothing kept of what was refused."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from app.api.replies import wants_xml
from tests.api.conftest import Api, serving
from tests.pipeline.house import lead


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """The body, after looking that it is a problem of this status and code."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert (body["status"], body["code"], body["type"]) == (status, code, f"/docs/problems#{code}")
    assert body["title"]
    assert body["detail"]
    return body


async def test_a_sold_lead_is_a_201_with_its_price(api: Api) -> None:
    response = await api.post(lead())
    assert response.status_code == 201
    body = response.json()
    assert body == {"outcome": "success", "lead": {"id": body["lead"]["id"]}, "price": "12.50"}


async def test_a_refused_lead_is_a_201_too(api: Api) -> None:
    response = await api.post({"email": "ann@example.com"})
    assert response.status_code == 201
    body = response.json()
    assert (body["outcome"], body["price"]) == ("failure", "0.00")
    assert body["reason"] == body["reasons"][0]["message"]
    assert body["reasons"][0]["code"] == "missing"


async def test_a_receipt_is_a_202_with_an_address_to_ask(api: Api) -> None:
    response = await api.post(lead(), key=await api.key("source", "quick"))
    assert response.status_code == 202
    body = response.json()
    assert (body["outcome"], body["state"]) == ("pending", "received")
    assert body["status_url"] == f"http://leads.test/v1/leads/{body['lead']['id']}"


async def test_a_configured_address_is_the_one_that_is_told(
    database_url: str, tmp_path: Path, house: str
) -> None:
    async with serving(database_url, tmp_path, house, public_url="https://leads.example/") as api:
        response = await api.post(lead(), key=await api.key("source", "quick"))
        assert response.json()["status_url"].startswith("https://leads.example/v1/leads/")


async def test_a_held_lead_is_a_202(api: Api) -> None:
    response = await api.post(lead("info@example.com"))
    assert (response.status_code, response.json()["state"]) == (202, "held")


async def test_several_leads_get_several_results_and_one_that_is_open_makes_a_202(api: Api) -> None:
    response = await api.post([lead("a@example.com"), {"first_name": "B"}, lead("info@example.com")])
    assert response.status_code == 202
    assert [one["outcome"] for one in response.json()["results"]] == ["success", "failure", "pending"]
    response = await api.post([lead("d@example.com"), lead("e@example.com")])
    assert response.status_code == 201


async def test_xml_is_answered_in_xml_where_it_is_asked_for(api: Api) -> None:
    response = await api.post({"email": "ann@example.com"}, accept="application/xml")
    assert (response.status_code, response.headers["content-type"]) == (201, "application/xml")
    result = ElementTree.fromstring(response.content)
    assert (result.tag, result.findtext("outcome"), result.findtext("price")) == ("result", "failure", "0.00")
    reason = result.find("reasons/reason")
    assert reason is not None
    assert (reason.get("code"), reason.get("field")) == ("missing", "first_name")
    several = await api.post([lead("a@example.com"), lead("b@example.com")], accept="text/xml")
    assert [one.findtext("outcome") for one in ElementTree.fromstring(several.content)] == ["success"] * 2


@pytest.mark.parametrize(
    "accept, xml",
    [
        ("", False),
        ("*/*", False),
        ("application/xml", True),
        ("text/xml", True),
        ("APPLICATION/XML", True),
        ("application/xml;q=0.9, application/json", False),
        ("application/xml, application/json;q=0.9", True),
        ("application/xml, application/json", False),
        ("application/xml, */*", True),
        ("application/xml;q=0.5, */*;q=0.8", False),
        ("text/html, application/xml;q=0.9, */*;q=0.8", True),
        ("application/xml;q=0", False),
        ("application/xml;q=0, application/json;q=0", False),
        ("application/xml;q=much", False),
        ("application/atom+xml", False),
    ],
)
def test_the_kind_of_answer_follows_the_weights(accept: str, xml: bool) -> None:
    assert wants_xml(accept.encode()) is xml


@pytest.mark.parametrize(
    "body, kind",
    [
        (b"first_name=Ann&email=ann%40example.com", "application/x-www-form-urlencoded"),
        (b"<lead><first_name>Ann</first_name><email>ann@example.com</email></lead>", "application/xml"),
        (b"<lead><first_name>Ann</first_name><email>ann@example.com</email></lead>", "text/xml"),
        (
            b'--X\r\nContent-Disposition: form-data; name="first_name"\r\n\r\nAnn\r\n'
            b'--X\r\nContent-Disposition: form-data; name="email"\r\n\r\nann@example.com\r\n--X--\r\n',
            "multipart/form-data; boundary=X",
        ),
    ],
)
async def test_every_format_is_taken(api: Api, body: bytes, kind: str) -> None:
    response = await api.post(body, content_type=kind)
    assert (response.status_code, response.json()["outcome"]) == (201, "success")


async def test_bad_input_is_a_problem_that_names_the_place_and_keeps_nothing(api: Api) -> None:
    body = problem(await api.post(b'{"a": 1,}', content_type="application/json"), 400, "syntax")
    assert body["where"] == "line 1, column 9"
    problem(await api.post(b"", content_type="application/json"), 400, "empty")
    problem(await api.post(b'{"a": NaN}', content_type="application/json"), 400, "number")
    problem(await api.post(b"a=1", content_type="image/png"), 415, "unknown_type")
    problem(await api.post(b"a=1"), 415, "unknown_type")
    assert await api.value("select count(*) from submission") == 0


async def test_keys_are_asked_for_and_told_apart(api: Api) -> None:
    response = await api.http.post("/v1/leads", json=lead())
    problem(response, 401, "no_key")
    assert response.headers["www-authenticate"] == 'Bearer realm="leadgate"'
    problem(await api.post(lead(), key="lg_src_wrong"), 401, "no_key")
    buyers = problem(await api.post(lead(), key=await api.key("buyer", "b1")), 401, "no_key")
    assert "buyer" in buyers["detail"]
    header = await api.http.post("/v1/leads", json=lead(), headers={"x-api-key": api.acme})
    assert header.status_code == 201


async def test_a_paused_source_is_told_so(api: Api) -> None:
    problem(await api.post(lead(), key=await api.key("source", "paused")), 404, "source_off")
    problem(await api.post(lead(), key=await api.key("source", "nobody")), 404, "source_off")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_leads_are_posted(api: Api, method: str) -> None:
    response = await api.http.request(method, "/v1/leads")
    problem(response, 405, "method")
    assert response.headers["allow"] == "POST"


async def test_a_body_has_a_limit_told_or_not(database_url: str, tmp_path: Path, house: str) -> None:
    async with serving(database_url, tmp_path, house, body_bytes=2_000) as api:
        big = json.dumps(lead(note="x" * 3_000)).encode()
        problem(await api.post(big, content_type="application/json"), 413, "too_large")

        async def chunks() -> Any:
            for at in range(0, len(big), 500):
                yield big[at : at + 500]

        problem(await api.post(chunks(), content_type="application/json"), 413, "too_large")
        assert await api.value("select count(*) from submission") == 0


async def test_a_body_that_does_not_come_is_too_slow(api: Api) -> None:
    messages = iter([{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/v1/leads", "query_string": b"",
        "headers": [(b"x-api-key", api.acme.encode()), (b"content-type", b"application/json")],
    }  # fmt: skip
    await api.root(scope, receive, send)
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["code"] == "too_slow"


async def test_an_idempotency_key_replays_its_answer(api: Api) -> None:
    first = await api.post(lead(), idempotency_key="k-1")
    again = await api.post(lead(), idempotency_key="k-1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert await api.value("select count(*) from lead") == 1
    problem(await api.post(lead("b@example.com"), idempotency_key="k-1"), 422, "idempotency_key_reused")
    problem(await api.post(lead(), idempotency_key="k" * 256), 422, "unprocessable")


async def test_a_replayed_receipt_is_not_made_to_wait(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    quick = await api.key("source", "quick")
    monkeypatch.setattr(api.process.engine, "later", lambda _: None)
    first = await api.post(lead(), key=quick, idempotency_key="k")
    again = await api.post(lead(), key=quick, idempotency_key="k")
    assert (again.status_code, again.json()) == (202, first.json())


@pytest.mark.parametrize("how", ["header", "query", "key"])
async def test_a_test_lead_is_marked_as_one(api: Api, how: str) -> None:
    if how == "header":
        await api.post(lead(), x_leadgate_test="true")
    elif how == "query":
        headers = {"authorization": f"Bearer {api.acme}"}
        await api.http.post("/v1/leads?test=1", json=lead(), headers=headers)
    else:
        await api.post(lead(), key=await api.key("source", "acme", test=True))
    assert await api.value("select test from lead") is True


async def test_a_process_that_drains_takes_nothing_new(api: Api) -> None:
    assert api.root.intake is not None
    api.root.intake.draining = True
    response = await api.post(lead())
    problem(response, 503, "not_durable")
    assert response.headers["retry-after"] == "2"


async def test_a_fault_of_ours_says_nothing_of_the_lead(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any) -> Any:
        raise RuntimeError("ann@example.com")

    monkeypatch.setattr(api.process.reader, "read", breaks)
    response = await api.post(lead())
    problem(response, 500, "internal")
    assert "ann" not in response.text


async def test_before_the_start_leads_are_asked_to_come_again(api: Api) -> None:
    intake, api.root.intake = api.root.intake, None
    problem(await api.post(lead()), 503, "not_durable")
    api.root.intake = intake
