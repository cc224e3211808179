"""`pings`: what sources asked for a price, who bid on it, and why others did not."""

from datetime import UTC, timedelta, tzinfo
from typing import Annotated, Any

import typer

from app.commands.completing import OfThisCampaign, OfThisContract, OfThisSource
from app.commands.desk import AsJson, DataDir, at_database, say, settings_beside, tell, world
from app.commands.moments import since_when
from app.commands.silent_text import silent_lines
from app.commands.trace import Utc
from app.commands.words import coloured, columns, money, short
from app.core.redaction import scrub
from app.store.database import Database
from app.store.pinged import Asking, Pinged
from app.store.pinged import pinged as listed

_DAY = timedelta(days=1)


def pings(
    source: OfThisSource = None,
    campaign: OfThisCampaign = None,
    contract: OfThisContract = None,
    no_bid: Annotated[
        bool, typer.Option("--no-bid", help="Only those of which nothing was offered.")
    ] = False,
    since: Annotated[str | None, typer.Option(help="13:40, 2h or 2026-11-20; a day unless said.")] = None,
    until: Annotated[str | None, typer.Option(help="Asked before this moment.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The latest so many.")] = 100,
    utc: Utc = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show what sources asked for a price: who bid, why others did not, and the lead that came of it, the latest first."""
    now = world().now()
    asked = Asking(
        since=since_when(since, now) or now - _DAY, until=since_when(until, now, "--until") or now + _DAY,
        source=source, campaign=campaign, contract=contract, without_bid=no_bid, limit=limit,
    )  # fmt: skip

    async def work(database: Database) -> list[Pinged]:
        async with database.acquire() as conn:
            return await listed(conn, asked)

    found = at_database(settings_beside(data_dir), work)
    if as_json:
        for one in found:
            tell(_document(one), as_json=True)
    else:
        for line in columns([_row(one, UTC if utc else None) for one in found], (5,)):
            typer.echo(coloured(line))
    if not found:
        say("no such ping in this time; --since 7d looks further back")
    elif len(found) == limit:
        say(f"the latest {limit:,}; --limit shows more, --since and --source fewer")


def _document(one: Pinged) -> dict[str, Any]:
    told = {name: getattr(one, name) for name in one.__struct_fields__}
    return told | {"ms": round(one.ms, 2), "silent": {who: scrub(why) for who, why in one.silent.items()}}


def _row(one: Pinged, zone: tzinfo | None) -> list[str]:
    at = f"{one.at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    offered = "no bid" if one.price is None else f"{money(one.price)} {one.currency}"
    bids = " > ".join(f"{bid['contract']} {bid['pays']}" for bid in one.bids)
    silent = silent_lines({"silent": one.silent}, everything=False)
    told = [bids, *(scrub(line) for line in silent), *([f"lead {short(one.lead_id)}"] if one.lead_id else [])]
    return [
        "✕" if one.price is None else "✓", short(one.id), at, one.source,
        one.campaign + (" (test)" if one.test else ""), offered, " · ".join(filter(None, told)),
    ]  # fmt: skip
