"""Money for programs: booked once a key, shown as objects, tables and pages, to users alone."""

import csv
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import Api, serving
from tests.buyer import Buyer
from tests.pipeline.house import catalogue, contract, lead, source

PATH = "/admin/v1/money"
STATEMENT = f"{PATH}/statements/buyer/sunco"


@pytest.fixture
async def gate(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with Buyer() as buyer:
        yaml = catalogue(source("acme"), contract("sunco", buyer.url("/ok")))
        async with serving(database_url, tmp_path, yaml) as api:
            api.ops = await api.key("user", "ann")
            yield api


async def book(gate: Api, key: str = "", **said: Any) -> httpx.Response:
    headers = {"x-api-key": gate.ops} | ({"idempotency-key": key} if key else {})
    return await gate.http.post(f"{PATH}/entries", json=said, headers=headers)


async def shown(gate: Api, path: str, accept: str = "*/*") -> httpx.Response:
    return await gate.http.get(path, headers={"x-api-key": gate.ops, "accept": accept})


def month(gate: Api) -> str:
    return f"{gate.process.world.now():%Y-%m}"


async def test_what_is_booked_stands_on_the_statement_as_object_table_and_page(gate: Api) -> None:
    told = await book(gate, kind="deposit", buyer="sunco", amount="500", note="wire")
    assert told.status_code == 201
    assert told.json() == {
        "of": "buyer", "id": "sunco", "kind": "deposit", "amount": "500.00", "currency": "USD", "before": "0.00",
        "balance": "-500.00", "repeated": False,
    }  # fmt: skip
    assert (await gate.post(lead())).json()["outcome"] == "success"
    path = f"{STATEMENT}?month={month(gate)}"
    made = (await shown(gate, path)).json()
    assert [(one["kind"], one["amount"], one["balance"]) for one in made["entries"]] == [
        ("deposit", "-500.00", "-500.00"),
        ("sale", "42.00", "-458.00"),
    ]
    assert made["entries"][0]["by"] == "user ann"
    assert made["closing"] == [{"currency": "USD", "balance": "-458.00"}]
    assert {(one["kind"], one["total"]) for one in made["totals"]} == {
        ("deposit", "-500.00"),
        ("sale", "42.00"),
    }
    table = await shown(gate, path, "text/csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert table.headers["content-disposition"] == f'attachment; filename="statement-sunco-{month(gate)}.csv"'
    assert [row["kind"] for row in csv.DictReader(StringIO(table.text))] == ["deposit", "sale", "closing"]
    page = await shown(gate, path, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Closing balance" in page.text


async def test_an_invoice_is_an_object_a_table_and_a_page(gate: Api) -> None:
    for n in range(2):
        await gate.post(lead(f"ann{n}@example.com"))
    path = f"{PATH}/invoices/sunco?month={month(gate)}"
    (part,) = (await shown(gate, path, "application/json, text/html")).json()["parts"]
    assert (part["due"], part["lines"][0]["count"]) == ("84.00", 2)
    assert "84.00" in (await shown(gate, path, "text/csv")).text
    assert "To pay" in (await shown(gate, path, "text/html")).text


async def test_the_same_key_books_once_and_another_entry_is_refused(gate: Api) -> None:
    said = {"kind": "payment", "buyer": "sunco", "amount": "42"}
    first, second = await book(gate, "k1", **said), await book(gate, "k1", **said)
    assert (first.status_code, second.status_code) == (201, 200)
    assert (second.json()["repeated"], second.json()["balance"]) == (True, "-42.00")
    other = await book(gate, "k1", **{**said, "amount": "43"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await gate.value("select count(*) from entry") == 1


async def test_a_dry_run_books_nothing(gate: Api) -> None:
    told = await book(gate, kind="deposit", buyer="sunco", amount="5", dry_run=True)
    assert (told.status_code, told.json()["balance"]) == (200, "-5.00")
    assert await gate.value("select count(*) from entry") == 0


async def test_balances_are_as_their_parties_see_them(gate: Api) -> None:
    await gate.post(lead())
    assert (await shown(gate, f"{PATH}/balances")).json() == [
        {"of": "buyer", "id": "sunco", "currency": "USD", "balance": "42.00"},
        {"of": "source", "id": "acme", "currency": "USD", "balance": "12.50"},
    ]
    assert [one["id"] for one in (await shown(gate, f"{PATH}/balances?id=acme")).json()] == ["acme"]


async def test_profit_is_told_by_what_is_asked(gate: Api) -> None:
    await gate.post(lead())
    day = f"{gate.process.world.now():%Y-%m-%d}"
    assert (await shown(gate, f"{PATH}/profit?by=buyer&since={day}")).json() == [
        {
            "buyer": "sunco", "currency": "USD", "sales": 1, "revenue": "42.00", "returns": "0.00",
            "absorbed_returns": "0.00", "credits": "0.00",
            "cost": "12.50", "margin": "29.50", "margin_percent": "70.2",
        }
    ]  # fmt: skip
    assert (await shown(gate, f"{PATH}/profit?since=2020-01-01")).status_code == 422


@pytest.mark.parametrize(
    ("said", "status", "where"),
    [
        ({"kind": "deposit", "amount": "5"}, 422, "buyer"),
        ({"kind": "deposit", "buyer": "sunco", "source": "acme", "amount": "5"}, 422, "buyer"),
        ({"kind": "deposit", "source": "acme", "amount": "5"}, 422, "source"),
        ({"kind": "sale", "buyer": "sunco", "amount": "5"}, 422, "kind"),
        ({"kind": "deposit", "buyer": "sunco", "amount": "-5"}, 422, "amount"),
        ({"kind": "deposit", "buyer": "sunco", "amount": "1e99"}, 422, "amount"),
        ({"kind": "deposit", "buyer": "sunco", "amount": True}, 422, "amount"),
        ({"kind": "credit", "buyer": "sunco", "amount": "5"}, 422, "note"),
        ({"kind": "deposit", "buyer": "sunco", "amount": "5", "currency": "$"}, 422, "currency"),
        ({"kind": "deposit", "buyer": "nobody", "amount": "5"}, 404, None),
    ],
)
async def test_what_makes_no_sense_is_refused(
    gate: Api, said: dict[str, Any], status: int, where: str | None
) -> None:
    told = await book(gate, **said)
    assert (told.status_code, told.json().get("where")) == (status, where)
    assert await gate.value("select count(*) from entry") == 0


@pytest.mark.parametrize(
    "path",
    [
        "/balances",
        "/statements/buyer/sunco?month=2026-11",
        "/invoices/sunco?month=2026-11",
        "/profit?since=2026-11-01",
    ],
)
async def test_money_is_shown_to_nobody_without_a_user_key(gate: Api, path: str) -> None:
    for key in (None, gate.acme):
        assert (await gate.get(PATH + path, key)).status_code == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/statements/buyer/nobody?month=2026-11", 404),
        ("/statements/campaign/solar?month=2026-11", 422),
        ("/statements/buyer/sunco?month=2026-99", 422),
        ("/statements/buyer/sunco?month=2026-11&zone=Nowhere", 422),
        ("/statements/buyer/sunco", 422),
        ("/invoices/acme?month=2026-11", 404),
        ("/profit?since=2026-11-01&by=person", 422),
    ],
)
async def test_what_does_not_exist_is_told(gate: Api, path: str, status: int) -> None:
    assert (await shown(gate, PATH + path)).status_code == status
