"""What the terms of returns come to on the whole path: who is counted, what has room again, what is told, to the millionth."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from app.core.world import World
from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import lead, source
from tests.pipeline.test_callbacks import told as tell_all
from tests.pipeline.test_earning import sharing
from tests.pipeline.test_returning import TERMS, Desk, desk, selling


async def test_what_is_asked_for_and_taken_back_in_one_body_is_withdrawn(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        delivery = await open_.sold()
        asked, back, again = await open_.tell(
            {"type": "return", "delivery_id": str(delivery), "reason": "other", "external_id": "r-1"},
            {"type": "correction", "voids": "r-1"},
            {"type": "return", "delivery_id": str(delivery), "reason": "other", "external_id": "r-2"},
        )
        assert (asked.outcome, back.outcome, again.code) == ("pending", "accepted", "withdrawn")
        assert await open_.house.value("select state from return_request") == "withdrawn"
        words = await open_.house.rows("select kind from return_word order by id")
        assert [row[0] for row in words] == ["requested", "withdrawn"]


@pytest.mark.parametrize(("do", "state"), [("approve", "approved"), ("deny", "denied")])
async def test_what_a_rule_has_decided_is_not_taken_back_in_the_same_body(
    database: Database, buyer: Buyer, do: str, state: str
) -> None:
    terms = f'{TERMS}, auto: [{{when: "true", do: {do}}}]'
    async with desk(database, source(), selling(buyer, terms)) as open_:
        delivery = await open_.sold()
        asked, back = await open_.tell(
            {"type": "return", "delivery_id": str(delivery), "reason": "other", "external_id": "r-1"},
            {"type": "correction", "voids": "r-1"},
        )
        assert (asked.code, back.outcome, back.code) == (state, "rejected", "decided")
        assert await open_.house.value("select state from return_request") == state
        await open_.books()


async def test_what_is_taken_back_is_counted_by_no_cap_any_more(database: Database, buyer: Buyer) -> None:
    terms = f"{TERMS}, cap: {{percent: 0, per: month, min: 1}}"
    async with desk(database, source(), selling(buyer, terms)) as open_:
        one, two, three = [str(await open_.sold(f"a{n}@example.com")) for n in range(3)]
        request = await open_.requested(UUID(one))
        assert (await open_.give_back(UUID(two))).code == "over_cap"
        back, asked = await open_.tell(
            {"type": "correction", "voids": str(request)},
            {"type": "return", "delivery_id": two, "reason": "other", "note": "once more"},
        )
        assert (back.outcome, asked.code) == ("accepted", "requested")
        assert (await open_.give_back(UUID(three))).code == "over_cap"


async def test_a_test_that_is_given_back_takes_no_place_of_the_cap(database: Database, buyer: Buyer) -> None:
    terms = f"{TERMS}, cap: {{percent: 0, per: month, min: 1}}"
    async with desk(database, source(), selling(buyer, terms)) as open_:
        test = await open_.house.one(lead("t@example.com"), test=True)
        await open_.requested(await open_.delivery(test.lead_id))
        await open_.requested(await open_.sold())
        assert (await open_.give_back(await open_.sold("bob@example.com"))).code == "over_cap"


async def test_what_counts_is_when_it_was_asked_for_and_not_when_it_is_said_to_have_been(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        delivery = await open_.sold()
        await open_.house.run("update delivery set ended_at = now() - interval '7 days 2 seconds'")
        said = (datetime.now(UTC) - timedelta(days=6)).isoformat()
        assert (await open_.give_back(delivery, occurred_at=said)).code == "too_late"


async def test_an_appeal_has_the_window_again_from_the_denial(database: Database, buyer: Buyer) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        one, two = await open_.sold(), await open_.sold("bob@example.com")
        for delivery in (one, two):
            await open_.returns.deny(await open_.requested(delivery), "no", by="ann")
        await open_.house.run("update delivery set ended_at = now() - interval '20 days'")
        decided = "update return_request set decided_at = now() - $2::text::interval where delivery_id = $1"
        await open_.house.run(decided, one, "6 days 23 hours")
        await open_.house.run(decided, two, "7 days 2 seconds")
        assert (await open_.give_back(one, evidence="recording 17")).code == "appealed"
        assert (await open_.give_back(two, evidence="recording 17")).code == "too_late"


async def test_a_duplicate_is_verified_by_what_the_buyer_had_before(database: Database, buyer: Buyer) -> None:
    rule = "auto: [{when: \"reason == 'duplicate' && verified == true\", do: approve}]"
    long = TERMS.replace("7d", "60d")
    theirs = '[{check: duplicate, on: [email], scope: buyer, within: "30d"}]'
    async with desk(database, source(), selling(buyer, f"{long}, {rule}"), checks=theirs) as open_:
        first = await open_.sold()
        await open_.house.run(
            "update delivery set ended_at = now() - interval '31 days'"
        )  # she may come again
        await open_.house.run("update delivery set created_at = ended_at")
        again = await open_.sold()
        assert (await open_.give_back(again, "duplicate")).code == "approved"
        assert (
            await open_.give_back(first, "duplicate")
        ).code == "requested"  # the buyer did not have her then


async def test_a_period_that_is_over_has_no_room_again(database: Database, buyer: Buyer) -> None:
    caps = "caps: [{per: day, leads: 5}, {per: total, amount: '500.00'}]"
    async with desk(database, source(), selling(buyer, f"{TERMS}, refill: true", caps)) as open_:
        both = await open_.sold(), await open_.sold("bob@example.com")
        counted = "select split_part(key, ':', 1), value from counter where key like any('{cap:%,budget:%}') order by 1"

        async def left() -> list[tuple[str, int]]:
            return [(row[0], row[1]) for row in await open_.house.rows(counted)]

        assert await left() == [("budget", 840_000), ("cap", 2)]
        await open_.returns.approve(await open_.requested(both[0]), by="ann")
        assert await left() == [("budget", 420_000), ("cap", 1)]
        request = await open_.requested(both[1])
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        open_.house.world = World(now=lambda: tomorrow)
        await Desk(open_.house).returns.approve(request, by="ann")
        assert await left() == [("budget", 0), ("cap", 1)]


async def test_another_lead_is_owed_for_thirty_days_and_the_buyer_hears_what_came_of_it(
    database: Database, buyer: Buyer
) -> None:
    async with Buyer() as hears:
        post = f'postback: {{url: "{hears.url("/ok")}", on: [replaced, credited], sign: {{secrets: [whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]}}}}'
        async with desk(database, source(), selling(buyer, f"{TERMS}, remedy: replace", post)) as open_:
            one = await open_.returns.approve(await open_.requested(await open_.sold()), by="ann")
            assert one.replace_until is not None
            assert one.decided_at is not None
            assert one.replace_until - one.decided_at == timedelta(days=30)
            await open_.sold("bob@example.com")
            await open_.returns.replace()
            two = await open_.returns.approve(
                await open_.requested(await open_.sold("cy@example.com")), by="ann"
            )
            await open_.house.run("update return_request set replace_until = now() where id = $1", two.id)
            await open_.returns.replace()
            assert set(await tell_all(open_.house)) == {"told"}
            await open_.books()
        said = {json.loads(one.body)["event"]: json.loads(one.body)["return"]["id"] for one in hears.received}
        assert said == {"replaced": str(one.id), "credited": str(two.id)}
        assert all("webhook-signature" in got.headers for got in hears.received)


async def test_what_is_credited_is_what_was_charged_to_the_millionth(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, sharing("50"), selling(buyer, price="0.333333")) as open_:
        delivery = await open_.sold()
        assert await open_.balance("buyer:b1") == Decimal("0.333333")
        assert await open_.balance("source:acme") == Decimal("-0.166667")  # 0.1666665: away from nought
        done = await open_.returns.approve(await open_.requested(delivery), by="ann")
        assert (done.credited, done.price_back) == (Decimal("0.333333"), Decimal("0.166667"))
        assert await open_.books() == {}


async def test_a_later_round_changes_neither_the_answer_nor_the_price_of_its_source(
    database: Database, buyer: Buyer
) -> None:
    parts = (source(), selling(buyer, f"{TERMS}, resale: true, source: never"))
    async with desk(database, *parts, selling(buyer, id_="b2", price="30.00")) as open_:
        delivery = await open_.sold()
        told = "select outcome, price, revenue from lead"
        assert tuple((await open_.house.rows(told))[0]) == ("success", Decimal("12.50"), Decimal("42.00"))
        done = await open_.returns.approve(await open_.requested(delivery, "other"), by="ann")
        await open_.returns.resell()
        await open_.house.ends(done.lead_id, "sold")
        assert tuple((await open_.house.rows(told))[0]) == ("success", Decimal("12.50"), Decimal("30.00"))
        assert await open_.books() == {
            "buyer:b2": Decimal("30.00"), "cost:solar": Decimal("12.50"), "revenue:solar": Decimal("-30.00"),
            "source:acme": Decimal("-12.50"),
        }  # fmt: skip


async def test_an_amount_of_a_sources_cap_counts_fixed_prices_and_its_share_of_sales(
    database: Database, buyer: Buyer
) -> None:
    cap = ", caps: [{per: day, amount: '%s'}]"
    for paid in (source(more=cap % "12.50"), sharing(more=cap % "25.20")):
        async with desk(database, paid, selling(buyer)) as open_:
            await open_.house.run("truncate counter")
            assert (await open_.house.one(lead())).outcome == "success"
            assert (await open_.house.one(lead("bob@example.com"))).outcome == "failure"


async def test_a_body_counts_for_each_period_its_own_and_nothing_that_a_rule_has_denied(
    database: Database, buyer: Buyer
) -> None:
    rule = "auto: [{when: \"reason == 'other'\", do: deny}]"
    terms = f"{TERMS.replace('7d', '60d')}, cap: {{percent: 0, per: month, min: 1}}, {rule}"
    async with desk(database, source(), selling(buyer, terms)) as open_:
        before, denied, one, two = [await open_.sold(f"a{n}@example.com") for n in range(4)]
        month = "update delivery set ended_at = now() - interval '32 days' where id = $1"
        await open_.house.run(month, before)
        asked = {before: "wrong_number", denied: "other", one: "wrong_number", two: "wrong_number"}
        results = await open_.tell(
            *({"type": "return", "delivery_id": str(id_), "reason": why} for id_, why in asked.items()),
            {"type": "return", "delivery_id": str(denied), "reason": "other", "evidence": "recording 17"},
        )
        codes = [(result.outcome, result.code) for result in results]
        assert codes == [
            ("pending", "requested"), ("rejected", "denied"), ("pending", "requested"), ("rejected", "over_cap"),
            ("duplicate", "denied"),
        ]  # fmt: skip
        appeal = await open_.give_back(denied, "other", evidence="recording 18")
        assert (appeal.outcome, appeal.code) == ("pending", "appealed")


async def test_a_claim_is_verified_by_what_a_check_had_found(database: Database, buyer: Buyer) -> None:
    rule = 'auto: [{when: "verified == true", do: approve}]'
    found = "[{check: phone, fields: [phone], fictional: flag}]"
    async with desk(database, source(), selling(buyer, f"{TERMS}, {rule}"), checks=found) as open_:
        fictional = await open_.sold(phone="512-555-0143")
        other = await open_.sold("bob@example.com", phone="512-472-0143")
        assert (await open_.give_back(other, "disconnected")).code == "requested"
        assert (await open_.give_back(fictional, "disconnected")).code == "approved"
