"""How a command asks the running service something, under a key that lives for as long as the command does."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Annotated, Any

import httpx
import typer

from app.commands.desk import AWAY, fail, world
from app.running import running
from app.settings import Settings
from app.store.database import Database
from app.store.keys import KeyKind, KeyStore

Url = Annotated[
    str | None, typer.Option("--url", help="Where the service answers, if it runs elsewhere than here.")
]

_KNOWN_WITHIN, _PAUSE = 10.0, 0.2
_LIVES = timedelta(minutes=5)


def address_of(settings: Settings, url: str | None = None) -> str:
    """As it was given; else of the service that runs here; else what the settings say of it."""
    return (url or _address(settings)).rstrip("/")


def _address(settings: Settings) -> str:
    service = running(settings.data_dir)
    if service is not None:
        return service.address
    if settings.public_url:
        return settings.public_url
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


@asynccontextmanager
async def passing_key(
    database: Database, kind: KeyKind, owner: str, *, test: bool = False
) -> AsyncIterator[str]:
    keys = KeyStore(database, world())
    key, key_id = await keys.issue(kind, owner, expires_at=world().now() + _LIVES, test=test)
    try:
        yield key
    finally:
        await keys.revoke(key_id)


def post(
    address: str, path: str, key: str, body: Mapping[str, Any] | None = None, **headers: str
) -> tuple[httpx.Response, float]:
    """The answer and its seconds. A new key is known to every process within a second, so 401 is asked again."""
    ends = time.monotonic() + _KNOWN_WITHIN
    try:
        while True:
            began = time.monotonic()
            answer = httpx.post(
                f"{address}{path}",
                json=body,
                headers={"Authorization": f"Bearer {key}", **headers},
                timeout=60,
            )
            if answer.status_code != 401 or began > ends:
                return answer, time.monotonic() - began
            time.sleep(_PAUSE)
    except httpx.HTTPError as error:
        raise fail(
            f"nothing answers at {address} ({type(error).__name__}); is `leadgate serve` running there? else --url",
            AWAY,
        ) from None
