"""What came, what became of it and what it made, day by day and source by source."""

import shutil
from datetime import datetime, time
from decimal import Decimal
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
import typer

from app.catalog.rows import catalogue_of
from app.commands import completing, profiting
from app.commands.completing import OfThisSource
from app.commands.desk import AsJson, DataDir, at_database, fail, say, settings_beside, world
from app.commands.moments import since_when
from app.commands.words import columns, money
from app.report import profit as profits
from app.store import looking
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.looking import Figures
from app.store.profit import Profit

_WIDTH = 100  # where nobody looks on
COUNTS = ("received", "rejected", "held", "open", "waiting", "sold", "unsold", "returned")
_HEAD = ("day", "source", "campaign", *COUNTS, "sold%", "bought", "revenue", "margin", "")
_NAMES, _SUMS = 3, 4  # columns before the counts, and behind the share that was sold


report = typer.Typer(add_completion=False, rich_markup_mode=None, help=__doc__)


@report.callback(invoke_without_command=True)
def counted(
    context: typer.Context,
    since: Annotated[
        str | None, typer.Option(help="From this day on: 7d or 2026-11-20; 7 days unless said.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Before this day: 2026-11-27.")] = None,
    source: OfThisSource = None,
    zone: Annotated[str, typer.Option(help="Whose days: America/Los_Angeles.")] = "UTC",
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Count leads by the day on which they were received, with what they cost and made. Tests aren't counted."""
    if context.invoked_subcommand is not None:
        return
    now = world().now()
    first, last = _midnight(since_when(since or "7d", now), zone), since_when(until, now, "--until") or now

    async def work(database: Database) -> tuple[list[Figures], dict[str, str]]:
        async with database.acquire() as conn:
            found = await looking.figures(conn, first, last, zone)
        catalogue = catalogue_of((await CatalogueStore(database).load())[1])
        return found, {one.id: one.currency for one in catalogue.campaigns}

    figures, currencies = at_database(settings_beside(data_dir), work)
    figures = [one for one in figures if source is None or one.source == source]
    if as_json:
        for one in figures:
            typer.echo(
                orjson.dumps({name: getattr(one, name) for name in one.__struct_fields__}, default=str)
            )
        return
    say(
        f"leads received from {first.astimezone(_zone(zone)):%Y-%m-%d} on, by the day of their receipt ({zone});"
    )
    say("money stands on the day of the lead, whenever it was sold, without what was given back;")
    say("test leads are left out")
    for line in table(figures, currencies, shutil.get_terminal_size((_WIDTH, 24)).columns):
        typer.echo(line)


@report.command("profit")
def earned(
    by: Annotated[
        str,
        typer.Option(
            metavar="source|campaign|buyer|contract",
            autocompletion=completing.words("source", "campaign", "buyer", "contract"),
        ),
    ] = "source",
    since: Annotated[
        str | None, typer.Option(help="Booked from this day on: 30d or 2026-11-01; 30 days unless said.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="And before this day: 2026-12-01.")] = None,
    zone: Annotated[str, typer.Option(help="Whose days: America/Los_Angeles.")] = "UTC",
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """What was earned, by the day on which it was booked, in each currency apart. Tests aren't booked."""
    now = world().now()
    first, past = _midnight(since_when(since or "30d", now), zone), since_when(until, now, "--until") or now
    chosen = profiting.dimension(by)

    async def work(database: Database) -> list[Profit]:
        return await profits.profit(database, chosen, first, past)

    found = at_database(settings_beside(data_dir), work)
    for line in profiting.lines(found, chosen, as_json=as_json):
        typer.echo(line)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, ZoneInfoNotFoundError, OSError):
        raise fail(f"--zone {name!r} is no time zone; write America/Los_Angeles", 2) from None


def _midnight(at: datetime | None, zone: str) -> datetime:
    assert at is not None
    local = at.astimezone(_zone(zone))
    return datetime.combine(local.date(), time(), local.tzinfo)


def table(figures: list[Figures], currencies: dict[str, str], width: int) -> list[str]:
    """Columns that grep, and a line with the sums. Where it is too narrow for that, counts that nobody has are left
    out, then counts go under the money; numbers stay whole."""
    if not figures:
        return ["no leads in this time"]
    rows = [
        _row(one, str(one.day), one.source, one.campaign, currencies.get(one.campaign, "")) for one in figures
    ]
    if len(figures) > 1:
        kinds = {currencies.get(one.campaign, "") for one in figures}
        rows.append(_row(_sum(figures), "all", "", "", kinds.pop() if len(kinds) == 1 else "mixed"))
    rows = [_HEAD, *rows]
    if _fits(lines := columns(rows, right=range(_NAMES, len(_HEAD) - 1)), width):
        return lines
    rows = _without_empty(rows)
    last = len(rows[0]) - 1
    if _fits(lines := columns(rows, right=range(_NAMES, last)), width):
        return lines
    counts = columns([row[_NAMES:-_SUMS] for row in rows], right=range(len(rows[0])))
    sums = columns([row[:_NAMES] + row[-_SUMS:] for row in rows], right=range(_NAMES, _NAMES + _SUMS - 1))
    return [line for pair in zip(sums, (f"    {one}" for one in counts), strict=True) for line in pair]


def _fits(lines: list[str], width: int) -> bool:
    return all(len(line) <= width for line in lines)


def _without_empty(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Without the counts that are 0 in every row, but of those that came and were sold."""
    drop = {
        at for at, name in enumerate(_HEAD)
        if name in COUNTS and name not in ("received", "sold") and all(row[at] == "0" for row in rows[1:])
    }  # fmt: skip
    return [tuple(cell for at, cell in enumerate(row) if at not in drop) for row in rows]


def _row(one: Figures, day: str, source: str, campaign: str, currency: str) -> tuple[str, ...]:
    share = f"{100 * one.sold / one.received:.1f}" if one.received else "—"
    counts = [f"{getattr(one, name):,}" for name in COUNTS]
    sums = (money(one.bought), money(one.revenue), money(one.revenue - one.bought))
    return (day, source, campaign, *counts, share, *sums, currency)


def _sum(figures: list[Figures]) -> Figures:
    counts = {name: sum(getattr(one, name) for one in figures) for name in COUNTS}
    bought = sum((one.bought for one in figures), Decimal(0))
    revenue = sum((one.revenue for one in figures), Decimal(0))
    return Figures(day="", source="", campaign="", bought=bought, revenue=revenue, **counts)
