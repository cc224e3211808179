"""A lead is found by what people know of it, and leads are counted by what ended them."""

from datetime import timedelta

import pytest

from app.components import discover
from app.ingest.fieldtype import fieldtypes
from app.pipeline.whom import needles_of, whom
from app.store import persons
from tests.commands.conftest import Gate, Leadgate, contract, objects, source
from tests.e2e.counting import CountingBuyer, rejects


@pytest.fixture
async def day(gate: Gate, buyer: CountingBuyer) -> dict[str, str]:
    """One lead of each kind: name → its id."""
    await gate.configure(
        source().rstrip() + "\n    reasons: coarse\n",
        source("other"),
        contract("sunco-west", buyer.url("sunco-west")),
        check="{check: email, disposable: reject, role: hold}",
    )
    ids = {"sold": await gate.post(email="ann@dana.example")}
    ids["twice"] = await gate.post(email="ann@dana.example")
    ids["thrown"] = await gate.post(email="ann@mailinator.com")
    ids["held"] = await gate.post(email="info@dana.example")
    buyer.says["sunco-west"] = rejects
    ids["unsold"] = await gate.post(email="cid@dana.example")
    test = await gate.http.post(
        "/v1/leads?test=rejected", json={"first_name": "T", "email": "t@dana.example"}
    )
    ids["test"] = test.json()["lead"]["id"]
    return ids


async def test_the_latest_stands_first_with_our_own_words_for_what_ended_it(
    day: dict[str, str], leadgate: Leadgate
) -> None:
    told = await leadgate("leads", "--utc")
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert [line.split()[1] for line in lines] == [id_[-8:] for id_ in reversed(day.values())]
    assert lines[-1].split()[4:] == ["acme", "solar", "sold", "42.00", "USD"]
    assert f"same email as …{day['sold'][-8:]} of " in lines[-2]  # though its source was told less
    assert "rejected (test)" in lines[0]
    assert "dana" not in told.output


async def test_by_state_reason_source_and_time_only_those_are_found(
    day: dict[str, str], leadgate: Leadgate
) -> None:
    async def found(*words: str) -> list[str]:
        names = {id_: name for name, id_ in day.items()}
        return [names[one["id"]] for one in objects(await leadgate("leads", *words, "--json"))]

    assert await found("--state", "rejected,held") == ["test", "held", "thrown", "twice"]
    assert await found("--reason", "duplicate") == ["twice"]
    assert await found("--reason", "refused") == ["test", "unsold"]  # as a coarse source is told
    assert await found("--state", "unsold", "--state", "sold") == ["unsold", "sold"]
    assert await found("--source", "other") == []
    assert await found("--limit", "1", "--campaign", "solar") == ["test"]
    assert await found("--until", "2001-01-01", "--since", "2000-06-01") == []
    nothing = await leadgate("leads", "--source", "other")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert nothing.stderr == "no such lead in this time; --since 30d looks further back\n"
    assert (await leadgate("leads", "--state", "lost")).exit_code == 2


async def test_whoever_is_named_is_found_however_it_is_written_and_nobody_is_shown(
    day: dict[str, str], leadgate: Leadgate
) -> None:
    told = await leadgate("leads", " ANN@Dana.example ")
    assert [line.split()[1] for line in told.stdout.splitlines()] == [day["twice"][-8:], day["sold"][-8:]]
    assert "dana" not in told.output.lower()
    [by_id] = objects(await leadgate("leads", day["held"], "--json"))
    assert (by_id["state"], by_id["check"], by_id["code"]) == ("held", "email", "role")
    nobody = await leadgate("leads", "nobody@dana.example")
    assert (nobody.exit_code, nobody.stdout) == (0, "")
    assert "leadgate person export WHO" in nobody.stderr
    wrong = await leadgate("leads", "who-is-this")
    assert (wrong.exit_code, "who-is-this" in wrong.output) == (1, False)


async def test_days_before_a_moment_that_is_named_are_not_looked_through(
    day: dict[str, str], gate: Gate
) -> None:
    discover()
    needles = needles_of([whom("ann@dana.example", fieldtypes, country="US")])
    now = gate.process.world.now()
    async with gate.database.acquire() as conn:
        every = await persons.leads_with(conn, needles)
        assert {str(one) for one in every} == {day["sold"], day["twice"]}
        assert await persons.leads_with(conn, needles, now) == every
        assert await persons.leads_with(conn, needles, now + timedelta(days=3)) == set()


async def test_counted_by_what_ended_them_tests_are_left_out(day: dict[str, str], leadgate: Leadgate) -> None:
    told = await leadgate("leads", "--reasons")
    assert [line.split() for line in told.stdout.splitlines()] == [
        ["1", "acme", "solar", "held", "role", "email"],
        ["1", "acme", "solar", "rejected", "duplicate", "duplicate"],
        ["1", "acme", "solar", "rejected", "disposable", "email"],
        ["1", "acme", "solar", "sold", "—"],
        ["1", "acme", "solar", "unsold", "refused"],
    ]
    [one] = objects(await leadgate("leads", "--reasons", "--state", "unsold", "--json"))
    assert one == {
        "source": "acme", "campaign": "solar", "state": "unsold", "check": "", "code": "refused", "leads": 1,
    }  # fmt: skip
