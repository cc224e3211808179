"""What a buyer gives back is credited once, in one transaction, under the terms of its contract; the books stay even."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, get_args
from uuid import UUID

import pytest

from app.core.errors import Conflict, NotFound
from app.core.world import World
from app.followup.feedback import Result
from app.followup.item import item_of
from app.ingest.fieldtype import fieldtypes
from app.model import Accepted
from app.pipeline.faults import Retrying
from app.pipeline.feedback import Feedback
from app.pipeline.person_export import Exporter
from app.pipeline.returning import Returns
from app.report.profit import profit
from app.store import erasing, feedback, health, outcomes, persons
from app.store.database import Database
from app.store.profit import Dimension
from tests.buyer import Buyer
from tests.pipeline.house import House, catalogue, contract, lead, opened, source
from tests.pipeline.test_callbacks import told as tell_all

TERMS = "window: 7d, reasons: [wrong_number, disconnected, duplicate, outside_area, no_contact, dnc, other]"


class Clock:
    """The world's, moved by the test."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Desk:
    """A house with what takes feedback and returns beside it."""

    def __init__(self, house: House) -> None:
        self.house = house
        retrying = Retrying(house.world, house.metrics, patience=5)
        engine = house.engine
        self.returns = Returns(
            house.database, engine.recorder, engine.tracker, house.world, retrying, plans=lambda: house.plans,
            follow=engine.follow,
        )  # fmt: skip
        self.feedback = Feedback(
            house.database,
            self.returns,
            fieldtypes,
            house.world,
            house.metrics,
            retrying,
            plans=lambda: house.plans,
        )

    async def sold(self, email: str = "ann@example.com", **more: Any) -> UUID:
        """The delivery by which it was sold."""
        answer = await self.house.one(lead(email, **more))
        assert answer.outcome == "success"
        return await self.delivery(answer.lead_id)

    async def delivery(self, lead_id: UUID) -> UUID:
        found = await self.house.value(
            "select id from delivery where lead_id = $1 and state = 'accepted' order by id desc limit 1",
            lead_id,
        )
        assert isinstance(found, UUID)
        return found

    async def tell(self, *items: dict[str, Any], buyer: str = "b1") -> list[Result]:
        return await self.feedback.take([item_of(item) for item in items], buyer, by=f"buyer {buyer}")

    async def give_back(
        self, delivery: UUID, reason: str = "wrong_number", buyer: str = "b1", **more: Any
    ) -> Result:
        (result,) = await self.tell(
            {"type": "return", "delivery_id": str(delivery), "reason": reason, **more}, buyer=buyer
        )
        return result

    async def requested(self, delivery: UUID, reason: str = "wrong_number", **more: Any) -> UUID:
        result = await self.give_back(delivery, reason, **more)
        assert (result.outcome, result.code) == ("pending", "requested"), result
        assert result.id is not None
        return result.id

    async def balance(self, account: str) -> Decimal:
        query = """select coalesce(sum(case when debit = $1 then amount else -amount end), 0) from entry
                    where $1 in (debit, credit)"""
        return Decimal(await self.house.value(query, account))

    async def books(self) -> dict[str, Decimal]:
        """Every account that is not at nought; what must always hold of them does."""
        rows = await self.house.rows(
            """select account, sum(amount) from (select debit as account, amount from entry
               union all select credit, -amount from entry) t group by account having sum(amount) <> 0 order by account"""
        )
        async with self.house.database.acquire() as conn:
            assert await health.uneven(conn) == []
        assert sum(row[1] for row in rows) == 0
        return {row[0]: row[1] for row in rows}


@asynccontextmanager
async def desk(
    database: Database, *parts: str, clock: Clock | None = None, **more: Any
) -> AsyncIterator[Desk]:
    world = World(now=clock.now) if clock is not None else World()
    async with opened(database, catalogue(*parts, **more), world=world) as house:
        yield Desk(house)


def selling(buyer: Buyer, terms: str = TERMS, more: str = "", id_: str = "b1", **told: Any) -> str:
    return contract(id_, buyer.url("/ok"), more=f"returns: {{{terms}}}\n        {more}", **told)


async def test_an_approved_return_takes_back_what_was_charged_and_what_it_cost(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        delivery = await open_.sold()
        await open_.house.configure(
            catalogue(source(), selling(buyer, price="99.00"))
        )  # as it was charged, not as it is
        request = await open_.requested(delivery)
        assert await open_.books() == {
            "buyer:b1": Decimal("42.00"), "cost:solar": Decimal("12.50"), "revenue:solar": Decimal("-42.00"),
            "source:acme": Decimal("-12.50"),
        }  # fmt: skip
        done = await open_.returns.approve(request, by="ann")
        assert (done.state, done.credited, done.price_back, done.absorbed) == (
            "approved",
            Decimal("42.00"),
            Decimal("12.50"),
            False,
        )
        assert await open_.books() == {}
        assert await open_.house.state(done.lead_id) == "returned"
        row = (await open_.house.rows("select returned_at is not null, refunded, state from delivery"))[0]
        assert tuple(row) == (True, Decimal("42.00"), "accepted")


async def test_a_denied_return_moves_nothing_and_may_be_appealed_once(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        delivery = await open_.sold()
        request = await open_.requested(delivery)
        before = await open_.books()
        assert (await open_.returns.deny(request, "we called, she answered", by="ann")).state == "denied"
        assert await open_.books() == before
        again = await open_.give_back(delivery, note="but it is")
        assert (again.outcome, again.code, again.id) == ("duplicate", "denied", request)
        appeal = await open_.give_back(delivery, evidence="recording 17")
        assert (appeal.outcome, appeal.id) == ("pending", request)
        await open_.returns.deny(request, "no", by="ann")
        assert (await open_.give_back(delivery, evidence="recording 18")).outcome == "duplicate"
        words = await open_.house.rows("select kind from return_word order by id")
        assert [row[0] for row in words] == ["requested", "denied", "appealed", "denied"]


async def test_an_appeal_may_come_under_the_buyers_own_id_of_the_return(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        delivery = await open_.sold()
        request = await open_.requested(delivery, external_id="r-1", evidence="recording 16")
        await open_.returns.deny(request, "we called, she answered", by="ann")
        again = await open_.give_back(delivery, external_id="r-1", evidence="recording 16")
        told = "you told this before: this return is denied; appeal once, with evidence"
        assert (again.outcome, again.message) == ("duplicate", told)
        appeal = await open_.give_back(delivery, external_id="r-1", evidence="recording 17")
        assert (appeal.outcome, appeal.code, appeal.id) == ("pending", "appealed", request)
        repeated = await open_.give_back(delivery, external_id="r-1", evidence="recording 17")
        assert (repeated.outcome, repeated.message) == (
            "duplicate",
            "you told this before: this return is requested",
        )
        assert (
            await open_.house.value("select evidence from return_word where kind = 'appealed'")
            == "recording 17"
        )


async def test_many_who_decide_at_the_same_moment_are_one(database: Database, buyer: Buyer) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        request = await open_.requested(await open_.sold())
        words = [open_.returns.approve(request, by=f"u{n}") for n in range(6)]
        words += [open_.returns.deny(request, "no", by=f"d{n}") for n in range(6)]
        ended = await asyncio.gather(*words, return_exceptions=True)
        assert not [one for one in ended if isinstance(one, Exception) and not isinstance(one, Conflict)]
        states = {one.state for one in ended if not isinstance(one, BaseException)}
        assert len(states) == 1
        assert await open_.house.value("select count(*) from return_word where kind <> 'requested'") == 1
        assert (await open_.balance("buyer:b1") == 0) == (states == {"approved"})
        await open_.books()


async def test_requests_at_the_same_moment_are_one(database: Database, buyer: Buyer) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        delivery = await open_.sold()
        results = await asyncio.gather(*(open_.give_back(delivery, external_id=f"r{n}") for n in range(8)))
        assert sorted(one.outcome for one in results) == ["duplicate"] * 7 + ["pending"]
        assert len({one.id for one in results}) == 1


async def test_settled_and_given_back_at_the_same_moment_it_is_either_not_yet_theirs_or_asked_for(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, source(), selling(buyer).replace("/ok", "/500")) as open_:
        answer = await open_.house.one(lead())
        delivery = await open_.house.value("select id from delivery")
        assert answer.state == "unclear"
        yes = Accepted(reference="SC-1", read="settled")
        settling = asyncio.create_task(open_.house.settler.settle(delivery, yes, by="ann"))
        asked = await asyncio.gather(*(open_.give_back(delivery, note=str(n)) for n in range(4)))
        assert await settling is not None
        codes = [one.code for one in asked]
        assert [one.outcome for one in asked].count("pending") <= 1
        assert set(codes) <= {"not_accepted", "requested"}
        if "requested" not in codes:
            await open_.requested(delivery)
        await open_.returns.approve(await open_.house.value("select id from return_request"), by="ann")
        assert await open_.books() == {}


async def test_the_window_is_open_to_its_last_second(database: Database, buyer: Buyer) -> None:
    clock = Clock()
    async with desk(database, source(), selling(buyer), clock=clock) as open_:
        on_time, late = await open_.sold(), await open_.sold("bob@example.com")
        sold_at = await open_.house.value("select ended_at from delivery where id = $1", on_time)
        clock.now = lambda: sold_at.replace(microsecond=999_999) + timedelta(days=7)  # type: ignore[method-assign]
        open_.house.world = World(now=clock.now)
        open_ = Desk(open_.house)
        assert (await open_.give_back(on_time)).outcome == "pending"
        later = sold_at.replace(microsecond=0) + timedelta(days=7, seconds=60)
        open_.house.world = World(now=lambda: later)
        open_ = Desk(open_.house)
        result = await open_.give_back(late)
        assert (result.outcome, result.code) == ("rejected", "too_late")
        assert "until 20" in result.message


async def test_open_days_end_with_the_last_of_them_by_the_contracts_clock() -> None:
    from app.catalog.documents import ContractDoc
    from app.followup.returns import deadline

    told = {
        "id": "w", "campaign": "solar", "deliver": {}, "returns": {"open_days": 2},
        "hours": {"zone": "America/New_York", "open": {"mon-fri": "09:00-17:00"}},
    }  # fmt: skip
    doc = ContractDoc.model_validate(told)
    assert doc.returns is not None
    friday = datetime(2026, 3, 6, 21, 30, tzinfo=UTC)
    assert deadline(doc, doc.returns, friday) == datetime(2026, 3, 11, 3, 59, 59, tzinfo=UTC)


async def test_no_contact_needs_calls_on_days(database: Database, buyer: Buyer) -> None:
    terms = f"{TERMS}, needs: {{no_contact: {{attempts: 3, days: 2}}}}"
    async with desk(database, source(), selling(buyer, terms)) as open_:
        delivery = await open_.sold()
        await open_.house.run("update delivery set ended_at = now() - interval '4 days'")
        now = datetime.now(UTC)
        calls = [(now - timedelta(days=days, minutes=n)).isoformat() for n, days in enumerate((3, 3, 1))]

        def call(at: str, code: str = "attempted.no_answer") -> dict[str, Any]:
            return {"delivery_id": str(delivery), "code": code, "occurred_at": at}

        await open_.tell(call(calls[0]), call(calls[1]), call(calls[2], "attempted.dropped"))
        result = await open_.give_back(delivery, "no_contact")
        assert (result.code, result.message) == (
            "needs_attempts", "no_contact needs 3 attempts on 2 days; told were 2 on 1",
        )  # fmt: skip
        await open_.tell(call(calls[2]))
        assert (await open_.give_back(delivery, "no_contact")).outcome == "pending"


async def test_the_cap_counts_what_is_asked_for_and_its_least_is_always_allowed(
    database: Database, buyer: Buyer
) -> None:
    terms = f"{TERMS}, cap: {{percent: 50, per: month, min: 2}}"
    async with desk(database, source(), selling(buyer, terms)) as open_:
        sold = [await open_.sold(f"a{n}@example.com") for n in range(3)]
        results = await asyncio.gather(*(open_.give_back(one) for one in sold))
        assert sorted(one.code for one in results) == ["over_cap", "requested", "requested"]
        left = next(one for one, result in zip(sold, results, strict=True) if result.code == "over_cap")
        for n in range(3):
            await open_.sold(f"b{n}@example.com")
        assert (await open_.give_back(left)).code == "requested"  # 3 of 6


async def test_rules_decide_what_they_are_sure_of_and_leave_the_rest(
    database: Database, buyer: Buyer
) -> None:
    rules = """auto: [{when: "over_cap", do: review}, {when: "lead.state == 'NV'", do: deny}, {when: "reason == 'wrong_number'", do: approve}]"""
    terms = f"{TERMS}, cap: {{percent: 0, per: month, min: 4}}, {rules}"
    async with desk(database, source(), selling(buyer, terms)) as open_:
        a, b, c, d, e = [
            await open_.sold(f"a{n}@example.com", state="NV" if n == 1 else "CA") for n in range(5)
        ]
        await open_.tell({"delivery_id": str(c), "code": "contacted"})
        results = [await open_.give_back(one) for one in (a, b, c)]
        assert [(one.outcome, one.code) for one in results] == [
            ("accepted", "approved"), ("rejected", "denied"), ("pending", "requested"),  # c contradicts itself
        ]  # fmt: skip
        assert (await open_.give_back(d, "other")).code == "requested"
        assert await open_.balance("buyer:b1") == Decimal("168.00")
        assert (await open_.give_back(e)).code == "approved"  # the denied one counts no more


async def test_what_nobody_decides_is_decided_as_the_terms_said(database: Database, buyer: Buyer) -> None:
    terms = f"{TERMS}, review_within: 2d, then: approve"
    async with desk(
        database,
        source(),
        selling(buyer, terms),
        selling(buyer, f"{TERMS}, review_within: 2d, then: deny", id_="b2", price="50.00"),
    ) as open_:
        denied = await open_.sold()
        await open_.house.configure(catalogue(source(), selling(buyer, terms)))
        approved = await open_.sold("bob@example.com")
        await open_.house.configure(
            catalogue(
                source(),
                selling(buyer, terms),
                selling(buyer, f"{TERMS}, review_within: 2d, then: deny", id_="b2", price="50.00"),
            )
        )
        first = await open_.requested(approved)
        second = await open_.requested(denied, buyer="b2")
        await open_.returns.end_overdue()
        assert await open_.house.value("select count(*) from return_request where state = 'requested'") == 2
        await open_.house.run("update return_request set due_at = due_at - interval '2 days'")
        await open_.returns.end_overdue()
        states = await open_.house.rows("select id, state, decided_by from return_request")
        assert {(row[0], row[1], row[2]) for row in states} == {
            (first, "approved", "time-out"), (second, "denied", "time-out"),
        }  # fmt: skip


async def test_of_a_shared_lead_its_source_is_paid_until_all_have_given_it_back(
    database: Database, buyer: Buyer
) -> None:
    parts = (source(), selling(buyer), selling(buyer, id_="b2", price="30.00"))
    async with desk(database, *parts, sell="shared(2)") as open_:
        answer = await open_.house.one(lead())
        await open_.house.ends(answer.lead_id, "sold")
        rows = await open_.house.rows("select buyer, id from delivery")
        first, second = dict(map(tuple, rows))["b1"], dict(map(tuple, rows))["b2"]
        one = await open_.returns.approve(await open_.requested(first), by="ann")
        assert (one.price_back, one.absorbed) == (None, True)
        assert await absorbed(open_) == {"acme": Decimal("42.00")}
        assert await open_.house.state(answer.lead_id) == "sold"
        two = await open_.returns.approve(await open_.requested(second, buyer="b2"), by="ann")
        assert two.price_back == Decimal("12.50")
        assert await open_.house.state(answer.lead_id) == "returned"
        assert await open_.books() == {}
        assert await absorbed(open_) == {"acme": 0}


async def absorbed(open_: Desk) -> dict[str | None, Decimal]:
    """By source; asked otherwise it is the same in all."""
    now = datetime.now(UTC)
    day = now - timedelta(days=1), now + timedelta(days=1)
    found = {by: await profit(open_.house.database, by, *day) for by in get_args(Dimension)}
    sums = {sum(one.absorbed for one in ones) for ones in found.values()}
    assert len(sums) == 1
    assert all(one.absorbed <= one.returns for ones in found.values() for one in ones)
    return {one.name: one.absorbed for one in found["source"]}


@pytest.mark.parametrize(
    ("terms", "own", "paid"),
    [
        ("source: never", "{}", True),
        ("source: same", "{}", False),
        ("source: own_policy", "{}", False),
        ("source: own_policy", "{reasons: [disconnected]}", True),
        ("source: own_policy", "{reasons: [wrong_number], window: 1s}", True),
        ("source: own_policy", "{window: 10d}", False),
    ],
)
async def test_a_source_is_paid_or_not_by_its_own_terms(
    database: Database, buyer: Buyer, terms: str, own: str, paid: bool
) -> None:
    async with desk(database, source(more=f", returns: {own}"), selling(buyer, f"{TERMS}, {terms}")) as open_:
        delivery = await open_.sold()
        await open_.house.run("update lead set received_at = received_at - interval '1 hour'")
        done = await open_.returns.approve(await open_.requested(delivery), by="ann")
        assert done.absorbed is paid
        assert await absorbed(open_) == {"acme": Decimal("42.00") if paid else 0}
        assert await open_.balance("source:acme") == (Decimal("-12.50") if paid else 0)


async def test_a_test_costs_nobody_anything(database: Database, buyer: Buyer) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        answer = await open_.house.one(lead(), test=True)
        delivery = await open_.delivery(answer.lead_id)
        done = await open_.returns.approve(await open_.requested(delivery), by="ann")
        assert done.credited == 0
        assert await open_.books() == {}


async def test_caps_have_room_again_only_where_the_terms_say_so(database: Database, buyer: Buyer) -> None:
    for refill, left in (("false", 1), ("true", 0)):
        parts = (
            source(),
            selling(buyer, f"{TERMS}, refill: {refill}", "caps: [{per: total, leads: 5}]", id_=f"b{refill}"),
        )
        async with desk(database, *parts) as open_:
            await open_.returns.approve(
                await open_.requested(await open_.sold(f"{refill}@example.com"), buyer=f"b{refill}"), by="ann"
            )
            assert (await open_.house.counters())[f"b{refill}"] == left


async def test_a_prepaid_balance_has_it_back_in_the_same_transaction(
    database: Database, buyer: Buyer
) -> None:
    money = "    money: {terms: credit, credit_limit: '100.00'}\n    contracts:"
    parts = (source(), selling(buyer).replace("    contracts:", money))
    async with desk(database, *parts) as open_:
        request = await open_.requested(await open_.sold())
        counter = "select value from counter where key = 'balance:b1'"
        assert await open_.house.value(counter) == 420_000
        await asyncio.gather(*(open_.returns.approve(request, by="ann") for _ in range(3)))
        assert await open_.house.value(counter) == 0


async def test_the_next_lead_stands_in_for_one_and_is_not_taken_back_itself(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, source(), selling(buyer, f"{TERMS}, remedy: replace")) as open_:
        done = await open_.returns.approve(await open_.requested(await open_.sold()), by="ann")
        assert (done.credited, done.replace_until is not None) == (None, True)
        assert await open_.balance("buyer:b1") == Decimal("42.00")
        await open_.returns.replace()
        assert await open_.balance("buyer:b1") == Decimal("42.00")
        second = await open_.sold("bob@example.com")
        third = await open_.sold("cy@example.com")
        await asyncio.gather(open_.returns.replace(), open_.returns.replace())
        assert await open_.balance("buyer:b1") == Decimal("84.00")
        assert await open_.house.value("select replaced_by from return_request") == second
        assert (await open_.give_back(second)).code == "not_returnable"
        assert (await open_.give_back(third)).code == "requested"
        await open_.books()


async def test_a_lead_that_is_being_given_back_stands_in_for_no_other(
    database: Database, buyer: Buyer
) -> None:
    """Whoever waits for the lock must see what was written meanwhile, else its price is taken back twice."""
    async with desk(database, source(), selling(buyer, f"{TERMS}, remedy: replace")) as open_:
        await open_.returns.approve(await open_.requested(await open_.sold()), by="ann")
        second = await open_.sold("bob@example.com")

        async def waits() -> bool:
            return bool(
                await open_.house.value(
                    "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
                )
            )

        async with database.acquire() as conn, conn.transaction():
            await feedback.lock(conn, [second], "b1")
            standing_in = asyncio.create_task(open_.returns.replace())
            await open_.house.until(waits)
            await conn.execute(
                """insert into return_request (id, delivery_id, lead_id, campaign, contract, buyer, source, state,
                          reason, sold_at, requested_at, price, currency, remedy, found)
                   select gen_random_uuid(), id, lead_id, campaign, contract, buyer, 'acme', 'requested',
                          'wrong_number', ended_at, now(), price, 'USD', 'credit', '{}'
                     from delivery where id = $1""",
                second,
            )
        await standing_in
        assert await open_.house.value("select count(replaced_by) from return_request") == 0
        asked = await open_.house.value("select id from return_request where state = 'requested'")
        await open_.returns.approve(asked, by="ann")
        assert await open_.balance("buyer:b1") == Decimal("42.00")
        await open_.books()


async def test_where_no_other_lead_comes_its_price_goes_back(database: Database, buyer: Buyer) -> None:
    async with desk(database, source(), selling(buyer, f"{TERMS}, remedy: replace")) as open_:
        done = await open_.returns.approve(await open_.requested(await open_.sold()), by="ann")
        await open_.house.run("update return_request set replace_until = now() where id = $1", done.id)
        await asyncio.gather(open_.returns.replace(), open_.returns.replace())
        assert await open_.books() == {}
        assert await open_.house.value("select credited from return_request") == Decimal("42.00")


@pytest.mark.parametrize(
    ("reason", "goes_on"), [("outside_area", True), ("wrong_number", False), ("dnc", False)]
)
async def test_a_lead_that_others_may_have_is_sold_once_more_and_not_to_who_had_it(
    database: Database, buyer: Buyer, reason: str, goes_on: bool
) -> None:
    parts = (source(), selling(buyer, f"{TERMS}, resale: true"), selling(buyer, id_="b2", price="30.00"))
    async with desk(database, *parts) as open_:
        done = await open_.returns.approve(await open_.requested(await open_.sold(), reason), by="ann")
        await asyncio.gather(open_.returns.resell(), open_.returns.resell())
        if not goes_on:
            assert await open_.house.state(done.lead_id) == "returned"
            return
        await open_.house.ends(done.lead_id, "sold")
        rows = await open_.house.rows("select round, buyer, returned_at is null from delivery order by round")
        assert [tuple(row) for row in rows] == [(1, "b1", False), (2, "b2", True)]
        assert await open_.balance("buyer:b2") == Decimal("30.00")
        again = await open_.returns.approve(
            await open_.requested(await open_.delivery(done.lead_id), "outside_area", buyer="b2"), by="ann"
        )
        assert again.price_back is None  # that was taken back with the first
        assert await open_.books() == {}


async def test_who_is_never_to_be_called_is_on_the_list_even_where_the_return_is_refused(
    database: Database, buyer: Buyer
) -> None:
    lists = "lists: [{id: never, of: phone, feedback: true}, {id: mails, of: email, feedback: true}, {id: other, of: email}]\n"
    checks = "[{check: suppression, lists: [{list: never, field: phone}]}]"
    yaml = lists + catalogue(source(), selling(buyer, "window: 1s"), checks="[]")
    async with opened(database, yaml) as house:
        open_ = Desk(house)
        delivery = await open_.sold(phone="+1 512 555 0143")
        await house.run("update delivery set ended_at = now() - interval '1 day'")
        result = await open_.give_back(delivery, "dnc")
        assert result.code == "too_late"
        rows = await house.rows("select list, present from suppression_change order by list")
        assert [tuple(row) for row in rows] == [("mails", True), ("never", True)]
    assert checks


async def test_a_request_is_taken_back_until_it_is_decided(database: Database, buyer: Buyer) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        delivery = await open_.sold()
        request = await open_.requested(delivery)
        (result,) = await open_.tell({"type": "correction", "voids": str(request)})
        assert result.outcome == "accepted"
        assert await open_.house.value("select state from return_request") == "withdrawn"
        with pytest.raises(Conflict):
            await open_.returns.approve(request, by="ann")
        assert (await open_.give_back(delivery, note="again")).code == "withdrawn"
        second = await open_.sold("bob@example.com")
        request = await open_.requested(second)
        await open_.returns.approve(request, by="ann")
        (result,) = await open_.tell({"type": "correction", "voids": str(request)})
        assert (result.outcome, result.code) == ("rejected", "decided")


async def test_a_sale_of_a_lead_that_was_given_back_is_kept_and_marked(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        delivery = await open_.sold()
        await open_.returns.approve(await open_.requested(delivery), by="ann")
        (result,) = await open_.tell({"delivery_id": str(delivery), "type": "conversion"})
        assert result.outcome == "accepted"
        assert await open_.house.value("select conflict from feedback where kind = 'conversion'") is True


async def test_a_dry_word_changes_nothing_and_one_of_nothing_is_said(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        request = await open_.requested(await open_.sold())
        before = await open_.books()
        assert (await open_.returns.approve(request, by="ann", dry=True)).state == "approved"
        assert await open_.books() == before
        assert await open_.house.value("select state from return_request") == "requested"
        with pytest.raises(NotFound):
            await open_.returns.approve(open_.house.world.new_id(), by="ann")


async def test_buyer_and_source_are_told_where_they_want_to_be(database: Database, buyer: Buyer) -> None:
    import json

    async with Buyer() as hears:
        vendor = f', callback: {{url: "{hears.url("/ok")}", feedback: [returned, won]}}'
        terms = f'postback: {{url: "{hears.url("/ok")}", on: [return_approved, return_denied]}}'
        async with desk(database, source(more=vendor), selling(buyer, more=terms)) as open_:
            first, second = await open_.sold(), await open_.sold("bob@example.com")
            await open_.returns.approve(await open_.requested(first), by="ann")
            await open_.returns.deny(await open_.requested(second), "no", by="ann")
            await open_.tell({"delivery_id": str(second), "code": "won", "external_id": "w"})
            await open_.tell({"type": "correction", "voids": "w"})
            slip = {"delivery_id": str(second), "code": "won", "external_id": "x"}
            await open_.tell(slip, {"type": "correction", "voids": "x"})  # nobody heard of it
            assert set(await tell_all(open_.house)) == {"told"}
        said = [json.loads(one.body) for one in hears.received]
        events = sorted(one["event"] for one in said)
        assert events == ["return_approved", "return_denied", "returned", "won", "won"]
        (returned,) = [one for one in said if one["event"] == "returned"]
        assert (returned["price_back"], returned["feedback"]["returned"]) == ("12.50", 1)
        won = [one for one in said if one["event"] == "won"]
        assert sum("supersedes" in one for one in won) == 1
        assert '"b1' not in json.dumps([one for one in said if one["event"] in ("won", "returned")])


async def test_given_back_while_another_copy_is_on_its_way_a_lead_is_returned_when_that_has_ended(
    database: Database, buyer: Buyer
) -> None:
    later = selling(buyer, id_="b2", price="30.00").replace("/ok", "/503")
    async with desk(database, source(), selling(buyer), later, sell="shared(2)") as open_:
        lead_id = (await open_.house.one(lead())).lead_id
        done = await open_.returns.approve(await open_.requested(await open_.delivery(lead_id)), by="ann")
        assert (done.resale, done.price_back, done.absorbed) == ("waits", None, False)
        await open_.returns.resell()
        assert await open_.house.state(lead_id) == "delivering"
        assert await open_.house.rows("select 1 from entry where kind = 'cost_return'") == []
        await open_.house.run("update delivery set state = 'rejected', ended_at = now() where buyer = 'b2'")
        await open_.house.run("update lead set state = 'sold'")  # as the recorder has it: it was sold once
        await open_.returns.resell()
        assert await open_.house.state(lead_id) == "returned"
        (paid,) = await open_.house.rows("select price_back from return_request")
        (back,) = await open_.house.rows("select amount from entry where kind = 'cost_return'")
        assert paid[0] == back[0] == Decimal("12.50")


async def test_given_back_while_another_copy_is_on_its_way_its_source_is_paid_if_that_one_is_kept(
    database: Database, buyer: Buyer
) -> None:
    later = selling(buyer, id_="b2", price="30.00").replace("/ok", "/503")
    async with desk(database, source(), selling(buyer), later, sell="shared(2)") as open_:
        lead_id = (await open_.house.one(lead())).lead_id
        await open_.returns.approve(await open_.requested(await open_.delivery(lead_id)), by="ann")
        ((second,),) = await open_.house.rows("select id from delivery where buyer = 'b2'")
        await open_.house.settler.settle(second, Accepted(), by="ann")
        await open_.returns.resell()
        assert await open_.house.state(lead_id) == "sold"
        assert (await open_.books())["source:acme"] == Decimal("-12.50")


async def test_what_people_wrote_of_a_person_is_exported_and_erased_with_the_rest(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        delivery = await open_.sold()
        request = await open_.requested(delivery, note="Ann hung up", evidence="Ann's recording")
        await open_.tell({"delivery_id": str(delivery), "code": "Ann was rude", "note": "Ann again"})
        await open_.returns.deny(request, "Ann answered us", by="ann")
        house = open_.house
        lead_id = await house.value("select id from lead")
        async with house.database.acquire() as conn:
            place = (await persons.places(conn, [lead_id]))[0]
            told = str(await Exporter(conn, house.reader, {"b1": "Sunco"})._lead(place))
            assert all(
                word in told
                for word in ("Ann hung up", "Ann's recording", "Ann was rude", "Ann again", "Sunco")
            )
            async with conn.transaction():
                await erasing.erase_leads(conn, [lead_id], by="test")
        tables = ("feedback", "return_request", "return_word", "callback")
        left = [
            str(row[0]) for table in tables for row in await house.rows(f"select {table}::text from {table}")
        ]
        assert left
        assert not [row for row in left if "Ann" in row]


async def test_any_order_of_words_at_the_same_moment_leaves_the_books_even(
    database: Database, buyer: Buyer
) -> None:
    """Sales, returns, approvals, denials, appeals, corrections and time, by chance, several at once."""
    chance = Random(20261122)
    terms = f"{TERMS}, remedy: %s, resale: true, refill: true, review_within: 2d, then: approve"
    parts = (
        source(), selling(buyer, terms % "credit", "caps: [{per: total, leads: 500}]"),
        selling(buyer, terms % "replace", id_="b2", price="30.00"),
    )  # fmt: skip
    async with desk(database, *parts, sell="shared(2)") as open_:
        house = open_.house

        async def sell(n: int) -> None:
            await house.one(lead(f"a{n}@example.com"))

        async def ask() -> None:
            rows = await house.rows(
                "select id, buyer from delivery where state = 'accepted' order by random() limit 1"
            )
            for id_, buyer_id in rows:
                reason = chance.choice(["wrong_number", "outside_area", "dnc"])
                await open_.give_back(id_, reason, buyer=buyer_id, evidence=f"e{chance.random()}")

        async def decide() -> None:
            for (id_,) in await house.rows("select id from return_request order by random() limit 2"):
                with suppress(Conflict):
                    if chance.random() < 0.7:
                        await open_.returns.approve(id_, by="ann")
                    else:
                        await open_.returns.deny(id_, "no", by="ann")

        async def undo() -> None:
            for id_, buyer_id in await house.rows("select id, buyer from feedback order by random() limit 1"):
                await open_.tell({"type": "correction", "voids": str(id_)}, buyer=buyer_id)

        async def time() -> None:
            await house.run(
                "update return_request set due_at = now() where random() < 0.2 and due_at is not null"
            )
            await house.run(
                "update return_request set replace_until = now() where random() < 0.2 and replace_until is not null"
            )
            await open_.returns.end_overdue()
            await open_.returns.replace()
            await open_.returns.resell()

        for n in range(40):
            works = [sell(n), *(chance.choice([ask, ask, decide, undo, time])() for _ in range(4))]
            await asyncio.gather(*works)
            if n % 10 == 9:
                await open_.books()

        async def at_rest() -> bool:
            return house.at_rest()

        await house.until(at_rest)
        books = await open_.books()
        kept = await house.value(
            "select coalesce(sum(price - coalesce(refunded, 0)), 0) from delivery where state = 'accepted'"
        )
        assert sum(amount for account, amount in books.items() if account.startswith("buyer:")) == kept
        assert await house.value("select count(*) from return_request where state = 'approved'") > 5
        twice = "select count(*) from entry where kind = 'return' group by delivery_id having count(*) > 1"
        assert await house.rows(twice) == []
        wrong = """select l.id from lead l where l.state = 'returned' and exists (
                     select from delivery d where d.lead_id = l.id and d.state = 'accepted' and d.returned_at is null)"""
        assert await house.rows(wrong) == []
        wrong = """select l.id from lead l where l.state = 'sold' and not exists (
                     select from delivery d where d.lead_id = l.id and d.state = 'accepted' and d.returned_at is null)"""
        assert await house.rows(wrong) == []


async def test_scores_learn_who_bought_from_what_buyers_told_last(database: Database, buyer: Buyer) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        told = {
            "won": True,
            "lost.price": False,
            "bad.fake": False,
            "attempted.busy": None,
            "contacted": None,
        }
        for n, code in enumerate(told):
            delivery = await open_.sold(f"a{n}@example.com")
            await open_.tell({"delivery_id": str(delivery), "code": code})
        undone = await open_.sold("undone@example.com")
        await open_.tell({"delivery_id": str(undone), "code": "won", "external_id": "w"})
        await open_.tell({"type": "correction", "voids": "w"})
        back = await open_.sold("back@example.com")
        await open_.returns.approve(await open_.requested(back), by="ann")
        now = datetime.now(UTC)
        async with open_.house.database.acquire() as conn:
            known = [
                one
                async for one in outcomes.known(
                    conn, "solar", "won", now - timedelta(days=1), now + timedelta(days=1), 99
                )
            ]
            await outcomes.said(conn, "solar", "won", now - timedelta(days=1), "none", [0.5], 10)
        assert sorted(one.hit for one in known) == [False, False, False, True]
