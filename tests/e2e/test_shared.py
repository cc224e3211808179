"""A lead that may be sold to two is sold to two, to each once, whoever says no."""

import asyncio
from collections import Counter

import pytest

from tests.e2e.books import Books
from tests.e2e.catalogues import catalogue, contract, source
from tests.e2e.conftest import Make
from tests.e2e.counting import CountingBuyer, Delivery, accepts, rejects
from tests.e2e.source import Source, lead

pytestmark = pytest.mark.e2e


def every_third(delivery: Delivery) -> tuple[int, dict[str, str]]:
    return rejects(delivery) if int(delivery.email[3:].split("@")[0]) % 3 == 0 else accepts(delivery)


async def test_a_shared_lead_has_as_many_buyers_as_it_may_have(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    service = services(database_url=database_url, processes=2)
    buyer.says["a"] = every_third
    yaml = catalogue(
        source(),
        *(contract(one, buyer.url(one), caps="[{per: day, leads: 100000}]") for one in ("a", "b", "c")),
        sell="shared(2)",
    )
    await service.configure(yaml)
    key = await service.key("source", "acme")
    await service.start()
    async with Books(database_url) as books, Source(service.url, key, fresh=True) as acme:
        answers = await acme.post_all(map(lead, range(150)))
        assert Counter(a.outcome for a in answers) == {"success": 150}
        await books.settled()
        assert set((await books.states(a.lead for a in answers)).values()) == {"sold"}
        assert await books.counters_leak() == {}
        revenue, prices = await books.money()
        assert revenue == prices == 150 * 2 * 42
        assert await books.deadlocks() == 0
    assert Counter(len(takers) for takers in buyer.takers().values()) == {2: 150}
    assert buyer.asked_under_two_ids() == {}


async def test_who_has_said_yes_once_is_sold_to_even_if_the_other_is_unclear(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    service = services(database_url=database_url)
    buyer.says["vague"] = lambda _: (500, {"status": "?"})
    yaml = catalogue(
        source(), contract("vague", buyer.url("vague")), contract("sure", buyer.url("sure")), sell="shared(2)"
    )
    await service.configure(yaml)
    key = await service.key("source", "acme")
    await service.start()
    async with Books(database_url) as books, Source(service.url, key) as acme:
        answers = await asyncio.gather(*(acme.post(lead(n)) for n in range(5)))
        await books.settled()
        assert {a.outcome for a in answers} == {"success"}
        assert set((await books.states(a.lead for a in answers)).values()) == {"unclear"}
        assert await books.money() == (210, 210)
