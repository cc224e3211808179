"""A rule that is declared today knows the leads of yesterday."""

import asyncio

from app.pipeline.filling import Filling
from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import House, opened, source
from tests.pipeline.test_claims import states
from tests.pipeline.test_duplicates import BY_BUYER, PERSON, SIMILAR, ann, catalogue, two

MIXED = "{check: duplicate, name: any, on: [email], within: 30d}"


async def fill(house: House, stretch: int = 2) -> None:
    filling = Filling(house.database, house.world, plans=lambda: house.plans, stretch=stretch)
    while await filling.further():
        pass


async def test_leads_from_before_a_rule_are_duplicates_by_it(database: Database) -> None:
    async with opened(database, catalogue(source(), checks="")) as house:
        for n in range(5):
            await house.one(ann(f"a{n}@example.com"))
        await house.one({**ann("refused@example.com"), "first_name": ""})
        await house.configure(catalogue(source(), checks=MIXED))
        await fill(house)
        again = [await house.one(ann(f"a{n}@example.com")) for n in range(5)]
        assert states(again) == ["rejected"] * 5
        assert (await house.one(ann("refused@example.com"))).state == "unsold"
        assert await house.rows(
            "select campaign, entered from duplicate_filling where done_at is not null"
        ) == [("solar", 5)]


async def test_similar_people_and_buyers_are_known_from_before_too(database: Database, buyer: Buyer) -> None:
    async with opened(database, catalogue(*two(buyer), checks="")) as house:
        await house.one(ann(first_name="Fernanda"))
        await house.configure(catalogue(*two(buyer), checks=f"{BY_BUYER}, {SIMILAR.replace('hold', 'link')}"))
        await fill(house)
        again = await house.one(ann(first_name="Fernadna"))
        assert await house.deliveries(again.lead_id) == [("b2", "accepted")]
        assert again.reasons[0]["code"] == "repeat"


async def test_what_came_before_the_look_back_is_left_alone_and_who_came_last_holds_the_key(
    database: Database,
) -> None:
    async with opened(database, catalogue(source(), checks="")) as house:
        old, first, last = [
            await house.one(ann(who)) for who in ("old@example.com", "a@example.com", "a@example.com")
        ]
        await house.run("update lead set decided_at = now() - interval '31 days' where id = $1", old.lead_id)
        await house.configure(catalogue(source(), checks=MIXED))
        await fill(house, stretch=1)
        assert [row[0] for row in await house.rows("select lead_id from dedupe_key")] == [last.lead_id]
        assert first.lead_id != last.lead_id


async def test_what_was_decided_meanwhile_is_newer_than_what_is_entered(database: Database) -> None:
    async with opened(database, catalogue(source(), checks="")) as house:
        await house.one(ann())
        await house.configure(catalogue(source(), checks=MIXED.replace("30d", "30d, action: flag")))
        now = await house.one(ann())
        await fill(house)
        assert await house.value("select lead_id from dedupe_key") == now.lead_id


async def test_another_rule_is_entered_anew_and_another_action_is_not(database: Database) -> None:
    async with opened(database, catalogue(source(), checks=MIXED)) as house:
        await fill(house)
        done = await house.value("select done_at from duplicate_filling")
        await house.configure(catalogue(source(), checks=MIXED.replace("30d", "30d, action: link")))
        await fill(house)
        assert await house.value("select done_at from duplicate_filling") == done
        await house.one(ann())
        await house.configure(
            catalogue(source(), checks=f"{{check: duplicate, on: [{PERSON}], match: loose}}")
        )
        await fill(house)
        assert (await house.one(ann("b@example.com"))).state == "rejected"


async def test_two_processes_at_it_enter_everything_once(database: Database) -> None:
    async with opened(database, catalogue(source(), checks="")) as house:
        for n in range(6):
            await house.one(ann(f"a{n}@example.com"))
        await house.configure(catalogue(source(), checks=MIXED))
        await asyncio.gather(fill(house), fill(house))
        await fill(house)
        assert await house.value("select entered from duplicate_filling") == 6
        assert await house.value("select count(*) from dedupe_key") == 6
