"""People reach the pool by HTTP: each sees what is offered to it, and of a lead that it has not claimed nobody's contact."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import Api, serving
from tests.pipeline.house import catalogue, source
from tests.pipeline.pools import pooling

PEOPLE = "[{id: dana, name: Dana, team: west, capacity: 2}, {id: sam, name: Sam, team: west}, {id: kim, team: east}]"
ANN = {"first_name": "Ann O'Hara", "email": "ann@example.com", "phone": "(212) 555-1212", "state": "CA"}


def yaml(deliver: str = ", offer: {team: west}") -> str:
    return catalogue(source(), pooling(people=PEOPLE, deliver=deliver))


class Gate:
    """An API with the keys of everybody who may ask; a lead is posted before each test."""

    def __init__(self, api: Api) -> None:
        self.api, self.keys = api, {}

    async def open(self) -> None:
        for name, kind, owner in (
            ("dana", "user", "inside/dana"), ("sam", "user", "inside/sam"), ("kim", "user", "inside/kim"),
            ("buyer", "buyer", "inside"), ("ops", "user", "ann"),
        ):  # fmt: skip
            self.keys[name] = await self.api.key(kind, owner)
        self.lead = await self.another()

    async def another(self, email: str = "ann@example.com") -> str:
        answer = await self.api.post({**ANN, "email": email})
        assert (answer.status_code, answer.json()["state"]) == (202, "pooled"), answer.text
        return str(answer.json()["lead"]["id"])

    async def ask(self, who: str, word: str, **said: Any) -> httpx.Response:
        body = {key.rstrip("_"): value for key, value in said.items()}
        headers = {"x-api-key": self.keys.get(who, who)}
        return await self.api.http.post(f"/v1/pool/{word}", json=body, headers=headers)

    async def look(self, who: str, query: str = "") -> dict[str, Any]:
        answer = await self.api.get(f"/v1/pool{query}", self.keys[who])
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture
async def gate(database_url: str, tmp_path: Path) -> AsyncIterator[Gate]:
    async with serving(database_url, tmp_path, yaml()) as api:
        gate = Gate(api)
        await gate.open()
        yield gate


def code(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


async def test_before_a_claim_nobody_sees_how_the_person_is_reached(gate: Gate) -> None:
    seen = await gate.look("dana")
    [lead] = seen["leads"]
    assert (lead["lead"], lead["name"], lead["fields"]) == (gate.lead, "Ann O.", {"state": "CA"})
    assert (seen["free"], seen["mine"], seen["why_not"]) == (1, [], "")
    assert (await gate.look("kim"))["free"] == 0


async def test_the_lead_is_claimed_whole_kept_and_closed(gate: Gate) -> None:
    claimed = (await gate.ask("dana", "claim")).json()
    assert (claimed["lead"], claimed["name"], claimed["renewals_left"]) == (gate.lead, "Ann O'Hara", 3)
    assert claimed["fields"]["phone"] == "+12125551212"
    [mine] = (await gate.look("dana"))["mine"]
    assert (mine["lead"], mine["fields"]["email"], mine["until"]) == (
        gate.lead,
        "ann@example.com",
        claimed["until"],
    )
    kept = (await gate.ask("dana", "renew", lead=gate.lead)).json()
    assert (kept["renewals_left"], kept["until"] > claimed["until"]) == (2, True)
    closed = await gate.ask("dana", "close", lead=gate.lead, disposition="worked", reference="D-7")
    assert closed.json() == {"lead": gate.lead, "state": "sold"}
    told = (await gate.api.get(f"/v1/leads/{gate.lead}", gate.api.acme)).json()
    assert (told["state"], told["outcome"], told["price"]) == ("sold", "success", "12.50")


async def test_closed_again_it_is_closed_already_and_never_otherwise(gate: Gate) -> None:
    await gate.ask("dana", "claim")
    close = {"lead": gate.lead, "disposition": "accepted"}
    for _ in range(2):  # the answer to the first was lost
        closed = await gate.ask("dana", "close", **close)
        assert (closed.status_code, closed.json()) == (200, {"lead": gate.lead, "state": "sold"})
    other = await gate.ask("dana", "close", lead=gate.lead, disposition="rejected", reason="no roof")
    assert code(other) == (409, "ended_otherwise")
    assert code(await gate.ask("sam", "close", **close)) == (404, "not_found")


async def test_a_race_that_is_lost_says_to_whom_and_no_more(gate: Gate) -> None:
    await gate.ask("sam", "claim", lead=gate.lead)
    lost = await gate.ask("dana", "claim", lead=gate.lead)
    assert code(lost) == (409, "taken")
    assert lost.json()["detail"] in ("taken by Sam 0 s ago", "taken by Sam 1 s ago")
    assert "ann@" not in lost.text
    assert code(await gate.ask("dana", "release", lead=gate.lead)) == (404, "not_found")
    assert code(await gate.ask("kim", "claim")) == (404, "pool_empty")


async def test_released_it_is_the_next_ones(gate: Gate) -> None:
    await gate.ask("dana", "claim")
    assert (await gate.ask("dana", "release", lead=gate.lead, reason="speaks Polish")).json() == {
        "lead": gate.lead
    }
    assert code(await gate.ask("dana", "claim", lead=gate.lead)) == (409, "not_offered")
    assert (await gate.ask("sam", "claim")).json()["lead"] == gate.lead


async def test_capacity_is_told_where_people_look(gate: Gate) -> None:
    for n in range(3):
        await gate.another(f"ann{n}@example.com")
    for _ in range(2):
        await gate.ask("dana", "claim")
    assert code(await gate.ask("dana", "claim")) == (409, "capacity")
    seen = await gate.look("dana")
    assert (len(seen["mine"]), seen["leads"], seen["free"], seen["why_not"]) == (2, [], 0, "capacity")
    assert len((await gate.look("sam", "?limit=1"))["leads"]) == 1


async def test_blindly_the_next_is_claimed_and_none_is_shown(gate: Gate) -> None:
    await gate.api.configure(yaml(", view: blind_next"))
    seen = await gate.look("sam")
    assert (seen["leads"], seen["free"]) == ([], 1)
    assert code(await gate.ask("sam", "claim", lead=gate.lead)) == (409, "blind")
    assert (await gate.ask("sam", "claim")).json()["lead"] == gate.lead


async def test_in_an_open_pool_everybody_sees_all(gate: Gate) -> None:
    await gate.api.configure(yaml(", view: open"))
    [lead] = (await gate.look("sam"))["leads"]
    assert (lead["name"], lead["fields"]["email"]) == ("Ann O'Hara", "ann@example.com")


async def test_a_buyer_and_an_operator_say_for_whom(gate: Gate) -> None:
    assert code(await gate.ask("buyer", "claim")) == (422, "unprocessable")
    assert (await gate.ask("buyer", "claim", as_="sam")).json()["lead"] == gate.lead
    assert [one["lead"] for one in (await gate.look("ops", "?as=inside/sam"))["mine"]] == [gate.lead]
    assert code(await gate.ask("buyer", "claim", as_="eve")) == (404, "no_such_person")
    assert code(await gate.ask("ops", "claim", as_="other/sam")) == (404, "no_such_person")
    assert code(await gate.ask("dana", "claim", as_="sam")) == (422, "unprocessable")


async def test_a_person_is_no_operator_and_one_who_left_is_nobody(gate: Gate) -> None:
    assert code(await gate.api.get("/admin/v1/lists", gate.keys["dana"])) == (401, "no_key")
    assert code(await gate.ask("no such key", "claim")) == (401, "no_key")
    assert code(await gate.ask(gate.api.acme, "claim")) == (401, "no_key")
    await gate.api.configure(yaml().replace("{id: dana, name: Dana, team: west, capacity: 2}, ", ""))
    assert code(await gate.ask("dana", "claim")) == (401, "no_key")


SENSELESS: list[tuple[str, dict[str, Any], tuple[int, str]]] = [
    ("claim", {"lead": "nonsense"}, (404, "not_found")),
    ("claim", {"lead": 7}, (422, "unprocessable")),
    ("claim", {"lede": "x"}, (422, "unprocessable")),
    ("claim", {"lead": "019a9f3e-7b90-7d0a-b2f6-5c1e41f6b2d0"}, (404, "not_found")),
    ("renew", {"lead": "019a9f3e-7b90-7d0a-b2f6-5c1e41f6b2d0"}, (404, "not_found")),
    ("release", {}, (422, "unprocessable")),
    ("release", {"lead": "x", "reason": "a\0b"}, (422, "unprocessable")),
    ("close", {"lead": "x", "disposition": "perhaps"}, (422, "unprocessable")),
    (
        "close",
        {"lead": "019a9f3e-7b90-7d0a-b2f6-5c1e41f6b2d0", "disposition": "worked"},
        (404, "not_found"),
    ),
]


async def test_what_makes_no_sense_is_said(gate: Gate) -> None:
    for word, said, expected in SENSELESS:
        assert code(await gate.ask("dana", word, **said)) == expected, (word, said)


async def test_a_body_that_is_none_changes_nothing(gate: Gate) -> None:
    headers = {"x-api-key": gate.keys["dana"], "content-type": "application/json"}
    for body in (b"", b"{", b"\xff\xfe", b"[]", b"null"):
        answer = await gate.api.http.post("/v1/pool/claim", content=body, headers=headers)
        assert answer.status_code in (400, 422), body
    assert await gate.api.value("select count(*) from pool_claim") == 0
