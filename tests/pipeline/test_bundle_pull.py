"""A push in files of many to people who are not there when the file leaves: its leads go to the pool instead."""

from pathlib import Path

import pytest

from app.store.database import Database
from tests.ingest.channels.ftpserver import ftp_server
from tests.pipeline.filehouse import desk, ended, files, is_due, over_ftp
from tests.pipeline.house import House, opened
from tests.pipeline.pools import house_yaml, pooling
from tests.pipeline.test_bundling import claimed_by_the_dead, emails, people, posted

HERE = "[{id: dana, team: west}, {id: sam, team: east}]"
AWAY = "[{id: dana, team: west, away: [{from: 2000-01-01, to: 2100-01-01}]}, {id: sam, team: east}]"
CLOSED = "pull_after: {to: inside-pool, team: west, closed: true}"


def pushed(port: int, who: str, head: str = CLOSED) -> str:
    """By files, and for nothing: only what costs nothing is taken back."""
    files = over_ftp(port, head=head).split("    contracts:\n", 1)[1].replace("42.00", "0")
    return house_yaml(pooling(people=who) + files)


async def by_contract(house: House) -> dict[str, str]:
    return dict(await house.rows("select distinct contract, state from delivery"))


async def test_who_waits_for_a_file_while_the_team_closes_goes_to_the_pool(
    database: Database, tmp_path: Path
) -> None:
    with ftp_server(tmp_path) as server:
        async with opened(database, pushed(server.port, HERE)) as house:
            answers = await posted(house, *people(3))
            await house.configure(pushed(server.port, AWAY))
            await desk(house).look()
            assert await by_contract(house) == {"files": "waiting"}
            await is_due(house)
            await desk(house).look()
            await ended(house, "pooled", 3)
            assert await by_contract(house) == {"files": "rejected", "inside-pool": "pooled"}
            assert {await house.state(one.lead_id) for one in answers} == {"pooled"}
            assert await house.rows("select distinct reason from delivery where contract = 'files'") == [
                ("nobody_there",)
            ]
            assert await house.value("select count(*) from bundle") == 0
            assert house.at_rest()
    assert files(tmp_path) == {}


async def test_who_came_while_the_team_was_closed_leaves_when_it_is_there(
    database: Database, tmp_path: Path
) -> None:
    with ftp_server(tmp_path) as server:
        async with opened(database, pushed(server.port, AWAY)) as house:
            await posted(house, *people(2))
            await house.configure(pushed(server.port, HERE))
            await is_due(house)
            await desk(house).look()
            await ended(house, "accepted", 2)
    assert emails(tmp_path) == ["p0@example.com", "p1@example.com"]


@pytest.mark.parametrize("pull", ["{to: inside-pool, team: west, no_action: 30m}", "{to: inside-pool, closed: true}"])  # fmt: skip
async def test_who_does_not_mind_or_reaches_somebody_else_too_is_sent(
    database: Database, tmp_path: Path, pull: str
) -> None:
    with ftp_server(tmp_path) as server:
        async with opened(database, pushed(server.port, AWAY, f"pull_after: {pull}")) as house:
            await posted(house, *people(2))
            await is_due(house)
            await desk(house).look()
            await ended(house, "accepted", 2)
    assert len(files(tmp_path)) == 1


async def test_more_than_one_file_holds_go_without_a_turn_of_the_rate_for_each(
    database: Database, tmp_path: Path
) -> None:
    with ftp_server(tmp_path) as server:
        head = f"rate: {{per: minute, n: 1}}\n        {CLOSED}"
        async with opened(database, pushed(server.port, AWAY, head)) as house:
            await posted(house, *people(40))
            await is_due(house)
            await desk(house).look()
            await ended(house, "pooled", 40)
    assert files(tmp_path) == {}


async def test_who_is_perhaps_in_a_file_is_sent_again_in_it_and_lies_in_no_pool(
    database: Database, tmp_path: Path
) -> None:
    with ftp_server(tmp_path) as server:
        head = f"idempotent: true\n        {CLOSED}"
        async with opened(database, pushed(server.port, HERE, head)) as house:
            await posted(house, *people(2))
            name = await claimed_by_the_dead(house)
            await house.configure(pushed(server.port, AWAY, head))
            await posted(house, *people(1, 2))
            await is_due(house)
            await desk(house).look()
            await ended(house, "accepted", 2)
            await desk(house).look()
            await ended(house, "pooled", 1)
            assert list(files(tmp_path)) == [name]
    assert emails(tmp_path) == ["p0@example.com", "p1@example.com"]


async def test_who_has_perhaps_arrived_by_himself_leaves_in_a_file_and_lies_in_no_pool(
    database: Database, tmp_path: Path
) -> None:
    """Asked once by itself, of a buyer who ignores repeats, when the contract made no files yet."""
    with ftp_server(tmp_path) as server:
        head = f"idempotent: true\n        {CLOSED}"
        async with opened(database, pushed(server.port, HERE, head)) as house:
            first, second = await posted(house, *people(2))
            await house.run("update delivery set attempts = 1 where lead_id = $1", first.lead_id)
            await house.configure(pushed(server.port, AWAY, head))
            await is_due(house)
            await desk(house).look()
            await ended(house, "accepted", 1)
            await ended(house, "pooled", 1)
            assert await house.state(second.lead_id) == "pooled"
            assert await house.state(first.lead_id) == "sold"
    assert emails(tmp_path) == ["p0@example.com"]
