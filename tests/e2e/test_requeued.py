"""SIGKILL while waiting leads get their next round: each has one more round, one buyer, and nothing is lost."""

import asyncio

import pytest

from tests.e2e.books import Books, until
from tests.e2e.catalogues import catalogue, contract, source
from tests.e2e.conftest import Make
from tests.e2e.counting import CountingBuyer, rejects
from tests.e2e.source import Answer, Source, lead

pytestmark = pytest.mark.e2e

LEADS, ROOM = 60, 40


def selling(*more: str, buyer: CountingBuyer) -> str:
    rank = "price], requeue: {every: 1h, for: 72h, on: [contract_change]}, then: [{campaign: aged}"
    refuses = contract("first", buyer.url("first"), more="idempotent: true")
    made = catalogue(source(reply="sold"), refuses, *more, rank=rank)
    aged = "\n  - id: aged\n    fields: {email: {type: email}}\n    distribution: {rank: [price]}\nsources:"
    return made.replace("\nsources:", aged, 1)


async def test_a_crash_between_rounds_makes_no_lead_lost_or_sold_twice(
    services: Make, buyer: CountingBuyer
) -> None:
    buyer.says["first"] = rejects
    buyer.slowness = {"late": 0.05, "old": 0.05}
    service = services(processes=2, hasty=True)
    await service.configure(selling(buyer=buyer))
    key = await service.key("source", "acme")
    await service.start()
    answers: list[Answer] = []
    async with Source(service.url, key) as posts:
        await posts.post_all(map(lead, range(LEADS)), into=answers)
    assert {answer.outcome for answer in answers} == {"failure"}
    capped = f"[{{per: day, leads: {ROOM}}}]"
    late = contract("late", buyer.url("late"), price="9.00", caps=capped, more="idempotent: true")
    old = contract("old", buyer.url("old"), price="2.00", more="idempotent: true")
    await service.configure(selling(late, old.replace("campaign: solar\n", "campaign: aged\n"), buyer=buyer))
    await buyer.until(lambda: len(buyer.accepted("late")) + len(buyer.accepted("old")) >= 5)
    service.kill()
    await asyncio.sleep(0)
    await service.start()
    async with Books(service.dsn) as books:

        async def all_sold() -> bool:
            return bool(await books.one("select count(*) from lead where state = 'sold'") == LEADS)

        await until(all_sold, what="every lead sold in its second round")
        assert buyer.sold_twice() == {}
        assert buyer.asked_under_two_ids() == {}
        assert len(buyer.accepted("late")) == ROOM
        assert len(buyer.accepted("old")) == LEADS - ROOM
        assert await books.counters_leak() == {}
        assert await books.one("select count(*) from lead where round = 2") == LEADS
        assert await books.one("select count(*) from lead_round") == LEADS
        assert await books.one("select count(*) from lead where outcome = 'failure' and price = 0") == LEADS
        assert await books.one("select count(*) from entry where kind = 'cost'") == 0
        revenue, prices = await books.money()
        assert revenue == prices == ROOM * 9 + (LEADS - ROOM) * 2
