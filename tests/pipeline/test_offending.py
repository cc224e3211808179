"""Who was found to be fraud is known when it comes again, until a person says otherwise."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.pipeline.faults import Retrying
from app.pipeline.reviewing import Reviewer
from app.store import upkeep
from app.store.database import Database
from app.store.leads import decode
from tests.pipeline.house import House, catalogue, lead, opened, source

CHECKS = """
      - {check: email, role: flag}
      - {check: device}
      - {check: offender, per: phone, within: 30d}
      - {check: offender, per: source, of: bots, share: 60, least: 3}
"""
FRAUD = "    fraud: {weights: {email.role: 60, offender.offender: 60, device: 1, device.program: 1}}\n    distribution:"
PHONE = {"phone": "+14155550123"}


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    written = catalogue(source(), source("other"), checks=CHECKS).replace("    distribution:", FRAUD)
    async with opened(database, written) as house:
        yield house


async def codes(house: House, record: dict[str, Any], **more: Any) -> list[str]:
    answer = await house.one(record, **more)
    found = decode(await house.value("select findings from lead_detail where lead_id = $1", answer.lead_id))
    return [f"{one['check']}.{one['code']}" for one in found if one["check"] in ("offender", "fraud")]


def cheat(name: str = "x") -> dict[str, str]:
    return lead(f"info@{name}.example", **PHONE)


async def test_who_cheated_is_known_by_the_mark_also_through_another_source(house: House) -> None:
    assert await codes(house, cheat()) == ["fraud.fraud"]
    assert await codes(house, lead("ann@y.example", **PHONE), source="other") == [
        "offender.offender", "fraud.fraud",
    ]  # fmt: skip
    assert await codes(house, lead("ann@y.example", phone="+14155550124")) == []


async def test_who_is_only_held_for_an_earlier_offence_makes_no_other_offender(house: House) -> None:
    await codes(house, cheat())
    await codes(house, lead("ann@y.example", **PHONE))
    assert await house.value("select count(*) from offence") == 1


async def test_tests_and_real_leads_are_apart(house: House) -> None:
    await codes(house, cheat(), test=True)
    assert await codes(house, lead("ann@y.example", **PHONE)) == []


async def test_a_person_who_approves_it_takes_the_mark_away(house: House) -> None:
    held = await house.one(cheat())
    engine, world = house.engine, house.world
    reviewer = Reviewer(
        house.database, engine.recorder, engine.tracker, world, Retrying(world, house.metrics)
    )
    await reviewer.approve(held.lead_id, by="ann")
    assert await codes(house, lead("ann@y.example", **PHONE)) == []


async def test_a_source_of_which_too_many_are_programs_is_told(house: House) -> None:
    for n in range(2):
        await house.one({**lead(f"ann{n}@y.example"), "user_agent": "python-requests/2.31.0"})
    assert await codes(house, lead("eve@y.example")) == ["offender.rate"]
    assert await codes(house, lead("eve@z.example"), source="other") == []


async def test_marks_end_with_the_time_that_anybody_asks_for(house: House) -> None:
    await codes(house, cheat())
    await house.run("update offence set at = now() - interval '31 days'")
    assert await codes(house, lead("ann@y.example", **PHONE)) == []
    await house.run("update offence set expires_at = now() - interval '1 day'")
    async with house.database.acquire() as conn:
        await upkeep.sweep(conn)
    assert await house.value("select count(*) from offence") == 0
