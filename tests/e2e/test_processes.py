"""Three processes on one database: what holds for one process holds for all of them together."""

import asyncio
from collections import Counter

import psutil
import pytest

from tests.e2e.books import Books, until
from tests.e2e.catalogues import catalogue, contract, source
from tests.e2e.conftest import Make
from tests.e2e.counting import CountingBuyer, Delivery, rejects
from tests.e2e.source import Source, lead

pytestmark = pytest.mark.e2e

ROUNDS, AT_ONCE = 10, 100


async def test_one_hundred_simultaneous_posts_of_a_lead_are_one_success(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    service = services(database_url=database_url, processes=3)
    await service.configure(catalogue(source(), contract("a", buyer.url("a")), contract("b", buyer.url("b"))))
    key = await service.key("source", "acme")
    await service.start()
    async with (
        Books(database_url) as books,
        Source(service.url, key, connections=AT_ONCE, fresh=True) as acme,
    ):
        for round_ in range(ROUNDS):
            answers = await asyncio.gather(*(acme.post(lead(round_)) for _ in range(AT_ONCE)))
            assert Counter(a.status for a in answers) == {201: AT_ONCE}
            assert Counter(a.outcome for a in answers) == {"success": 1, "failure": AT_ONCE - 1}
            refused = {a.document["reasons"][0]["code"] for a in answers if a.outcome == "failure"}
            assert refused == {"duplicate"}
        deciders = await books.one("select count(distinct process_id) from attempt")
        assert deciders > 1, "one process alone did it all, so nothing was tried"
        assert await books.deadlocks() == 0
    assert len(buyer.takers()) == ROUNDS
    assert buyer.sold_twice() == {}


async def test_caps_and_turns_are_exact_across_processes(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    """A dear buyer of fifty a day, one who says no, and four equals who share the rest."""
    service = services(database_url=database_url, processes=3)
    equals = ("e1", "e2", "e3", "e4")
    buyer.says["no"] = rejects
    await service.configure(
        catalogue(
            source(),
            contract("no", buyer.url("no"), price="90.00", caps="[{per: day, leads: 1000}]"),
            contract("dear", buyer.url("dear"), price="80.00", caps="[{per: day, leads: 50}]"),
            *(contract(one, buyer.url(one)) for one in equals),
        )
    )
    key = await service.key("source", "acme")
    await service.start()
    async with Books(database_url) as books, Source(service.url, key, fresh=True) as acme:
        answers = await acme.post_all(map(lead, range(450)), at_once=32)
        assert Counter(a.outcome for a in answers) == {"success": 450}
        assert len(buyer.accepted("dear")) == 50
        turns = [len(buyer.accepted(one)) for one in equals]
        assert sum(turns) == 400
        assert max(turns) - min(turns) <= 1
        assert await books.counters_leak() == {}
        held = dict(
            await books.conn.fetch(
                "select split_part(key, ':', 2), value from counter where key like 'cap:%'"
            )
        )
        assert held == {"no": 0, "dear": 50}
        assert await books.deadlocks() == 0
        assert await books.one("select count(distinct process_id) from attempt") >= 2
    assert buyer.sold_twice() == {}


async def test_what_a_capped_buyer_rejects_is_free_for_the_next_lead(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    """A cap of twenty and a buyer who rejects his first fifteen: he still gets his twenty, and no more."""
    service = services(database_url=database_url, processes=3)
    asked = Counter[str]()

    def slow_to_warm(delivery: Delivery) -> tuple[int, dict[str, str]]:
        asked["all"] += 1
        return rejects(delivery) if asked["all"] <= 15 else (200, {"status": "accepted", "id": "1"})

    buyer.says["b"] = slow_to_warm
    await service.configure(
        catalogue(source(), contract("b", buyer.url("b"), caps="[{per: day, leads: 20}]"))
    )
    key = await service.key("source", "acme")
    await service.start()
    async with Books(database_url) as books, Source(service.url, key, fresh=True) as acme:
        await acme.post_all(map(lead, range(40)), at_once=4)
        await asyncio.sleep(1.1)  # a process may take a cap for full for a second after it was
        await acme.post_all(map(lead, range(40, 60)), at_once=4)
        assert len(buyer.accepted("b")) == 20
        assert await books.counters_leak() == {}


async def test_an_idempotency_key_is_one_lead_whoever_is_asked(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    service = services(database_url=database_url, processes=3)
    await service.configure(catalogue(source(), contract("b", buyer.url("b"))))
    key = await service.key("source", "acme")
    await service.start()
    async with (
        Books(database_url) as books,
        Source(service.url, key, connections=50, fresh=True) as acme,
    ):
        answers = await asyncio.gather(*(acme.post(lead(1), Idempotency_Key="k-1") for _ in range(50)))
        assert {(a.status, a.outcome) for a in answers} == {(201, "success")}
        assert len({a.lead for a in answers}) == 1
        assert await books.one("select count(*) from lead") == 1
        assert await books.one("select count(*) from submission") == 1

        replay = await acme.post(lead(1), Idempotency_Key="k-1")
        assert replay.document == answers[0].document
        other = await acme.post(lead(2), Idempotency_Key="k-1")
        assert (other.status, other.document["code"]) == (422, "idempotency_key_reused")
        assert (await acme.post(lead(2), Idempotency_Key="k-2")).outcome == "success"
    assert len(buyer.answered) == 2


async def test_a_killed_process_is_replaced_and_its_work_is_done_by_others(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    service = services(database_url=database_url, processes=3, hasty=True)
    buyer.slowness["b"] = 0.05
    await service.configure(catalogue(source(), contract("b", buyer.url("b"), more="idempotent: true")))
    key = await service.key("source", "acme")
    await service.start()
    before = service.children()
    assert len(before) == 3
    async with Books(database_url) as books, Source(service.url, key, fresh=True) as acme:
        load = asyncio.create_task(acme.post_all(map(lead, range(500)), at_once=24))
        await buyer.until(lambda: len(buyer.answered) >= 100)
        before[1].kill()
        answers = await load
        lost = [a for a in answers if not a.acknowledged]
        assert len(lost) <= 24, "only what the killed process had in hand may fail"

        async def replaced() -> bool:
            now = {child.pid for child in service.children()}
            return len(now) == 3 and before[1].pid not in now

        await until(replaced, what="another takes its place")
        await books.settled()
        acknowledged = {a.lead for a in answers if a.acknowledged}
        states = await books.states(acknowledged)
        assert states.keys() == acknowledged
        assert set(states.values()) == {"sold"}
        await until(lambda: _count_is(books, 3), what="the new process says that it is alive")
    assert buyer.sold_twice() == {}
    assert buyer.asked_under_two_ids() == {}


async def _count_is(books: Books, n: int) -> bool:
    return await books.one("select count(*) from process") == n


async def test_nothing_outlives_a_killed_supervisor(services: Make, buyer: CountingBuyer) -> None:
    """With its own database, under load: all processes end, and a restart takes up what they left."""
    service = services(processes=2, hasty=True, drain_seconds="1")
    buyer.slowness["b"] = 0.05
    await service.configure(catalogue(source(), contract("b", buyer.url("b"), more="idempotent: true")))
    key = await service.key("source", "acme")
    await service.start()
    async with Source(service.url, key, fresh=True) as acme:
        load = asyncio.create_task(acme.post_all(map(lead, range(300)), at_once=16))
        await buyer.until(lambda: len(buyer.answered) >= 60)
        family = service.family()[1:]
        service.kill()
        answers = await load
    _, alive = await asyncio.to_thread(psutil.wait_procs, family, 20)
    assert alive == []
    await service.start()
    acknowledged = {a.lead for a in answers if a.acknowledged}
    async with Books(service.dsn) as books:
        await books.settled()
        states = await books.states(acknowledged)
        assert states.keys() == acknowledged
        assert set(states.values()) == {"sold"}
    assert buyer.sold_twice() == {}
    assert buyer.asked_under_two_ids() == {}
