"""A feed and a folder through the real service: each lead once, also when it is killed between keep and move."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.e2e.books import until
from tests.e2e.catalogues import catalogue, source
from tests.e2e.conftest import Make
from tests.pipeline.vendor import Vendor, item

pytestmark = pytest.mark.e2e

ADF = (
    "<?ADF VERSION='1.0'?><?xml version='1.0'?><adf><prospect><customer><contact><name part='first'>Ann</name>"
    "<email>ann4@example.com</email></contact></customer></prospect></adf>"
)
HOLD = """
create function hold() returns trigger language plpgsql as $$
  begin perform pg_advisory_xact_lock_shared(4711); return null; end $$;
create constraint trigger hold after insert on inbox deferrable initially deferred
  for each row execute function hold();
"""
EMAILS = """
select coalesce(array_agg(distinct d.fields::jsonb -> 'email' ->> 1), '{}') from lead_detail d
"""


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with Vendor() as listening:
        yield listening


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "leads"
    made.mkdir()
    return made


def fed(*channels: str) -> str:
    mapping = "    mapping: {customer.contact.name: first_name, customer.contact.email: email}\n"
    return source(reply="receipt") + mapping + f"    channels: [{', '.join(channels)}]\n"


async def asked(dsn: str, query: str) -> Any:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def done(folder: Path) -> set[str]:
    return set(os.listdir(folder / "done")) if (folder / "done").exists() else set()


async def test_leads_come_by_feed_and_by_folder(
    services: Make, database_url: str, vendor: Vendor, folder: Path
) -> None:
    service = services(database_url=database_url)
    vendor.says(item(2), item(1), ETag='"v1"')
    await service.configure(
        catalogue(
            fed(
                f"{{channel: feed, url: '{vendor.url}', every: 1s}}",
                f"{{channel: folder, path: {folder}, every: 1s}}",
            )
        )
    )
    await service.start()
    (folder / "leads.csv").write_text("first_name,email\nAnn,ann3@example.com\n")
    (folder / "lead.adf").write_text(ADF)

    async def all_there() -> bool:
        found = set(await asked(service.dsn, EMAILS))
        return {f"ann{n}@example.com" for n in (1, 2, 3, 4)} <= found and done(folder) == {
            "leads.csv",
            "lead.adf",
        }

    await until(all_there)
    await until(lambda: asyncio.sleep(0, len(vendor.asked) > 2))
    assert "if-none-match" not in vendor.asked[0]
    assert {one["if-none-match"] for one in vendor.asked[1:]} == {'"v1"'}
    assert await asked(service.dsn, "select count(*) from lead") == 4
    assert await service.stop() == 0
    assert await asked(database_url, "select count(*) from channel where lease_id is not null") == 0
    assert "example.com" not in service.log()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lead.json", '{"first_name": "Ann", "email": "ann1@example.com"}'),
        ("leads.csv", "first_name,email\nAnn,ann1@example.com\n"),
    ],
)
async def test_a_file_is_taken_once_when_the_service_is_killed_between_keep_and_move(
    services: Make, database_url: str, folder: Path, name: str, content: str
) -> None:
    service = services(database_url=database_url, hasty=True)
    await service.configure(catalogue(fed(f"{{channel: folder, path: {folder}, every: 1s}}")))
    holder = await asyncpg.connect(database_url)
    await holder.execute(HOLD)
    await holder.execute("select pg_advisory_lock(4711)")
    (folder / name).write_text(content)
    await service.start()

    async def commits() -> bool:
        return bool(
            await holder.fetchval("select count(*) from pg_locks where locktype = 'advisory' and not granted")
        )

    await until(commits, every=0.01)
    service.kill()
    await holder.execute("select pg_advisory_unlock(4711)")
    await until(lambda: holder.fetchval("select count(*) from submission"))
    await holder.execute("drop trigger hold on inbox")
    await holder.close()
    assert os.path.exists(folder / name)
    await service.start()
    await until(lambda: asyncio.sleep(0, done(folder)))
    await until(lambda: asked(database_url, "select count(*) from lead"))
    assert done(folder) == {name}
    assert await asked(database_url, "select count(*) from submission") == 1
    assert await asked(database_url, EMAILS) == ["ann1@example.com"]
