"""A source that falls silent is told once, and once more when it speaks; nobody pays for it on the hot path."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app.core import events
from app.core.events import Event, SourceSilent, SourceSpoke
from app.core.metrics import expose
from app.pipeline.silence import Silence, first_id
from app.store.database import Database
from tests.pipeline.house import House, catalogue, opened, source

FIXED = ", silence: 6h"


class Watch:
    """Looks when the test says so; minutes pass when it says so."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.told: list[Event] = []
        self.silence = Silence(house.database, house.metrics, snapshot=lambda: house.plans.snapshot)

    async def look(self) -> None:
        """A minute later: once counted up to now."""
        await self.house.run("update arrival_mark set looked_at = looked_at - interval '1 minute'")
        while await self.silence.look():
            pass

    async def began(self, ago: str) -> None:
        """As if it had been looking on for so long."""
        await self.silence.look()
        await self.house.run(
            "update arrival_mark set hearing_since = now() - $1::text::interval, upto = now() - $1::text::interval",
            ago,
        )

    async def lead(self, ago: timedelta, source: str = "acme", *, test: bool = False) -> None:
        now = await self.house.value("select now()")
        id_ = UUID(int=first_id(now - ago).int | (self.house.world.new_id().int & ((1 << 80) - 1)))
        await self.house.run(
            "insert into submission (id, source, received_at, content_type, body, test) values ($1, $2, $3, '', '', $4)",
            id_, source, now - ago, test,
        )  # fmt: skip

    async def gauges(self) -> str:
        await self.silence.gauges()
        return expose([self.house.metrics.snapshot()]).decode()


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with opened(database, catalogue(source(more=FIXED))) as made:
        yield made


@pytest.fixture
def watch(house: House, monkeypatch: pytest.MonkeyPatch) -> Watch:
    made = Watch(house)
    monkeypatch.setattr(events._sink, "emit", lambda event, level=None: made.told.append(event))
    return made


async def test_a_silence_is_told_once_and_so_is_its_end(house: House, watch: Watch) -> None:
    await watch.began("8 hours")
    await watch.lead(timedelta(hours=7))
    await watch.look()
    await watch.look()
    (event,) = watch.told
    assert isinstance(event, SourceSilent)
    assert event.source == "acme"
    assert abs(event.silent_s - 7 * 3600) < 60
    assert 'leadgate_source_silent{source="acme"} 1.0' in await watch.gauges()
    await watch.lead(timedelta(seconds=31))
    await house.run("update arrival_mark set upto = now() - interval '2 minutes'")
    await watch.look()
    await watch.look()
    assert isinstance(watch.told[-1], SourceSpoke)
    assert len(watch.told) == 2
    assert 'leadgate_source_silent{source="acme"} 0.0' in await watch.gauges()


async def test_a_habit_is_learned_and_held_against_it(house: House, watch: Watch) -> None:
    await house.configure(catalogue(source(), source("slow")))
    await house.run(
        """insert into arrival_hour select s, h, 60, h, h + interval '59 minutes', 240
             from unnest(array['acme', 'slow']) s, generate_series(date_trunc('hour', now()) - interval '30 days',
                  date_trunc('hour', now()) - interval '3 hours', interval '1 hour') h"""
    )
    await watch.began("3 hours")
    await watch.lead(timedelta(minutes=5), "slow")
    await watch.look()
    (event,) = watch.told
    assert isinstance(event, SourceSilent)
    assert event.source == "acme"
    assert event.expected is not None
    assert 100 < event.expected < 190


@pytest.mark.parametrize(
    "more", [", silence: off", ", silence: 6h, paused: true", ", silence: 6h, test: true", ", silence: auto"]
)
async def test_who_is_not_watched_or_has_no_habit_yet_is_not_missed(
    house: House, watch: Watch, more: str
) -> None:
    await house.configure(catalogue(source(more=more)))
    await watch.began("8 hours")
    await watch.lead(timedelta(hours=7))
    await watch.look()
    assert watch.told == []


async def test_a_source_that_never_spoke_is_missed_from_when_it_was_configured(
    house: House, watch: Watch
) -> None:
    await watch.began("8 hours")
    await watch.look()
    assert watch.told == []
    await house.run("update rhythm set since = now() - interval '7 hours'")
    await watch.look()
    assert len(watch.told) == 1


async def test_while_we_were_away_nobody_is_missed_and_who_was_silent_stays_so(
    house: House, watch: Watch
) -> None:
    await house.configure(catalogue(source(more=FIXED), source("other", more=FIXED)))
    await watch.began("8 hours")
    await watch.lead(timedelta(hours=7))
    await watch.lead(timedelta(hours=1), "other")
    await watch.look()
    await house.run("update arrival_mark set looked_at = now() - interval '6 hours'")
    await house.run(
        "update rhythm set last_at = last_at - interval '6 hours', silent_since = silent_since - interval '6 hours'"
    )
    await watch.look()
    assert [type(event) for event in watch.told] == [SourceSilent]
    assert await house.value("select array_agg(source) from rhythm where silent_since is not null") == [
        "acme"
    ]


async def test_what_came_is_counted_once_by_hour_and_without_tests(house: House, watch: Watch) -> None:
    await watch.began("8 hours")
    hour = (await house.value("select date_trunc('hour', now())")) - timedelta(hours=2)
    now = await house.value("select now()")
    for minutes in (5, 6, 36, 50):
        await watch.lead(now - hour - timedelta(minutes=minutes))
    await watch.lead(now - hour - timedelta(minutes=10), test=True)
    await watch.look()
    await watch.look()
    (row,) = await house.rows(
        "select hour, n, extract(epoch from first_at - hour)::int / 60, gap from arrival_hour"
    )
    assert (row[0], row[1], row[2]) == (hour, 4, 5)
    assert abs(row[3] - 30 * 60) < 1


async def test_a_gap_over_two_looks_is_one_gap(house: House, watch: Watch) -> None:
    await watch.began("8 hours")
    hour = (await house.value("select date_trunc('hour', now())")) - timedelta(hours=2)
    now = await house.value("select now()")
    await watch.lead(now - hour - timedelta(minutes=5))
    await watch.look()
    await house.run("update arrival_mark set upto = $1", hour + timedelta(minutes=10))
    await watch.lead(now - hour - timedelta(minutes=45))
    await watch.look()
    (row,) = await house.rows("select n, gap from arrival_hour")
    assert row[0] == 2
    assert abs(row[1] - 40 * 60) < 1


async def test_what_came_before_the_first_look_is_counted_too(house: House, watch: Watch) -> None:
    await watch.lead(timedelta(hours=5))
    await watch.lead(timedelta(hours=5))
    await watch.look()
    assert await house.value("select sum(n) from arrival_hour") == 2
    assert await house.value("select upto > now() - interval '2 minutes' from arrival_mark")


async def test_of_all_processes_one_looks_once_a_minute(house: House, watch: Watch) -> None:
    await watch.began("8 hours")
    await watch.look()
    before = await house.value("select looked_at from arrival_mark")
    other = Silence(house.database, house.metrics, snapshot=lambda: house.plans.snapshot)
    assert await other.look() is False
    assert await house.value("select looked_at from arrival_mark") == before


async def test_what_is_too_old_to_learn_from_is_dropped(house: House, watch: Watch) -> None:
    await watch.began("8 hours")
    await house.run("insert into arrival_hour select 'acme', now() - interval '50 days', 1, now(), now(), 0")
    await watch.look()
    assert await house.value("select count(*) from arrival_hour") == 0


def test_the_first_id_of_a_moment_sorts_before_all_ids_of_it() -> None:
    at = datetime(2026, 11, 18, 12, 0, 0, 5000, tzinfo=UTC)
    assert first_id(at) == UUID(int=int(at.timestamp() * 1000) << 80)
    assert first_id(at) < first_id(at + timedelta(milliseconds=1))
