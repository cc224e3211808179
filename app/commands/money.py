"""What buyers owe and sources are owed: balances, and what people book by their own word."""

import getpass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from app.catalog.rows import catalogue_of
from app.commands import completing
from app.commands.desk import AsJson, DataDir, DryRun, at_database, fail, say, settings_beside, tell, world
from app.commands.words import columns
from app.commands.words import money as shown
from app.core.metrics import Metrics
from app.core.money import amount as amount_of
from app.core.money import of_units, written
from app.pipeline.bookkeeping import Bookkeeper, Done, Kind, Known, Said
from app.pipeline.faults import Retrying
from app.report.party import Kind as PartyKind
from app.report.party import Party
from app.store import accounts, balances
from app.store.accounts import Balance
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.trial import transaction

Currency = Annotated[str, typer.Option(help="Where the account may be in several: USD.")]
Note = Annotated[str, typer.Option(help="What it is for; it stands on the statement.")]
Key = Annotated[str, typer.Option(help="A name of this entry: said again, nothing is booked twice.")]
_SIGNED = {"ignore_unknown_options": True}  # -5 is an amount
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
    """One command of those that are alike. An amount below 0 is read as one, to be told that it is."""

    def book(
        id_: Annotated[
            str, typer.Argument(metavar=of.upper(), help=f"A {of}'s id.", autocompletion=completing.ids(of))
        ],
        amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="As 500 or 12.50.")],
        note: Note = "",
        currency: Currency = "",
        key: Key = "",
        dry_run: DryRun = False,
        as_json: AsJson = False,
        data_dir: DataDir = None,
    ) -> None:
        said = _said(kind, of, id_, amount, note, currency, key)
        if said.amount <= 0:
            wrong = f"what was booked wrongly is put right by `leadgate money adjust {of} {id_} …`"
            raise fail(f"AMOUNT {amount} must be above 0; {wrong}", 2)
        _book(said, dry_run, data_dir, as_json=as_json)

    book.__doc__ = about
    money.command(kind, context_settings=_SIGNED)(book)


_booking("deposit", "buyer", "What a buyer pays in beforehand.")
_booking("payment", "buyer", "What a buyer pays of what it owes.")
_booking("credit", "buyer", "What a buyer is let off, beside the leads that it gave back; --note says why.")
_booking("payout", "source", "What a source was paid.")


@money.command("adjust", context_settings=_SIGNED)
def adjust(
    of: Annotated[
        str, typer.Argument(metavar="buyer|source", autocompletion=completing.words("buyer", "source"))
    ],
    id_: Annotated[str, typer.Argument(metavar="ID", autocompletion=completing.party)],
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
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Put right what a buyer owes, or what a source is owed."""
    _book(
        _said("adjustment", kind_of(of), id_, amount, note, currency, key), dry_run, data_dir, as_json=as_json
    )


def _said(kind: Kind, of: PartyKind, id_: str, amount: str, note: str, currency: str, key: str) -> Said:
    try:
        exact = amount_of(amount)
    except ValueError as error:
        raise fail(f"AMOUNT {amount} {error}", 2) from None
    return Said(
        kind=kind, of=of, id=id_, amount=exact, by=getpass.getuser(), currency=currency, note=note, key=key
    )  # fmt: skip


def _book(said: Said, dry_run: bool, data_dir: Path | None, *, as_json: bool) -> None:
    async def work(database: Database) -> Done:
        known, clock = await known_to(database), world()
        keeper = Bookkeeper(database, clock, Retrying(clock, Metrics(), patience=_PATIENCE_S), lambda: known)
        return await keeper.book(said, dry=dry_run)

    done = at_database(settings_beside(data_dir), work)
    tell(_object(said, done, dry_run), _told(said, done, dry_run), as_json=as_json)


def _object(said: Said, done: Done, dry_run: bool) -> dict[str, Any]:
    """`new` is false where this key was booked before; `before` and `after` as the party sees its balance."""
    return {
        "of": done.party.kind, "id": done.party.id, "kind": said.kind, "amount": said.amount, "currency": done.entry.currency, "before": done.before, "after": done.after, "key": said.key or None,
        "new": done.new, "dry_run": dry_run,
    }  # fmt: skip


def _told(said: Said, done: Done, dry_run: bool) -> str:
    party, currency = done.party, done.entry.currency
    owes = f"{party.id} {'owes' if party.kind == 'buyer' else 'is owed'} {shown(done.after)} {currency}"
    if not done.new:
        return f"--key {said.key} was booked before; nothing changed: {owes}"
    booked = f"{said.kind} of {shown(said.amount)} {currency} {'would be' if dry_run else 'is'} booked"
    return f"{booked}: {owes}, {'was' if not dry_run else 'is'} {shown(done.before)}"


@money.command("recount")
def recount(
    buyer: Annotated[
        str, typer.Argument(metavar="BUYER", help="One with an account.", autocompletion=completing.buyers)
    ],
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Count anew what is held against a buyer's limit, from the ledger and its open deliveries."""

    async def work(database: Database) -> tuple[Decimal | None, Decimal]:
        known = await known_to(database)
        if buyer not in known.buyers:
            raise fail(f"there is no buyer {buyer!r} (known: {', '.join(sorted(known.buyers)) or 'none'})")
        async with database.acquire() as conn, transaction(conn, dry=dry_run):
            before = (await balances.there(conn, [buyer])).get(buyer)
            await balances.recount(conn, buyer)
            await balances.make(conn, [buyer])
            after = (await balances.there(conn, [buyer]))[buyer]
        return None if before is None else of_units(before), of_units(after)

    before, after = at_database(settings_beside(data_dir), work)
    told = {"buyer": buyer, "before": before, "after": after, "dry_run": dry_run}
    was = "nothing was counted" if before is None else f"{'is' if dry_run else 'was'} {shown(before)}"
    is_ = "would be" if dry_run else "is"
    tell(told, f"{buyer} {is_} counted anew: {shown(after)} held against its limit, {was}", as_json=as_json)


@money.command("balance")
def balance(
    party: Annotated[
        str | None,
        typer.Argument(
            metavar="[BUYER|SOURCE]", help="Of this one only.", autocompletion=completing.accounts
        ),
    ] = None,
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
