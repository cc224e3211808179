"""The current snapshot follows the database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.catalog.live import LiveCatalogue
from app.catalog.sealing import Sealer
from app.catalog.service import Configuration
from app.catalog.snapshot import Snapshot, Unbuildable
from app.core.world import World
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.keys import KeyStore
from tests.catalog.components import KINDS
from tests.catalog.test_reading import HOUSE

SEALER = Sealer(b"k" * 32)
NEVER = 3600.0


class Followed:
    """A live catalogue with what it told its reader and its reporter."""

    def __init__(self, database: Database, *, poll_s: float) -> None:
        self.snapshots: asyncio.Queue[Snapshot] = asyncio.Queue()
        self.reports: asyncio.Queue[str] = asyncio.Queue()
        self.live = LiveCatalogue(
            database, KINDS, SEALER, world=World(), report=self.reports.put_nowait, poll_s=poll_s
        )
        self.live.subscribe(self.snapshots.put_nowait)

    async def snapshot(self) -> Snapshot:
        return await asyncio.wait_for(self.snapshots.get(), 5)

    async def report(self) -> str:
        return await asyncio.wait_for(self.reports.get(), 5)


@asynccontextmanager
async def following(database: Database, *, poll_s: float = NEVER) -> AsyncIterator[Followed]:
    followed = Followed(database, poll_s=poll_s)
    await followed.live.start()
    try:
        yield followed
    finally:
        await followed.live.close()


def configuration(database: Database, sealer: Sealer = SEALER) -> Configuration:
    return Configuration(CatalogueStore(database), KINDS, sealer)


async def test_it_starts_with_what_is_stored(database: Database) -> None:
    await configuration(database).apply([("h", HOUSE)], by="dana")
    async with following(database) as followed:
        assert followed.live.current.version == 1
        assert list(followed.live.current.contracts) == ["sunco-west"]


async def test_a_change_is_swapped_in_when_it_is_told(database: Database) -> None:
    async with following(database) as followed:
        assert (await followed.snapshot()).version == 0
        await configuration(database).apply([("h", HOUSE)], by="dana")
        assert (await followed.snapshot()).version == 1
        assert followed.live.current.version == 1


async def test_a_key_works_and_stops_working_when_that_is_told(database: Database) -> None:
    world = World()
    async with following(database) as followed:
        await followed.snapshot()
        key, id_ = await KeyStore(database, world).issue("source", "acme")
        entry = (await followed.snapshot()).find_key(key, world.now())
        assert entry is not None
        assert (entry.owner, entry.kind) == ("acme", "source")
        await KeyStore(database, world).revoke(id_)
        assert (await followed.snapshot()).find_key(key, world.now()) is None


async def test_a_change_that_nobody_told_is_found_by_the_poll(database: Database) -> None:
    async with following(database, poll_s=0.05) as followed:
        await followed.snapshot()
        async with database.acquire() as connection:
            await connection.execute(
                "insert into catalogue_version (version, by_whom, summary) values (5, 'x', '')"
            )
        assert (await followed.snapshot()).version == 5


async def test_nothing_new_is_no_new_snapshot(database: Database) -> None:
    async with following(database) as followed:
        before = followed.live.current
        assert not await followed.live.refresh()
        assert followed.live.current is before


async def test_a_snapshot_that_can_not_be_built_leaves_the_old_one_in_force_and_is_told(
    database: Database,
) -> None:
    async with following(database) as followed:
        await followed.snapshot()
        await configuration(database).apply([("h", HOUSE)], by="dana")
        good = await followed.snapshot()
        other = configuration(database, Sealer(b"o" * 32))
        await other.apply([("h", HOUSE.replace("hunter2", "hunter3"))], by="li")
        assert await followed.report() == (
            "the catalogue can't be used: contract sunco-west has a secret that was sealed with another key; "
            "v1 stays in force"
        )
        assert followed.live.current is good
        assert not await followed.live.refresh()  # not tried again until something changes
        await configuration(database).apply([("h", HOUSE.replace("hunter2", "hunter4"))], by="dana")
        assert (await followed.snapshot()).version == 3


async def test_without_an_older_one_a_broken_catalogue_is_no_start(database: Database) -> None:
    await configuration(database, Sealer(b"o" * 32)).apply([("h", HOUSE)], by="li")
    followed = Followed(database, poll_s=NEVER)
    with pytest.raises(Unbuildable):
        await followed.live.start()


async def test_a_reader_that_fails_does_not_keep_the_next_from_the_news(database: Database) -> None:
    def fails(snapshot: Snapshot) -> None:
        raise RuntimeError(f"{snapshot}")

    followed = Followed(database, poll_s=NEVER)
    followed.live._subscribers.insert(0, fails)
    await followed.live.refresh()
    assert (await followed.snapshot()).version == 0
    assert await followed.report() == "a reader of catalogue v0 failed: RuntimeError"


async def test_an_outage_is_told_once_and_the_old_catalogue_stays(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with following(database, poll_s=0.01) as followed:
        polls = asyncio.Semaphore(0)

        async def away(self: CatalogueStore) -> int:
            polls.release()
            raise ConnectionRefusedError

        monkeypatch.setattr(CatalogueStore, "version", away)
        for _ in range(3):
            await asyncio.wait_for(polls.acquire(), 5)
        assert (
            await followed.report()
            == "the catalogue can't be refreshed: the database is away; v0 stays in force"
        )
        assert followed.reports.empty()
