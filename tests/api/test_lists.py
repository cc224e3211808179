from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.catalog.documents import ListDoc
from tests.api.conftest import Api, serving
from tests.buyer import Buyer
from tests.pipeline.house import catalogue, contract, source

LISTS = """
lists:
  - {id: dnc, of: phone}
  - {id: suers, of: phone, tell: false}
  - {id: rivals, of: domain}
"""
CHECKS = "[{check: suppression, lists: [dnc, suers, {list: rivals, action: flag}]}]"
PATH = "/admin/v1/lists/dnc/entries"
ANN = {"first_name": "Ann", "email": "ann@example.com", "phone": "(212) 555-1212", "state": "CA", "bill": 120}


@pytest.fixture
async def gate(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with Buyer() as buyer:
        yaml = LISTS + catalogue(source("acme"), contract("sunco", buyer.url("/ok")), checks=CHECKS)
        async with serving(database_url, tmp_path, yaml) as api:
            api.ops = await api.key("user", "ann")
            yield api


async def ask(gate: Api, path: str, body: object, key: str | None = None):
    return await gate.http.post(path, json=body, headers={"x-api-key": key or gate.ops})


async def test_a_lead_whose_number_was_put_on_a_list_is_refused_at_once_and_bought_when_it_is_off(
    gate: Api,
) -> None:
    told = await ask(gate, PATH, {"add": ["212-555-1212", "2125551213"]})
    assert (told.status_code, told.json()) == (
        200, {"list": "dnc", "added": 2, "removed": 0, "refused": []}
    )  # fmt: skip
    answer = (await gate.post(ANN)).json()
    assert answer["reasons"] == [
        {"code": "suppressed", "field": "phone", "message": "phone is on the list dnc"}
    ]
    assert (await ask(gate, PATH, {"remove": ["+12125551212"]})).json()["removed"] == 1
    assert (await gate.post(ANN)).json()["outcome"] == "success"


async def test_of_a_list_that_is_not_to_be_told_of_a_source_hears_what_it_hears_where_reasons_are_coarse(
    gate: Api,
) -> None:
    await ask(gate, "/admin/v1/lists/suers/entries", {"add": ["2125551212"]})
    answer = await gate.post(ANN)
    assert answer.json()["reasons"] == [
        {"code": "refused", "field": "", "message": "the lead was not accepted"}
    ]
    assert "suers" not in answer.text
    lead = answer.json()["lead"]["id"]
    assert "suers" not in (await gate.get(f"/v1/leads/{lead}", gate.acme)).text
    findings = await gate.value("select findings::text from lead_detail where lead_id = $1::uuid", lead)
    assert '"list": "suers"' in findings or '"list":"suers"' in findings


async def test_what_is_no_entry_is_told_by_its_place_and_the_rest_is_done(gate: Api) -> None:
    told = await ask(gate, PATH, {"add": ["nope", "2125551212"], "remove": ["2125551213", "5"]})
    assert told.json() == {
        "list": "dnc",
        "added": 1,
        "removed": 1,
        "refused": [
            {"where": "add.0", "reason": "is no telephone number"},
            {"where": "remove.1", "reason": "is no telephone number"},
        ],
    }


async def test_what_is_on_lists_is_shown(gate: Api) -> None:
    await ask(gate, PATH, {"add": ["2125551212"]})
    shown = (await gate.get("/admin/v1/lists", gate.ops)).json()
    assert [(one["id"], one["of"], one["tell"], one["entries"], one["changes"]) for one in shown] == [
        ("dnc", "phone", True, 0, 1),
        ("rivals", "domain", True, 0, 0),
        ("suers", "phone", False, 0, 0),
    ]


async def test_a_value_is_looked_up_as_a_lead_would_be(gate: Api) -> None:
    await ask(gate, "/admin/v1/lists/rivals/entries", {"add": ["rival.example"]})
    found = await ask(gate, "/admin/v1/lists/check", {"value": "mail.rival.example"})
    assert found.json() == {"lists": ["rivals"]}
    assert (await ask(gate, "/admin/v1/lists/check", {"value": "2125551212"})).json() == {"lists": []}


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/admin/v1/lists/nope/entries", b'{"add": []}', 404, "not_found"),
        (PATH, b"", 400, "empty"),
        (PATH, b'{"add": [', 400, "syntax"),
        (PATH, b'{"ad": []}', 422, "unprocessable"),
        (PATH, b'{"add": [1]}', 422, "unprocessable"),
        (PATH, b'{"add": [' + b'"2125551212",' * 10_000 + b'"2125551212"]}', 422, "unprocessable"),
        (PATH, b'{"add": ["' + b"2" * 1_000_000 + b'"]}', 413, "too_large"),
        ("/admin/v1/lists/check", b'{"value": ""}', 422, "unprocessable"),
    ],
)
async def test_a_request_that_can_not_be_meant_is_a_problem_and_changes_nothing(
    gate: Api, path: str, body: bytes, status: int, code: str
) -> None:
    told = await gate.http.post(path, content=body, headers={"x-api-key": gate.ops})
    assert (told.status_code, told.json()["code"]) == (status, code)
    assert "2125551212" not in told.text
    assert await gate.value("select count(*) from suppression_change") == 0


@pytest.mark.parametrize("kind", ["source", "buyer", None])
async def test_only_a_user_s_key_opens_lists(gate: Api, kind: str | None) -> None:
    key = "nobody's" if kind is None else await gate.key(kind, {"source": "acme", "buyer": "sunco"}[kind])
    for told in (
        await gate.get("/admin/v1/lists", key),
        await ask(gate, PATH, {"add": []}, key),
        await ask(gate, "/admin/v1/lists/check", {"value": "1"}, key),
    ):
        assert (told.status_code, told.json()["code"]) == (401, "no_key")


async def test_a_batch_of_leads_asks_for_its_lists_once(gate: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.store import suppression

    sizes: list[int] = []
    hits = suppression.hits

    async def counted(conn, asked):
        sizes.append(len(asked))
        return await hits(conn, asked)

    monkeypatch.setattr(suppression, "hits", counted)
    leads = [{**ANN, "phone": f"212555{n:04}", "email": f"ann{n}@example.com"} for n in range(50)]
    await ask(gate, PATH, {"add": ["2125550007"]})
    results = (await gate.post(leads)).json()["results"]
    assert [n for n, one in enumerate(results) if one["outcome"] == "failure"] == [7]
    assert len(sizes) == 1
    assert sizes[0] == 50 * 2 + 1  # two lists of phones; the one domain of all of them is asked for once


async def test_a_list_that_is_loaded_meanwhile_holds_for_the_next_lead(gate: Api, tmp_path: Path) -> None:
    assert (await gate.post(ANN)).json()["outcome"] == "success"
    file = tmp_path / "dnc.csv"
    file.write_text("phone\n" + "".join(f"212555{n:04}\n" for n in range(10_000)))
    await gate.process.attended.lists.load(ListDoc(id="dnc", of="phone"), file, "replace", by="ann")
    assert (await gate.post(ANN)).json()["reasons"][0]["code"] == "suppressed"
