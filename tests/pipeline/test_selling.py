"""Sold to one or shared, to the sweeper, along the chain, to the house: by real deliveries."""

import json

from app.store.database import Database
from tests.buyer import Buyer, reply, says
from tests.pipeline.house import catalogue, contract, lead, opened, source

CAP = "caps: [{per: day, leads: 1}]"
AGED = """
  - id: solar-aged
    fields:
      first_name: {type: name}
      email:      {type: email}
    distribution: {sell: exclusive, rank: [price]}
"""


def chained(*parts: str, then: str, sell: str = "exclusive") -> str:
    """As `catalogue`, where leads of solar go on, with a second campaign of the same fields."""
    return with_distribution(*parts, more=f", then: {then}", sell=sell)


def with_distribution(*parts: str, more: str, sell: str = "exclusive") -> str:
    made = catalogue(*parts, sell=sell)
    written = f"distribution: {{sell: {sell}, rank: [price, priority]}}"
    assert written in made
    return made.replace(written, written[:-1] + more + "}").replace("\nsources:", AGED + "\nsources:")


def aged(id_: str, url: str, **more: str) -> str:
    return contract(id_, url, **more).replace("campaign: solar\n", "campaign: solar-aged\n")


async def test_a_sweeper_is_asked_after_all_others_however_much_it_pays(
    database: Database, buyer: Buyer
) -> None:
    yaml = catalogue(
        source(),
        contract("rich-sweeper", buyer.url("/ok"), price="99.00", more="sweeper: true"),
        contract("b1", buyer.url("/reject"), price="10.00"),
        contract("b2", buyer.url("/reject"), price="5.00"),
    )
    async with opened(database, yaml) as house:
        answer = await house.one(lead())
        assert (answer.outcome, answer.state) == ("success", "sold")
        assert await house.deliveries(answer.lead_id) == [
            ("b1", "rejected"), ("b2", "rejected"), ("rich-sweeper", "accepted")
        ]  # fmt: skip
        assert await house.value("select price from delivery where contract = 'rich-sweeper'") == 99


async def test_a_sweeper_gets_no_copy_of_what_somebody_took(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(
        source(), contract("b1", buyer.url("/ok")), contract("b2", buyer.url("/reject")),
        contract("sweeper", buyer.url("/ok"), more="sweeper: true"), sell="shared(3)",
    )  # fmt: skip
    async with opened(database, yaml) as house:
        answer = await house.one(lead())
        await house.ends(answer.lead_id, "sold")
        assert dict(await house.deliveries(answer.lead_id)) == {"b1": "accepted", "b2": "rejected"}


async def test_who_is_full_is_passed_over_and_the_sweeper_takes_the_lead_at_once(
    database: Database, buyer: Buyer
) -> None:
    yaml = catalogue(
        source(), contract("b1", buyer.url("/ok"), more=CAP),
        contract("sweeper", buyer.url("/ok"), more="sweeper: true"),
    )  # fmt: skip
    async with opened(database, yaml) as house:
        for n, expected in enumerate(["b1", "sweeper", "sweeper"]):
            answer = await house.one(lead(f"s{n}@example.com"))
            assert await house.deliveries(answer.lead_id) == [(expected, "accepted")]


async def test_a_lead_that_nobody_took_goes_to_the_next_campaign_and_then_to_the_house(
    database: Database, buyer: Buyer
) -> None:
    yaml = chained(
        source(),
        contract("b1", buyer.url("/reject")),
        aged("old-1", buyer.url("/reject"), price="9.00"),
        aged("old-2", buyer.url("/duplicate"), price="8.00"),
        aged("old-sweeper", buyer.url("/reject"), price="90.00", more="sweeper: true"),
        aged("own-desk", buyer.url("/ok"), price="0", more='when: lead.email == "nobody@example.com"'),
        then="[{campaign: solar-aged}, {house: own-desk}]",
    )
    async with opened(database, yaml) as house:
        answer = await house.one(lead())
        assert (answer.outcome, answer.state) == ("success", "sold")
        assert await house.deliveries(answer.lead_id) == [
            ("b1", "rejected"), ("old-1", "rejected"), ("old-2", "duplicate"), ("old-sweeper", "rejected"),
            ("own-desk", "accepted"),
        ]  # fmt: skip
        row = (await house.rows("select round, campaign, outcome, price from lead"))[0]
        assert (row[0], row[1], row[2], str(row[3])) == (1, "solar", "success", "12.50")


async def test_the_chain_is_gone_along_at_once_where_nobody_matches(database: Database, buyer: Buyer) -> None:
    yaml = chained(
        source(),
        contract("b1", buyer.url("/ok"), more='when: lead.email == "nobody@example.com"'),
        aged("old", buyer.url("/ok"), price="9.00", more=CAP),
        then="[{campaign: solar-aged}]",
    )
    async with opened(database, yaml) as house:
        first = await house.one(lead("a@example.com"))
        assert await house.deliveries(first.lead_id) == [("old", "accepted")]
        assert await house.counters() == {"old": 1}
        second = await house.one(lead("b@example.com"))
        assert (second.state, await house.deliveries(second.lead_id)) == ("unsold", [])


async def test_a_cap_of_the_chain_is_given_back_on_a_refusal(database: Database, buyer: Buyer) -> None:
    yaml = chained(source(), aged("old", buyer.url("/reject"), more=CAP), then="[{campaign: solar-aged}]")
    async with opened(database, yaml) as house:
        assert (await house.one(lead())).state == "unsold"
        assert await house.counters() == {"old": 0}


async def test_a_test_lead_goes_the_same_way_and_counts_nothing(database: Database, buyer: Buyer) -> None:
    yaml = chained(
        source(),
        contract("b1", buyer.url("/reject")),
        contract("sweeper", buyer.url("/reject"), more="sweeper: true"),
        aged("old", buyer.url("/ok"), more=CAP),
        then="[{campaign: solar-aged}]",
    )
    async with opened(database, yaml) as house:
        for _ in range(2):
            answer = await house.one(lead(), test=True)
            assert await house.deliveries(answer.lead_id) == [
                ("b1", "rejected"), ("sweeper", "rejected"), ("old", "accepted")
            ]  # fmt: skip
        assert await house.counters() == {}


async def test_a_hybrid_lead_is_shared_where_the_copies_earn_more(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(
        source(),
        contract("alone", buyer.url("/ok"), price="50.00"),
        contract("s1", buyer.url("/ok"), price="40.00", more='shared_price: "26.00"'),
        contract("s2", buyer.url("/ok"), price="0", more='shared_price: "25.00"'),
        sell="hybrid(2)",
    )
    async with opened(database, yaml) as house:
        answer = await house.one(lead())
        await house.ends(answer.lead_id, "sold")
        rows = await house.rows("select contract, slot, price, state, alone from delivery order by rank")
        assert [(r[0], r[1], str(r[2]), r[3], r[4]) for r in rows] == [
            ("s1", 2, "26.00", "accepted", False), ("s2", 3, "25.00", "accepted", False)
        ]  # fmt: skip
        assert str(await house.value("select revenue from lead")) == "51.00"


async def test_what_earns_the_same_goes_to_one(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(
        source(),
        contract("alone", buyer.url("/ok"), price="50.00"),
        contract("s1", buyer.url("/ok"), price="0", more='shared_price: "25.00"'),
        contract("s2", buyer.url("/ok"), price="0", more='shared_price: "25.00"'),
        sell="hybrid(2)",
    )
    async with opened(database, yaml) as house:
        answer = await house.one(lead())
        assert await house.deliveries(answer.lead_id) == [("alone", "accepted")]
        assert await house.value("select slot from delivery") == 1


async def test_after_a_refusal_it_is_decided_anew_until_somebody_holds_a_copy(
    database: Database, buyer: Buyer
) -> None:
    yaml = catalogue(
        source(),
        contract("alone-1", buyer.url("/reject"), price="60.00"),
        contract("alone-2", buyer.url("/ok"), price="45.00"),
        contract("s1", buyer.url("/reject"), price="0", more='shared_price: "26.00"'),
        contract("s2", buyer.url("/ok"), price="0", more='shared_price: "25.00"'),
        contract("s3", buyer.url("/ok"), price="0", more='shared_price: "3.00"'),
        sell="hybrid(2)",
    )
    async with opened(database, yaml) as house:
        answer = await house.one(lead())
        await house.ends(answer.lead_id, "sold")
        states = dict(await house.deliveries(answer.lead_id))
        # 60 to one beats 51; without it 51 beats 45; once s2 has a copy, the other copy goes to s3.
        assert states == {
            "alone-1": "rejected", "s1": "rejected", "s2": "accepted", "s3": "accepted"
        }  # fmt: skip


async def test_where_all_sharers_refuse_it_is_offered_to_one_again(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(
        source(),
        contract("alone", buyer.url("/ok"), price="45.00"),
        contract("s1", buyer.url("/reject"), price="0", more='shared_price: "26.00"'),
        contract("s2", buyer.url("/reject"), price="0", more='shared_price: "25.00"'),
        sell="hybrid(2)",
    )
    async with opened(database, yaml) as house:
        answer = await house.one(lead())
        await house.ends(answer.lead_id, "sold")
        rows = await house.rows("select contract, slot, alone from delivery where state = 'accepted'")
        assert [tuple(row) for row in rows] == [("alone", 1, True)]


async def test_a_sharer_without_room_is_not_reckoned_with(database: Database, buyer: Buyer) -> None:
    yaml = catalogue(
        source(),
        contract("alone", buyer.url("/ok"), price="30.00"),
        contract("s1", buyer.url("/ok"), price="0", more=f'shared_price: "26.00"\n        {CAP}'),
        contract("s2", buyer.url("/ok"), price="0", more='shared_price: "25.00"'),
        sell="hybrid(2)",
    )
    async with opened(database, yaml) as house:
        first, second = await house.one(lead("a@example.com")), await house.one(lead("b@example.com"))
        await house.ends(first.lead_id, "sold")
        assert await house.deliveries(first.lead_id) == [("s1", "accepted"), ("s2", "accepted")]
        assert await house.deliveries(second.lead_id) == [("alone", "accepted")]
        assert await house.counters() == {"s1": 1}


async def test_a_process_that_died_between_legs_leaves_the_lead_to_go_on(
    database: Database, buyer: Buyer
) -> None:
    says("/selling-later", reply(503))
    yaml = chained(
        source(),
        contract("b1", buyer.url("/selling-later")),
        aged("old", buyer.url("/ok")),
        then="[{campaign: solar-aged}]",
    )
    async with opened(database, yaml) as house:
        lead_id = await house.waiting(lead())
        # As if whoever ended the delivery had died before the next one was written.
        await house.run("update delivery set state = 'rejected', next_at = null, ended_at = now()")
        await house.engine.resume([lead_id])
        await house.ends(lead_id, "sold")
        assert await house.deliveries(lead_id) == [("b1", "rejected"), ("old", "accepted")]


async def test_what_is_kept_for_the_why_says_how_far_it_went_and_what_both_ways_earned(
    database: Database, buyer: Buyer
) -> None:
    yaml = chained(
        source(),
        contract("alone", buyer.url("/ok"), price="50.00"),
        contract("s1", buyer.url("/ok"), price="0", more='shared_price: "60.00"'),
        contract("big-net", buyer.url("/ok"), price="1.00", more="sweeper: true"),
        aged("old", buyer.url("/ok"), price="9.00"),
        then="[{campaign: solar-aged}]",
        sell="hybrid(2)",
    )
    async with opened(database, yaml) as house:
        answer = await house.one(lead())
        routing = json.loads(
            await house.value("select routing from lead_detail where lead_id = $1", answer.lead_id)
        )
        assert routing["ranked"] == [["alone", "50.00"]]  # and nobody who takes copies alone, nor the sweeper
        assert (routing["eligible"], routing["of"]) == (3, 3)
        assert routing["chain"][0]["copies"]["ranked"] == [["s1", "60.00"]]
        assert routing["chain"] == [
            {
                "leg": "solar", "of": 1, "eligible": 1, "ranked": [["alone", "50.00"]],
                "copies": {"of": 1, "eligible": 1, "ranked": [["s1", "60.00"]]},
                "took": "shared", "earns": {"alone": "50.00", "shared": "60.00"},
            }
        ]  # fmt: skip
