"""kill -9 while a batch comes in: it goes on by itself, and its leads are exactly its rows."""

import asyncio
from random import SystemRandom

import httpx
import pytest

from tests.e2e.books import Books
from tests.e2e.catalogues import catalogue, contract, source
from tests.e2e.conftest import Make
from tests.e2e.counting import CountingBuyer
from tests.e2e.source import lead

pytestmark = pytest.mark.e2e

ROWS = 600


def table() -> bytes:
    rows = [lead(n) for n in range(ROWS)]
    return "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]).encode()


async def test_a_batch_outlives_the_service_and_its_leads_are_exactly_its_rows(
    services: Make, buyer: CountingBuyer
) -> None:
    service = services(hasty=True)
    await service.configure(
        catalogue(
            source("acme", reply="receipt"), contract("best", buyer.url("best"), more="idempotent: true")
        )
    )
    await service.start()
    key = await service.key("source", "acme")
    begun = await _begun(service.url, key)
    async with Books(service.dsn) as books:
        target = SystemRandom().randrange(1, ROWS // 2)
        while await books.one("select count(*) from lead") < target:
            await asyncio.sleep(0.002)
    service.kill()
    await service.start()
    async with Books(service.dsn) as books, httpx.AsyncClient(headers={"x-api-key": key}) as http:
        async with asyncio.timeout(60):
            while (state := (await http.get(f"{service.url}/v1/batches/{begun}")).json())["state"] != "done":
                await asyncio.sleep(0.05)
        assert (state["kept"], state["accepted"], state["undecided"]) == (ROWS, ROWS, 0)
        emails = "select count(distinct fields::jsonb -> 'email' ->> 1) from lead_detail"
        assert await books.one("select count(*) from lead") == await books.one(emails) == ROWS


async def _begun(url: str, key: str) -> str:
    headers = {"x-api-key": key, "content-type": "text/csv"}
    async with httpx.AsyncClient(headers=headers) as http, asyncio.timeout(60):
        while (answer := await http.post(f"{url}/v1/batches", content=table())).status_code == 401:
            await asyncio.sleep(0.05)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])
