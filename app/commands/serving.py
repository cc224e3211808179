"""`serve`, `api` and `worker`: the service itself."""

import asyncio
import sys
from typing import Annotated

import typer

from app import serving
from app.api.mail.places import CantListen
from app.catalog.service import Configuration
from app.commands.desk import AWAY, DataDir, fail, say, settings_of, warn
from app.commands.words import counted
from app.components import discover
from app.core import events
from app.ground import Ground, sealer
from app.settings import Settings
from app.store.catalogue import CatalogueStore
from app.store.database import Away, Database
from app.store.embedded import DataDirInUse

Host = Annotated[str | None, typer.Option(help="Address to listen on (LEADGATE_HOST).")]
Port = Annotated[int | None, typer.Option(help="Port; 0 takes a free one (LEADGATE_PORT).")]
Processes = Annotated[int | None, typer.Option(help="One per core and no more (LEADGATE_PROCESSES).")]


def serve(
    host: Host = None, port: Port = None, processes: Processes = None, data_dir: DataDir = None
) -> None:
    """Take leads, decide, deliver: everything, until a signal."""
    run(settings_of(host=host, port=port, processes=processes, data_dir=data_dir), "serve")


def api(host: Host = None, port: Port = None, processes: Processes = None, data_dir: DataDir = None) -> None:
    """Take and decide leads, but leave retries and what others left to `worker` processes."""
    run(settings_of(host=host, port=port, processes=processes, data_dir=data_dir), "api")


def worker(
    host: Host = None, port: Port = None, processes: Processes = None, data_dir: DataDir = None
) -> None:
    """Work on what is stored: the inbox, retries, what the dead left. Listens for /metrics and /healthz."""
    run(settings_of(host=host, port=port, processes=processes, data_dir=data_dir), "worker")


def run(settings: Settings, role: str) -> None:
    events.configure(settings.log_level)

    def prepare(base: Ground) -> None:
        version, counts = asyncio.run(_counts(settings, base.dsn))
        say(f"  catalogue  v{version} · {counts}")

    def ready(address: str) -> None:
        typer.echo(f"leadgate ready on {address}")
        sys.stdout.flush()

    try:
        code = serving.serve(
            settings,
            role=role,
            say=lambda text: say(f"  {text}"),
            warn=lambda text: warn(f"  {text}"),
            ready=ready,
            prepare=prepare,
        )
    except DataDirInUse as error:
        raise fail(str(error)) from None
    except Away as error:
        raise fail(str(error), AWAY) from None
    except CantListen as error:
        raise fail(str(error)) from None
    except OSError as error:
        raise cant_listen(settings, error) from None
    raise typer.Exit(code)


def cant_listen(settings: Settings, error: OSError, *, or_else: str = "") -> typer.Exit:
    """`or_else`: one more way to say another port."""
    why = error.strerror or type(error).__name__
    return fail(
        f"can't listen on {settings.host}:{settings.port}: {why}\nChoose another port: --port or LEADGATE_PORT{or_else}"
    )


async def _counts(settings: Settings, dsn: str) -> tuple[int, str]:
    database = await Database.open(dsn, size=1)
    try:
        version, now = await Configuration(CatalogueStore(database), discover(), sealer(settings)).current()
    finally:
        await database.close()
    contracts = sum(len(buyer.contracts) for buyer in now.buyers)
    return version, ", ".join(
        (
            counted(len(now.campaigns), "campaign"),
            counted(len(now.sources), "source"),
            counted(contracts, "contract"),
        )
    )
