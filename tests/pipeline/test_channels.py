"""Channels are visited in turn: by one process, with patience in trouble, and what is found is kept once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from app.core.errors import NotDurable, Unreadable
from app.core.metrics import expose
from app.ingest.channel import Door, Trouble, Visit
from app.pipeline.channels import configured, waits
from app.store.database import Database
from tests.pipeline.house import House, catalogue, opened
from tests.pipeline.visiting import Rounds, Scripted, visiting, with_channels

A = "{channel: folder, path: /srv/a, every: 10m}"
B = "{channel: folder, path: /srv/b, every: 10m}"
LEAD = b'{"first_name": "Ann", "email": "ann%d@example.com"}'


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with opened(database, catalogue(with_channels(A))) as made:
        yield made


@pytest.fixture
def script() -> Scripted:
    return Scripted()


@pytest.fixture
async def rounds(house: House, tmp_path: Path, script: Scripted) -> AsyncIterator[Rounds]:
    async with visiting(house, tmp_path, registry={"folder": script}) as made:
        yield made


async def next_in(house: House) -> float:
    found: float = await house.value("select extract(epoch from next_at - now())::float8 from channel")
    return found


def raising(error: Exception) -> Any:
    async def visit(settings: Any, door: Door) -> Visit:
        raise error

    return visit


async def waiting(settings: Any, door: Door) -> Visit:
    await asyncio.Event().wait()
    raise AssertionError


# turns --------------------------------------------------------------------------------------------------


async def test_a_visit_that_went_well_is_followed_by_one_after_its_time(
    rounds: Rounds, house: House, script: Scripted
) -> None:
    await rounds.go()
    await rounds.channels.look()
    assert len(script.visits) == 1
    assert 590 < await next_in(house) < 661
    assert (await rounds.standing()).well_at is not None


async def test_more_to_fetch_is_fetched_at_once(rounds: Rounds, script: Scripted) -> None:
    async def more(settings: Any, door: Door) -> Visit:
        return Visit(more=len(script.visits) < 3)

    script.does = more
    for _ in range(5):
        await rounds.channels.look()
        await rounds.ended()
    assert len(script.visits) == 3


async def test_of_two_processes_one_visits(
    rounds: Rounds, house: House, script: Scripted, tmp_path: Path
) -> None:
    other = house.world.new_id()
    await house.run("insert into process (id, role, host, pid) values ($1, 'test', 'h', 1)", other)
    script.does = waiting
    async with visiting(house, tmp_path, registry={"folder": script}, process=other) as second:
        await asyncio.gather(rounds.begin(), second.begin())
        assert rounds.channels.under_way + second.channels.under_way == 1


async def test_what_a_dead_process_visited_is_visited_by_another(
    rounds: Rounds, house: House, script: Scripted, tmp_path: Path
) -> None:
    dead = house.world.new_id()
    await house.run("insert into process (id, role, host, pid) values ($1, 'test', 'h', 1)", dead)
    script.does = waiting
    async with visiting(house, tmp_path, registry={"folder": script}, process=dead) as second:
        await second.begin()
        await script.begun.wait()
        script.does = script._nothing
        await rounds.go()
        assert len(script.visits) == 1
        await house.run("update process set seen_at = now() - interval '1 minute' where id = $1", dead)
        await rounds.go()
        assert len(script.visits) == 2


async def test_who_was_taken_for_dead_writes_nothing_any_more(
    rounds: Rounds, house: House, script: Scripted
) -> None:
    async def late(settings: Any, door: Door) -> Visit:
        await house.run("update channel set visit = visit + 1, state = '{\"at\": 2}'")  # somebody else's turn
        await door.remember({"at": 1})
        raise AssertionError

    script.does = late
    await rounds.go()
    assert await house.value("select state ->> 'at' from channel") == "2"
    assert (await rounds.standing()).visited_at is None


async def test_a_turn_whose_claim_was_in_doubt_is_taken_again(
    rounds: Rounds, house: House, script: Scripted
) -> None:
    await rounds.go()
    await house.run("update channel set lease_id = $1", house.identity())
    await rounds.go()
    assert len(script.visits) == 2


async def test_a_visit_is_broken_off_at_the_end_and_free_at_once(
    rounds: Rounds, house: House, script: Scripted
) -> None:
    script.does = waiting
    await rounds.begin()
    await script.begun.wait()
    await rounds.channels.stop()
    assert rounds.channels.under_way == 0
    assert await house.value("select lease_id from channel") is None
    assert await next_in(house) <= 0
    await rounds.begin()
    assert len(script.visits) == 1  # nothing begins any more


# what is configured -------------------------------------------------------------------------------------


async def test_a_paused_source_is_not_visited(rounds: Rounds, house: House, script: Scripted) -> None:
    await house.configure(catalogue(with_channels(A, more=", paused: true")))
    await rounds.go()
    assert script.visits == []


async def test_a_changed_place_begins_anew_and_a_changed_pace_does_not(
    rounds: Rounds, house: House, script: Scripted
) -> None:
    states: list[Any] = []

    async def note(settings: Any, door: Door) -> Visit:
        states.append(dict(door.state))
        await door.remember({"n": len(states)})
        return Visit()

    script.does = note
    await rounds.go()
    await house.configure(catalogue(with_channels(A.replace("10m", "5m"))))
    await rounds.go()
    await house.configure(catalogue(with_channels(B)))
    await rounds.go()
    assert states == [{}, {"n": 1}, {}]


async def test_a_visit_under_way_ends_when_its_channel_is_told_otherwise_and_begins_again(
    rounds: Rounds, house: House, script: Scripted
) -> None:
    script.does = waiting
    await rounds.begin()
    await script.begun.wait()
    script.does = script._nothing
    await house.configure(catalogue(with_channels(A.replace("10m", "5m"))))
    await rounds.channels.look()
    await rounds.ended()
    await rounds.channels.look()
    await rounds.ended()
    assert [settings.every for settings in script.visits] == ["10m", "5m"]


async def test_what_was_changed_is_tried_at_once_and_not_after_its_troubles_wait(
    rounds: Rounds, house: House, script: Scripted
) -> None:
    script.does = raising(Trouble("no way in", after=86_400))
    await rounds.go()
    script.does = script._nothing
    await house.configure(catalogue(with_channels(A.replace("10m", "5m"))))
    await rounds.channels.look()
    await rounds.ended()
    assert len(script.visits) == 2


async def test_two_channels_of_a_kind_have_two_names(house: House) -> None:
    await house.configure(catalogue(with_channels(A, B)))
    found = configured(house.plans.snapshot)
    assert [one.label for one in found.values()] == ["folder", "folder.2"]


async def test_a_channel_that_is_gone_is_forgotten_after_a_month(rounds: Rounds, house: House) -> None:
    await rounds.go()
    await house.configure(catalogue(with_channels(B)))
    await rounds.go()
    await rounds.channels.sweep()
    assert await house.value("select count(*) from channel") == 2
    await house.run(
        "update channel set visited_at = now() - interval '31 days', created_at = now() - interval '40 days'"
    )
    await rounds.channels.sweep()
    assert await house.value("select count(*) from channel") == 1


# trouble ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("every", "failures", "seconds"),
    [(300, 1, 600), (300, 2, 1200), (300, 4, 3600), (300, 5000, 3600), (7200, 1, 7200), (1, 3, 8)],
)
def test_the_wait_doubles_up_to_an_hour_or_the_usual_time(
    every: float, failures: int, seconds: float
) -> None:
    assert waits(every, failures, 0.0) == seconds
    assert waits(every, failures, 1.0) == pytest.approx(seconds * 1.1)


async def test_trouble_is_said_counted_and_over_with_the_next_good_visit(
    rounds: Rounds, house: House, script: Scripted
) -> None:
    script.does = raising(Trouble("mail.example: refuses ann@example.com\0"))
    await rounds.go()
    await rounds.go()
    standing = await rounds.standing()
    assert standing.failures == 2
    assert standing.trouble == "mail.example: refuses •••@•••"
    script.does = script._nothing
    await rounds.go()
    standing = await rounds.standing()
    assert (standing.failures, standing.trouble) == (0, None)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("ann@example.com"), "RuntimeError"),
        (ConnectionResetError("ann@example.com"), "ConnectionResetError"),
        (TimeoutError("ann@example.com"), "TimeoutError"),
        (Unreadable("not read"), "unreadable"),
    ],
    ids=["bug", "socket", "timeout", "refused"],
)
async def test_what_a_channel_lets_escape_is_trouble_too(
    rounds: Rounds, script: Scripted, error: Exception, words: str
) -> None:
    script.does = raising(error)
    await rounds.go()
    trouble = (await rounds.standing()).trouble or ""
    assert words in trouble
    assert "ann" not in trouble


async def test_when_nothing_can_be_kept_it_comes_again_soon_and_nobody_is_to_blame(
    rounds: Rounds, house: House, script: Scripted
) -> None:
    script.does = raising(NotDurable("away"))
    await rounds.go()
    assert 0 < await next_in(house) < 11
    assert (await rounds.standing()).failures == 0


async def test_visits_are_counted_and_their_age_is_shown(
    rounds: Rounds, house: House, script: Scripted
) -> None:
    async def two(settings: Any, door: Door) -> Visit:
        await door.keep(LEAD % 1, "application/json", identity="1")
        await door.keep(LEAD % 1, "application/json", identity="1")
        return Visit(kept=1, known=1)

    script.does = two
    await rounds.go()
    await rounds.channels.gauges()
    text = expose([house.metrics.snapshot()]).decode()
    assert 'leadgate_channel_visits_total{channel="folder",outcome="well",source="acme"} 1.0' in text
    assert 'leadgate_channel_finds_total{channel="folder",source="acme",what="kept"} 1.0' in text
    assert 'leadgate_channel_finds_total{channel="folder",source="acme",what="known"} 1.0' in text
    assert 'leadgate_channel_failures{channel="folder",source="acme"} 0.0' in text
    assert 'leadgate_channel_age_seconds{channel="folder",source="acme"}' in text


# the door -----------------------------------------------------------------------------------------------


async def test_an_identity_is_kept_once_also_at_the_same_moment(rounds: Rounds, script: Scripted) -> None:
    firsts: list[bool] = []

    async def keep(settings: Any, door: Door) -> Visit:
        same = [door.keep(LEAD % n, "application/json", identity="msg-1") for n in range(5)]
        firsts.extend(await asyncio.gather(*same))
        assert await door.known(["msg-1", "msg-2"]) == {"msg-1"}
        return Visit()

    script.does = keep
    await rounds.go()
    await rounds.go()
    assert firsts.count(True) == 1
    assert len(await rounds.emails()) == 1


async def test_an_identity_is_remembered_for_more_than_a_year(
    rounds: Rounds, house: House, script: Scripted
) -> None:
    async def keep(settings: Any, door: Door) -> Visit:
        await door.keep(LEAD % 1, "application/json", identity="msg-1")
        return Visit()

    script.does = keep
    await rounds.go()
    assert await house.value("select min(expires_at) > now() + interval '399 days' from idempotency")


async def test_what_cannot_be_read_is_noted_once_and_refused_each_time(
    rounds: Rounds, script: Scripted
) -> None:
    codes: list[str] = []

    async def keep(settings: Any, door: Door) -> Visit:
        for body in (b"{", b'{"first_name": "Ann", "email": "ann1@example.com"}'):
            try:
                assert await door.keep(body, "application/json", identity="msg-1")
            except Unreadable as error:
                codes.append(error.reason)
        return Visit()

    script.does = keep
    await rounds.go()
    assert codes == ["syntax"]  # and the same identity is taken where it can be read after all
    assert await rounds.refusals() == [("acme", "syntax")]
    assert len(await rounds.emails()) == 1


async def test_a_body_without_a_type_is_kept_as_what_it_looks_like(
    rounds: Rounds, house: House, script: Scripted
) -> None:
    async def keep(settings: Any, door: Door) -> Visit:
        await door.keep(LEAD % 1, "", identity="1")
        await door.keep(LEAD % 2, "text/plain", identity="2")
        await door.keep(b"<lead><email>ann3@example.com</email></lead>", "", identity="3", name="lead.xml")
        return Visit()

    script.does = keep
    await rounds.go()
    types = await house.rows("select content_type from submission order by id")
    assert sorted(row[0] for row in types) == ["application/json", "application/json", "application/xml"]
    assert len(await rounds.emails()) == 3


async def test_leads_of_a_source_that_only_tests_are_tests(
    rounds: Rounds, house: House, script: Scripted
) -> None:
    async def keep(settings: Any, door: Door) -> Visit:
        await door.keep(LEAD % 1, "application/json", identity="1")
        return Visit()

    script.does = keep
    await house.configure(catalogue(with_channels(A, more=", test: true")))
    await rounds.go()
    assert await house.value("select test from submission")


async def test_a_source_that_is_paused_during_a_visit_loses_nothing(
    rounds: Rounds, house: House, script: Scripted
) -> None:
    async def keep(settings: Any, door: Door) -> Visit:
        await house.configure(catalogue(with_channels(A, more=", paused: true")))
        await door.keep(LEAD % 1, "application/json", identity="1")
        raise AssertionError

    script.does = keep
    await rounds.go()
    assert await rounds.bodies() == []
    assert (await rounds.standing()).failures == 0


async def test_a_state_that_is_not_small_is_a_bug(rounds: Rounds, script: Scripted) -> None:
    async def remember(settings: Any, door: Door) -> Visit:
        await door.remember({"all": "x" * 300_000})
        return Visit()

    script.does = remember
    await rounds.go()
    assert "ValueError" in ((await rounds.standing()).trouble or "")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1/key-1?key=2", "127.0.0.1: its address is one that is never dialled"),
        ("gopher://a.example/", "a.example: its URL can't be asked"),
        ("http://[", "the URL: its URL can't be asked"),
    ],
)
async def test_what_cannot_be_fetched_is_trouble_that_shows_no_more_than_the_host(
    rounds: Rounds, script: Scripted, url: str, words: str
) -> None:
    async def fetch(settings: Any, door: Door) -> Visit:
        await door.fetch(url, {})
        return Visit()

    script.does = fetch
    await rounds.go()
    assert (await rounds.standing()).trouble == words
