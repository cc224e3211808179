"""A service in this process, a buyer who remembers, and the command line beside them."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from typer.testing import CliRunner, Result

from app.api.intake import Intake, Limits
from app.catalog.service import Configuration
from app.cli import cli
from app.components import discover
from app.core.world import World
from app.ground import sealer
from app.main import Process
from app.settings import Settings
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.keys import KeyStore
from tests.e2e.books import until
from tests.e2e.catalogues import catalogue, contract, source
from tests.e2e.counting import CountingBuyer

Leadgate = Callable[..., Any]


@pytest.fixture
def settings(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """As the environment of the command line says it."""
    given = {
        "DATABASE_URL": database_url, "DATA_DIR": str(tmp_path), "DANGEROUSLY_ALLOW_PRIVATE_ADDRESSES": "true",
        "LEASE_SECONDS": "2", "WIRE_SECONDS": "1", "LOG_LEVEL": "error",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(f"LEADGATE_{name}", value)
    return Settings()


@pytest.fixture
def leadgate(settings: Settings) -> Leadgate:
    """`await leadgate("trace", lead)`: the command as it is typed, in a thread of its own."""

    async def run(*words: str, answer: str | None = None) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, cli, list(words), input=answer)

    return run


@pytest.fixture
async def buyer() -> AsyncIterator[CountingBuyer]:
    async with CountingBuyer() as opened:
        yield opened


class Gate:
    """The service in this process; it runs from its first `configure` to the end of the test."""

    def __init__(self, settings: Settings, database: Database, folder: Path) -> None:
        self.settings, self.database = settings, database
        self.process = Process(settings, settings.database_url, folder)
        self.running = False
        self.serving: asyncio.Task[None] | None = None

    async def configure(self, *parts: str, **more: str) -> None:
        store = CatalogueStore(self.database)
        applying = Configuration(store, discover(), sealer(self.settings))
        await applying.apply([("test.yaml", catalogue(*parts, **more))], by="test")
        if not self.running:
            await self._start()

    async def _start(self) -> None:
        self.key, _ = await KeyStore(self.database, World()).issue("source", "acme")
        self.application = self.process.application()
        await self.process.open()
        self.running, p = True, self.process
        self.application.intake = Intake(
            p.engine, p.reader, p.world, p.metrics, limits=Limits(1_000_000, 30), address=p.address
        )
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.application), base_url="http://gate",
            headers={"Authorization": f"Bearer {self.key}"}, timeout=20,
        )  # fmt: skip

    async def serve(self) -> str:
        """Over a real socket too; its address."""
        sock = socket.socket()
        sock.bind(("127.0.0.1", 0))
        config = uvicorn.Config(self.application, lifespan="off", log_config=None, ws="none")
        self.server = uvicorn.Server(config)
        self.serving = asyncio.create_task(self.server.serve(sockets=[sock]))
        return f"http://127.0.0.1:{sock.getsockname()[1]}"

    async def close(self) -> None:
        if self.serving is not None:
            self.server.should_exit = True
            await self.serving
        if self.running:
            await self.http.aclose()
            await self.process.close()

    async def post(self, /, **fields: Any) -> str:
        """A lead of its own person unless `email` says whose; its id."""
        lead = {"first_name": "Dana", "email": "dana@example.org", "state": "CA", "bill": 120} | fields
        answer = await self.http.post("/v1/leads", json=lead)
        assert answer.status_code in (201, 202), answer.text
        return str(answer.json()["lead"]["id"])

    async def fetch(self, query: str, *given: Any) -> list[Any]:
        async with self.database.acquire() as conn:
            return list(await conn.fetch(query, *given))

    async def one(self, query: str, *given: Any) -> Any:
        async with self.database.acquire() as conn:
            return await conn.fetchval(query, *given)

    async def becomes(self, lead: str, state: str) -> None:
        async def so() -> bool:
            return bool(await self.one("select state from lead where id = $1::text::uuid", lead) == state)

        await until(so, within=10, what=f"{lead} {state}")


@pytest.fixture
async def gate(
    settings: Settings, database: Database, tmp_path: Path, untouched_heap: None
) -> AsyncIterator[Gate]:
    made = Gate(settings, database, tmp_path)
    yield made
    await made.close()


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


__all__ = ["Gate", "contract", "objects", "source"]
