"""What `doctor` looks at below the service: database, schema, durability, disk."""

import platform
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from app import __version__
from app.commands.words import size
from app.settings import Settings
from app.store import health, migrate
from app.store.database import Database

Level = Literal["ok", "warn", "fail"]
_SLOW_COMMIT_MS, _LOW_DISK, _NO_DISK = 50.0, 0.15, 0.03


class Line(Struct, frozen=True):
    """One finding; `cure` says what to do, where something is to be done."""

    level: Level
    name: str
    text: str
    cure: str = ""

    def document(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__struct_fields__}


def ourselves() -> Line:
    return Line("ok", "python", f"{platform.python_version()}, leadgate {__version__}")


# the database --------------------------------------------------------------------------------------


async def server(database: Database, settings: Settings) -> Line:
    async with database.acquire() as conn:
        found, took = await health.server(conn), await health.round_trip(conn)
    text = (
        f"PostgreSQL {found.version.split()[0]} ({'yours' if settings.database_url else 'embedded'}), fsync {found.fsync}, synchronous_commit"
        f" {found.synchronous_commit}, {took:.2f} ms round trip, {size(found.bytes)}"
    )
    if found.fsync != "on" or found.synchronous_commit == "off":
        return Line(
            "fail", "database", text, "turn fsync and synchronous_commit on: acknowledged leads can be lost"
        )
    return Line("ok", "database", text)


def schema(dsn: str) -> Line:
    stands_between = migrate.check(dsn)
    if not stands_between:
        return Line("ok", "schema", f"at {migrate.head()}, as this code needs it")
    newer = "newer" in stands_between
    return Line("fail", "schema", stands_between, "" if newer else "leadgate migrate")


async def durability(database: Database) -> Line:
    async with database.acquire() as conn:
        found, took = await health.server(conn), await health.commit_times(conn)
    text = f"commit median {took[len(took) // 2]:.1f} ms, slowest of {len(took)} {took[-1]:.1f} ms; full_page_writes {found.full_page_writes}"
    if found.full_page_writes != "on":
        return Line("fail", "durability", text, "turn full_page_writes on: a power cut can tear a page")
    if took[len(took) // 2] > _SLOW_COMMIT_MS:
        return Line(
            "warn",
            "durability",
            text,
            "the disk is slow to make a commit durable; each acknowledgement waits for it",
        )
    return Line("ok", "durability", f"{text}: survives power loss")


def disk(settings: Settings) -> Line:
    folder = Path(settings.data_dir).absolute()
    while not folder.exists():
        folder = folder.parent
    usage = shutil.disk_usage(folder)
    share = usage.free / usage.total
    text = f"{share * 100:.0f} % free on {folder} ({size(usage.free)})"
    level: Level = "fail" if share < _NO_DISK else "warn" if share < _LOW_DISK else "ok"
    return Line(level, "disk", text, "" if level == "ok" else "leadgate retention --dry-run")


async def partitions(database: Database, _: Settings) -> Sequence[Line]:
    async with database.acquire() as conn:
        missing = await health.missing_tomorrow(conn)
    if missing:
        return [
            Line(
                "warn",
                "partitions",
                f"tomorrow has none of {', '.join(missing)}",
                "leadgate serve makes them hourly; is it running?",
            )
        ]
    return [Line("ok", "partitions", "tomorrow's are there")]
