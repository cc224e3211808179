"""Files of many hold one of their contract's or endpoint's places while they are spoken, and wait for it unclaimed."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from app.pipeline.acknowledging import Acknowledging
from app.pipeline.bundling import Bundling
from app.store.database import Database
from tests.buyer import Received, Stream, reply
from tests.ingest.channels.ftpserver import ftp_server
from tests.pipeline.filehouse import acknowledged, desk, ended, files, into_store, is_due, over_ftp, reader
from tests.pipeline.house import House, catalogue, contract, lead, opened, source
from tests.pipeline.test_bundling import claimed_by_the_dead, people, posted
from tests.pipeline.test_pacing import stand, taken
from tests.slow import Slow

API = "endpoint:files/api"
OTHERS = "insert into lane values ($1, gen_random_uuid(), 1, 1, now(), now() + interval '1 hour')"


class Taker(Slow):
    """A machine that takes files and leads by one door."""

    async def answer(self, request: Received, stream: Stream) -> None:
        if request.method != "PUT":
            return await super().answer(request, stream)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.go.wait()
            digest = hashlib.md5(request.body, usedforsecurity=False).hexdigest()
            await stream.send_all(reply(200, b"", f'ETag: "{digest}"'))
        finally:
            self.now -= 1


@pytest.fixture
async def machine() -> AsyncIterator[Taker]:
    async with Taker() as listening:
        yield listening
        listening.go.set()


def shared(machine: Taker, endpoint: str) -> str:
    """One contract takes Ann's leads one by one, the other everybody else's in files, by the same endpoint."""
    ann = contract("ann", machine.url("/ok"), more='endpoint: api\n        when: lead.first_name == "Ann"')
    file = into_store(machine.port, head='endpoint: api\n        when: lead.first_name == "Bob"')
    both = file.replace("  - id: files\n", f"  - id: files\n    endpoints: {{api: {endpoint}}}\n", 1)
    return catalogue(source(reply="receipt"), both + ann[ann.index("      - id: ann") :])


def of(name: str, n: int) -> list[dict[str, str]]:
    return [{**lead(f"{name}{i}@example.com"), "first_name": name} for i in range(n)]


async def _sits(house: House, place: str, n: int = 1) -> bool:
    return house.engine.sender.seats.waiting(place) == n


async def test_a_file_waits_for_a_lead_of_its_endpoint_and_is_not_claimed_meanwhile(
    database: Database, machine: Taker
) -> None:
    async with opened(database, shared(machine, "{concurrency: 1}")) as house:
        await taken(house, of("Ann", 1))
        await machine.has(1)
        await taken(house, of("Bob", 2))
        await stand(house, {"sending": 1, "waiting": 2})
        await is_due(house)
        bundling = desk(house)
        await bundling.look()
        await bundling.look()
        await house.until(partial(_sits, house, API))
        assert await house.value("select count(*) from bundle") == 0
        machine.go.set()
        await stand(house, {"accepted": 3})
        assert (machine.most, [one.method for one in machine.received]) == (1, ["POST", "PUT"])
        assert house.engine.sender.busy(API) == 0


async def test_a_lead_waits_for_the_end_of_a_file(database: Database, machine: Taker) -> None:
    async with opened(database, shared(machine, "{concurrency: 1}")) as house:
        await taken(house, of("Bob", 1))
        await stand(house, {"waiting": 1})
        await is_due(house)
        await desk(house).look()
        await machine.has(1)
        await taken(house, of("Ann", 1))

        async def in_line() -> bool:
            return house.engine.sender.waiting(API) == 1

        await house.until(in_line)
        machine.go.set()
        await stand(house, {"accepted": 2})
        assert (machine.most, [one.method for one in machine.received]) == (1, ["PUT", "POST"])


async def test_of_several_processes_no_more_files_are_on_their_way_than_the_contract_says(
    database: Database, database_url: str, machine: Taker
) -> None:
    own = await Database.open(database_url, size=4, application_name="another")
    yaml = catalogue(source(), into_store(machine.port, head="concurrency: 1", batch="{every: 1h, most: 1}"))
    async with opened(database, yaml) as one, opened(own, yaml) as other:
        await posted(one, *people(6))
        await is_due(one)
        desks = [desk(each) for each in (one, one, other, other)]
        machine.go.set()

        async def all_sent() -> bool:
            await asyncio.gather(*(each.look() for each in desks))
            return bool(await one.value("select count(*) = 6 from delivery where state = 'accepted'"))

        await one.until(all_sent)
    await own.close()
    assert machine.most == 1


@pytest.mark.parametrize(("head", "n"), [("concurrency: 1", 0), ("concurrency: 2", 1), ("", 1)])
async def test_what_another_process_holds_is_not_used_and_who_waits_for_it_is_not_unclear(
    database: Database, tmp_path: Path, head: str, n: int
) -> None:
    with ftp_server(tmp_path) as server:
        async with opened(database, catalogue(source(), over_ftp(server.port, head=head))) as house:
            await house.run(OTHERS, "files")  # whoever it is, and perhaps it was killed
            await posted(house, *people(1))
            await is_due(house)
            await desk(house).look()
            if n:
                await ended(house, "accepted", 1)
                return
            await house.until(partial(_sits, house, "files"))
            await house.engine._lanes.look()
            assert await house.value("select state from delivery") == "waiting"
            assert (await house.value("select count(*) from bundle"), files(tmp_path)) == (0, {})
            await house.run("update lane set until = now() where wants = 1 and held = 1")
            await ended(house, "accepted", 1)


async def test_a_contract_of_files_that_counts_nobody_costs_no_row(
    database: Database, tmp_path: Path
) -> None:
    with ftp_server(tmp_path) as server:
        async with opened(database, catalogue(source(), over_ftp(server.port))) as house:
            await posted(house, *people(1))
            await is_due(house)
            await desk(house).look()
            await ended(house, "accepted", 1)
            assert await house.value("select count(*) from lane") == 0


async def _in_line_at(house: House) -> Bundling:
    """Its file waits for a place that is another's."""
    await house.run(OTHERS, "files")
    await posted(house, *people(1))
    await is_due(house)
    bundling = desk(house)
    await bundling.look()
    await house.until(partial(_sits, house, "files"))
    return bundling


async def _free(house: House) -> None:
    await house.run("delete from lane where wants = 1 and held = 1")


async def test_a_process_that_ends_takes_no_place_for_a_file_any_more(
    database: Database, tmp_path: Path
) -> None:
    with ftp_server(tmp_path) as server:
        yaml = catalogue(source(), over_ftp(server.port, head="concurrency: 1"))
        async with opened(database, yaml) as house:
            bundling = await _in_line_at(house)
            bundling.rest()
            await house.until(partial(_sits, house, "files", 0))
            await _free(house)
            await bundling.look()  # whatever comes too late
            await stand(house, {"waiting": 1})
            assert house.engine.sender.busy("files") == 0
    assert files(tmp_path) == {}


async def test_a_contract_that_rests_meanwhile_uses_no_place(database: Database, tmp_path: Path) -> None:
    with ftp_server(tmp_path) as server:
        yaml = catalogue(source(), over_ftp(server.port, head="concurrency: 1"))
        async with opened(database, yaml) as house:
            await _in_line_at(house)
            house.engine.sender.health.shut = frozenset({"files"})
            await _free(house)
            await house.until(partial(_sits, house, "files", 0))
            await stand(house, {"waiting": 1})
            assert house.engine.sender.busy("files") == 0


async def test_a_single_try_waits_for_a_place_for_a_moment_only(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ftp_server(tmp_path) as server:
        yaml = catalogue(source(), over_ftp(server.port, head="concurrency: 1"))
        async with opened(database, yaml) as house:
            await house.run(OTHERS, "files")
            await posted(house, *people(1))
            await is_due(house)
            bundling = desk(house)
            with monkeypatch.context() as patched:
                patched.setattr("app.pipeline.bundling._A_MOMENT", 0.05)
                assert not await bundling.send("files")
            await _free(house)
            assert await bundling.send("files")
            await ended(house, "accepted", 1)


async def test_a_file_whose_place_may_be_anothers_by_now_is_not_begun_and_goes_later(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ftp_server(tmp_path) as server:
        yaml = catalogue(source(), over_ftp(server.port, head="concurrency: 1"))
        async with opened(database, yaml) as house:
            await posted(house, *people(1))
            await is_due(house)
            bundling = desk(house)

            async def too_long(*_: object) -> None:
                lanes = house.engine._lanes._of["files"]
                lanes.sure_since = house.world.monotonic()  # nobody could say for a while

            monkeypatch.setattr(bundling._turns, "hold", too_long)
            await bundling.look()

            async def unsent() -> bool:
                found = await house.rows("select state, reason from bundle")
                return [tuple(row) for row in found] == [("unsent", "no_place")]

            await house.until(unsent)
            await ended(house, "waiting", 1)
            assert files(tmp_path) == {}
            await is_due(house)
            await desk(house).look()
            await ended(house, "accepted", 1)


async def test_what_perhaps_left_once_goes_into_no_other_file_whatever_became_of_the_next_try(
    database: Database, tmp_path: Path
) -> None:
    with ftp_server(tmp_path, may="elr") as server:
        yaml = catalogue(source(), over_ftp(server.port, head="idempotent: true"))
        async with opened(database, yaml) as house:
            await posted(house, *people(2))
            name = await claimed_by_the_dead(house)
            await is_due(house)
            await desk(house).look()
            await ended(house, "waiting", 2)
            assert await house.rows("select name, state, outcome from bundle") == [
                (name, "unclear", "TryLater")
            ]


# looking for answers ------------------------------------------------------------------------------------


def _looking(house: House) -> Acknowledging:
    looking = reader(house)
    looking._seats = lambda: house.engine.sender.seats
    return looking


async def _unanswered(house: House) -> None:
    await posted(house, *people(1))
    await is_due(house)
    await desk(house).look()
    await ended(house, "unclear", 1)


async def test_a_look_beside_our_files_holds_a_place(database: Database, tmp_path: Path) -> None:
    (tmp_path / "acks").mkdir()
    with ftp_server(tmp_path) as server:
        yaml = catalogue(source(), over_ftp(server.port, head="concurrency: 1", more=acknowledged()))
        async with opened(database, yaml) as house:
            await _unanswered(house)
            server.said.clear()
            contract_ = house.plans.snapshot.contracts["files"]
            await house.engine.sender.seats.sit(contract_)
            looking = asyncio.create_task(_looking(house).look())
            await house.until(partial(_sits, house, "files"))
            assert server.said == []
            house.engine.sender.seats.leave(contract_)
            await looking
            assert "MLSD" in server.said
            assert house.engine.sender.busy("files") == 0
            assert await house.value("select trouble from acknowledging") == ""


async def test_a_look_that_gets_no_place_comes_again(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.pipeline.seats._PATIENCE", 0.05)
    (tmp_path / "acks").mkdir()
    with ftp_server(tmp_path) as server:
        yaml = catalogue(source(), over_ftp(server.port, head="concurrency: 1", more=acknowledged()))
        async with opened(database, yaml) as house:
            await _unanswered(house)
            await house.engine.sender.seats.sit(house.plans.snapshot.contracts["files"])
            await _looking(house).look()
            assert await house.value("select trouble from acknowledging") == "no_place"


async def test_work_is_broken_off_where_its_place_may_be_anothers(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.pipeline.seats._LOOK", 0.01)
    with ftp_server(tmp_path) as server:
        yaml = catalogue(source(), over_ftp(server.port, head="concurrency: 1"))
        async with opened(database, yaml) as house:
            begun, over = asyncio.Event(), asyncio.Event()

            async def work() -> None:
                begun.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    over.set()

            seats = house.engine.sender.seats
            task = asyncio.create_task(seats.during(house.plans.snapshot.contracts["files"], work))
            await begun.wait()
            house.engine._lanes._of["files"].sure_since = house.world.monotonic()
            assert not await task
            assert over.is_set()
            assert house.engine.sender.busy("files") == 0
