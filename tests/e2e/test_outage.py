"""PostgreSQL goes away under load and comes back: sources are told so, nothing is lost, nobody restarts us."""

import asyncio
from collections.abc import Callable, Iterator
from math import inf
from pathlib import Path
from uuid import UUID

import pytest

from app.store.embedded import EmbeddedPostgres
from tests.e2e.books import Books, until
from tests.e2e.catalogues import catalogue, contract, source
from tests.e2e.conftest import Make
from tests.e2e.counting import CountingBuyer
from tests.e2e.source import Answer, Source, lead

pytestmark = pytest.mark.e2e

AWAY_S = 10.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that this test may stop."""
    with EmbeddedPostgres.start(tmp_path / "server") as started:
        yield started


async def _until_told(source: Source, answers: list[Answer], first: int, over: Callable[[], bool]) -> int:
    """Post one after the other until it is over; the number of the next."""
    n = first
    while not over():
        answers.append(await source.post(lead(n)))
        n += 8
        await asyncio.sleep(0.02)
    return n


async def test_ten_seconds_without_the_database_lose_nothing(
    services: Make, buyer: CountingBuyer, server: EmbeddedPostgres
) -> None:
    service = services(database_url=server.dsn, hasty=True)
    buyer.slowness["b"] = 0.02
    await service.configure(
        catalogue(
            source("acme", deadline="2s"),
            source("receipts", reply="receipt"),
            contract("b", buyer.url("b"), caps="[{per: day, leads: 100000}]", more="idempotent: true"),
        )
    )
    whose = (("source", "acme"), ("source", "receipts"), ("buyer", "b"))
    keys = [await service.key(*one) for one in whose]
    await service.start()
    loop = asyncio.get_running_loop()
    async with Source(service.url, keys[0]) as acme, Source(service.url, keys[1]) as receipts:
        before: list[Answer] = []
        meanwhile: list[Answer] = []
        both = (acme, receipts)
        ends = loop.time() + 1.5

        def over() -> bool:
            return loop.time() >= ends

        at = await asyncio.gather(*(_until_told(both[n % 2], before, n, over) for n in range(8)))
        known = next(a for a in before if a.acknowledged)

        # Stopped in the middle of posts, so that some commits are in doubt.
        ends = inf
        posting = [asyncio.create_task(_until_told(both[n % 2], meanwhile, at[n], over)) for n in range(8)]
        await until(lambda: asyncio.sleep(0, len(meanwhile) > 8), every=0.005)
        await asyncio.to_thread(server.stop)
        assert not server.alive()
        ends = loop.time() + AWAY_S
        looked = await acme.get(f"/v1/leads/{known.lead}")
        assert (looked.status, looked.document["code"]) == (503, "not_durable")
        word, kind = b'{"outcome": "accepted"}', {"Content-Type": "application/json"}
        async with Source(service.url, keys[2]) as confirming:
            told = await confirming.send("POST", f"/v1/deliveries/{UUID(int=0)}/confirm", word, kind)
        assert (told.status, told.document["code"]) == (503, "not_durable")
        assert told.seconds < AWAY_S
        assert (await acme.get("/readyz")).status == 503
        assert (await acme.get("/healthz")).status == 200
        at = await asyncio.gather(*posting)

        server.revive()
        after: list[Answer] = []

        async def back() -> bool:
            return (await acme.get("/readyz")).status == 200

        await until(back, what="ready again without a restart")
        ends = loop.time() + 1.5
        await asyncio.gather(*(_until_told(both[n % 2], after, at[n], over) for n in range(8)))

    refused = [a for a in meanwhile if a.status == 503]
    assert len(refused) > 16
    assert {a.status for a in meanwhile} <= {201, 202, 503}
    for answer in refused:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.document["code"] == "not_durable"
        assert int(answer.headers["Retry-After"]) >= 1
    assert max(a.seconds for a in meanwhile) < AWAY_S
    assert {a.status for a in after} <= {201, 202}

    acknowledged = {a.lead for a in [*before, *meanwhile, *after] if a.acknowledged}
    async with Books(server.dsn) as books:
        await books.settled()
        states = await books.states(acknowledged)
        assert states.keys() == acknowledged
        assert set(states.values()) == {"sold"}
        assert await books.counters_leak() == {}
        revenue, prices = await books.money()
        assert revenue == prices
    assert buyer.sold_twice() == {}
    assert buyer.asked_under_two_ids() == {}


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_killed_embedded_database_is_started_again(
    services: Make, buyer: CountingBuyer, processes: int
) -> None:
    """SIGKILL of the server that we have started: we start it again, and it recovers what it acknowledged."""
    service = services(processes=processes, hasty=True)
    await service.configure(catalogue(source(), contract("b", buyer.url("b"), more="idempotent: true")))
    key = await service.key("source", "acme")
    await service.start()
    async with Source(service.url, key, fresh=True) as acme:
        load = asyncio.create_task(acme.post_all(map(lead, range(400)), at_once=8))
        await buyer.until(lambda: len(buyer.answered) >= 100)
        (postmaster,) = [
            p for p in service.family()[1:] if p.ppid() == service.pid and p.name() == "postgres"
        ]
        postmaster.kill()
        answers = await load

        async def takes_leads() -> bool:
            return (await acme.post(lead("after"))).acknowledged

        await until(takes_leads, every=0.2, what="it takes leads without a restart")
    assert {a.status for a in answers} <= {201, 202, 503}
    acknowledged = {a.lead for a in answers if a.acknowledged}
    async with Books(service.dsn) as books:
        await books.settled()
        states = await books.states(acknowledged)
        assert states.keys() == acknowledged
        assert set(states.values()) == {"sold"}
    assert buyer.sold_twice() == {}
    assert buyer.asked_under_two_ids() == {}
