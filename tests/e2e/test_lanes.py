"""A contract's concurrency and its rate where processes are killed: never more at once, and what waited was not sent."""

import asyncio

import pytest

from tests.e2e.books import Books, until
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
        # Which of the three takes a connection is the kernel's choice; one alone would show nothing.
        assert await books.one("select count(distinct process_id) from attempt") >= 2
    assert buyer.most == MOST
    assert buyer.sold_twice() == {}


# A window that has given nothing, or all that it has, and does not end by itself.
_SHUT = """
insert into pace values ('b', now() + interval '1 hour', 5)
on conflict (contract) do update set began = excluded.began, used = excluded.used
"""


async def test_what_waits_for_its_turn_at_a_kill_is_sent_once_and_nothing_is_unclear(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    service = services(database_url=database_url, hasty=True)
    rate = "rate: {per: minute, n: 5}"
    await service.configure(catalogue(source(reply="receipt"), contract("b", buyer.url("b"), more=rate)))
    key = await service.key("source", "acme")
    async with Books(database_url) as books:
        await books.conn.execute(_SHUT)
        await service.start()
        async with Source(service.url, key, fresh=True) as acme:
            answers = await acme.post_all(map(lead, range(5)), at_once=5)

        async def in_line() -> bool:
            lined = "select count(*) from delivery where state = 'waiting' and lease_id is not null"
            return bool(await books.one(lined) == 5)

        await until(in_line)
        service.kill()
        await books.conn.execute("delete from pace")
        await service.start()
        await books.settled()
        assert set((await books.states(one.lead for one in answers)).values()) == {"sold"}
        assert await books.one("select count(*) from attempt") == 5
    assert len(buyer.answered) == 5
