"""`/in/{dialect}/{source}`: each dialect's own requests get its own answers, and only what was taken is kept."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from app.core.errors import NotDurable
from app.ingest.reply import replies
from tests.api.conftest import Api, serving
from tests.pipeline.house import CAMPAIGN, contract

DATA = Path(__file__).parents[1] / "data" / "dialects"
NAMES = replies.discover().names()
CHECKS = '[{check: duplicate, on: [email], within: "30d"}, {check: email, role: hold}]'
MAPPING = "{First_Name: first_name, FirstName: first_name, firstname: first_name, f_name: first_name, email_address: email}"
ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
PLACES = {"ID": ID, "NUMBER": r"[1-9]\d{0,15}", "ANY": r"[\s\S]*"}
SPLIT = re.compile(r"\b(?:ID|NUMBER|ANY)(?=\b|Z)")


def cases(name: str) -> dict[str, Any]:
    """Of people of their own: all dialects are asked in one service."""
    text = (DATA / f"{name}.yaml").read_text("utf-8").replace("example.com", f"{name}.example.com")
    return YAML(typ="safe", pure=True).load(text)


def sources(names: list[str]) -> str:
    written = ""
    for name in names:
        book = cases(name)
        entries = "".join(f"\n      - {entry}" for entry in [book["settings"], *book.get("also", [])])
        written += f"""
  - id: {name}
    campaign: solar
    price: "12.50"
    replies: {entries}
    mapping: {MAPPING}"""
    return written.replace("'", '"').replace("True", "true")


def house(buyer: Any, names: list[str]) -> str:
    return f"""{CAMPAIGN % (CHECKS, "exclusive")}
sources: {sources(names)}
  - {{id: other, campaign: solar}}
  - {{id: quick, campaign: solar, reply: receipt, replies: [{{reply: cake, ckm_campaign_id: 1, ckm_key: q}}]}}
  - {{id: paused, campaign: solar, paused: true, replies: [{{reply: cake, ckm_campaign_id: 1, ckm_key: q}}]}}
buyers: {contract("b1", buyer.url("/ok"), more="when: lead.state == 'CA'")}
"""


def pattern(text: str) -> re.Pattern[str]:
    parts = [re.escape(part) for part in SPLIT.split(text)]
    holes = [PLACES[hole] for hole in SPLIT.findall(text)] + [""]
    return re.compile("".join(part + hole for part, hole in zip(parts, holes, strict=True)))


async def ask(api: Api, name: str, given: dict[str, Any], key: str, last: str) -> httpx.Response:
    method = next(word for word in ("get", "post", "put") if word in given)
    headers = dict(given.get("headers", {}))
    for told, header in (("type", "content-type"), ("accept", "accept")):
        if told in given:
            headers[header] = given[told]
    path = f"/in/{name}/{name}/{given[method]}".replace("LAST", last).replace("key=KEY", f"key={key}")
    body = given.get("body", "").replace("key=KEY", f"key={key}")
    return await api.http.request(method, path, content=body.encode(), headers=headers)


def as_expected(response: httpx.Response, expect: dict[str, Any]) -> bool:
    return (
        response.status_code == expect["status"]
        and response.headers["content-type"] == expect.get("type", response.headers["content-type"])
        and pattern(expect["body"]).fullmatch(response.text) is not None
        and response.headers.get("location") == expect.get("location")
        and response.headers.get("allow") == expect.get("allow")
    )


async def test_every_dialect_is_spoken(buyer: Any, database_url: str, tmp_path: Path) -> None:
    async with serving(database_url, tmp_path, house(buyer, NAMES)) as api:
        for name in NAMES:
            key, last, kept = await api.key("source", name), "", 0
            for case in cases(name)["cases"]:
                response = await ask(api, name, case["given"], key, last)
                told = f"{name} should {case['should']}: {response.status_code} {response.headers} {response.text}"
                assert as_expected(response, case["expect"]), told
                kept += case.get("kept", True)
                assert await api.value("select count(*) from submission where source = $1", name) == kept, (
                    told
                )
                if case.get("kept", True):
                    row = await latest(api)
                    last = str(row["id"])
                    assert row["test"] is case.get("test", False), told
                    assert row["body"] == case.get("keeps", row["body"]), told
        await nothing_secret_is_kept(api)


async def latest(api: Api) -> dict[str, Any]:
    async with api.process.database.acquire() as conn:
        row = await conn.fetchrow("select id, test, body from submission order by id desc limit 1")
    return {**row, "body": json.loads(bytes(row["body"]))}


async def nothing_secret_is_kept(api: Api) -> None:
    for table in ("submission", "refusal"):
        query = f"select count(*) from {table} where position('s3cret' in convert_from(body, 'UTF8')) > 0"
        assert await api.value(query) == 0
        assert (
            await api.value(
                f"select count(*) from {table} where position('lg_src' in convert_from(body, 'UTF8')) > 0"
            )
            == 0
        )


@pytest.fixture
async def cake(buyer: Any, database_url: str, tmp_path: Path) -> Any:
    async with serving(database_url, tmp_path, house(buyer, ["cake"]), body_bytes=2_000) as api:
        api.acme = await api.key("source", "cake")
        yield api


LEAD = "f_name=Ann&email=ann@example.com&state=CA"


async def get(api: Api, source: str, query: str, **headers: str) -> httpx.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.http.get(f"/in/cake/{source}/d.ashx?{query}&{LEAD}", headers=given)


async def test_a_key_of_ours_is_taken_in_the_dialects_place_or_in_a_header(cake: Api) -> None:
    assert "success" in (await get(cake, "cake", f"ckm_key={cake.acme}")).text
    assert "Duplicate" in (await get(cake, "cake", "", authorization=f"Bearer {cake.acme}")).text
    assert "Duplicate" in (await get(cake, "cake", "", x_api_key=cake.acme)).text
    assert "Duplicate" in (await cake.http.get(f"/in/cake/cake/?{LEAD}", auth=("API", cake.acme))).text
    hints = await cake.value("select array_agg(distinct key_hint) from submission")
    assert hints == [cake.acme[-4:]]


async def test_a_key_opens_the_door_of_its_own_source_only(cake: Api) -> None:
    for key in (await cake.key("source", "other"), await cake.key("buyer", "b1"), "", "lg_src_x"):
        assert "Invalid Post Key" in (await get(cake, "cake", f"ckm_key={key}")).text
    assert "Invalid Post Key" in (await get(cake, "nobody", f"ckm_key={cake.acme}")).text
    assert "Invalid Post Key" in (await get(cake, "other", "ckm_campaign_id=3870&ckm_key=s3cret-there")).text
    assert await cake.value("select count(*) from submission") == 0


async def test_a_paused_source_is_told_so_and_a_stranger_is_not(cake: Api) -> None:
    assert "Inactive Campaign" in (await get(cake, "paused", "ckm_campaign_id=1&ckm_key=q")).text
    assert "Invalid Post Key" in (await get(cake, "paused", "ckm_campaign_id=1&ckm_key=z")).text


async def test_a_receipt_counts_as_taken_and_becomes_a_lead(cake: Api) -> None:
    response = await get(cake, "quick", "ckm_campaign_id=1&ckm_key=q")
    assert "<code>0</code><msg>success</msg>" in response.text
    assert await cake.value("select count(*) from submission where source = 'quick'") == 1


async def test_what_was_kept_is_read_again_by_whoever_decides_it(
    cake: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cake.process.engine, "later", lambda _: None)
    await get(cake, "quick", "ckm_campaign_id=1&ckm_key=q")
    async with cake.process.database.acquire() as conn:
        row = await conn.fetchrow("select body, content_type from submission")
    read = cake.process.reader.read(bytes(row["body"]), row["content_type"])
    assert read == [{"f_name": "Ann", "email": "ann@example.com", "state": "CA"}]


async def test_a_body_that_is_too_large_is_told_in_the_dialect(cake: Api) -> None:
    response = await cake.http.post("/in/cake/cake/d.ashx", content=b"x" * 3_000)
    assert response.status_code == 200
    assert "<code>1</code>" in response.text
    assert "2,000 bytes" in response.text


async def test_what_may_be_sent_again_is_never_a_200(cake: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any, **__: Any) -> Any:
        raise NotDurable("the database does not answer; send it again")

    monkeypatch.setattr(cake.process.engine, "keep", away)
    response = await get(cake, "cake", "ckm_campaign_id=3870&ckm_key=s3cret-there")
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")
    assert "<code>1</code><msg>error</msg>" in response.text


async def test_a_fault_of_ours_is_told_in_the_dialect_and_says_nothing(
    cake: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: Any, **__: Any) -> Any:
        raise RuntimeError("ann@example.com")

    monkeypatch.setattr(cake.process.engine, "keep", breaks)
    response = await get(cake, "cake", "ckm_campaign_id=3870&ckm_key=s3cret-there")
    assert response.status_code == 500
    assert "<code>1</code>" in response.text
    assert "ann@" not in response.text


async def test_a_process_that_drains_takes_nothing_new(cake: Api) -> None:
    assert cake.root.intake is not None
    cake.root.intake.draining = True
    assert (await get(cake, "cake", "ckm_campaign_id=3870&ckm_key=s3cret-there")).status_code == 503


async def test_an_idempotency_key_replays_its_answer(cake: Api) -> None:
    query = "ckm_campaign_id=3870&ckm_key=s3cret-there"
    first = await get(cake, "cake", query, idempotency_key="k-1")
    assert "success" in first.text
    assert (await get(cake, "cake", query, idempotency_key="k-1")).text == first.text
    assert "came before" in (await get(cake, "cake", query + "&x=1", idempotency_key="k-1")).text
    assert await cake.value("select count(*) from submission") == 1


async def test_what_a_proved_source_was_refused_with_is_kept_for_a_person(cake: Api) -> None:
    await cake.http.post(
        "/in/cake/cake/d.ashx?ckm_xml=1&ckm_campaign_id=3870&ckm_key=s3cret-there", content=b"<a>s3cret-there"
    )
    await cake.http.post("/in/cake/cake/d.ashx?ckm_xml=1&ckm_campaign_id=3870&ckm_key=wrong", content=b"<a>")
    await cake.process.engine.receiver.stop()
    async with cake.process.database.acquire() as conn:
        rows = await conn.fetch("select source, code, body from refusal")
    assert [(r["source"], r["code"], bytes(r["body"])) for r in rows] == [("cake", "syntax", b"<a>hidden")]


async def test_a_name_that_is_no_dialect_is_not_one(cake: Api) -> None:
    assert (await cake.http.get("/in/fax/cake/")).status_code == 404
