from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.conftest import Api, serving
from tests.buyer import Buyer
from tests.pipeline.house import catalogue, contract, source

LISTS = "lists: [{id: gone, of: email}]\n"
ANN = {"first_name": "Ann", "email": "ann@example.com", "phone": "(212) 555-1212", "state": "CA"}


@pytest.fixture
async def gate(database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with Buyer() as buyer:
        yaml = LISTS + catalogue(source("acme"), contract("sunco", buyer.url("/ok")))
        async with serving(database_url, tmp_path, yaml) as api:
            api.ops = await api.key("user", "ann")
            yield api


async def ask(gate: Api, path: str, body: object, key: str | None = None):
    return await gate.http.post(
        f"/admin/v1/persons/{path}", json=body, headers={"x-api-key": key or gate.ops}
    )


async def test_a_program_gets_everything_of_a_person_and_erases_it(gate: Api) -> None:
    lead = (await gate.post(ANN)).json()["lead"]["id"]
    told = await ask(gate, "export", {"who": "ann@example.com"})
    assert (told.status_code, [one["id"] for one in told.json()["leads"]]) == (200, [lead])
    assert told.headers["cache-control"] == "no-store"
    how_much = await ask(gate, "erase", {"who": "+12125551212", "dry_run": True})
    assert how_much.json() == {"leads": 1, "not_decided": 0, "refused": 0, "rows_not_read": 0}
    done = await ask(gate, "erase", {"who": "ann@example.com", "suppress": ["gone"]})
    proof = done.json()
    assert (done.status_code, proof["state"], proof["buyers"], proof["lists"]) == (
        200,
        "done",
        {"sunco": 1},
        ["gone"],
    )
    assert proof["by"] == "user ann"
    assert "ann@example.com" not in done.text
    shown = await gate.http.get(f"/admin/v1/persons/requests/{proof['id']}", headers={"x-api-key": gate.ops})
    assert shown.json() == proof
    assert (await ask(gate, "export", {"who": "ann@example.com"})).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"who": "nobody"}, 422),
        ({"who": ""}, 422),
        ({}, 422),
        ({"who": "bob@example.com", "nonsense": 1}, 422),
        ({"who": "0170 1234567", "country": "UI"}, 422),
        ({"who": "bob@example.com"}, 404),
        ({"who": "ann@example.com", "suppress": ["nolist"]}, 422),
    ],
)
async def test_what_can_not_be_done_is_said_without_the_contact(gate: Api, body: object, status: int) -> None:
    await gate.post(ANN)
    told = await ask(gate, "erase", body)
    assert told.status_code == status
    assert "example.com" not in told.text
    assert (await gate.post({**ANN, "first_name": "Bob"})).status_code == 201


async def test_only_a_user_may(gate: Api) -> None:
    for path in ("export", "erase"):
        assert (await ask(gate, path, {"who": "ann@example.com"}, gate.acme)).status_code == 401
    shown = await gate.http.get(
        "/admin/v1/persons/requests/00000000-0000-0000-0000-000000000000", headers={"x-api-key": gate.acme}
    )
    assert shown.status_code == 401
