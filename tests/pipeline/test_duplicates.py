"""Several rules of one campaign: what each does to a repeat, how far back it looks, and who is left out for it."""

import asyncio
import hashlib
from datetime import UTC
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.commands.recalling import setting_of
from app.commands.telling import tell
from app.ingest.fieldtype import fieldtypes
from app.pipeline.lists import Lists
from app.pipeline.story import source_view, story
from app.store import lead_keys
from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import House, contract, opened, source
from tests.pipeline.test_claims import batch, states
from tests.pipeline.test_reviewing import reviewer

CAMPAIGN = """
%s
campaigns:
  - id: solar
    fields:
      first_name:  {type: name, required: true}
      last_name:   {type: name}
      email:       {type: email, required: true}
      phone:       {type: phone, country: US}
      street:      {type: text}
      postal_code: {type: postal_code, country: US}
    checks: [%s]
    distribution: {sell: exclusive, rank: [price, priority]}
sources: %s
buyers: %s
"""
PERSON = "[first_name, last_name, street, postal_code]"
SIMILAR = f"{{check: duplicate, on: [{PERSON}], match: similar, action: hold}}"
BY_BUYER = "{check: duplicate, name: theirs, on: [email, phone], scope: buyer, within: 90d}"


def catalogue(*parts: str, checks: str, lists: str = "") -> str:
    sources = "".join(part for part in parts if "deliver:" not in part)
    buyers = "".join(part for part in parts if "deliver:" in part)
    return CAMPAIGN % (lists, checks, sources, buyers or "[]")


def ann(email: str = "ann@example.com", **more: str) -> dict[str, str]:
    return {
        "first_name": "Ann", "last_name": "Rivera", "email": email, "street": "12 N. Main Street",
        "postal_code": "94110", **more,
    }  # fmt: skip


async def findings(house: House, lead_id: UUID) -> list[tuple[str, str, str]]:
    """(rule, code, action) of what the rules found."""
    rows = await house.rows(
        """select f->'facts'->>'rule', f->>'code', f->>'action'
             from lead_detail d, json_array_elements(d.findings) f
            where lead_id = $1 and f->>'check' = 'duplicate'""",
        lead_id,
    )
    return [tuple(row) for row in rows]


async def pass_days(house: House, days: int) -> None:
    """So long ago is everything that happened up to now."""
    back = f"interval '{days} days'"
    await house.run(f"update dedupe_key set at = at - {back}, expires_at = expires_at - {back}")
    await house.run(f"update lead_key set at = at - {back}, expires_at = expires_at - {back}")
    await house.run(f"update delivery set created_at = created_at - {back}, ended_at = ended_at - {back}")


async def test_each_rule_looks_as_far_back_as_it_says_and_does_what_it_says(database: Database) -> None:
    rules = """{check: duplicate, name: month, on: [email], within: 30d},
               {check: duplicate, name: quarter, on: [email], within: 90d, action: dont_pay},
               {check: duplicate, name: year, on: [email], within: 365d, action: link}"""
    async with opened(database, catalogue(source(), checks=rules)) as house:
        first = await house.one(ann())
        second = await house.one(ann())
        assert second.state == "rejected"
        assert await findings(house, second.lead_id) == [
            ("month", "duplicate", "reject"), ("quarter", "unpaid", "dont_pay"), ("year", "repeat", "link"),
        ]  # fmt: skip
        await pass_days(house, 40)
        third = await house.one(ann())
        assert third.state == "unsold"
        assert await findings(house, third.lead_id) == [
            ("quarter", "unpaid", "dont_pay"),
            ("year", "repeat", "link"),
        ]
        assert str(first.lead_id) in str(
            await house.value("select reasons from lead where id = $1", third.lead_id)
        )
        await pass_days(house, 29)
        assert (await house.one(ann())).state == "rejected", "counted from the last that was taken"


async def test_a_repeat_that_is_linked_is_sold_and_says_of_which_lead(
    database: Database, buyer: Buyer
) -> None:
    rule = "{check: duplicate, on: [phone], action: link}"
    parts = source(), source("other"), contract("b1", buyer.url("/ok"))
    async with opened(database, catalogue(*parts, checks=rule)) as house:
        first = await house.one(ann("a@example.com", phone="4155550123"))
        again = await house.one(ann("b@example.com", phone="4155550123"))
        assert (again.state, str(again.price)) == ("sold", "12.50")
        (reason,) = again.reasons
        assert (reason["code"], reason["lead"]) == ("repeat", str(first.lead_id))
        assert reason["message"].startswith(f"same phone as …{str(first.lead_id)[-8:]} of 20")
        async with database.acquire() as conn:
            view = await source_view(conn, again.lead_id, "acme")
        assert view is not None
        assert view["reasons"] == [reason]
        other = await house.one(ann("c@example.com", phone="4155550123"), source="other")
        assert other.reasons == [
            {"code": "repeat", "field": "phone", "message": "same phone as an earlier lead"}
        ]


@pytest.mark.parametrize("reply", ["sold", "verdict"])
async def test_a_repeat_that_is_not_paid_is_sold_for_nothing_and_says_why(
    database: Database, buyer: Buyer, reply: str
) -> None:
    rule = "{check: duplicate, on: [email], action: dont_pay}"
    parts = source(reply=reply), contract("b1", buyer.url("/ok"))
    async with opened(database, catalogue(*parts, checks=rule)) as house:
        await house.one(ann())
        again = await house.one(ann())
        assert (again.outcome, str(again.price), again.reasons[0]["code"]) == ("success", "0", "unpaid")
        await house.ends(again.lead_id, "sold")
        kept = (
            await house.rows("select price, agreed, revenue, reasons from lead where id = $1", again.lead_id)
        )[0]
        assert (kept["price"], kept["agreed"], kept["revenue"]) == (0, 0, 42)
        assert "unpaid" in str(kept["reasons"])


async def test_what_is_not_paid_stays_so_when_its_delivery_comes_late(
    database: Database, buyer: Buyer
) -> None:
    """Taken up again from its rows, as after a crash."""
    rule = "{check: duplicate, on: [email], action: dont_pay}"
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/429")), checks=rule)) as house:
        await house.waiting(ann())
        late = await house.waiting(ann())
        await house.configure(catalogue(source(), contract("b1", buyer.url("/ok")), checks=rule))
        await house.due_now()
        await house.ends(late, "sold")
        kept = (await house.rows("select price, reasons from lead where id = $1", late))[0]
        assert kept["price"] == 0
        assert "unpaid" in str(kept["reasons"])


async def test_a_source_that_is_told_little_is_told_that_nothing_is_paid(database: Database) -> None:
    rules = "{check: duplicate, on: [email], action: dont_pay}, {check: duplicate, on: [email], action: link}"
    parts = source(reply="verdict", more=", reasons: coarse")
    async with opened(database, catalogue(parts, checks=rules)) as house:
        await house.one(ann())
        again = await house.one(ann())
        assert [reason["message"] for reason in again.reasons] == ["nothing is paid for this lead"]


async def test_one_that_was_held_and_approved_is_who_the_next_one_repeats(database: Database) -> None:
    rule = "{check: duplicate, on: [email], action: hold}"
    async with opened(database, catalogue(source(), checks=rule)) as house:
        first = await house.one(ann())
        held = await house.one(ann())
        assert await house.value("select lead_id from dedupe_key") == first.lead_id
        await pass_days(house, 20)
        await reviewer(house).approve(held.lead_id, by="ann")
        assert await house.value("select lead_id from dedupe_key") == held.lead_id
        await pass_days(house, 20)
        assert (await house.one(ann())).state == "held"


async def test_the_trace_tells_the_rule_the_earlier_lead_and_who_was_left_out_by_what(
    database: Database, buyer: Buyer
) -> None:
    rules = f"{BY_BUYER}, {{check: duplicate, name: year, on: [phone], within: 365d, action: link}}"
    async with opened(database, catalogue(*two(buyer), checks=rules)) as house:
        first = await house.one(ann(phone="4155550123"))
        second = await house.one(ann(phone="4155550123"))
        async with database.acquire() as conn:
            told = await story(conn, second.lead_id)
        assert told is not None
        text = "\n".join(tell(told, await setting_of(database, told, zone=UTC, everything=True)))
        end = str(first.lead_id)[-8:]
        assert f"same phone as …{end}" in text
        assert "window 365d, rule year)" in text
        assert "1 of 2 contracts: b2" in text
        assert "left out: 1 duplicate" in text
        assert f"b1 has this person: lead …{end}" in text


# in one writing, and similar --------------------------------------------------------------------------


async def test_one_mailbox_and_one_person_are_one_however_they_are_written(database: Database) -> None:
    rule = f"{{check: duplicate, on: [email, {PERSON}], match: loose}}"
    async with opened(database, catalogue(source(), checks=rule)) as house:
        await house.one(ann("ann.rivera@gmail.com"))
        answers = await batch(
            house,
            ann("AnnRivera+solar@googlemail.com", street="9 Elm St"),
            ann("x@example.com", first_name="RIVERA", last_name="ann", street="12 north main st"),
            ann("ann.rivera@example.com", street="12 North Main St Apt 4"),
        )
        assert states(answers) == ["rejected", "rejected", "unsold"]


async def test_a_similar_person_of_one_house_is_found_in_a_batch_and_after_it(database: Database) -> None:
    async with opened(database, catalogue(source(), checks=SIMILAR)) as house:
        answers = await batch(
            house,
            ann(first_name="Fernanda"),
            ann("b@example.com", first_name="Fernadna"),
            ann("c@example.com", first_name="Joseph"),
        )
        assert states(answers) == ["unsold", "held", "unsold"]
        after = await house.one(ann("d@example.com", first_name="Fernandaa", last_name="RIVERA"))
        assert after.state == "held"
        alike = "select (findings->0->'facts'->>'alike')::float8 from lead_detail where lead_id = $1"
        assert 0.94 <= await house.value(alike, after.lead_id) < 1


async def test_who_was_refused_or_moved_or_came_long_ago_is_no_neighbour(database: Database) -> None:
    async with opened(database, catalogue(source(), checks=SIMILAR)) as house:
        refused = await house.one({**ann(), "email": "nonsense"})
        assert refused.state == "rejected"
        assert (await house.one(ann())).state == "unsold"
        assert (await house.one(ann("b@example.com", postal_code="94111"))).state == "unsold"
        await pass_days(house, 31)
        assert (await house.one(ann("c@example.com"))).state == "unsold"


async def test_of_a_hundred_similar_leads_in_two_processes_one_is_taken(database: Database) -> None:
    rule = SIMILAR.replace("hold", "reject")
    yaml = catalogue(source(), checks=rule)
    async with opened(database, yaml) as one, opened(database, yaml) as other:
        many = [ann(f"a{n}@example.com", first_name=("Fernanda", "Fernadna")[n % 2]) for n in range(100)]
        answers = await asyncio.gather(*(house.one(who) for house in (one, other) for who in many[::2]))
        assert sorted(states(list(answers))) == ["rejected"] * 99 + ["unsold"]


# by buyer ---------------------------------------------------------------------------------------------


def two(buyer: Buyer, first: str = "/ok") -> tuple[str, ...]:
    return source(), contract("b1", buyer.url(first), price="50.00"), contract("b2", buyer.url("/ok"))


async def test_a_buyer_who_has_the_person_is_left_out_and_the_next_one_gets_the_lead(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, catalogue(*two(buyer), checks=BY_BUYER)) as house:
        first, second, third = [await house.one(ann()) for _ in range(3)]
        assert [await house.deliveries(one.lead_id) for one in (first, second)] == [
            [("b1", "accepted")], [("b2", "accepted")],
        ]  # fmt: skip
        assert (third.outcome, third.reasons[0]["code"]) == ("failure", "no_buyer")
        assert await findings(house, second.lead_id) == [("theirs", "known", "flag")]
        routing = str(await house.value("select routing from lead_detail where lead_id = $1", second.lead_id))
        assert str(first.lead_id) in routing
        await pass_days(house, 91)
        assert await house.deliveries((await house.one(ann())).lead_id) == [("b1", "accepted")]


async def test_of_two_leads_of_one_person_in_a_batch_no_buyer_gets_both(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, catalogue(*two(buyer), checks=BY_BUYER)) as house:
        answers = await batch(house, ann(), ann(), ann("other@example.com"))
        got = [await house.deliveries(answer.lead_id) for answer in answers]
        assert got == [[("b1", "accepted")], [("b2", "accepted")], [("b1", "accepted")]]
        test = await batch(house, ann(), ann(), test=True)
        assert [await house.deliveries(one.lead_id) for one in test[:1]] == [[("b1", "accepted")]]


async def test_a_buyer_who_refused_it_may_get_the_next_and_one_who_had_it_may_not(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, catalogue(*two(buyer, "/reject"), checks=BY_BUYER)) as house:
        await house.one(ann())
        second = await house.one(ann())
        assert await house.deliveries(second.lead_id) == [("b1", "rejected")]
    async with opened(database, catalogue(*two(buyer, "/duplicate"), checks=BY_BUYER)) as house:
        await house.one(ann("b@example.com"))
        third = await house.one(ann("b@example.com"))
        assert await house.deliveries(third.lead_id) == []


async def test_the_waterfall_of_one_lead_minds_what_another_was_sold_meanwhile(
    database: Database, buyer: Buyer
) -> None:
    """The first waits with b1 while the second is sold to b2; refused by b1 then, it must not go to b2 too."""
    parts = source(), contract("b1", buyer.url("/429"), price="50.00"), contract("b2", buyer.url("/ok"))
    async with opened(database, catalogue(*parts, checks=BY_BUYER)) as house:
        first = await house.waiting(ann())
        second = await house.one(ann())
        assert await house.deliveries(second.lead_id) == [("b2", "accepted")]
        await house.configure(catalogue(*two(buyer, "/reject"), checks=BY_BUYER))
        await house.due_now()
        await house.ends(first, "unsold")
        assert await house.deliveries(first) == [("b1", "rejected")]


async def test_a_buyers_own_list_leaves_it_out_for_the_people_on_it(
    database: Database, buyer: Buyer, tmp_path: Path
) -> None:
    lists = "lists: [{id: customers, of: phone, hashed: sha256, buyer: b1}, {id: mails, of: email, hashed: md5, buyer: b1}]"
    async with opened(database, catalogue(*two(buyer), checks=BY_BUYER, lists=lists)) as house:
        docs = house.plans.snapshot.lists
        for name, text in (("customers", b"+14155550123"), ("mails", b"bob@example.com")):
            file = tmp_path / name
            file.write_text(hashlib.new("sha256" if name == "customers" else "md5", text).hexdigest())
            await Lists(database, fieldtypes).load(docs[name], file, "add", by="test")
        got = [
            await house.deliveries((await house.one(who)).lead_id)
            for who in (ann(phone="(415) 555-0123"), ann("Bob@Example.com"), ann("c@example.com"))
        ]
        assert got == [[("b2", "accepted")], [("b2", "accepted")], [("b1", "accepted")]]


async def test_statements_of_a_batch_are_as_many_for_one_lead_as_for_fifty(
    database: Database, monkeypatch: Any
) -> None:
    asked: list[str] = []
    for name in ("near", "having", "share"):
        real = getattr(lead_keys, name)

        async def counted(conn: Any, given: Any, real: Any = real, name: str = name) -> Any:
            asked.append(name)
            return await real(conn, given)

        monkeypatch.setattr(lead_keys, name, counted)
    async with opened(database, catalogue(source(), checks=f"{BY_BUYER}, {SIMILAR}")) as house:
        await batch(house, *(ann(f"a{n}@example.com", last_name=f"R{n}x") for n in range(50)))
        batches = await house.value("select count(distinct xmin::text) from lead")
        assert len(asked) == 3 * batches
