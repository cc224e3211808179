"""What every command needs: settings, a voice on standard error, and a database beside a running service."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
import typer
from pydantic import ValidationError

from app.commands.voice import quiet
from app.core.errors import Refused
from app.core.money import written
from app.core.world import World
from app.ground import Ground, visit
from app.running import running
from app.settings import Settings, unknown
from app.store.database import Away, Database

T = TypeVar("T")

DEMO = Path("var/demo")  # where `make run` keeps its data

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Where the embedded database lives (LEADGATE_DATA_DIR).")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, the API's shapes.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")]

REFUSED, USAGE, AWAY, CHANGES = 1, 2, 3, 4
"""Exit codes: refused or found trouble; wrong usage; not reachable; a plan has changes."""


WHERE = "Is the service running, and LEADGATE_DATABASE_URL or --data-dir right?"
FULL = "The database's disk is full: make room on it. Nothing that was acknowledged is touched, and the service goes on by itself."


def say(text: str = "") -> None:
    """Narration, for people; data goes to standard output."""
    if not quiet():
        typer.echo(text, err=True)


def warn(text: str) -> None:
    """What is wrong, or what a question is about: it is said however quiet a command is to be."""
    typer.echo(text, err=True)


def tell(document: Mapping[str, Any], *lines: str, as_json: bool) -> None:
    """What came of a command, on standard output: one object for programs, or lines for people."""
    for line in (object_line(document),) if as_json else lines:
        typer.echo(line)


def object_line(document: Mapping[str, Any]) -> str:
    """Amounts, ids and times as text, as everywhere outside."""
    return orjson.dumps(document, default=_plain).decode()


def _plain(value: Any) -> str:
    return written(value) if isinstance(value, Decimal) else str(value)


def fail(text: str, code: int = REFUSED) -> "typer.Exit":
    """Say what is wrong and what to do; to be raised."""
    warn(f"error: {text}")
    return typer.Exit(code)


def unreachable(why: str) -> str:
    """With what to do about it."""
    return f"{why}\n{FULL if 'No space left on device' in why else WHERE}"


def settings_of(**given: Any) -> Settings:
    """Settings from the environment, with the options that were given on the command line."""
    for name, meant in unknown().items():
        warn(f"warning: {name} is no setting" + (f"; {meant} is one" if meant else ", so it changes nothing"))
    return _settings_of(**given)


def _settings_of(**given: Any) -> Settings:
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise fail("; ".join(map(_wrong, error.errors())), USAGE) from None


def _wrong(one: Any) -> str:
    """Without the value: it may be a secret."""
    told = one["msg"].removeprefix("Value error, ")
    return f"LEADGATE_{str(one['loc'][0]).upper()}: {told}" if one["loc"] else told


def settings_beside(data_dir: Path | None) -> Settings:
    """For a command beside a service: in the directory that was named, else in the usual one, else in the demo's.

    What the service was told of private addresses, and of its own in the world, holds for the command too: they
    look at one installation.
    """
    settings = settings_of(data_dir=data_dir)
    named = settings.database_url or "data_dir" in settings.model_fields_set
    service = running(settings.data_dir)
    if service is None and not named and (service := running(DEMO)) is not None:
        say(f"(of the demo that runs in {DEMO})")
        settings = _settings_of(data_dir=DEMO)
    if service is None:
        return settings
    private = settings.dangerously_allow_private_addresses or service.private
    public_url = settings.public_url or service.public_url
    return settings.model_copy(
        update={"dangerously_allow_private_addresses": private, "public_url": public_url}
    )


def ground_of(settings: Settings, *, begins: bool = False) -> Ground:
    """Where the command stands, to be closed. Only one that `begins` makes a data directory where none is: for all
    others its name was mistyped."""
    folder = settings.data_dir
    if not (begins or settings.database_url or (folder / "pg").is_dir()) and not folder.is_file():
        raise fail(
            f"there is no leadgate in {folder}\nSay where it is: --data-dir, LEADGATE_DATA_DIR or LEADGATE_DATABASE_URL; "
            "`leadgate serve` or `leadgate apply FILE` begins one",
            AWAY,
        )
    try:
        return visit(settings)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise fail(
            f"the data directory {folder} can't be used: {why}\nName another by --data-dir or LEADGATE_DATA_DIR, or be "
            "the user whose it is",
            AWAY,
        ) from None
    except Exception as error:
        raise fail(unreachable(str(error)), AWAY) from None


def at_database(
    settings: Settings,
    work: Callable[[Database], Awaitable[T]],
    *,
    migrated: bool = True,
    begins: bool = False,
) -> T:
    """Run `work` on the database of the running service, or on one that is started for it.

    A database that has no tables yet gets them; one that is newer than this code is refused.
    """
    base = ground_of(settings, begins=begins)
    try:
        if migrated:
            _migrated(base.dsn) if base.server is not None else _checked(base.dsn)
        return asyncio.run(_work(base.dsn, work))
    except Away as error:
        raise fail(unreachable(str(error)), AWAY) from None
    except Refused as refused:
        raise fail(refused.detail) from None
    finally:
        base.close()


def _migrated(dsn: str) -> None:
    from app.store.migrate import migrate  # alembic takes a third of a second to import

    migrate(dsn)


def _checked(dsn: str) -> None:
    """An empty database gets its tables; an older one is migrated by whoever runs the service, not in passing."""
    from app.store.migrate import check, current

    try:
        at, stands_between = current(dsn), check(dsn)
    except Exception as error:
        first, *_ = str(error.__cause__ or error).splitlines() or [type(error).__name__]
        raise fail(unreachable(f"the database can't be reached: {first}"), AWAY) from None
    if stands_between and not at:
        _migrated(dsn)
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
