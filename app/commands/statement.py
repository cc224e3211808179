"""`statement`: what a buyer or a source stood at, every entry of a month, and what it stands at."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

import typer

from app.commands import completing
from app.commands.desk import DataDir, at_database, fail, say, settings_beside
from app.commands.money import kind_of, known_to
from app.commands.words import money as shown
from app.commands.words import tail
from app.report import statement as statements
from app.report.pages import WORDS
from app.report.party import Kind, Party
from app.report.period import Month
from app.report.statement import Moved, Statement
from app.store import accounts
from app.store.database import Database

Form = Literal["text", "csv", "html", "json"]
Id = Annotated[str, typer.Argument(metavar="ID", autocompletion=completing.party)]
OfMonth = Annotated[str, typer.Option("--month", help="2026-11.")]
Zone = Annotated[str, typer.Option(help="Whose months: America/Los_Angeles.")]
AsCsv = Annotated[bool, typer.Option("--csv", help="For a spreadsheet.")]
AsHtml = Annotated[bool, typer.Option("--html", help="A page that prints.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object, the API's shape.")]


def statement(
    of: Annotated[
        str, typer.Argument(metavar="buyer|source", autocompletion=completing.words("buyer", "source"))
    ],
    id_: Id,
    month: OfMonth,
    zone: Zone = "UTC",
    csv: AsCsv = False,
    html: AsHtml = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """What a buyer or a source stood at, every entry of a month, and what it stands at."""
    kind, months, form = kind_of(of), month_of(month, zone), form_of(csv, html, as_json)

    async def work(database: Database) -> None:
        made = await statements.statement(database, await party_of(database, kind, id_), months)
        async for piece in _pieces(made, form):
            typer.echo(piece, nl=False)

    at_database(settings_beside(data_dir), work)


def month_of(name: str, zone: str) -> Month:
    try:
        return Month.of(name, zone)
    except ValueError as error:
        raise fail(f"--month {name!r} {error}", 2) from None


def form_of(csv: bool, html: bool, as_json: bool) -> Form:
    if csv + html + as_json > 1:
        raise fail("--csv, --html and --json don't go together", 2)
    return "csv" if csv else "html" if html else "json" if as_json else "text"


async def party_of(database: Database, kind: Kind, id_: str) -> Party:
    """Whoever is configured, or was while something was booked."""
    known = await known_to(database)
    party = known.party(kind, id_)
    if not known.configured(party):
        async with database.acquire() as conn:
            if not await accounts.known(conn, party.account):
                raise fail(f"there is no {kind} {id_!r}, and nothing was ever booked for one")
    return party


async def _pieces(of: Statement, form: Form) -> AsyncIterator[str]:
    if form == "json":
        async for data in statements.as_json(of):
            yield data.decode()
        yield "\n"
        return
    made = {"csv": statements.as_csv, "html": statements.as_html, "text": _as_text}[form]
    async for piece in made(of):
        yield piece


async def _as_text(of: Statement) -> AsyncIterator[str]:
    """Columns that grep, written as they are read."""
    say(
        f"above 0 is what {of.party.id} {'owes' if of.party.kind == 'buyer' else 'is owed'}; days of {of.month.zone}"
    )
    for currency, balance in sorted(of.opening.items()):
        yield _edge("opening", shown(balance), currency)
    async for one in of.moved():
        yield _line(one)
    for (currency, kind), total in sorted(of.totals.items()):
        yield f"{'':16}  all {WORDS[kind]:<12}  {shown(total):>14}  {'':14}  {currency}\n"
    for currency, balance in sorted(of.balances.items()):
        yield _edge("closing", shown(balance), currency)
    if not of.balances:
        say("nothing was booked")


def _edge(name: str, balance: str, currency: str) -> str:
    return f"{'':16}  {name:<16}  {'':14}  {balance:>14}  {currency}\n"


def _line(one: Moved) -> str:
    line = one.line
    what = line.note or line.contract or line.campaign or ""
    lead = tail(line.lead_id) if line.lead_id else ""
    told = f"{line.at:%Y-%m-%d %H:%M}  {line.kind:<16}  {shown(one.amount):>14}  {shown(one.balance):>14}"
    return f"{told}  {line.currency}  {lead}  {what}".rstrip() + "\n"
