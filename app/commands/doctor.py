"""`doctor`: looks the installation over and says of each thing that is not well what to do."""

import asyncio

import orjson
import typer

from app.commands import (
    accounting,
    answering,
    examining,
    fetched,
    hearing,
    limiting,
    linking,
    locating,
    mailing,
    overseeing,
    pooling,
    resting,
    scoring,
)
from app.commands.desk import AWAY, AsJson, DataDir, fail, ground_of, settings_beside, unreachable
from app.commands.examining import Line
from app.commands.words import coloured, counted
from app.ground import Ground
from app.settings import Settings
from app.store.database import Away, Database, TooOld

_NAME = 16


def doctor(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Check database, schema, durability, disk, secrets, queues and what must always hold; exit 1 on a failure."""
    settings = settings_beside(data_dir)
    base = ground_of(settings)
    try:
        lines = [examining.ourselves(), *asyncio.run(_look(settings, base))]
    except Away as error:
        raise fail(unreachable(str(error)), AWAY) from None
    except TooOld as error:
        raise fail(str(error), AWAY) from None
    finally:
        base.close()
    width = max(_NAME, *(len(line.name) + 2 for line in lines))
    for line in lines:
        typer.echo(orjson.dumps(line.document()) if as_json else coloured(written(line, width)))
    bad = [line for line in lines if line.level == "fail"]
    if not as_json:
        typer.echo(summary(lines))
    raise typer.Exit(1 if bad else 0)


async def _look(settings: Settings, base: Ground) -> list[Line]:
    database = await Database.open(base.dsn, size=2, application_name="leadgate doctor")
    try:
        lines = [await examining.server(database, settings), examining.schema(base.dsn)]
        if lines[-1].level == "fail":
            return lines
        lines += [await examining.durability(database), examining.disk(settings)]
        for look in (
            overseeing.catalogue, overseeing.lists, overseeing.processes, overseeing.queues, examining.partitions, overseeing.ledger, accounting.books, limiting.limits,
            overseeing.slots, overseeing.caps, resting.contracts, hearing.channels, hearing.sources,
            fetched.platforms, mailing.mail, answering.answers, overseeing.callbacks, linking.links, pooling.pools, locating.addresses, scoring.scores,
        ):  # fmt: skip
            lines += await look(database, settings)
        return lines
    finally:
        await database.close()


def written(line: Line, width: int = _NAME) -> str:
    text = f"  {line.level:<4}  {line.name:<{width}}{line.text}"
    return text if not line.cure else f"{text}\n{'':{8 + width}}→ {line.cure}"


def summary(lines: list[Line]) -> str:
    counts = [
        (sum(line.level == level for line in lines), word)
        for level, word in (("fail", "failure"), ("warn", "warning"))
    ]
    told = [counted(n, word) for n, word in counts if n]
    return ", ".join(told) or "all is well"
