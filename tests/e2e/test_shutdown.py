"""SIGTERM drains: what came in is answered, nothing is left leased, and the exit code says so."""

import asyncio

import psutil
import pytest

from tests.e2e.books import Books
from tests.e2e.catalogues import catalogue, contract, source
from tests.e2e.conftest import Make
from tests.e2e.counting import CountingBuyer
from tests.e2e.source import Source, lead

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("processes", [1, 2])
async def test_what_is_in_flight_is_answered_before_the_end(
    services: Make, buyer: CountingBuyer, database_url: str, processes: int
) -> None:
    service = services(database_url=database_url, processes=processes)
    buyer.gate["b"] = asyncio.Event()
    await service.configure(catalogue(source(), contract("b", buyer.url("b"))))
    key = await service.key("source", "acme")
    await service.start()
    async with Source(service.url, key) as acme:
        posts = [asyncio.create_task(acme.post(lead(n))) for n in range(12)]
        await buyer.until(lambda: buyer.talking >= 12)
        service.terminate()
        buyer.gate["b"].set()
        answers = await asyncio.gather(*posts)
        assert await service.ended() == 0
        assert [(a.status, a.outcome) for a in answers] == [(201, "success")] * 12
        assert (await acme.post(lead("late"))).status == 0
    async with Books(database_url) as books:
        assert await books.one("select count(*) from inbox") == 0
        assert await books.one("select count(*) from delivery where lease_id is not null") == 0
        assert await books.one("select count(*) from process") == 0


async def test_the_embedded_database_ends_with_its_service(services: Make, buyer: CountingBuyer) -> None:
    service = services()
    await service.configure(catalogue(source(), contract("b", buyer.url("b"))))
    await service.start()
    family = service.family()
    assert len(family) > 2
    assert await service.stop() == 0
    _, alive = await asyncio.to_thread(psutil.wait_procs, family, 10)
    assert alive == []


async def test_receipts_that_are_not_decided_yet_are_left_for_the_next_start(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    service = services(database_url=database_url)
    await service.configure(catalogue(source(reply="receipt"), contract("b", buyer.url("b"))))
    key = await service.key("source", "acme")
    await service.start()
    async with Source(service.url, key) as acme:
        posts = asyncio.create_task(acme.post_all(map(lead, range(300))))
        await buyer.until(lambda: bool(buyer.answered))
        assert await service.stop() == 0
        acknowledged = {a.lead for a in await posts if a.acknowledged}
    async with Books(database_url) as books:
        assert await books.one("select count(*) from delivery where lease_id is not null") == 0
        await service.start()
        await books.settled()
        assert set((await books.states(acknowledged)).values()) == {"sold"}
        assert (await books.states(acknowledged)).keys() == acknowledged
    assert buyer.asked_under_two_ids() == {}
