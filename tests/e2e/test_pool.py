"""SIGKILL while people claim over HTTP, two processes at work: what was told to be somebody's is, and nobody else's."""

import asyncio
from collections import Counter

import aiohttp
import pytest

from app.store.database import Database
from tests.e2e.books import until
from tests.e2e.catalogues import catalogue, source
from tests.e2e.conftest import Make
from tests.e2e.service import Service
from tests.e2e.source import Source, lead
from tests.pipeline.pools import pooling

pytestmark = pytest.mark.e2e

LEADS, PEOPLE = 60, 80


def claiming() -> str:
    people = f"[{', '.join(f'{{id: p{n}, capacity: 1}}' for n in range(PEOPLE))}]"
    return catalogue(source(reply="receipt"), pooling(people=people, deliver=", hold: 1h, exclude: nobody"))


async def pooled(service: Service, key: str, database: Database) -> None:
    async with Source(service.url, key) as acme:
        await acme.post_all(map(lead, range(LEADS)), into=[])

    async def all_there() -> bool:
        async with database.acquire() as conn:
            return bool(await conn.fetchval("select count(*) from pool") == LEADS)

    await until(all_there)


async def claims(url: str, key: str, told: dict[str, str], enough: asyncio.Event) -> None:
    """Everybody at once; `told` is who heard that a lead is whose."""
    async with aiohttp.ClientSession(url, headers={"x-api-key": key}) as http:

        async def one(person: str) -> None:
            try:
                async with http.post("/v1/pool/claim", json={"as": person}) as answer:
                    if answer.status == 200:
                        told[person] = (await answer.json())["lead"]
            except aiohttp.ClientError:
                pass  # killed before it answered
            if len(told) >= LEADS // 4:
                enough.set()

        await asyncio.gather(*(one(f"p{n}") for n in range(PEOPLE) if f"p{n}" not in told))


async def test_a_claim_that_was_answered_outlives_the_process_and_is_one_persons(services: Make) -> None:
    service = services(processes=2, hasty=True)
    await service.configure(claiming())
    theirs, key = await service.key("source", "acme"), await service.key("buyer", "inside")
    await service.start()
    database = await Database.open(service.dsn, size=2)
    await pooled(service, theirs, database)
    told: dict[str, str] = {}
    enough = asyncio.Event()
    claimed = asyncio.create_task(claims(service.url, key, told, enough))
    await asyncio.wait_for(enough.wait(), 60)
    service.kill()
    await claimed
    await database.close()
    assert told

    await service.start()
    before = dict(told)
    await claims(service.url, key, told, asyncio.Event())
    database = await Database.open(service.dsn, size=2)
    async with database.acquire() as conn:
        rows = await conn.fetch("select lead_id, person from pool where person is not null")
    holds = {row["person"]: str(row["lead_id"]) for row in rows}
    assert before.items() <= holds.items()
    assert told.items() <= holds.items()  # who was killed in mid-answer may hold one without having heard
    assert max(Counter(holds.values()).values()) == 1
    assert len(holds) == LEADS

    async with database.acquire() as conn:
        await conn.execute("update pool set expires_at = now()")

    async def all_free() -> bool:
        async with database.acquire() as conn:
            return bool(await conn.fetchval("select count(*) from pool where claim_id is null") == LEADS)

    await until(all_free)
    await database.close()
