"""A held lead that nobody looks at ends by itself: once, in whichever process, and as its campaign says."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from app.pipeline.faults import Retrying
from app.pipeline.reviewing import Reviewer
from app.pipeline.unattended import Unattended
from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import House, catalogue, contract, lead, opened, source

CHECKS = '[{check: email, role: hold}, {check: duplicate, on: [email], within: "30d"}]'
OFFICE = {**lead("info@dana.example"), "state": "CA"}


def written(buyer: Buyer, then: str = "") -> str:
    text = catalogue(source(), contract("b1", buyer.url("/ok")), checks=CHECKS)
    review = f"    review: {{within: 4h, then: {then}}}\n" if then else ""
    return text.replace("    distribution:", f"{review}    distribution:")


@pytest.fixture
async def house(database: Database, buyer: Buyer) -> AsyncIterator[House]:
    async with opened(database, written(buyer)) as house:
        yield house


def clerk(house: House) -> Unattended:
    reviewer = Reviewer(
        house.database, house.engine.recorder, house.engine.tracker, house.world,
        Retrying(house.world, house.metrics),
    )  # fmt: skip
    return Unattended(house.database, reviewer, plans=lambda: house.plans, follow=house.engine.follow)


async def a_held_one(house: House, hours: float = 5, *, of: str = "dana", test: bool = False) -> UUID:
    answer = await house.one({**OFFICE, "email": f"info@{of}.example"}, test=test)
    assert answer.state == "held"
    await house.run(
        "update lead set decided_at = now() - $2::float8 * interval '1 hour' where id = $1",
        answer.lead_id, hours,
    )  # fmt: skip
    return answer.lead_id


async def notes(house: House) -> list[tuple[str, str]]:
    rows = await house.rows("select kind, by_whom from lead_event where kind in ('approved', 'refused')")
    return [(row[0], row[1]) for row in rows]


async def test_without_a_time_out_it_waits_for_ever(house: House) -> None:
    lead_id = await a_held_one(house, hours=10_000)
    assert await clerk(house).end() is False
    assert await house.state(lead_id) == "held"


async def test_its_time_is_counted_from_the_verdict_and_must_be_over(house: House, buyer: Buyer) -> None:
    await house.configure(written(buyer, "accept"))
    lead_id = await a_held_one(house, hours=3.9)
    await clerk(house).end()
    assert await house.state(lead_id) == "held"


async def test_accepted_it_is_handed_over_by_this_process(house: House, buyer: Buyer) -> None:
    await house.configure(written(buyer, "accept"))
    lead_id = await a_held_one(house)
    await clerk(house).end()
    await house.ends(lead_id, "sold")
    assert await notes(house) == [("approved", "time-out")]
    assert str(await house.value("select price from lead")) == "12.50"


async def test_rejected_its_source_reads_why_and_it_stands_in_nobodys_way(house: House, buyer: Buyer) -> None:
    await house.configure(written(buyer, "reject"))
    lead_id = await a_held_one(house)
    await clerk(house).end()
    [row] = await house.rows("select state, price, reasons from lead where id = $1", lead_id)
    assert (row["state"], str(row["price"])) == ("rejected", "0")
    assert "nobody looked at it within 4h" in row["reasons"]
    assert (await house.one(OFFICE)).state == "held"


async def test_of_many_processes_and_a_person_one_is_heard(house: House, buyer: Buyer) -> None:
    await house.configure(written(buyer, "accept"))
    lead_id = await a_held_one(house)
    ann = clerk(house)._reviewer.reject(lead_id, "no", by="ann")
    await asyncio.gather(*(clerk(house).end() for _ in range(6)), ann, return_exceptions=True)
    assert len(await notes(house)) == 1
    assert await house.value("select count(*) from delivery") in (0, 1)
    assert await house.state(lead_id) != "held"


async def test_one_that_can_not_go_on_holds_up_no_other(
    house: House, buyer: Buyer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.pipeline.unattended._TAKE", 1)
    await house.configure(written(buyer, "reject"))
    gone, erased = await a_held_one(house, 9), await a_held_one(house, 8, of="erased")
    test = await a_held_one(house, 5, test=True)
    await house.run("delete from lead_detail where lead_id = $1", gone)
    await house.run("update lead set erased_at = now() where id = $1", erased)
    await clerk(house).end()
    assert [await house.state(one) for one in (gone, erased, test)] == ["held", "held", "rejected"]
