"""Auctions over real sockets and a real database: who may bid, who is late, what a waiting delivery remembers."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from app.core.conditions import facts_of
from app.distribute.wire import Wire
from app.pipeline.auctioneer import Auctioneer, Hammer, Lot
from app.pipeline.live_auction import LiveAuctions
from app.pipeline.pinging import Pinger
from app.pipeline.story import story
from app.store.database import Database
from app.validate.check import Earlier
from tests.bidders import Bidders, bidder, campaign, market, source, standing
from tests.pipeline.house import House, opened

FACTS: dict[str, Any] = {"state": "CA", "bill": 180}
ANN = {"first_name": "Ann", "email": "ann@example.com", "phone": "512 555 0100", **FACTS}
POSTED = "{on: post, deadline: 2s, margin: {percent: 25}}"


class Market(House):
    """A house with an auctioneer."""

    auctioneer: Auctioneer

    async def hold(self, facts: dict[str, Any] = FACTS, **more: Any) -> Hammer:
        plan = self.plans.source("acme")
        assert plan is not None
        at = datetime(2026, 11, 20, 12, tzinfo=UTC)
        match = plan.campaign.match(facts_of(facts, None), source="acme", at=at)
        lot = Lot(
            id=self.world.new_id(), campaign=plan.campaign, source="acme", match=match, lead=facts, **more
        )
        return await self.auctioneer.hold(lot)

    async def ping(self, facts: dict[str, Any] = FACTS) -> Any:
        pinger = Pinger(self.database, self.auctioneer, self.world, self.metrics, plans=lambda: self.plans)
        plan = self.plans.source("acme")
        assert plan is not None
        return await pinger.ping(plan, facts)


@asynccontextmanager
async def auctions(database: Database, yaml: str) -> AsyncIterator[Market]:
    async with opened(database, yaml) as house, Wire(allow_private=True) as asking:
        house.__class__ = Market
        assert isinstance(house, Market)
        house.auctioneer = Auctioneer(database, asking, house.world, house.metrics, plans=lambda: house.plans)
        house.evidence._auctions = LiveAuctions(house.auctioneer, house.world, database)
        yield house
        await house.auctioneer.close()


@pytest.fixture
async def bidders() -> AsyncIterator[Bidders]:
    async with Bidders({"sunco": "12.00", "volta": "15.00", "amp": None}) as listening:
        yield listening


@pytest.fixture
async def nowhere() -> str:
    """The address of a buyer who is gone."""
    async with Bidders({}) as gone:
        return gone.url("/")


def who(hammer: Hammer) -> list[tuple[str, Decimal]]:
    return [(bid.contract, bid.price) for bid in hammer.bids]


async def test_who_does_not_answer_in_time_has_not_bid(database: Database, bidders: Bidders) -> None:
    yaml = market(bidder(bidders, "sunco"), bidder(bidders, "mute"), campaign=campaign("{deadline: 300ms}"))
    async with auctions(database, yaml) as house:
        hammer = await house.hold()
    assert who(hammer) == [("sunco", Decimal("12.00"))]
    assert hammer.silent == {"mute": "late"}


async def test_who_says_no_says_why(database: Database, bidders: Bidders) -> None:
    yaml = market(bidder(bidders, "amp"), standing(bidders, "house", "4.00"), campaign=campaign())
    async with auctions(database, yaml) as house:
        hammer = await house.hold()
    assert (who(hammer), hammer.silent) == ([("house", Decimal("4.00"))], {"amp": "not_accepted"})


async def test_a_buyer_who_can_not_be_reached_is_no_reason_to_wait(
    database: Database, bidders: Bidders, nowhere: str
) -> None:
    gone = bidder(bidders, "gone").replace(bidders.url("/ping/gone"), nowhere)
    yaml = market(gone, standing(bidders, "house", "4.00"), campaign=campaign("{deadline: 2s}"))
    async with auctions(database, yaml) as house:
        hammer = await house.hold()
    assert (who(hammer), hammer.silent) == ([("house", Decimal("4.00"))], {"gone": "connect_failed"})


async def test_filters_hours_and_sources_hold_as_for_leads(database: Database, bidders: Bidders) -> None:
    closed = 'hours: {zone: UTC, open: {sat: "08:00-18:00"}}'  # it is a Friday
    yaml = market(
        bidder(bidders, "sunco", more='when: lead.state == "NV"'),
        bidder(bidders, "volta", more=closed),
        bidder(bidders, "amp", more="sources: [other]"),
        standing(bidders, "house", "4.00"),
        campaign=campaign(), sources=source() + source("other"),
    )  # fmt: skip
    async with auctions(database, yaml) as house:
        assert who(await house.hold()) == [("house", Decimal("4.00"))]
    assert bidders.received == []


async def test_a_contract_whose_cap_is_full_is_not_asked(database: Database, bidders: Bidders) -> None:
    capped = "caps: [{per: total, leads: 1}]"
    yaml = market(
        bidder(bidders, "volta", more=capped), standing(bidders, "house", "4.00"), campaign=campaign(POSTED)
    )
    async with auctions(database, yaml) as house:
        await house.one(ANN)
        assert len(bidders.leads("volta")) == 1
        hammer = await house.hold()
    assert (who(hammer), hammer.silent) == ([("house", Decimal("4.00"))], {"volta": "cap"})


async def test_a_buyer_who_has_the_person_is_not_asked(database: Database, bidders: Bidders) -> None:
    yaml = market(bidder(bidders, "sunco"), bidder(bidders, "volta"), campaign=campaign())
    async with auctions(database, yaml) as house:
        hammer = await house.hold(without={"volta"})
    assert (who(hammer), hammer.silent) == ([("sunco", Decimal("12.00"))], {"volta": "duplicate"})


async def test_a_lead_without_a_ping_is_auctioned_where_its_campaign_sells_so(
    database: Database, bidders: Bidders
) -> None:
    yaml = market(bidder(bidders, "sunco"), bidder(bidders, "volta"), campaign=campaign(POSTED))
    async with auctions(database, yaml) as house:
        answer = await house.one(ANN)
    assert (answer.outcome, answer.price) == ("success", Decimal("11.25"))
    assert bidders.pings() == [{"state": "CA", "bill": 180}] * 2
    assert bidders.leads("volta")[0]["price"] == "15.00"


async def test_nobody_is_asked_about_a_lead_that_is_rejected_anyway(
    database: Database, bidders: Bidders
) -> None:
    yaml = market(bidder(bidders, "sunco"), campaign=campaign(POSTED))
    async with auctions(database, yaml) as house:
        answer = await house.one({"email": "no address"})
    assert (answer.outcome, bidders.received) == ("failure", [])


async def test_a_lead_on_which_nobody_bids_is_unsold(database: Database, bidders: Bidders) -> None:
    yaml = market(bidder(bidders, "amp"), standing(bidders, "house", "4.00"),
                  campaign=campaign('{on: post, minimum: "5.00"}'))  # fmt: skip
    async with auctions(database, yaml) as house:
        answer = await house.one(ANN)
    assert (answer.outcome, answer.state) == ("failure", "unsold")
    assert bidders.leads("house") == []


async def test_a_source_with_a_price_of_its_own_is_paid_that_and_no_more_than_the_buyer_pays(
    database: Database, bidders: Bidders
) -> None:
    yaml = market(bidder(bidders, "sunco"), campaign=campaign(POSTED), sources=source(more=', price: "9.00"'))
    async with auctions(database, yaml) as house:
        assert (await house.one(ANN)).price == Decimal("9.00")
        bidders.bids["sunco"] = "8.00"
        assert (await house.one({**ANN, "email": "bob@example.com"})).price == Decimal("8.00")


async def test_what_was_bid_is_remembered_by_a_delivery_that_waits(
    database: Database, bidders: Bidders, nowhere: str
) -> None:
    """Another process takes it up from the rows alone; after the winner's last no the next bidder has his price too."""
    yaml = market(bidder(bidders, "sunco"), bidder(bidders, "volta"), campaign=campaign("{deadline: 2s}"))
    away = f"retry: {{schedule: [1h], until: 90m}}\n        deliver: {{adapter: webhook, url: {nowhere}"
    yaml = yaml.replace(f"deliver: {{adapter: webhook, url: {bidders.url('/lead/volta')}", away)
    async with auctions(database, yaml) as house:
        pinged = await house.ping()
        lead_id = await house.waiting({**ANN, "ping_id": str(pinged.id)})
        await house.run("update delivery set created_at = created_at - interval '2 hours'")
        await house.due_now()
        await house.ends(lead_id, "sold")
        row = (await house.rows("select price, agreed from lead where id = $1", lead_id))[0]
    assert bidders.leads("sunco") == [{"email": "ann@example.com", "price": "12.00", "bid": "bid-sunco"}]
    assert (row[0], row[1]) == (Decimal("12.00"), Decimal("15.00"))


async def test_shared_leads_go_to_as_many_of_the_best_bidders(database: Database, bidders: Bidders) -> None:
    yaml = market(
        bidder(bidders, "sunco"), bidder(bidders, "volta"), standing(bidders, "house", "4.00"),
        campaign=campaign(POSTED, sell="shared(2)"),
    )  # fmt: skip
    async with auctions(database, yaml) as house:
        await house.one(ANN)
        await house.ends((await house.rows("select id from lead"))[0][0], "sold")
        sold = await house.rows(
            "select contract, price from delivery where state = 'accepted' order by price"
        )
    assert [(row[0], row[1]) for row in sold] == [("sunco", Decimal("12.00")), ("volta", Decimal("15.00"))]


async def test_two_requests_to_a_buyer_are_one_delivery_at_his_price(
    database: Database, bidders: Bidders
) -> None:
    asked = f"""
  - id: volta
    contracts:
      - id: volta
        campaign: solar
        price: "1.00"
        deliver:
          adapter: ping_post
          ping: {{url: {bidders.url("/ping/volta")}, fields: {{state: state, email: email}}, accepted: has(reply.json.price),
                 price: reply.json.price, reference: reply.json.id}}
          post: {{url: {bidders.url("/lead/volta")}, fields: {{email: email, bid: ping_reference}},
                 accepted: reply.json.status == "accepted", reference: reply.json.id}}
"""
    async with auctions(database, market(asked, campaign=campaign())) as house:
        await house.one(ANN)
        row = (await house.rows("select state, price, reference, attempts from delivery"))[0]
        kept = json.loads(await house.value("select exchanges from attempt_end"))
    assert tuple(row) == ("accepted", Decimal("15.00"), "lead-volta", 1)
    assert [one["url"].rpartition("/")[0].rpartition("/")[2] for one in kept] == ["ping", "lead"]
    assert (bidders.pings(), bidders.leads("volta")) == (
        [{"state": "CA"}], [{"email": "ann@example.com", "bid": "bid-volta"}],
    )  # fmt: skip


async def test_a_bid_with_odd_bytes_in_its_name_is_kept(database: Database, bidders: Bidders) -> None:
    bidders.bids["sunco"] = None
    yaml = market(bidder(bidders, "sunco"), campaign=campaign()).replace(
        "accepted: has(reply.json.price)", 'accepted: "true"'
    )
    yaml = yaml.replace("reference: reply.json.id", "reference: reply.json.odd", 1)
    async with auctions(database, yaml) as house:
        bidders.odd = "a\0b"
        pinged = await house.ping()
        assert (
            await house.value("select bids -> 0 ->> 'reference' from ping where id = $1", pinged.id) == "ab"
        )


async def test_a_trace_shows_what_was_bid(database: Database, bidders: Bidders) -> None:
    yaml = market(bidder(bidders, "sunco"), bidder(bidders, "volta"), campaign=campaign(POSTED))
    async with auctions(database, yaml) as house:
        await house.one(ANN)
        (lead_id,) = (await house.rows("select id from lead"))[0]
        async with house.database.acquire() as conn:
            told = await story(conn, lead_id)
    assert told is not None
    assert told.detail is not None
    assert [(one["contract"], one["pays"]) for one in told.detail["routing"]["bids"]] == [
        ("volta", "15.00"), ("sunco", "12.00"),
    ]  # fmt: skip


async def test_a_trace_shows_who_has_not_bid_and_why(database: Database, bidders: Bidders) -> None:
    yaml = market(
        bidder(bidders, "amp"),
        bidder(bidders, "volta", more="caps: [{per: day, leads: 0}]"),
        bidder(bidders, "sunco", more='caps: [{per: day, amount: "0.50"}]'),
        standing(bidders, "house", "4.00"),
        campaign=campaign(POSTED),
    )
    async with auctions(database, yaml) as house:
        await house.one(ANN)
        kept = json.loads(await house.value("select routing -> 'silent' from lead_detail"))
    assert kept == {"amp": "not_accepted", "volta": "cap", "sunco": "budget"}


ON_EMAIL = "[{check: duplicate, on: [email]}]"
BY_BUYER = "[{check: duplicate, on: [email], scope: buyer}]"


async def test_nobody_is_asked_about_a_duplicate(database: Database, bidders: Bidders) -> None:
    yaml = market(bidder(bidders, "sunco"), campaign=campaign(POSTED, checks=ON_EMAIL))
    async with auctions(database, yaml) as house:
        assert (await house.one(ANN)).outcome == "success"
        again = await house.one(ANN)
    assert ([one["code"] for one in again.reasons], len(bidders.pings())) == (["duplicate"], 1)


async def test_nor_is_a_buyer_asked_who_has_the_person_of_a_whole_lead(
    database: Database, bidders: Bidders
) -> None:
    """He would be passed by, and the source promised what he bid."""
    yaml = market(
        bidder(bidders, "sunco"), bidder(bidders, "volta"), campaign=campaign(POSTED, checks=BY_BUYER)
    )
    async with auctions(database, yaml) as house:
        assert (await house.one(ANN)).price == Decimal("11.25")
        answer = await house.one(ANN)
        kept = await house.value("select agreed from lead where id = $1", answer.lead_id)
    asked = [one.path for one in bidders.received if one.path.startswith("/ping/")]
    assert sorted(asked) == ["/ping/sunco", "/ping/sunco", "/ping/volta"]
    assert (answer.price, kept) == (Decimal("9.00"), Decimal("9.00"))


async def test_what_was_a_duplicate_when_it_was_looked_at_and_is_none_any_more_is_auctioned(
    database: Database, bidders: Bidders, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its other lead was refused in between: it would go at the contracts' own prices."""

    async def held(_: Any, drafts: Any) -> Any:
        (claim,) = drafts[0].plan.campaign.judge.claims(drafts[0].lead)
        return [{claim: Earlier(UUID(int=7), drafts[0].lead.received_at, "acme")}]

    yaml = market(bidder(bidders, "sunco"), campaign=campaign(POSTED, checks=ON_EMAIL))
    monkeypatch.setattr("app.pipeline.live_auction.foresee", held)
    async with auctions(database, yaml) as house:
        answer = await house.one(ANN)
    assert (answer.outcome, answer.price, len(bidders.pings())) == ("success", Decimal("9.00"), 1)
