"""`leads`: finds leads by what people know of them, so that a lead's story can be asked for."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Annotated
from uuid import UUID

import typer

from app.commands import completing
from app.commands.desk import AsJson, DataDir, at_database, fail, object_line, say, settings_beside, world
from app.commands.moments import since_when
from app.commands.trace import Utc
from app.commands.words import ICONS, coloured, columns, money, short
from app.components import discover
from app.core.redaction import scrub
from app.ingest.fieldtype import fieldtypes
from app.pipeline.whom import needles_of, whom
from app.store import persons, searching
from app.store.database import Database
from app.store.searching import Found, Share, Wanted

STATES = ("received", "held", "rejected", "delivering", "unclear", "sold", "unsold", "pooled", "returned")
_EVER = datetime(2000, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


def leads(
    who: Annotated[
        str | None,
        typer.Argument(metavar="[WHO]", help="An e-mail, a telephone number, or a lead's whole id."),
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Of this source only.", autocompletion=completing.sources)
    ] = None,
    campaign: Annotated[
        str | None, typer.Option(help="Of this campaign only.", autocompletion=completing.campaigns)
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option(help=f"Only {', '.join(STATES)}.", autocompletion=completing.words(*STATES)),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Ended by this code only: duplicate, no_buyer.")] = None,
    reasons: Annotated[bool, typer.Option("--reasons", help="Count them by what ended them.")] = False,
    since: Annotated[
        str | None, typer.Option(help="13:40, 2h or 2026-11-20; a day unless said, of a person all.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Received before this moment.")] = None,
    country: Annotated[str, typer.Option(help="Whose number it is where no country code is written.")] = "US",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="The latest so many.")] = 100,
    utc: Utc = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Find decided leads: by person, source, state or reason, the latest first. Nothing personal is shown; `trace`
    tells the story of each."""
    now = world().now()
    after = since_when(since, now) or (_EVER if who else now - _DAY)
    wanted = Wanted(
        since=after, until=since_when(until, now, "--until") or now + _DAY, source=source, campaign=campaign,
        states=_states(state), reason=reason, limit=limit,
    )  # fmt: skip

    async def work(database: Database) -> list[Found] | list[Share]:
        ids = await _of_person(database, who, country, after if since else None) if who else None
        chosen = wanted if ids is None else _narrowed(wanted, ids)
        async with database.acquire() as conn:
            return await (searching.counted if reasons else searching.leads)(conn, chosen)

    found = at_database(settings_beside(data_dir), work)
    zone = UTC if utc else None
    lines = [object_line(_document(one)) for one in found] if as_json else _lines(found, zone)
    for line in lines:
        typer.echo(line)
    _say_what_else(found, who=who, limit=limit, reasons=reasons)


def _states(given: list[str] | None) -> list[str] | None:
    if not given:
        return None
    words = [word.strip().lower() for one in given for word in one.replace("|", ",").split(",")]
    for word in words:
        if word not in STATES:
            raise fail(f"--state {word!r} is not one of {', '.join(STATES)}", 2)
    return words


async def _of_person(database: Database, who: str, country: str, since: datetime | None) -> list[UUID]:
    """Leads with this contact in any round. Nothing of it is indexed: they are looked through in pieces."""
    discover()
    meant = whom(who, fieldtypes, country=country)
    if meant.lead_id is not None:
        return [meant.lead_id]
    async with database.acquire() as conn:
        return sorted(await persons.leads_with(conn, needles_of([meant]), since))


def _narrowed(wanted: Wanted, ids: Sequence[UUID]) -> Wanted:
    return Wanted(**{name: getattr(wanted, name) for name in wanted.__struct_fields__} | {"ids": ids})


def _document(one: Found | Share) -> dict[str, object]:
    told = {name: getattr(one, name) for name in one.__struct_fields__}
    return told | {"message": scrub(one.message)} if isinstance(one, Found) else told


def _lines(found: list[Found] | list[Share], zone: tzinfo | None) -> list[str]:
    rows = [_counted(one) if isinstance(one, Share) else _row(one, zone) for one in found]
    right = (0,) if found and isinstance(found[0], Share) else (6,)
    return [coloured(line) for line in columns(rows, right)]


def _counted(one: Share) -> list[str]:
    return [f"{one.leads:,}", one.source, one.campaign, one.state, one.code or "—", one.check]


def _row(one: Found, zone: tzinfo | None) -> list[str]:
    sold = f"{money(one.revenue)} {one.currency}" if one.revenue else ""
    why = one.message if one.state not in ("sold", "pooled") else ""
    at = f"{one.received_at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    return [
        ICONS[one.state], short(one.id), at, one.source, one.campaign, one.state + (" (test)" if one.test else ""),
        sold, scrub(why),
    ]  # fmt: skip


def _say_what_else(found: list[Found] | list[Share], *, who: str | None, limit: int, reasons: bool) -> None:
    if not found and who:
        say(
            "no decided lead is that person's; `leadgate person export WHO --dry-run` looks in everything else, too"
        )
    elif not found:
        say("no such lead in this time; --since 30d looks further back")
    elif len(found) == limit and not reasons:
        say(f"the latest {limit:,}; --limit shows more, --since and --source fewer")
