"""The whole service in the test's own loop: real parts, real database, requests straight into the ASGI app."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.api.root import Root
from app.catalog.service import Configuration
from app.components import discover
from app.ground import sealer
from app.main import Process
from app.settings import Settings
from app.store.catalogue import CatalogueStore
from app.store.keys import KeyStore
from tests.buyer import Buyer
from tests.pipeline.house import catalogue, contract, source

ON_PHONE = '[{check: duplicate, on: [phone], within: "30d"}, {check: email, role: hold}]'


class Api:
    """`await api.post(…)` with the key of `acme`; `key(kind, owner)` gives others."""

    acme: str

    def __init__(self, process: Process, root: Root) -> None:
        self.process, self.root = process, root
        transport = httpx.ASGITransport(root, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://leads.test")

    async def configure(self, yaml: str) -> None:
        database = self.process.database
        configuration = Configuration(CatalogueStore(database), discover(), sealer(self.process.settings))
        await configuration.apply([("t", yaml)], by="test")
        await self.process.catalogue.refresh()

    async def key(self, kind: Any, owner: str, **more: Any) -> str:
        key, _ = await KeyStore(self.process.database, self.process.world).issue(kind, owner, **more)
        await self.process.catalogue.refresh()
        return key

    async def post(self, body: Any, *, key: str | None = None, **headers: str) -> httpx.Response:
        """A dict is sent as JSON; header names are written with underscores."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, dict | list):
            body = json.dumps(body)
            given.setdefault("content-type", "application/json")
        given = {"authorization": f"Bearer {key or self.acme}", **given}
        return await self.http.post("/v1/leads", content=body, headers=given)

    async def get(self, path: str, key: str | None = None) -> httpx.Response:
        return await self.http.get(path, headers={"x-api-key": key} if key else {})

    async def value(self, query: str, *given: Any) -> Any:
        async with self.process.database.acquire() as conn:
            return await conn.fetchval(query, *given)


@asynccontextmanager
async def serving(database_url: str, folder: Path, yaml: str, **settings: Any) -> AsyncIterator[Api]:
    """The application between its startup and its shutdown."""
    told = Settings(
        database_url=database_url, data_dir=folder, dangerously_allow_private_addresses=True, wire_seconds=2,
        drain_seconds=5, **settings,
    )  # fmt: skip
    process = Process(told, database_url, folder)
    root = process.application()
    inbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    outbox: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    life = asyncio.create_task(root({"type": "lifespan"}, inbox.get, outbox.put))
    await inbox.put({"type": "lifespan.startup"})
    assert (await outbox.get())["type"] == "lifespan.startup.complete"
    try:
        api = Api(process, root)
        await api.configure(yaml)
        api.acme = await api.key("source", "acme")
        yield api
        await api.http.aclose()
    finally:
        await inbox.put({"type": "lifespan.shutdown"})
        await life


@pytest.fixture(autouse=True)
def _heap(untouched_heap: None) -> None:
    """For every service of these tests."""


@pytest.fixture
async def buyer() -> AsyncIterator[Buyer]:
    async with Buyer() as listening:
        yield listening


@pytest.fixture
def house(buyer: Buyer) -> str:
    """Three sources that reply differently, and one buyer who takes everything."""
    return catalogue(
        source(),
        source("quick", reply="receipt"),
        source("paused", more=", paused: true"),
        contract("b1", buyer.url("/ok")),
        checks=ON_PHONE,
    )


@pytest.fixture
async def api(database_url: str, tmp_path: Path, house: str) -> AsyncIterator[Api]:
    async with serving(database_url, tmp_path, house) as running:
        yield running
