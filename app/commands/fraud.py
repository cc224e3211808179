"""`fraud`: which sources send what looks like fraud, by which signs, and what became of it."""

from datetime import datetime
from typing import Annotated

import orjson
import typer

from app.catalog.rows import catalogue_of
from app.commands.completing import OfThisSource
from app.commands.desk import AsJson, DataDir, at_database, say, settings_beside, world
from app.commands.moments import since_when
from app.commands.words import columns
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.suspicion import ANY, BOTS, Sighting, sightings
from app.validate import fraud as judged

_HEAD = ("source", "factor", "leads", "of", "share%", "flagged", "held", "rejected")
_FIRST = (ANY, BOTS)


def fraud(
    since: Annotated[
        str | None, typer.Option(help="Leads received since: 2h, 7d or 2026-11-20; 7 days unless said.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="And before: 2026-11-27.")] = None,
    source: OfThisSource = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Count signs of fraud by source and factor, the worst source first. Tests aren't counted."""
    now = world().now()
    first, last = since_when(since or "7d", now) or now, since_when(until, now, "--until") or now

    async def work(database: Database) -> list[Sighting]:
        catalogue = catalogue_of((await CatalogueStore(database).load())[1])
        signs = [
            (one.id, factor, weight)
            for one in catalogue.campaigns
            for factor, weight in judged.weights_of(one.fraud).items()
        ]
        async with database.acquire() as conn:
            return await sightings(conn, first, last, signs=signs, bots=judged.BOTS)

    found = at_database(settings_beside(data_dir), work)
    found = ordered([one for one in found if source is None or one.source == source])
    if as_json:
        for one in found:
            typer.echo(orjson.dumps({name: getattr(one, name) for name in one.__struct_fields__}))
        return
    say(_about(first))
    for line in table(found):
        typer.echo(line)


def _about(first: datetime) -> str:
    return (
        f"leads received from {first.astimezone():%Y-%m-%d %H:%M} on; any: with any sign, "
        "bots: sent by a program; flagged, held, rejected: by their fraud score"
    )


def ordered(found: list[Sighting]) -> list[Sighting]:
    """The source of the greatest share of suspicious leads first; of each its sums, then its commonest signs."""
    suspect = {one.source: one.share for one in found if one.factor == ANY}

    def place(one: Sighting) -> tuple[float, str, int, int, str]:
        at = _FIRST.index(one.factor) if one.factor in _FIRST else len(_FIRST)
        return -suspect[one.source], one.source, at, -one.leads, one.factor

    return sorted(found, key=place)


def table(found: list[Sighting]) -> list[str]:
    """Columns that grep: each row names its source."""
    if not found:
        return ["no leads in this time"]
    rows = [
        (one.source, one.factor, f"{one.leads:,}", f"{one.of:,}", f"{100 * one.share:.1f}", f"{one.flagged:,}",
         f"{one.held:,}", f"{one.rejected:,}")
        for one in found
    ]  # fmt: skip
    return columns([_HEAD, *rows], right=range(2, len(_HEAD)))
