"""What every command needs: settings, a voice on standard error, and a database beside a running service."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from app import serving
from app.core.errors import Refused
from app.core.world import World
from app.settings import Settings
from app.store.database import Away, Database
from app.store.migrate import check, current, migrate

T = TypeVar("T")

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Where the embedded database lives (LEADGATE_DATA_DIR).")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, the API's shapes.")]

REFUSED, USAGE, AWAY, CHANGES = 1, 2, 3, 4
"""Exit codes: refused or found trouble; wrong usage; not reachable; a plan has changes."""


def say(text: str = "") -> None:
    """Narration, for people; data goes to standard output."""
    typer.echo(text, err=True)


def fail(text: str, code: int = REFUSED) -> "typer.Exit":
    """Say what is wrong and what to do; to be raised."""
    say(f"error: {text}")
    return typer.Exit(code)


def settings_of(**given: Any) -> Settings:
    """Settings from the environment, with the options that were given on the command line."""
    return Settings(**{name: value for name, value in given.items() if value is not None})


def at_database(settings: Settings, work: Callable[[Database], Awaitable[T]], *, migrated: bool = True) -> T:
    """Run `work` on the database of the running service, or on one that is started for it.

    A database that has no tables yet gets them; one that is newer than this code is refused.
    """
    try:
        base = serving.visit(settings)
    except Exception as error:
        raise fail(str(error), AWAY) from None
    try:
        if migrated:
            migrate(base.dsn) if base.server is not None else _checked(base.dsn)
        return asyncio.run(_work(base.dsn, work))
    except Away as error:
        raise fail(
            f"{error}\nIs the service running, and LEADGATE_DATABASE_URL or --data-dir right?", AWAY
        ) from None
    except Refused as refused:
        raise fail(refused.detail) from None
    finally:
        base.close()


def _checked(dsn: str) -> None:
    """An empty database gets its tables; an older one is migrated by whoever runs the service, not in passing."""
    try:
        at, stands_between = current(dsn), check(dsn)
    except Exception as error:
        first, *_ = str(error.__cause__ or error).splitlines() or [type(error).__name__]
        raise fail(f"the database can't be reached: {first}", AWAY) from None
    if stands_between and not at:
        migrate(dsn)
    elif stands_between:
        raise fail(
            f"{stands_between} (`leadgate migrate`)" if "newer" not in stands_between else stands_between
        )


async def _work(dsn: str, work: Callable[[Database], Awaitable[T]]) -> T:
    database = await Database.open(dsn, size=2, application_name="leadgate cli")
    try:
        return await work(database)
    finally:
        await database.close()


def world() -> World:
    return World()


def stdout_is_terminal() -> bool:
    return sys.stdout.isatty()
