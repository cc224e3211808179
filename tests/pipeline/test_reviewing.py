"""A held lead goes its way by one person's word: once, whoever says it how often."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from app.core.errors import Conflict, NotFound
from app.pipeline.choosing import Chooser
from app.pipeline.faults import Retrying
from app.pipeline.record import Recorder
from app.pipeline.reviewing import Reviewer
from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import House, catalogue, contract, lead, opened, source

CHECKS = '[{check: email, role: hold}, {check: duplicate, on: [email], within: "30d"}]'
OFFICE = {**lead("info@dana.example"), "state": "CA"}
TELLS = ', callback: {url: "https://vendor.example/told"}'


@pytest.fixture
async def house(database: Database, buyer: Buyer) -> AsyncIterator[House]:
    written = catalogue(
        source(),
        source("told", more=TELLS),
        source("early", reply="verdict", more=TELLS),
        contract("b1", buyer.url("/ok"), more='when: lead.state != "NV"'),
        checks=CHECKS,
    )
    async with opened(database, written) as house:
        yield house


def reviewer(house: House) -> Reviewer:
    """As a command has it, which sends nothing."""
    nobody, chooser = house.world.new_id(), Chooser(house.world)
    recorder = Recorder(
        house.database, house.world, house.metrics, chooser,
        process_id=lambda: nobody, bytes_kept=4_096, sends=False,
    )  # fmt: skip
    retrying = Retrying(house.world, house.metrics)
    return Reviewer(house.database, recorder, house.engine.tracker, house.world, retrying)


async def a_held_one(house: House, who: dict[str, str] = OFFICE, **more: Any) -> UUID:
    answer = await house.one(who, **more)
    assert answer.state == "held"
    return answer.lead_id


async def callback_of(house: House, lead_id: UUID) -> list[Any]:
    return [
        tuple(r) for r in await house.rows("select state, outcome from callback where lead_id = $1", lead_id)
    ]


async def test_approved_it_is_handed_over_as_if_it_had_been_accepted(house: House, buyer: Buyer) -> None:
    lead_id = await a_held_one(house)
    step = await reviewer(house).approve(lead_id, by="ann")
    assert step is not None
    assert [job.contract.id for job in step.jobs] == ["b1"]
    await house.upkeep.due()
    await house.ends(lead_id, "sold")
    assert await house.value("select count(*) from delivery") == 1
    assert str(await house.value("select price from lead")) == "12.50"


async def test_of_many_who_approve_or_reject_at_once_one_is_heard(house: House) -> None:
    lead_id = await a_held_one(house)
    one, other = reviewer(house), reviewer(house)
    words = [
        one.approve(lead_id, by=f"ann{n}") if n % 2 else other.reject(lead_id, "no", by=f"bob{n}")
        for n in range(8)
    ]
    said = await asyncio.gather(*words, return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in said) == 1
    assert {type(each) for each in said if isinstance(each, BaseException)} == {Conflict}
    assert await house.value("select count(*) from lead_event where kind in ('approved', 'refused')") == 1
    assert await house.value("select count(*) from delivery") in (0, 1)


async def test_approved_with_nobody_who_takes_it_it_is_unsold(house: House) -> None:
    lead_id = await a_held_one(house, {**OFFICE, "state": "NV"})
    step = await reviewer(house).approve(lead_id, by="ann")
    assert step is not None
    assert (step.state, step.jobs) == ("unsold", ())
    assert await house.state(lead_id) == "unsold"


async def test_rejected_it_owes_nothing_and_stands_in_nobodys_way(house: House) -> None:
    lead_id = await a_held_one(house)
    again = await house.one(OFFICE)
    assert again.state == "rejected"  # the first has the key while it waits
    await reviewer(house).reject(lead_id, "an office's mailbox", by="ann")
    [row] = await house.rows("select state, outcome, price, reasons from lead where id = $1", lead_id)
    assert (row["state"], row["outcome"], str(row["price"])) == ("rejected", "failure", "0")
    assert "an office's mailbox" in row["reasons"]
    assert (await house.one(OFFICE)).state == "held"


async def test_a_rejected_test_gives_back_the_key_of_tests(house: House) -> None:
    lead_id = await a_held_one(house, test=True)
    real = await a_held_one(house)
    await reviewer(house).reject(lead_id, "no", by="ann")
    holders = await house.rows("select lead_id from dedupe_key")
    assert [row[0] for row in holders] == [real]


async def test_what_its_source_was_promised_is_owed_with_the_word(house: House) -> None:
    lead_id = await a_held_one(house, source="told")
    assert await callback_of(house, lead_id) == [("promised", None)]
    await reviewer(house).reject(lead_id, "no", by="ann")
    assert await callback_of(house, lead_id) == [("waiting", "failure")]


async def test_a_source_that_is_answered_on_the_verdict_is_owed_its_price_whatever_buyers_say(
    house: House,
) -> None:
    lead_id = await a_held_one(house, {**OFFICE, "state": "NV"}, source="early")
    await reviewer(house).approve(lead_id, by="ann")
    [row] = await house.rows("select state, outcome, price from lead where id = $1", lead_id)
    assert (row["state"], row["outcome"], str(row["price"])) == ("unsold", "success", "12.50")
    assert await callback_of(house, lead_id) == [("waiting", "success")]


async def test_a_dry_run_says_it_and_changes_nothing(house: House) -> None:
    lead_id = await a_held_one(house, source="told")
    step = await reviewer(house).approve(lead_id, by="ann", dry=True)
    assert step is not None
    assert [job.contract.id for job in step.jobs] == ["b1"]
    assert await reviewer(house).reject(lead_id, "no", by="ann", dry=True) is not None
    assert await house.state(lead_id) == "held"
    assert await house.value("select count(*) from delivery") == 0
    assert await house.value("select count(*) from lead_event where kind in ('approved', 'refused')") == 0
    assert await house.value("select count(*) from dedupe_key") == 1
    assert await callback_of(house, lead_id) == [("promised", None)]


async def test_what_is_not_held_or_was_deleted_is_no_longer_decided(house: House) -> None:
    with pytest.raises(NotFound):
        await reviewer(house).approve(house.world.new_id(), by="ann")
    lead_id = await a_held_one(house)
    await house.run("update lead set erased_at = now()")
    with pytest.raises(Conflict, match="deleted"):
        await reviewer(house).approve(lead_id, by="ann")
    sold = (await house.one(lead("dana@example.com"))).lead_id
    with pytest.raises(Conflict, match="sold, not held"):
        await reviewer(house).reject(sold, "no", by="ann")


async def test_a_commit_in_doubt_is_not_said_twice(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    lead_id = await a_held_one(house)
    ann, calls = reviewer(house), 0
    transact = ann._transact

    async def doubtful(conn: Any, *given: Any) -> Any:
        nonlocal calls
        calls += 1
        step = await transact(conn, *given)
        if calls == 1:
            await conn.execute("commit")  # and then the connection is lost
            raise ConnectionResetError
        return step

    monkeypatch.setattr(ann, "_transact", doubtful)
    assert await ann.approve(lead_id, by="ann") is None
    assert calls == 2
    assert await house.value("select count(*) from delivery") == 1
