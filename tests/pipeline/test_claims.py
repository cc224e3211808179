"""One person is bought once: within a batch, against the database, by any of several keys."""

import asyncio
from typing import Any

from app.pipeline.answers import Answer
from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import House, catalogue, contract, lead, opened, source

ANY = '[{check: duplicate, on: [email, phone], within: "30d"}]'
P1, P2, P3 = "+14155550123", "+14155550124", "+14155550125"


async def batch(house: House, *records: Any, **more: Any) -> list[Answer]:
    """Submissions of one record each, decided in one transaction, in this order."""
    works = [house.work(record, **more) for record in records]
    for work in works:
        await house.keep(work)
    until = house.world.monotonic() + 10
    waiting = [asyncio.create_task(house.engine.decided(work, until)) for work in works]
    return [(await one)[0] for one in waiting]


def states(answers: list[Answer]) -> list[str]:
    return [answer.state for answer in answers]


async def test_of_equal_leads_in_a_batch_the_first_is_taken(database: Database) -> None:
    async with opened(database, catalogue(source(), checks=ANY)) as house:
        answers = await batch(house, lead(), lead(), lead())
        assert states(answers) == ["unsold", "rejected", "rejected"]
        assert [reason["code"] for reason in answers[1].reasons] == ["duplicate"]


async def test_a_hundred_equal_leads_at_once_are_taken_once(database: Database) -> None:
    async with opened(database, catalogue(source(), checks=ANY)) as house:
        answers = await batch(house, *(lead() for _ in range(100)))
        assert sorted(states(answers)) == ["rejected"] * 99 + ["unsold"]


async def test_either_key_makes_a_duplicate(database: Database) -> None:
    async with opened(database, catalogue(source(), checks=ANY)) as house:
        assert states(await batch(house, lead("a@example.com", phone=P1))) == ["unsold"]
        again = await batch(
            house,
            lead("a@example.com", phone=P2),
            lead("b@example.com", phone=P1),
            lead("c@example.com", phone=P3),
        )
        assert states(again) == ["rejected", "rejected", "unsold"]


async def test_a_duplicate_by_one_key_leaves_the_other_to_the_next(database: Database) -> None:
    """The second lead loses its address and must not keep the phone, in a batch and after it."""
    async with opened(database, catalogue(source(), checks=ANY)) as house:
        answers = await batch(
            house,
            lead("a@example.com", phone=P1),
            lead("a@example.com", phone=P2),
            lead("b@example.com", phone=P2),
        )
        assert states(answers) == ["unsold", "rejected", "unsold"]
        assert states(await batch(house, lead("a@example.com", phone=P3))) == ["rejected"]
        assert states(await batch(house, lead("c@example.com", phone=P3))) == ["unsold"]
        owners = await house.rows("select distinct lead_id from dedupe_key")
        assert answers[1].lead_id not in {row[0] for row in owners}


async def test_a_lead_that_is_refused_otherwise_takes_no_key_but_is_told_that_it_is_a_duplicate(
    database: Database,
) -> None:
    async with opened(database, catalogue(source(), checks=ANY)) as house:
        bad = {"email": "a@example.com", "phone": P1}  # no name
        assert states(await batch(house, bad)) == ["rejected"]
        assert await house.value("select count(*) from dedupe_key") == 0
        assert states(await batch(house, lead("a@example.com", phone=P1))) == ["unsold"]
        (answer,) = await batch(house, bad)
        assert {reason["code"] for reason in answer.reasons} == {"missing", "duplicate"}


async def test_a_flagged_duplicate_is_taken_and_told_and_is_who_the_next_one_repeats(
    database: Database, buyer: Buyer
) -> None:
    flag = '[{check: duplicate, on: [email], within: "30d", action: flag}]'
    async with opened(database, catalogue(source(), contract("b1", buyer.url("/ok")), checks=flag)) as house:
        answers = await batch(house, lead(), lead())
        assert states(answers) == ["sold", "sold"]
        codes = await house.value(
            "select findings->0->>'code' from lead_detail where lead_id = $1", answers[1].lead_id
        )
        assert codes == "duplicate"
        assert await house.value("select lead_id from dedupe_key") == answers[1].lead_id


async def test_a_key_that_has_expired_is_taken_over(database: Database) -> None:
    async with opened(database, catalogue(source(), checks=ANY)) as house:
        await batch(house, lead())
        await house.run("update dedupe_key set expires_at = now() - interval '1 second'")
        assert states(await batch(house, lead())) == ["unsold"]


async def test_test_leads_are_duplicates_of_test_leads_only(database: Database) -> None:
    async with opened(database, catalogue(source(), checks=ANY)) as house:
        assert states(await batch(house, lead(), lead(), test=True)) == ["unsold", "rejected"]
        assert states(await batch(house, lead())) == ["unsold"]


async def test_velocity_counts_in_the_order_in_which_leads_came(database: Database) -> None:
    yaml = catalogue(source(), checks='[{check: velocity, per: source, most: 3, within: "1h"}]')
    async with opened(database, yaml) as house:
        answers = await batch(house, *(lead(f"v{n}@example.com") for n in range(5)))
        assert states(answers) == ["unsold"] * 3 + ["rejected"] * 2
        assert states(await batch(house, lead("later@example.com"))) == ["rejected"]


async def test_a_lead_that_is_decided_anew_after_a_crash_is_counted_once(database: Database) -> None:
    yaml = catalogue(source(), checks='[{check: velocity, per: source, most: 2, within: "1h"}]')
    async with opened(database, yaml) as house:
        work, decider = house.work(lead("a@example.com"), lead("b@example.com")), house.engine.decider
        await house.keep(work)
        for _ in range(3):  # counted, and died before the decision
            drafts = decider.draft(work)
            await decider._evidence.gather(drafts, house.identity())
            assert [list(draft.evidence.values()) for draft in drafts] == [[1], [2]]
        assert states(await house.engine.decided(work, house.world.monotonic() + 10)) == ["unsold"] * 2
        assert await house.value("select sum(n) from velocity") == 2


async def test_whoever_lost_a_lead_to_others_does_not_count_it(database: Database) -> None:
    yaml = catalogue(source(), checks='[{check: velocity, per: source, most: 2, within: "1h"}]')
    async with opened(database, yaml) as house:
        work = house.work(lead())
        await house.keep(work)
        await house.run("update inbox set lease_id = gen_random_uuid()")
        await house.engine.decider._evidence.gather(house.engine.decider.draft(work), house.identity())
        assert await house.value("select count(*) from velocity") == 0


async def test_a_slow_look_up_holds_up_nobody_else_and_is_asked_once(database: Database) -> None:
    yaml = catalogue(source(), checks="[{check: email, mx: reject}]")
    async with opened(database, yaml) as house:
        answer = await house.one({"first_name": "Ann", "email": "a@fast.example"})
        assert answer.state == "unsold"
        house.resolver.go.clear()
        slow = house.work(lead("a@nomail.example"))
        await house.keep(slow)
        waiting = asyncio.create_task(house.engine.decided(slow, house.world.monotonic() + 10))

        async def asked() -> bool:
            return "nomail.example" in house.resolver.asked

        await house.until(asked)
        without = house.work({"first_name": "Ann"})  # nothing to look up
        await house.keep(without)
        (quick,) = await house.engine.decided(without, house.world.monotonic() + 10)
        assert quick.state == "rejected"
        assert not waiting.done()
        house.resolver.go.set()
        (answer,) = await waiting
        assert [reason["code"] for reason in answer.reasons] == ["no_mx"]
        assert house.resolver.asked == ["fast.example", "nomail.example"]


async def test_a_resolver_that_breaks_is_an_answer_too(database: Database, monkeypatch: Any) -> None:
    yaml = catalogue(source(), checks="[{check: email, mx: reject}]")
    async with opened(database, yaml) as house:

        async def breaks(domain: str) -> bool:
            raise RuntimeError

        monkeypatch.setattr(house.resolver, "takes_mail", breaks)
        assert (await house.one(lead())).state == "unsold"
        assert house.at_rest()
