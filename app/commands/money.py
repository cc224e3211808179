"""What buyers owe and sources are owed: balances, and what people book by their own word."""

import getpass
from pathlib import Path
from typing import Annotated

import orjson
import typer

from app.catalog.rows import catalogue_of
from app.commands.desk import AsJson, DataDir, at_database, fail, say, settings_beside, world
from app.commands.words import columns
from app.commands.words import money as shown
from app.core.metrics import Metrics
from app.core.money import amount as amount_of
from app.core.money import written
from app.pipeline.bookkeeping import Bookkeeper, Done, Kind, Known, Said
from app.pipeline.faults import Retrying
from app.report.party import Kind as PartyKind
from app.report.party import Party
from app.store import accounts, balances
from app.store.accounts import Balance
from app.store.catalogue import CatalogueStore
from app.store.database import Database

Currency = Annotated[str, typer.Option(help="Where the account may be in several: USD.")]
Note = Annotated[str, typer.Option(help="What it is for; it stands on the statement.")]
Key = Annotated[str, typer.Option(help="A name of this entry: said again, nothing is booked twice.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be booked.")]
_PATIENCE_S = 5.0

money = typer.Typer(add_completion=False, rich_markup_mode=None, help=__doc__)


async def known_to(database: Database) -> Known:
    """The catalogue as it stands."""
    found = catalogue_of((await CatalogueStore(database).load())[1])
    return Known(
        {one.id: one for one in found.buyers},
        {one.id: one for one in found.sources},
        {one.id: one for one in found.campaigns},
    )


def _booking(kind: Kind, of: PartyKind, about: str) -> None:
    """One command of those that are alike."""

    def book(
        id_: Annotated[str, typer.Argument(metavar=of.upper(), help=f"A {of}'s id.")],
        amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="As 500 or 12.50.")],
        note: Note = "",
        currency: Currency = "",
        key: Key = "",
        dry_run: DryRun = False,
        data_dir: DataDir = None,
    ) -> None:
        _book(_said(kind, of, id_, amount, note, currency, key), dry_run, data_dir)

    book.__doc__ = about
    money.command(kind)(book)


_booking("deposit", "buyer", "What a buyer pays in beforehand.")
_booking("payment", "buyer", "What a buyer pays of what it owes.")
_booking("credit", "buyer", "What a buyer is let off, beside the leads that it gave back; --note says why.")
_booking("payout", "source", "What a source was paid.")


@money.command("adjust", context_settings={"ignore_unknown_options": True})
def adjust(
    of: Annotated[str, typer.Argument(metavar="buyer|source")],
    id_: Annotated[str, typer.Argument(metavar="ID")],
    amount: Annotated[
        str,
        typer.Argument(
            metavar="AMOUNT", help="12.50 where more is owed than stands there, -12.50 where less."
        ),
    ],
    note: Annotated[str, typer.Option(help="Why; it stands on the statement.")],
    currency: Currency = "",
    key: Key = "",
    dry_run: DryRun = False,
    data_dir: DataDir = None,
) -> None:
    """Put right what a buyer owes, or what a source is owed."""
    _book(_said("adjustment", kind_of(of), id_, amount, note, currency, key), dry_run, data_dir)


def _said(kind: Kind, of: PartyKind, id_: str, amount: str, note: str, currency: str, key: str) -> Said:
    try:
        exact = amount_of(amount)
    except ValueError as error:
        raise fail(f"AMOUNT {amount} {error}", 2) from None
    return Said(
        kind=kind, of=of, id=id_, amount=exact, by=getpass.getuser(), currency=currency, note=note, key=key
    )  # fmt: skip


def _book(said: Said, dry_run: bool, data_dir: Path | None) -> None:
    async def work(database: Database) -> Done:
        known, clock = await known_to(database), world()
        keeper = Bookkeeper(database, clock, Retrying(clock, Metrics(), patience=_PATIENCE_S), lambda: known)
        return await keeper.book(said, dry=dry_run)

    typer.echo(_told(said, at_database(settings_beside(data_dir), work), dry_run))


def _told(said: Said, done: Done, dry_run: bool) -> str:
    party, currency = done.party, done.entry.currency
    owes = f"{party.id} {'owes' if party.kind == 'buyer' else 'is owed'} {shown(done.after)} {currency}"
    if not done.new:
        return f"--key {said.key} was booked before; nothing changed: {owes}"
    booked = f"{said.kind} of {shown(said.amount)} {currency} {'would be' if dry_run else 'is'} booked"
    return f"{booked}: {owes}, {'was' if not dry_run else 'is'} {shown(done.before)}"


@money.command("recount")
def recount(
    buyer: Annotated[str, typer.Argument(metavar="BUYER", help="One with an account.")],
    data_dir: DataDir = None,
) -> None:
    """Count anew what is held against a buyer's limit, from the ledger and its open deliveries."""

    async def work(database: Database) -> None:
        known = await known_to(database)
        if buyer not in known.buyers:
            raise fail(f"there is no buyer {buyer} (known: {', '.join(sorted(known.buyers)) or 'none'})", 2)
        async with database.acquire() as conn:
            await balances.recount(conn, buyer)
            await balances.make(conn, [buyer])

    at_database(settings_beside(data_dir), work)
    typer.echo(f"{buyer} is counted anew")


@money.command("balance")
def balance(
    party: Annotated[str | None, typer.Argument(metavar="[BUYER|SOURCE]", help="Of this one only.")] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """What every buyer owes and every source is owed, in each currency apart; below 0 it is the other way round."""

    async def work(database: Database) -> list[Balance]:
        async with database.acquire() as conn:
            return await accounts.every(conn)

    found = [one for one in at_database(settings_beside(data_dir), work) if _is_of(one, party)]
    if as_json:
        for one in found:
            typer.echo(orjson.dumps(balance_object(one)))
        return
    for line in columns([_row(one) for one in found], right=(2,)):
        typer.echo(line)
    if not found:
        say("nothing was booked" + (f" on an account of {party}" if party else ""))


def kind_of(text: str) -> PartyKind:
    if text not in ("buyer", "source"):
        raise fail(f"{text!r} has no account; say buyer or source", 2)
    return "buyer" if text == "buyer" else "source"


def balance_object(one: Balance) -> dict[str, str]:
    """In the API's shape: as its party sees it."""
    party = party_of(one)
    return {
        "of": party.kind, "id": party.id, "currency": one.currency, "balance": written(party.sign * one.balance)
    }  # fmt: skip


def party_of(one: Balance) -> Party:
    kind, _, id_ = one.account.partition(":")
    return Party("buyer" if kind == "buyer" else "source", id_)


def _is_of(one: Balance, id_: str | None) -> bool:
    kind, _, of = one.account.partition(":")
    return kind in ("buyer", "source") and id_ in (None, of)


def _row(one: Balance) -> tuple[str, ...]:
    party = party_of(one)
    owes = "owes" if party.kind == "buyer" else "is owed"
    return party.kind, party.id, shown(party.sign * one.balance), one.currency, owes
