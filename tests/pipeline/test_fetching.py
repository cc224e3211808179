"""Leads that platforms only name: fetched once through whatever happens, and looked for where nothing was said."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.core.events import Event, FetchGivenUp
from app.ingest.platform import Platform, platforms
from app.pipeline.fetching import AT_ONCE
from app.pipeline.platform_desk import PlatformDesk
from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import House, catalogue, contract, opened, source
from tests.pipeline.platform_server import PlatformServer, hang_up, lead, status

DEAD = "00000000-0000-7000-8000-00000000dead"
OTHER = "00000000-0000-7000-8000-0000000a11ce"


def meta() -> Platform:
    return platforms["meta"]


def told(server: PlatformServer, more: str = "") -> str:
    secrets = "verify_token: 0ur-verify, app_secret: 0ur-secret, access_token: 0ur-access"
    graph = f'{{platform: meta, {secrets}, api: "{server.url}", forms: ["5"]}}'
    linkedin = (
        f'{{platform: linkedin, client_secret: 0ur-secret, access_token: 0ur-access, api: "{server.url}"}}'
    )
    return source(more=f", platforms: [{graph}, {linkedin}]{more}")


@pytest.fixture
async def server() -> AsyncIterator[PlatformServer]:
    async with PlatformServer() as running:
        yield running


class Desk(PlatformDesk):
    """`round` takes what is due and ends it, as the loop does; `later` lets all waits pass."""

    house: House

    async def name(self, *fetch: str, delete: tuple[str, ...] = (), **more: Any) -> bool:
        return await self.door.name(meta(), "acme", fetch=fetch, delete=delete, **more)

    async def round(self) -> int:
        begun = await self.fetcher.due()
        await self.fetcher.settled()
        return begun

    async def later(self) -> int:
        await self.house.run("update platform_lead set next_at = now() where state = 'waiting'")
        return await self.round()

    async def row(self, lead: str = "77") -> tuple[str, str, str]:
        (row,) = await self.house.rows("select want, state, reason from platform_lead where lead = $1", lead)
        return row[0], row[1], row[2]

    async def leads(self) -> int:
        return int(await self.house.value("select count(*) from submission"))

    async def decided(self, state: str = "unsold") -> None:
        async def there() -> bool:
            return state in [row[0] for row in await self.house.rows("select state from lead")]

        await self.house.until(there)


def desk_of(house: House) -> Desk:
    wire = house.engine.sender._wire
    made = Desk(
        house.database, house.engine, wire, house.world, house.metrics,
        process_id=house.identity, lease_seconds=20,
    )  # fmt: skip
    made.house = house
    return made


@asynccontextmanager
async def desk(
    database: Database, server: PlatformServer, *parts: str, more: str = ""
) -> AsyncIterator[Desk]:
    async with opened(database, catalogue(told(server, more), *parts)) as house:
        made = desk_of(house)
        try:
            yield made
        finally:
            await made.stop()


async def test_a_named_lead_is_fetched_once_and_sold(
    database: Database, server: PlatformServer, buyer: Buyer
) -> None:
    async with desk(database, server, contract("b1", buyer.url("/ok"))) as one:
        assert await one.name("77", "78", "77")
        assert not await one.name("77")
        assert await one.round() == 2
        assert await one.round() == 0
        assert not await one.name("78")
        await one.decided("sold")
        assert sorted(server.paths()) == ["/v25.0/77", "/v25.0/78"]
        assert await one.row() == ("fetch", "done", "")
        kept = await one.house.rows(
            "select s.body, s.remote from submission s join platform_lead p on p.submission_id = s.id"
        )
        assert len(kept) == 2
        assert kept[0][1] == "meta"


async def test_of_several_processes_one_fetches(database: Database, server: PlatformServer) -> None:
    async with desk(database, server) as one, opened(database, catalogue(told(server))) as second:
        two = desk_of(second)
        await one.name(*map(str, range(12)))
        await asyncio.gather(one.fetcher.due(), two.fetcher.due(), one.fetcher.due())
        await asyncio.gather(one.fetcher.settled(), two.fetcher.settled())
        assert len(server.asked) == 12
        assert await one.leads() == 12


async def test_no_more_is_in_hand_than_there_is_room_for(database: Database, server: PlatformServer) -> None:
    async with desk(database, server) as one:
        server.open.clear()
        await one.name(*map(str, range(AT_ONCE + 4)))
        assert await one.fetcher.due() == AT_ONCE
        assert await one.fetcher.due() == 0
        server.open.set()
        await one.fetcher.settled()
        assert await one.round() == 4


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        (status(500), "failed"),
        (status(401), "denied"),
        (hang_up, "broken"),
        (status(302, location="http://127.0.0.1:1/"), "failed"),
    ],
)
async def test_what_fails_is_tried_again_on_the_schedule(
    database: Database, server: PlatformServer, way: Any, reason: str
) -> None:
    async with desk(database, server) as one:
        server.ways["77"] = [way, lead("77")]
        await one.name("77")
        await one.round()
        assert await one.row() == ("fetch", "waiting", reason)
        wait = await one.house.value("select extract(epoch from next_at - now()) from platform_lead")
        assert 3 < wait < 6
        assert await one.round() == 0
        assert await one.later() == 1
        assert await one.row() == ("fetch", "done", "")
        assert await one.leads() == 1


async def test_a_platform_that_is_silent_is_left_when_the_time_is_up(
    database: Database, server: PlatformServer
) -> None:
    async with desk(database, server) as one:
        server.open.clear()
        await one.name("77")
        await one.round()
        assert await one.row() == ("fetch", "waiting", "timed_out")


async def test_who_asks_to_be_left_alone_is_left_alone_with_everything(
    database: Database, server: PlatformServer
) -> None:
    async with desk(database, server) as one:
        server.ways["77"] = [status(429, retry_after="600")]
        await one.name("77")
        await one.name("78")
        await one.house.run(
            "update platform_lead set next_at = now() + interval '1 second' where lead = '78'"
        )
        await one.round()
        waits = await one.house.rows("select extract(epoch from next_at - now()) from platform_lead")
        assert [580 < wait[0] < 610 for wait in waits] == [True, True]


async def test_what_was_kept_before_a_kill_is_known_afterwards(
    database: Database, server: PlatformServer
) -> None:
    async with desk(database, server) as one:
        await one.name("77")
        await one.round()
        await one.house.run(
            "update platform_lead set state = 'waiting', submission_id = null, lease_id = $1", DEAD
        )
        assert await one.round() == 1
        assert len(server.asked) == 2
        assert await one.leads() == 1
        assert await one.house.value("select submission_id from platform_lead") is not None


async def test_a_living_process_keeps_what_it_has_and_a_dead_one_loses_it(
    database: Database, server: PlatformServer
) -> None:
    async with desk(database, server) as one:
        await one.house.run("insert into process (id, role, host, pid) values ($1, 'worker', 'h', 1)", OTHER)
        await one.name("77")
        await one.house.run("update platform_lead set lease_id = $1", OTHER)
        assert await one.round() == 0
        await one.house.run("update process set seen_at = now() - interval '1 minute' where id = $1", OTHER)
        assert await one.round() == 1


async def test_what_we_hold_but_do_not_have_in_hand_is_taken_up(
    database: Database, server: PlatformServer
) -> None:
    """A claim whose commit was in doubt."""
    async with desk(database, server) as one:
        await one.name("77")
        await one.house.run("update platform_lead set lease_id = $1", one.house.identity())
        assert await one.round() == 1
        assert await one.leads() == 1


async def test_who_was_away_for_a_lease_does_not_fetch_what_he_is_fetching(
    database: Database, server: PlatformServer
) -> None:
    async with desk(database, server) as one:
        await one.name("77")
        await one.house.run("update platform_lead set lease_id = $1", one.house.identity())
        await one.house.run("update process set seen_at = now() - interval '1 minute'")
        one.fetcher._in_hand.add(("acme", "meta", "77"))
        assert await one.round() == 0


async def test_what_fails_for_days_is_given_up_visibly_and_begun_anew_when_it_is_named_again(
    database: Database, server: PlatformServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Event] = []
    monkeypatch.setattr("app.pipeline.fetching.emit", seen.append)
    async with desk(database, server) as one:
        server.ways["77"] = [status(500)]
        await one.name("77")
        await one.house.run("update platform_lead set created_at = now() - interval '9 days', tries = 20")
        await one.round()
        assert await one.row() == ("fetch", "dead", "failed")
        (given_up,) = seen
        assert isinstance(given_up, FetchGivenUp)
        assert (given_up.platform, given_up.reason, given_up.tries) == ("meta", "failed", 21)
        await one.fetcher.tidy()
        shown = one.house.metrics.snapshot()
        assert b"fetch_dead" in shown
        assert await one.name("77")
        server.ways["77"] = [lead("77")]
        await one.round()
        assert await one.row() == ("fetch", "done", "")


async def test_a_lead_that_can_not_be_read_is_given_up_with_its_body_kept_for_a_person(
    database: Database, server: PlatformServer
) -> None:
    async with desk(database, server) as one:
        server.ways["77"] = [status(200)]
        await one.name("77")
        await one.round()
        assert await one.row() == ("fetch", "dead", "shape")
        async with asyncio.timeout(5):
            while not await one.house.value("select count(*) from refusal where source = 'acme'"):
                await asyncio.sleep(0)


async def test_a_lead_that_is_gone_there_is_over(database: Database, server: PlatformServer) -> None:
    async with desk(database, server) as one:
        server.ways["1a"] = [status(404)]
        await one.door.name(platforms["linkedin"], "acme", fetch=["1a"])
        await one.round()
        assert await one.row("1a") == ("fetch", "done", "gone")


async def test_a_source_that_is_paused_or_gone_waits(database: Database, server: PlatformServer) -> None:
    async with desk(database, server, more=", paused: true") as one:
        await one.name("77")
        await one.round()
        assert await one.row() == ("fetch", "waiting", "source_off")
        await one.house.configure(catalogue(source()))
        await one.later()
        assert await one.row() == ("fetch", "waiting", "not_configured")
        assert server.asked == []


async def test_a_lead_of_the_testing_tool_is_a_test(database: Database, server: PlatformServer) -> None:
    async with desk(database, server) as one:
        server.ways["77"] = [lead("77", "<test lead: dummy data for email>")]
        await one.name("77", "78")
        await one.round()
        assert [row[0] for row in await one.house.rows("select test from submission order by test")] == [
            False,
            True,
        ]


async def test_an_outage_in_the_middle_keeps_the_lead_to_be_fetched(
    database: Database, server: PlatformServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(database, server) as one:
        await one.name("77")

        async def away(*_: Any, **more: Any) -> Any:
            raise ConnectionRefusedError

        with monkeypatch.context() as patched:
            patched.setattr(one.house.engine.intake, "keep", away)
            await one.round()
        assert await one.row() == ("fetch", "waiting", "not_durable")
        await one.later()
        assert await one.leads() == 1


# polling ------------------------------------------------------------------------------------------------


async def test_what_no_webhook_named_is_found_by_looking(database: Database, server: PlatformServer) -> None:
    async with desk(database, server) as one:
        await one.name("1")
        more = {"cursors": {"after": "1"}, "next": "http://elsewhere.example"}
        server.pages = [{"data": [{"id": "1"}, {"id": "2"}], "paging": more}, {"data": [{"id": "3"}]}]
        assert await one.poller.due() == 1
        assert await one.poller.due() == 0
        await one.round()
        assert await one.leads() == 3
        assert sorted(path for path in server.paths() if "leads" not in path) == [
            "/v25.0/1",
            "/v25.0/2",
            "/v25.0/3",
        ]
        since = await one.house.value("select extract(epoch from now() - since) from platform_poll")
        assert 3500 < since < 3700


async def test_a_look_that_fails_begins_again_where_it_began(
    database: Database, server: PlatformServer
) -> None:
    async with desk(database, server) as one:
        more = {"cursors": {"after": "1"}, "next": "x"}
        server.pages = [{"data": [{"id": "1"}], "paging": more}, {"data": 7}]
        await one.poller.due()
        before = await one.house.rows("select since, reason, failures, lease_id from platform_poll")
        assert [tuple(row)[1:] for row in before] == [("garbled", 1, None)]
        await one.round()
        assert await one.leads() == 1  # what was named is not named in vain
        server.pages[1] = {"data": [{"id": "2"}]}
        await one.house.run("update platform_poll set next_at = now(), since = now() - interval '2 hours'")
        await one.poller.due()
        await one.round()
        assert await one.leads() == 2
        assert await one.house.value("select since > now() - interval '65 minutes' from platform_poll")


async def test_of_several_processes_one_looks(database: Database, server: PlatformServer) -> None:
    async with desk(database, server) as one, opened(database, catalogue(told(server))) as second:
        await asyncio.gather(one.poller.due(), desk_of(second).poller.due())
        assert len(server.asked) == 1
