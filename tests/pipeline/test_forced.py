"""A test gets the result that it asks for: as the real path tells it, and with nobody asked, sold to or counted."""

import asyncio
import json
from typing import Any

import pytest
from msgspec.structs import replace

from app.core.metrics import expose
from app.ingest.forced import DOMAIN, RESULTS
from app.pipeline.partials import Partials
from app.pipeline.pieces import Pieces
from app.pipeline.work import Work
from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import ON_EMAIL, House, catalogue, contract, lead, opened, source

# result → (outcome and state that a waiting source hears, state and outcome of the row)
HEARD = {
    "accepted": ("success", "sold", "sold", "success"),
    "duplicate": ("failure", "rejected", "rejected", "failure"),
    "rejected": ("failure", "rejected", "rejected", "failure"),
    "no_buyer": ("failure", "unsold", "unsold", "failure"),
    "buyer_error": ("pending", "unclear", "unsold", "failure"),
    "pending": ("pending", "delivering", "sold", "success"),
    "held": ("pending", "held", "rejected", "failure"),
}


def house_of(buyer: Buyer, *, checks: str = ON_EMAIL, more: str = "", reply: str = "sold") -> str:
    capped = contract("b1", buyer.url("/ok"), more="caps: [{per: day, leads: 1}]")
    return catalogue(source(reply=reply, more=more), capped, checks=checks)


def asking(house: House, result: str, *records: Any, test: bool = True) -> Work:
    work = house.work(*(records or (lead(),)), test=test)
    return replace(work, submission=replace(work.submission, forced=result))


async def post(house: House, work: Work) -> Any:
    await house.keep(work)
    return (await house.engine.decided(work, house.world.monotonic() + 10))[0]


def exposed(house: House) -> list[str]:
    return expose([house.metrics.snapshot()]).decode().splitlines()


async def nothing_happened(house: House, buyer: Buyer) -> None:
    """Nobody was asked, and nothing stands that a real lead could meet."""
    assert buyer.received == []
    for table in ("delivery", "attempt", "dedupe_key", "inbox"):
        assert await house.value(f"select count(*) from {table}") == 0, table
    assert await house.value("select coalesce(sum(value), 0) from counter") == 0
    assert await house.value("select coalesce(sum(revenue), 0) from lead") == 0


@pytest.mark.parametrize("result", RESULTS)
async def test_every_result_is_told_and_written_and_nobody_is_asked(
    database: Database, buyer: Buyer, result: str
) -> None:
    async with opened(database, house_of(buyer)) as house:
        outcome, heard, state, written = HEARD[result]
        answer = await post(house, asking(house, result))
        assert (answer.outcome, answer.state) == (outcome, heard)
        row = (await house.rows("select state, outcome, test, price, ended_at from lead"))[0]
        assert (row[0], row[1], row[2]) == (state, written, True)
        assert row[3] == (0 if written == "failure" else 12.5)
        assert row[4] is not None, "its round has ended: nothing waits for a person"
        await nothing_happened(house, buyer)
        assert house.at_rest()


async def test_a_value_asks_for_it_too_and_the_word_beside_the_lead_goes_first(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, house_of(buyer)) as house:
        assert (await house.one(lead(f"no_buyer@{DOMAIN}"), test=True)).state == "unsold"
        assert (await house.one(lead(phone="(212) 555-0193"), test=True)).state == "rejected"
        answer = await post(house, asking(house, "accepted", lead(f"no_buyer@{DOMAIN}")))
        assert answer.state == "sold"
        await nothing_happened(house, buyer)


@pytest.mark.parametrize("result", RESULTS)
async def test_a_live_lead_with_such_values_is_treated_as_any_other(
    database: Database, buyer: Buyer, result: str
) -> None:
    async with opened(database, house_of(buyer)) as house:
        answer = await post(house, asking(house, result, lead(f"{result}@{DOMAIN}"), test=False))
        assert (answer.outcome, answer.state) == ("success", "sold")
        assert len(buyer.received) == 1
        assert (await house.one(lead(f"{result}@{DOMAIN}"))).reasons[0]["code"] == "duplicate"


async def test_a_test_without_a_result_takes_the_real_path(database: Database, buyer: Buyer) -> None:
    async with opened(database, house_of(buyer)) as house:
        assert (await house.one(lead(), test=True)).state == "sold"
        assert len(buyer.received) == 1


async def test_each_lead_of_a_submission_asks_for_its_own(database: Database, buyer: Buyer) -> None:
    async with opened(database, house_of(buyer)) as house:
        several = [lead(f"{one}@{DOMAIN}") for one in ("accepted", "duplicate", "held")]
        answers = await house.post(*several, test=True)
        assert [one.state for one in answers] == ["sold", "rejected", "held"]


async def test_what_the_checks_find_is_kept_and_told_with_the_no_that_it_is(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, house_of(buyer)) as house:
        bad = {"first_name": "", "email": "ann@"}
        refused = await post(house, asking(house, "rejected", bad))
        assert [one["code"] for one in refused.reasons] == ["missing", "invalid"]
        assert (await post(house, asking(house, "accepted", bad))).outcome == "success"
        for raw in await house.rows("select findings, routing from lead_detail"):
            assert {one["code"] for one in json.loads(raw[0])} == {"missing", "invalid"}
            assert json.loads(raw[1])["forced"] in ("rejected", "accepted")
        good = await post(house, asking(house, "rejected"))
        assert [one["code"] for one in good.reasons] == ["forced"]


async def test_nothing_is_claimed_or_counted_that_another_lead_wants(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, house_of(buyer)) as house:
        for result in RESULTS:
            await post(house, asking(house, result))
        assert (await house.one(lead(), test=True)).state == "sold", "no duplicate of a forced one"
        assert (await house.one(lead())).state == "sold", "and the cap of one lead a day is untouched"


async def test_no_test_is_in_the_figures_of_real_leads(database: Database, buyer: Buyer) -> None:
    figures = ("leadgate_leads_total", "leadgate_findings_total", "leadgate_sold_total")
    async with opened(database, house_of(buyer)) as house:
        for result in RESULTS:
            await post(house, asking(house, result, {"email": "ann@"}))
        await house.one(lead(), test=True)
        assert not [line for line in exposed(house) if line.startswith(figures)]
        await house.one(lead())
        assert len([line for line in exposed(house) if line.startswith(figures)]) == 2


async def test_a_claim_of_the_same_batch_is_not_a_forced_one_s(database: Database, buyer: Buyer) -> None:
    """All of one batch: the forced first, whose keys the next one wants."""
    async with opened(database, house_of(buyer)) as house:
        works = [asking(house, "accepted"), house.work(lead(), test=True), asking(house, "no_buyer")]
        for work in works:
            await house.keep(work)
        drafts = [draft for work in works for draft in house.engine.decider.draft(work)]
        decided = await house.engine.decider.decide(drafts)
        assert [one.row.state for one in decided] == ["sold", "delivering", "unsold"]
        assert await house.value("select lead_id from dedupe_key") == works[1].submission.id
        for one in decided:
            house.engine.begin(one)
        await house.ends(works[1].submission.id, "sold")


async def test_a_coarse_source_learns_no_more_by_a_test(database: Database, buyer: Buyer) -> None:
    async with opened(database, house_of(buyer, more=", reasons: coarse")) as house:
        for result in ("duplicate", "rejected", "no_buyer"):
            answer = await post(house, asking(house, result))
            assert [one["code"] for one in answer.reasons] == ["refused"], result


async def test_who_is_answered_on_the_verdict_is_told_what_the_verdict_would_be(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, house_of(buyer, reply="verdict")) as house:
        heard = {one: (await post(house, asking(house, one))).outcome for one in RESULTS}
        assert heard == {
            "accepted": "success", "duplicate": "failure", "rejected": "failure", "no_buyer": "success",
            "buyer_error": "success", "pending": "success", "held": "pending",
        }  # fmt: skip
        states = dict(await house.rows("select state, count(*) from lead group by 1"))
        assert states == {"sold": 2, "rejected": 3, "unsold": 2}


@pytest.mark.parametrize("result", RESULTS)
async def test_a_crash_between_keep_and_decide_still_forces_it(
    database: Database, buyer: Buyer, result: str
) -> None:
    async with opened(database, house_of(buyer)) as house:
        by_word, by_value = asking(house, result), house.work(lead(f"{result}@{DOMAIN}"), test=True)
        live = asking(house, result, lead("live@example.com"), test=False)
        for work in (by_word, by_value, live):
            await house.keep(work, leased=False)  # and the process that kept them is gone
        await house.upkeep.inbox()
        for work in (by_word, by_value):
            await house.ends(work.submission.id, HEARD[result][2])
        await house.ends(live.submission.id, "sold")
        assert len(buyer.received) == 1


async def test_a_lead_that_comes_in_parts_asks_with_the_last(database: Database, buyer: Buyer) -> None:
    async with opened(database, house_of(buyer)) as house:
        pieces = Pieces(house.reader, house.world, lambda: house.plans)
        begun = Partials(house.engine, database, pieces, house.world, house.metrics)
        lead_id = await begun.keep("acme", b'{"first_name": "Ann"}', "application/json", test=True)
        body = b'{"email": "ann@example.com"}'
        answer = await begun.complete(
            "acme", body, "application/json", lead_id=lead_id, test=True, forced="no_buyer"
        )
        assert (answer.lead_id, answer.state) == (lead_id, "unsold")
        await nothing_happened(house, buyer)


async def test_who_is_told_pending_hears_the_end_by_callback(database: Database, buyer: Buyer) -> None:
    more = f', callback: {{url: "{buyer.url("/ok")}"}}'
    async with opened(database, house_of(buyer, more=more)) as house:
        waits = {one: asyncio.create_task(post(house, asking(house, one))) for one in RESULTS}
        late = {one for one, task in waits.items() if (await task).outcome == "pending"}
        assert late == {"buyer_error", "pending", "held"}
        owed = await house.rows(
            "select d.routing->>'forced', c.state, c.outcome from callback c join lead_detail d using (lead_id)"
        )
        assert {tuple(row) for row in owed} == {
            ("buyer_error", "waiting", "failure"), ("pending", "waiting", "success"), ("held", "waiting", "failure"),
        }  # fmt: skip


async def test_a_repeat_by_the_same_key_finds_how_it_ended(database: Database, buyer: Buyer) -> None:
    async with opened(database, house_of(buyer)) as house:
        work = asking(house, "pending")
        await house.keep(work, key=b"k" * 16)
        assert (await house.engine.decided(work, house.world.monotonic() + 10))[0].outcome == "pending"
        again = await house.keep(asking(house, "pending"), key=b"k" * 16)
        assert again.first == work.submission.id
        (answer,) = await house.engine.answers_of(work.submission.id, 1, 0)
        assert answer.outcome == "success"
