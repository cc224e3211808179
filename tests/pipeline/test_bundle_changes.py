"""Files of many when their contract changes under them, its hours close, or its rate lets no more begin."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from app.core.world import World
from app.pipeline.bundle_turns import Turns
from app.store.database import Database
from tests.ingest.channels.ftpserver import ftp_server
from tests.mail_server import Outbox
from tests.pipeline.filehouse import bundled_by, desk, ended, files, is_due, over_ftp
from tests.pipeline.house import House, catalogue, lead, opened, source
from tests.pipeline.test_bundling import claimed_by_the_dead, emails, people, posted

STILL = "insert into pace values ('files', now() + interval '1 hour', 0)"
OPEN = 'hours: {zone: UTC, open: {mon-sun: "00:00-24:00"}}'
SHUT = 'hours: {zone: UTC, open: {mon-sun: "00:00-24:00"}, away: [{from: "2020-01-01", to: "2090-01-01"}]}'
ONE_A_MINUTE = "rate: {per: minute, n: 1}"


async def waits(house: House) -> list[Any]:
    """In how many minutes each is due, or was."""
    found = await house.rows(
        "select round(extract(epoch from next_at - now()) / 60)::int from delivery order by id"
    )
    return [row[0] for row in found]


# its contract changes -----------------------------------------------------------------------------------


async def test_without_batch_those_who_waited_for_a_file_leave_at_once_each_in_its_own(
    database: Database, tmp_path: Path
) -> None:
    with ftp_server(tmp_path) as server:
        async with opened(database, catalogue(source(), over_ftp(server.port, batch="{every: 7d}"))) as house:
            await posted(house, *people(3))
            await house.configure(catalogue(source(), over_ftp(server.port, batch="null")))
            await house.upkeep.due()
            assert files(tmp_path) == {}
            await desk(house).look()
            await house.upkeep.due()
            await ended(house, "accepted", 3)
    assert [len(lines) for lines in files(tmp_path).values()] == [1, 1, 1]
    assert emails(tmp_path) == [f"p{i}@example.com" for i in range(3)]


async def test_with_another_batch_they_leave_when_it_says_so_if_that_is_sooner(
    database: Database, tmp_path: Path
) -> None:
    with ftp_server(tmp_path) as server:

        async def told(batch: str) -> list[Any]:
            await house.configure(catalogue(source(), over_ftp(server.port, batch=batch)))
            await desk(house).look()
            return await waits(house)

        async with opened(database, catalogue(source(), over_ftp(server.port, batch="{every: 3d}"))) as house:
            await posted(house, *people(2))
            await house.run("update delivery set created_at = now() - interval '10 minutes'")
            assert await told("{every: 1h}") == [50, 50]
            assert await told("{every: 2h}") == [50, 50]
            await house.run("update delivery set next_at = now() + interval '3 days'")
            soon = house.world.now() + timedelta(minutes=90)
            assert set(await told(f'{{at: ["{soon:%H:%M}"]}}')) <= {89, 90}
            await house.run("update delivery set created_at = now() - interval '1 day'")
            await told(f'{{at: ["{soon:%H:%M}"], count: 5}}')
            await ended(house, "accepted", 2)
    assert [len(lines) for lines in files(tmp_path).values()] == [2]


async def test_under_another_adapter_they_are_sent_by_it(database: Database, tmp_path: Path) -> None:
    outbox = Outbox()
    with ftp_server(tmp_path) as server:
        async with (
            outbox.listening() as port,
            opened(database, catalogue(source(), over_ftp(server.port, batch="{every: 7d}"))) as house,
        ):
            await posted(house, *people(1))
            mail = f"""{{adapter: email, server: {{host: 127.0.0.1, port: {port}, tls: none}}, proof: taken,
              sender: us@leads.example, to: [sales@sunco.example]}}"""
            await house.configure(catalogue(source(), bundled_by(mail)))
            await desk(house).look()
            await house.upkeep.due()
            await ended(house, "accepted", 1)
    assert len(outbox.got) == 1
    assert files(tmp_path) == {}


async def test_those_of_a_contract_that_is_gone_go_on_at_once(database: Database, tmp_path: Path) -> None:
    with ftp_server(tmp_path) as server:
        async with opened(database, catalogue(source(), over_ftp(server.port, batch="{every: 7d}"))) as house:
            (answer,) = await posted(house, *people(1))
            await house.configure(catalogue(source()))
            await desk(house).look()
            await house.upkeep.due()
            await ended(house, "dead", 1)
            assert await house.value("select reason from delivery") == "contract_gone"
            assert await house.state(answer.lead_id) == "unsold"
    assert files(tmp_path) == {}


async def test_what_perhaps_left_in_a_file_is_never_sent_by_itself_when_its_contract_makes_none_any_more(
    database: Database, tmp_path: Path
) -> None:
    safe = "idempotent: true"
    with ftp_server(tmp_path) as server:
        async with opened(database, catalogue(source(), over_ftp(server.port, head=safe))) as house:
            await posted(house, *people(2))
            name = await claimed_by_the_dead(house)
            await house.configure(catalogue(source(), over_ftp(server.port, head=safe, batch="null")))
            await is_due(house)
            await house.upkeep.due()
            await house.until(
                lambda: house.value("select max(attempts) = 2 from delivery where state = 'waiting'")
            )
            assert files(tmp_path) == {}
            assert await house.value("select distinct reason from delivery") == "perhaps_in_a_file"
            await house.configure(catalogue(source(), over_ftp(server.port, head=safe)))
            await is_due(house)
            await desk(house).look()
            await ended(house, "accepted", 2)
    assert list(files(tmp_path)) == [name]


async def test_a_file_that_somebody_died_at_ends_though_its_contract_makes_none_any_more(
    database: Database, tmp_path: Path
) -> None:
    with ftp_server(tmp_path) as server:
        async with opened(database, catalogue(source(), over_ftp(server.port))) as house:
            await posted(house, *people(1))
            await claimed_by_the_dead(house)
            await house.configure(catalogue(source(), over_ftp(server.port, batch="null")))
            await desk(house).tidy()
            assert await house.value("select state from bundle") == "unclear"


async def test_who_was_taken_in_hours_leaves_with_the_file_after_they_have_closed(
    database: Database, tmp_path: Path
) -> None:
    with ftp_server(tmp_path) as server:
        async with opened(database, catalogue(source(), over_ftp(server.port, head=OPEN))) as house:
            await posted(house, *people(1))
            await house.configure(catalogue(source(), over_ftp(server.port, head=SHUT)))
            (late,) = await house.post(lead("late@example.com"))
            assert late.state == "unsold"
            await is_due(house)
            await desk(house).look()
            await ended(house, "accepted", 1)
    assert emails(tmp_path) == ["p0@example.com"]


# its rate -----------------------------------------------------------------------------------------------


async def test_a_file_is_one_hand_over_to_its_rate(database: Database, tmp_path: Path) -> None:
    with ftp_server(tmp_path) as server:
        yaml = catalogue(source(), over_ftp(server.port, batch="{every: 1h, most: 2}", head=ONE_A_MINUTE))
        async with opened(database, yaml) as house:
            await house.run(STILL)
            await posted(house, *people(4))
            await is_due(house)
            for _ in range(3):
                await desk(house).look()
                await ended(house, "accepted", 2)
            assert await house.value("select max(attempts) from delivery where state = 'waiting'") == 0
            await house.run("update pace set used = 0")
            await desk(house).look()
            await ended(house, "accepted", 4)
    assert [len(lines) for lines in files(tmp_path).values()] == [2, 2]


async def test_what_took_longer_to_write_than_its_window_waits_for_another_turn(
    database: Database, tmp_path: Path
) -> None:
    slept: list[float] = []
    with ftp_server(tmp_path) as server:
        yaml = catalogue(source(), over_ftp(server.port, head=ONE_A_MINUTE))
        async with opened(database, yaml) as house:
            await house.run(STILL)
            contract = house.plans.snapshot.contracts["files"]

            async def sleep(seconds: float) -> None:
                slept.append(seconds)
                await house.run("update pace set used = 0")

            clock = iter([100.0, 100.5, 100.6, 100.7, 5_000.0, 5_000.1, 5_000.2])
            turns = Turns(database, World(monotonic=lambda: next(clock)), house.metrics, sleep=sleep)
            until = await turns.take(contract)
            assert until is not None
            await turns.hold(contract, until)
            assert slept == []
            await turns.hold(contract, 100.6)
            assert len(slept) == 1


@pytest.mark.parametrize("n", [1, 2])
async def test_nobody_has_a_turn_that_another_process_took(
    database: Database, tmp_path: Path, n: int
) -> None:
    with ftp_server(tmp_path) as server:
        yaml = catalogue(source(), over_ftp(server.port, head=f"rate: {{per: minute, n: {n}}}"))
        async with opened(database, yaml) as house:
            await house.run(STILL)
            contract = house.plans.snapshot.contracts["files"]
            turns = [Turns(database, World(), house.metrics) for _ in range(3)]
            assert [await one.take(contract) is not None for one in turns].count(True) == n
