"""What is only stalled comes back later and finds that others have gone on without it."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from app.store.embedded import EmbeddedPostgres
from tests.e2e.books import Books, until
from tests.e2e.catalogues import catalogue, contract, source
from tests.e2e.conftest import Make
from tests.e2e.counting import CountingBuyer
from tests.e2e.source import Answer, Source, lead

pytestmark = pytest.mark.e2e

PATIENCE = 15.0  # of a source; the database says nothing until all are answered


_BUSIEST = """
select p.pid from process p join delivery d on d.lease_id = p.id
 where d.state = 'sending' group by p.pid having count(*) > 3 order by count(*) desc limit 1
"""


async def test_a_process_that_stalls_beyond_its_lease_sells_nothing_twice(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    """Stopped for longer than its lease under load, woken when the others have taken its work over."""
    service = services(database_url=database_url, processes=3, hasty=True)
    buyer.slowness["b"] = 0.3  # so that whoever is stalled is in the middle of conversations
    caps = "[{per: day, leads: 100000}]"
    await service.configure(
        catalogue(
            source(deadline="15s"),
            contract("b", buyer.url("b"), caps=caps, more="idempotent: true"),
            contract("c", buyer.url("c"), caps=caps, price="10.00"),
        )
    )
    key = await service.key("source", "acme")
    await service.start()
    async with Books(database_url) as books, Source(service.url, key, fresh=True) as acme:
        load = asyncio.create_task(acme.post_all(map(lead, range(400)), at_once=24))
        await buyer.until(lambda: len(buyer.answered) >= 100)
        pid = None
        while pid is None:
            pid = await books.one(_BUSIEST)
        stalled = next(child for child in service.children() if child.pid == pid)
        stalled.suspend()
        died = "select count(*) from attempt_end where reason = 'process_died'"
        await until(lambda: books.one(died), what="taken over by the others")
        stalled.resume()
        answers = await load
        await books.settled()
        acknowledged = {a.lead for a in answers if a.acknowledged}
        assert len(acknowledged) == 400
        states = await books.states(acknowledged)
        assert states.keys() == acknowledged
        assert set(states.values()) == {"sold"}
        assert await books.counters_leak() == {}
        revenue, prices = await books.money()
        assert revenue == prices
        assert await books.one("select count(*) from attempt_end where reason = 'process_died'") > 0
    assert buyer.sold_twice() == {}
    assert buyer.asked_under_two_ids() == {}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres.start(tmp_path / "server") as started:
        yield started
        _all(started, "resume")


def _all(server: EmbeddedPostgres, what: str) -> None:
    postmaster = psutil.Process(server.pid)
    for process in (postmaster, *postmaster.children()):
        with suppress(psutil.NoSuchProcess):
            getattr(process, what)()


async def test_a_database_that_falls_silent_is_not_waited_for(
    services: Make, buyer: CountingBuyer, server: EmbeddedPostgres
) -> None:
    """It accepts connections and says nothing, as behind a broken network: 503 in time, and nothing is lost."""
    service = services(database_url=server.dsn, hasty=True)
    await service.configure(
        catalogue(
            source("acme", deadline="2s"),
            source("receipts", reply="receipt"),
            contract("b", buyer.url("b"), more="idempotent: true"),
        )
    )
    keys = [await service.key("source", "acme"), await service.key("source", "receipts")]
    await service.start()
    answers: list[Answer] = []
    async with Source(service.url, keys[0]) as acme, Source(service.url, keys[1]) as receipts:
        assert (await acme.post(lead("before"))).outcome == "success"
        _all(server, "suspend")
        for n in range(3):
            answers += await asyncio.gather(
                *(who.post(lead(f"{who.key[-4:]}-{n}-{m}")) for who in (acme, receipts) for m in range(3))
            )
        looked = await acme.get("/readyz")
        _all(server, "resume")
        assert looked.status == 503
        assert {a.status for a in answers} == {503}
        assert max(a.seconds for a in answers) < PATIENCE
        async with asyncio.timeout(60):
            while not (again := await acme.post(lead("after"))).acknowledged:
                await asyncio.sleep(0.2)
    async with Books(server.dsn) as books:
        await books.settled()
        assert set((await books.states([again.lead])).values()) == {"sold"}
    assert buyer.sold_twice() == {}


async def test_whoever_asks_of_a_silent_database_is_told_to_come_again_in_time(
    services: Make, buyer: CountingBuyer, server: EmbeddedPostgres
) -> None:
    """Looking at a lead, correcting it and confirming it: 503 with Retry-After, and the same afterwards works."""
    service = services(database_url=server.dsn, hasty=True)
    await service.configure(catalogue(source("acme"), contract("b", buyer.url("b"))))
    keys = [await service.key("source", "acme"), await service.key("buyer", "b")]
    await service.start()
    async with Source(service.url, keys[0]) as acme, Source(service.url, keys[1]) as bob:
        sold = (await acme.post(lead("sold"))).lead
        async with Books(server.dsn) as books:
            delivery = await books.one("select id from delivery")
        json = {"Content-Type": "application/json"}
        asked = [
            (acme, ("GET", f"/v1/leads/{sold}", None, {})),
            (acme, ("PATCH", f"/v1/leads/{sold}", b'{"state": "NV"}', json)),
            (acme, ("POST", f"/v1/leads/{sold}/reprocess", None, {})),
            (bob, ("POST", f"/v1/deliveries/{delivery}/confirm", b'{"outcome": "accepted"}', json)),
        ]
        _all(server, "suspend")
        answers = await asyncio.gather(*(who.send(*request) for who, request in asked))
        _all(server, "resume")
        assert {a.status for a in answers} == {503}
        assert {a.headers.get("Retry-After") for a in answers} == {"2"}
        assert max(a.seconds for a in answers) < PATIENCE
        again = [await who.send(*request) for who, request in asked]
        assert [a.status for a in again] == [200, 409, 409, 200]
