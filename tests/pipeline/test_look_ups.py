"""Services that answer, lag, lie and die, over real sockets, a real database and several processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.wire import Wire
from app.model import Lead, Value
from app.pipeline.breaker import Breaker
from app.pipeline.look_ups import LookUps, in_share
from app.store import erasing
from app.store.database import Database
from app.validate.key import digest
from app.validate.remote import Asking, LookUp, Remote, Request, Told, Unanswered
from tests.buyer import Buyer, Stream, reply, says, way
from tests.validate.checks.conftest import AT

says("/band", reply(200, b'{"band": "A"}'))
says("/list", reply(200, b"[1, 2]"))
HOLD: dict[str, asyncio.Event] = {}


@way("/held")
async def _held(stream: Stream) -> None:
    """Answers once the test lets it."""
    await HOLD["go"].wait()
    await stream.send_all(reply(200, b'{"band": "A"}'))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def lead(number: int = 1) -> Lead:
    return Lead(
        id=UUID(int=number), submission_id=UUID(int=number), source="acme", campaign="solar", received_at=AT,
        fields={"bill": Value(120, 120)},
    )  # fmt: skip


def ask(url: str, *, about: str = "x", service: str = "credit", **limits: Any) -> Remote:
    def converse() -> Asking:
        response = yield Request(url=url)
        if response.status != 200:
            raise Unanswered(f"http_{response.status}", fault=response.status >= 500)
        try:
            return {"band": orjson.loads(response.body)["band"]}
        except (ValueError, LookupError, TypeError):
            raise Unanswered("unreadable") from None

    to = LookUp.model_validate(limits)
    return Remote(service, digest(about), to, f"solar/{service}", converse)


@asynccontextmanager
async def desk(database: Database, **world: Any) -> AsyncIterator[LookUps]:
    async with Wire(allow_private=True) as wire:
        made = LookUps(database, wire, World(**world), Metrics(), secret=b"k" * 32)
        try:
            yield made
        finally:
            await made.close()


async def spent(database: Database) -> Decimal:
    async with database.acquire() as conn:
        return Decimal(await conn.fetchval("select coalesce(sum(cost), 0) from look_up_cost"))


async def rows(database: Database) -> int:
    async with database.acquire() as conn:
        return int(await conn.fetchval("select count(*) from look_up"))


# answers -------------------------------------------------------------------------------------------


async def test_an_answer_costs_once_and_holds_for_everybody_who_asks_the_same(
    database: Database, buyer: Buyer
) -> None:
    question = ask(buyer.url("/band"), cost="0.05", currency="EUR", cache="1d")
    async with desk(database) as first, desk(database) as second:
        told = await first.ask(lead(1), question)
        again = await second.ask(lead(2), question)  # another process
    assert (told.became, told.value, told.cost, told.currency) == (
        "answered",
        {"band": "A"},
        Decimal("0.05"),
        "EUR",
    )
    assert (again.became, again.value, again.cost) == ("cached", {"band": "A"}, 0)
    assert len(buyer.received) == 1
    assert await spent(database) == Decimal("0.05")


async def test_without_a_cache_each_lead_asks_and_one_that_is_decided_anew_does_not(
    database: Database, buyer: Buyer
) -> None:
    question = ask(buyer.url("/band"), cost="0.05")
    async with desk(database) as at:
        assert (await at.ask(lead(1), question)).became == "answered"
        assert (await at.ask(lead(2), question)).became == "answered"
    async with desk(database) as after_a_crash:
        assert (await after_a_crash.ask(lead(1), question)).became == "cached"
    assert len(buyer.received) == 2


async def test_an_answer_that_holds_no_more_is_asked_for_again(database: Database, buyer: Buyer) -> None:
    question = ask(buyer.url("/band"), cache="1d")
    async with desk(database) as at:
        await at.ask(lead(), question)
        async with database.acquire() as conn:
            await conn.execute("update look_up set expires_at = now()")
        assert (await at.ask(lead(), question)).became == "answered"


async def test_what_is_asked_for_by_many_at_once_is_asked_once(database: Database, buyer: Buyer) -> None:
    HOLD["go"] = asyncio.Event()
    question = ask(buyer.url("/held"), cost="1", cache="1d")
    async with desk(database) as one, desk(database) as other:
        waiting = [asyncio.create_task(at.ask(lead(n), question)) for n in range(20) for at in (one, other)]
        while not buyer.received:
            await asyncio.sleep(0)
        HOLD["go"].set()
        told = await asyncio.gather(*waiting)
    assert {one.became for one in told} == {"answered", "cached"}
    assert [one.became for one in told].count("answered") == 1
    assert len(buyer.received) == 1
    assert await spent(database) == 1


async def test_nothing_of_the_question_stands_in_the_database(database: Database, buyer: Buyer) -> None:
    question = ask(buyer.url("/band"), about="+15550100", cache="1d")
    async with desk(database) as at:
        await at.ask(lead(), question)
    async with database.acquire() as conn:
        kept = bytes(await conn.fetchval("select key from look_up"))
    assert kept != question.key  # keyed: a digest of every number there is would not find it


# limits ----------------------------------------------------------------------------------------------


async def test_a_budget_is_never_overspent_by_any_number_of_processes(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database) as one, desk(database) as other:
        told = await asyncio.gather(
            *(
                at.ask(lead(), ask(buyer.url("/band"), about=f"{n} {at is one}", cost="0.30", budget="2"))
                for n in range(10)
                for at in (one, other)
            )
        )
    assert sorted(one.became for one in told) == ["answered"] * 6 + ["budget"] * 14
    assert await spent(database) == Decimal("1.80")
    assert len(buyer.received) == 6


async def test_a_question_over_the_budget_may_be_asked_when_there_is_money_again(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database) as at:
        assert (await at.ask(lead(), ask(buyer.url("/band"), cost="2", budget="1"))).became == "budget"
        assert (await at.ask(lead(), ask(buyer.url("/band"), cost="2", budget="9"))).became == "answered"


async def test_what_never_reached_the_service_costs_nothing(database: Database) -> None:
    async with Buyer() as gone:
        url = gone.url("/band")
    async with desk(database) as at:
        told = await at.ask(lead(), ask(url, cost="0.30"))
    assert (told.became, told.why, told.cost) == ("failed", "connect_failed", 0)
    assert await spent(database) == 0


async def test_a_share_of_leads_is_the_same_share_whenever_it_is_asked(
    database: Database, buyer: Buyer
) -> None:
    question = ask(buyer.url("/band"), share=0.25)
    inside = {n for n in range(4000) if in_share(UUID(int=n), question)}
    assert 900 < len(inside) < 1100
    outside = next(n for n in range(100) if n not in inside)
    async with desk(database) as at:
        assert (await at.ask(lead(outside), question)).became == "share"
    assert buyer.received == []


async def test_a_condition_that_does_not_hold_asks_nothing(database: Database, buyer: Buyer) -> None:
    async with desk(database) as at:
        assert (await at.ask(lead(), ask(buyer.url("/band"), when="lead.bill > 500"))).became == "condition"
        assert (await at.ask(lead(), ask(buyer.url("/band"), when="lead.age > 5"))).became == "condition"
        assert (await at.ask(lead(), ask(buyer.url("/band"), when="lead.bill > 100"))).became == "answered"


# services that lag, lie and die ------------------------------------------------------------------------


WAYS = {
    "/500": ("failed", "http_500"), "/404": ("failed", "http_404"), "/302": ("failed", "http_302"),
    "/gibberish": ("failed", "unreadable"), "/list": ("failed", "unreadable"), "/empty": ("failed", "unreadable"),
    "/endless": ("failed", "too_large"), "/bomb": ("failed", "too_large"), "/ssh": ("failed", "not_http"),
    "/reset": ("failed", "broken"), "/short": ("failed", "broken"), "/black-hole": ("late", "timed_out"),
    "/drip": ("late", "timed_out"),
}  # fmt: skip


async def test_whatever_a_service_says_the_lead_goes_on(database: Database, buyer: Buyer) -> None:
    async with desk(database) as at:
        told = {
            path: await at.ask(lead(), ask(buyer.url(path), service=path[1:], deadline="0.3s", cost="1"))
            for path in WAYS
        }
    assert {path: (one.became, one.why) for path, one in told.items()} == WAYS
    assert {one.cost for one in told.values()} == {1}
    assert await rows(database) == 0  # it may be asked again
    assert len(buyer.received) == len(WAYS)  # and no redirect was followed


async def test_a_dead_service_costs_its_deadline_once_and_then_nothing(
    database: Database, buyer: Buyer
) -> None:
    clock = Clock()
    async with desk(database, monotonic=clock) as at:
        told = [
            (await at.ask(lead(n), ask(buyer.url(path), about=str(n), deadline="0.05s", rest="30s"))).became
            for n, path in enumerate(["/black-hole", "/band", "/band"])
        ]
        assert told == ["late", "resting", "resting"]
        assert len(buyer.received) == 1
        clock.now += 31
        assert (await at.ask(lead(9), ask(buyer.url("/band"), about="9"))).became == "answered"
        assert (await at.ask(lead(10), ask(buyer.url("/band"), about="10"))).became == "answered"


async def test_so_many_questions_are_under_way_as_the_service_may_have_and_the_rest_learn_that_it_is_dead(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database) as at:
        told = await asyncio.gather(
            *(
                at.ask(
                    lead(n),
                    ask(buyer.url("/black-hole"), about=str(n), concurrency=3, deadline="0.2s", cost="1"),
                )
                for n in range(12)
            )
        )
    became = [one.became for one in told]
    assert (became.count("late"), became.count("resting")) == (3, 9)
    assert len(buyer.received) == 3
    assert await spent(database) == 3


async def test_what_is_known_is_told_while_the_service_rests(database: Database, buyer: Buyer) -> None:
    async with desk(database) as at:
        await at.ask(lead(), ask(buyer.url("/band"), about="known", cache="1d"))
        await at.ask(lead(), ask(buyer.url("/500"), about="other"))
        assert (await at.ask(lead(), ask(buyer.url("/band"), about="known", cache="1d"))).became == "cached"
        assert (await at.ask(lead(), ask(buyer.url("/band"), about="new"))).became == "resting"


async def test_a_no_to_one_question_is_not_the_services_fault(database: Database, buyer: Buyer) -> None:
    async with desk(database) as at:
        assert (await at.ask(lead(1), ask(buyer.url("/404")))).why == "http_404"
        assert (await at.ask(lead(2), ask(buyer.url("/band")))).became == "answered"


async def test_one_service_at_rest_leaves_the_others_awake(database: Database, buyer: Buyer) -> None:
    async with desk(database) as at:
        await at.ask(lead(), ask(buyer.url("/500")))
        assert (await at.ask(lead(), ask(buyer.url("/band"), service="other"))).became == "answered"


async def test_a_private_address_is_not_asked(database: Database, buyer: Buyer) -> None:
    async with Wire(allow_private=False) as wire:
        at = LookUps(database, wire, World(), Metrics(), secret=b"k" * 32)
        told = await at.ask(lead(), ask(buyer.url("/band"), cost="1"))
        await at.close()
    assert (told.became, told.why, told.cost) == ("failed", "address_refused", 0)
    assert buyer.connections == 0


async def test_a_component_that_raises_or_never_ends_costs_no_lead(database: Database, buyer: Buyer) -> None:
    def raises() -> Asking:
        yield Request(url=buyer.url("/band"))
        raise KeyError("Ann Miller")

    def endless() -> Asking:
        while True:
            yield Request(url=buyer.url("/band"))

    def odd() -> Asking:
        yield Request(url=buyer.url("/band"))
        return {"half": "\ud800"}

    def huge() -> Asking:
        yield Request(url=buyer.url("/band"))
        return "x" * 70_000

    async with desk(database) as at:
        for converse, why in (
            (raises, "component_failed"), (endless, "asks_without_end"), (odd, "not_json"), (huge, "too_long"),
        ):  # fmt: skip
            told = await at.ask(lead(), Remote(why, b"k", LookUp(), "p", converse))
            assert (told.became, told.why) == ("failed", why)


# crashes -----------------------------------------------------------------------------------------------


async def test_a_question_is_asked_again_at_most_once_after_a_crash(database: Database, buyer: Buyer) -> None:
    HOLD["go"] = asyncio.Event()
    question = ask(buyer.url("/held"), cache="1d", deadline="50s")

    async def die() -> None:
        """The process is gone while it asks; its patience passes."""
        async with desk(database) as at:
            before = len(buyer.received)
            task = asyncio.create_task(at.ask(lead(), question))
            while len(buyer.received) == before:
                await asyncio.sleep(0)
        await asyncio.gather(task, return_exceptions=True)
        async with database.acquire() as conn:
            await conn.execute("update look_up set asked_at = asked_at - interval '2 minutes'")

    await die()
    await die()
    async with desk(database) as at:
        assert (await at.ask(lead(), question)).became == "abandoned"
    assert len(buyer.received) == 2


async def test_a_question_that_another_process_asks_is_waited_for_until_the_deadline(
    database: Database, buyer: Buyer
) -> None:
    HOLD["go"] = asyncio.Event()
    async with desk(database) as slow, desk(database) as other:
        asking = asyncio.create_task(slow.ask(lead(), ask(buyer.url("/held"), cache="1d", deadline="50s")))
        while not buyer.received:
            await asyncio.sleep(0)
        told: Told = await other.ask(lead(), ask(buyer.url("/held"), cache="1d", deadline="0.05s"))
        assert (told.became, told.why) == ("late", "asked_elsewhere")
        HOLD["go"].set()
        assert (await asking).became == "answered"


# the breaker -------------------------------------------------------------------------------------------


def test_one_lead_tries_when_the_rest_is_over_and_each_failed_try_doubles_the_rest() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(2):
        assert breaker.admits("s")
        breaker.failed("s", failures=3, rest=10)
    assert breaker.state("s") == 0
    breaker.failed("s", failures=3, rest=10)
    assert (breaker.state("s"), breaker.admits("s")) == (2, False)
    clock.now += 10
    assert breaker.state("s") == 1
    assert [breaker.admits("s") for _ in range(3)] == [True, False, False]
    breaker.failed("s", failures=3, rest=10)
    clock.now += 10
    assert not breaker.admits("s")
    clock.now += 10
    assert breaker.admits("s")
    breaker.unused("s")
    assert breaker.admits("s")
    breaker.went_well("s")
    assert [breaker.admits("s") for _ in range(3)] == [True, True, True]
    breaker.failed("s", failures=3, rest=10)
    assert breaker.state("s") == 0


def test_those_that_were_under_way_when_it_opened_do_not_lengthen_the_rest() -> None:
    clock = Clock()
    breaker = Breaker(clock)
    for _ in range(50):
        breaker.failed("s", failures=1, rest=10)
        clock.now += 0.1
    clock.now = 1010.0
    assert breaker.admits("s")


async def test_an_answer_goes_with_the_lead_for_which_it_was_asked(database: Database, buyer: Buyer) -> None:
    async with desk(database) as at:
        await at.ask(lead(1), ask(buyer.url("/band"), about="1", cache="1d"))
        await at.ask(lead(2), ask(buyer.url("/band"), about="2", cache="1d"))
    async with database.acquire() as conn, conn.transaction():
        await erasing.erase_leads(conn, [UUID(int=1)], by="test")
        left = await conn.fetch("select lead_id from look_up")
    assert [row[0] for row in left] == [UUID(int=2)]
