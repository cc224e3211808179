"""SIGKILL in the middle of two thousand posts: what was acknowledged is there, and nobody bought a lead twice."""

import asyncio

import pytest

from tests.e2e.books import TERMINAL, Books
from tests.e2e.catalogues import catalogue, contract, source
from tests.e2e.conftest import Make
from tests.e2e.counting import CountingBuyer, Delivery, accepts, rejects
from tests.e2e.service import Service
from tests.e2e.source import Answer, Source, lead

pytestmark = pytest.mark.e2e

POSTS, CAP = 2_000, 300


def choosy(delivery: Delivery) -> tuple[int, dict[str, str]]:
    """Always the same answer to the same delivery, as an idempotent buyer must."""
    return rejects(delivery) if delivery.email[3:].split("@")[0].endswith(("3", "7")) else accepts(delivery)


async def _configured(make: Make, buyer: CountingBuyer, more: str) -> Service:
    service = make(hasty=True)
    buyer.says["best"] = choosy
    buyer.slowness = {"best": 0.03, "second": 0.03, "third": 0.03}
    await service.configure(
        catalogue(
            source("acme", reply="sold"),
            source("receipts", reply="receipt"),
            contract(
                "best", buyer.url("best"), price="50.00", caps=f"[{{per: day, leads: {CAP}}}]", more=more
            ),
            contract("second", buyer.url("second"), caps="[{per: day, leads: 100000}]", more=more),
            contract("third", buyer.url("third"), caps="[{per: day, leads: 100000}]", more=more),
        )
    )
    return service


async def _posted_and_killed(service: Service, buyer: CountingBuyer) -> list[Answer]:
    """Both sources post all their leads; the kill comes when a third is through and some are in the air."""
    answers: list[Answer] = []
    await service.start()
    keys = [await service.key("source", "acme"), await service.key("source", "receipts")]
    async with Source(service.url, keys[0]) as sold, Source(service.url, keys[1]) as receipts:
        await sold.known()
        await receipts.known()
        halves = [
            asyncio.create_task(posts.post_all(map(lead, numbers), into=answers))
            for posts, numbers in (
                (sold, range(0, POSTS, 2)), (receipts, range(1, POSTS, 2)),
            )
        ]  # fmt: skip
        await buyer.until(lambda: len(answers) >= POSTS // 3 and buyer.talking >= 3)
        service.kill()
        await asyncio.gather(*halves)
    return answers


async def _checked(service: Service, buyer: CountingBuyer, answers: list[Answer], final: set[str]) -> None:
    acknowledged = {answer.lead for answer in answers if answer.acknowledged}
    assert POSTS // 4 < len(acknowledged) < POSTS, "the kill was not in the middle"
    async with Books(service.dsn) as books:
        await books.settled()
        states = await books.states(acknowledged)
        assert states.keys() == acknowledged
        assert set(states.values()) <= final
        sold = {answer.lead for answer in answers if answer.acknowledged and answer.outcome == "success"}
        assert {states[one] for one in sold} == {"sold"}
        assert buyer.sold_twice() == {}
        assert buyer.asked_under_two_ids() == {}
        assert len(buyer.accepted("best")) <= CAP
        assert await books.counters_leak() == {}
        revenue, prices = await books.money()
        assert revenue == prices > 0
        assert await books.one("select count(*) from inbox") == 0


async def test_with_idempotent_buyers_every_acknowledged_lead_reaches_its_end(
    services: Make, buyer: CountingBuyer
) -> None:
    service = await _configured(services, buyer, "idempotent: true")
    answers = await _posted_and_killed(service, buyer)
    await service.start()
    await _checked(service, buyer, answers, set(TERMINAL))


async def test_with_other_buyers_what_was_in_the_air_is_unclear_and_never_sold_on(
    services: Make, buyer: CountingBuyer
) -> None:
    service = await _configured(services, buyer, "")
    answers = await _posted_and_killed(service, buyer)
    await service.start()
    await _checked(service, buyer, answers, {*TERMINAL, "unclear"})
    async with Books(service.dsn) as books:
        of_leads = await books.one("select count(*) from lead where state = 'unclear'")
        in_queue = await books.one("select count(*) from delivery where state = 'unclear'")
        assert 0 < of_leads == in_queue
