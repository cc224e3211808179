"""`demo`: a working gate with a campaign, a source and two buyers, to look at and to paste into."""

import asyncio
import shlex
import socket
import threading
from typing import Annotated

import httpx
import typer
import uvicorn

from app import serving
from app.catalog.service import Configuration
from app.commands.desk import DEMO, DataDir, fail, say, settings_of, warn, world
from app.commands.serving import Host, Port, cant_listen
from app.components import discover
from app.core import events
from app.demo import build_sink, catalogue, curl_lines
from app.ground import Ground, sealer
from app.settings import Settings
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.embedded import DataDirInUse
from app.store.keys import KeyStore


def demo(
    host: Host = None,
    port: Port = None,
    data_dir: DataDir = None,
    empty: Annotated[
        bool, typer.Option("--empty", help="Start without the demo's catalogue and buyers.")
    ] = False,
) -> None:
    """Start everything with nothing but this command, and print what to do first."""
    settings = settings_of(
        host=host, port=port, data_dir=data_dir, dangerously_allow_private_addresses=None if empty else True,
        log_level="warning",
    )  # fmt: skip
    events.configure(settings.log_level)
    sink = None if empty else _start_sink()

    def prepare(base: Ground) -> None:
        if sink is not None:
            shown.append(asyncio.run(_configured(settings, base.dsn, sink)))

    shown: list[str] = []

    def ready(address: str) -> None:
        typer.echo(f"leadgate ready on {address}")
        if shown:
            threading.Thread(target=_welcome, args=(address, shown[0], settings), daemon=True).start()
        else:
            _say_first_steps(settings)

    try:
        code = serving.serve(
            settings,
            role="serve",
            say=lambda text: say(f"  {text}"),
            warn=lambda text: warn(f"  {text}"),
            ready=ready,
            prepare=prepare,
        )
    except DataDirInUse as error:
        raise fail(str(error)) from None
    except OSError as error:
        raise cant_listen(settings, error, or_else=', or `make run ARGS="--port 8001"`') from None
    raise typer.Exit(code)


def _start_sink() -> str:
    """The demo's buyers on a free port, for as long as this process lives; their address."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(
            build_sink(lambda line: say(f"  buyer      {line}")), log_config=None, access_log=False
        )
    )
    threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True).start()
    return f"http://127.0.0.1:{sock.getsockname()[1]}"


async def _configured(settings: Settings, dsn: str, sink: str) -> str:
    """Apply the demo's catalogue and give its source a new key; the keys of earlier demos end."""
    database = await Database.open(dsn, size=2)
    try:
        store = CatalogueStore(database)
        await Configuration(store, discover(), sealer(settings)).apply(
            [("demo.yaml", catalogue(sink))], by="demo"
        )
        keys = KeyStore(database, world())
        for old in await keys.list(owner="acme"):
            if old.revoked_at is None:
                await keys.revoke(old.id)
        key, _ = await keys.issue("source", "acme")
        return key
    finally:
        await database.close()


def _welcome(address: str, key: str, settings: Settings) -> None:
    """What to paste, then one lead posted in front of the reader's eyes, with its trace."""
    from app.commands.trace import print_trace

    say("\nPost a lead; each of these works as it stands:\n")
    for line in curl_lines(address, key):
        typer.echo(f"{line}\n")
    say(
        "  key        of source acme, new with every start; also for X-API-Key\n"
        f"  form       {address}/f/solar\n  api        {address}/docs\n"
    )
    try:
        lead = _first_lead(address, key)
    except (httpx.TransportError, KeyError):  # it is being stopped already
        return
    here = _here(settings)
    say(f"One was posted just now. Its story, as `.venv/bin/leadgate trace{here} {lead[-8:]}` tells it:\n")
    print_trace(settings, lead)
    say("\nWhat the buyers answer shows here, a line a delivery. ^C ends it all.\n")


def _here(settings: Settings) -> str:
    """What a command in another shell must be told to find this service; of the demo's own place nothing."""
    if settings.database_url or settings.data_dir == DEMO:
        return ""
    return f" --data-dir {shlex.quote(str(settings.data_dir))}"


def _first_lead(address: str, key: str) -> str:
    number = int(world().now().timestamp()) % 900_000
    body = {
        "fname": "Dana", "lname": "Miller", "email": f"dana.{number}@example.com",
        "phone": f"+1415{2_100_000 + number}"[:11] + "1", "state": "CA", "zip": "94110", "bill": 210,
    }  # fmt: skip
    answer = httpx.post(
        f"{address}/v1/leads", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=20
    )
    return str(answer.json()["lead"]["id"])


def _say_first_steps(settings: Settings) -> None:
    here = _here(settings)
    say("\nNothing is configured yet. First steps, in another shell:\n")
    say(f"  .venv/bin/leadgate apply{here} your.yaml       (docs/configuration.md shows one)")
    say(f"  .venv/bin/leadgate key issue source ID{here}\n")
