"""A contract's concurrency over three processes, one of which is killed: never more, and nobody waits for ever."""

import asyncio

import pytest

from tests.e2e.books import Books
from tests.e2e.catalogues import catalogue, contract, source
from tests.e2e.conftest import Make
from tests.e2e.counting import CountingBuyer
from tests.e2e.source import Source, lead

pytestmark = pytest.mark.e2e

MOST, LEADS = 2, 60


async def test_no_more_at_once_than_the_contract_says_also_when_a_process_dies(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    service = services(database_url=database_url, processes=3, lease_seconds="2", wire_seconds="1")
    buyer.slowness["b"] = 0.1
    more = f"idempotent: true\n        concurrency: {MOST}"
    await service.configure(catalogue(source(deadline="30s"), contract("b", buyer.url("b"), more=more)))
    key = await service.key("source", "acme")
    await service.start()
    children = service.children()
    async with Books(database_url) as books, Source(service.url, key, fresh=True) as acme:
        load = asyncio.create_task(acme.post_all(map(lead, range(LEADS)), at_once=18))
        await buyer.until(lambda: len(buyer.answered) >= LEADS // 3)
        children[1].kill()
        answers = await load
        await books.settled()
        acknowledged = {one.lead for one in answers if one.acknowledged}
        assert set((await books.states(acknowledged)).values()) == {"sold"}
        assert await books.one("select count(distinct process_id) from attempt") >= 3
    assert buyer.most == MOST
    assert buyer.sold_twice() == {}
