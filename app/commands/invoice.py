"""`invoice`: what a buyer is to pay for a month."""

from typing import Annotated

import orjson
import typer

from app.commands import completing
from app.commands.desk import DataDir, at_database, fail, say, settings_beside
from app.commands.statement import AsCsv, AsHtml, AsJson, Id, OfMonth, Zone, form_of, month_of, party_of
from app.commands.words import columns
from app.commands.words import money as shown
from app.report import invoice as invoices
from app.report.invoice import Invoice, Part
from app.store.accounts import Billed
from app.store.database import Database


def invoice(
    of: Annotated[
        str,
        typer.Argument(
            metavar="buyer",
            help="The word `buyer`: nobody else is invoiced.",
            autocompletion=completing.words("buyer"),
        ),
    ],
    id_: Id,
    month: OfMonth,
    zone: Zone = "UTC",
    csv: AsCsv = False,
    html: AsHtml = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """What a buyer is to pay for a month: its leads by contract and price, credits apart."""
    months, form = month_of(month, zone), form_of(csv, html, as_json)
    if of != "buyer":
        raise fail(f"a {of} gets no invoice; say buyer, or `leadgate statement source {id_}`", 2)

    async def work(database: Database) -> str:
        made = await invoices.invoice(database, await party_of(database, "buyer", id_), months)
        if form == "html":
            return await invoices.as_html(made)
        if form == "csv":
            return "".join(invoices.as_csv(made))
        if form == "json":
            return orjson.dumps(invoices.as_json(made)).decode() + "\n"
        return "".join(f"{line}\n" for line in _listed(made))

    typer.echo(at_database(settings_beside(data_dir), work), nl=False)


def _listed(of: Invoice) -> list[str]:
    say(f"invoice {of.number}, days of {of.month.zone}")
    if not of.parts:
        say("nothing is to be paid for this month")
    rows = [row for part in of.parts for row in _rows(part)]
    return columns(rows, right=(2, 3, 4)) if rows else []


def _rows(part: Part) -> list[tuple[str, ...]]:
    lines = [_row(one) for one in part.lines]
    return [*lines, ("to pay", "", "", "", shown(part.due), part.currency, "")]


def _row(one: Billed) -> tuple[str, ...]:
    what = one.contract or one.campaign or ""
    return one.kind, what, f"{one.count:,}", shown(one.price), shown(one.total), one.currency, one.note or ""
