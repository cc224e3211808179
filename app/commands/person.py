"""What is known of a person: told to that person, or erased wherever it is, with a proof to show later."""

import getpass
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
import typer
from msgspec import Struct

from app.catalog.documents import Catalogue
from app.catalog.rows import catalogue_of
from app.commands.desk import AsJson, DataDir, at_database, fail, say, settings_beside, warn, world
from app.commands.recalling import one_id
from app.commands.words import columns, counted
from app.components import discover
from app.ground import sealer
from app.ingest.fieldtype import fieldtypes
from app.ingest.format import formats
from app.ingest.platform import platforms
from app.ingest.reading import Reader
from app.pipeline.lists import Lists
from app.pipeline.person_export import export as exported
from app.pipeline.persons import PURPOSE, Found, Persons, Proof
from app.pipeline.whom import Whom
from app.store import looking, person_requests, persons
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.person_requests import Request

T = TypeVar("T")

person = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)

Who = Annotated[
    str | None,
    typer.Argument(metavar="WHO", help="An e-mail, a telephone number, or the whole id of a lead."),
]
OfLead = Annotated[str | None, typer.Option("--lead", help="A lead's id, or its last 6 characters or more.")]
Country = Annotated[str, typer.Option(help="Whose number it is where no country code is written.")]
Alone = Annotated[
    bool, typer.Option("--alone", help="That lead only, not what else has one of its contacts.")
]


class Desk(Struct, frozen=True):
    """What a word on a person needs beside the service."""

    database: Database
    persons: Persons
    reader: Reader
    catalogue: Catalogue

    async def find(self, who: str | None, lead: str | None, country: str, *, alone: bool) -> Found:
        if (who is None) == (lead is None):
            raise fail("name an e-mail, a telephone number or an id, or give --lead ID", 2)
        meant = self.persons.whom(who, country=country) if who is not None else await self._lead(str(lead))
        found = await self.persons.find(meant, alone=alone)
        if found.nothing:
            say("nothing is known of that person")
            raise typer.Exit(1)
        return found

    async def _lead(self, ending: str) -> Whom:
        async with self.database.acquire() as conn:
            return Whom("lead", str(await one_id(conn, ending, looking.leads_ending, "lead")))


@person.command("export")
def export(
    who: Who = None,
    lead: OfLead = None,
    out: Annotated[Path | None, typer.Option(help="A new file for it; else standard output.")] = None,
    country: Country = "US",
    alone: Alone = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what there is, give nothing out and note nothing.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Print all that is known of a person, as one JSON document. Leads, bytes as they came, consents, deliveries with
    buyers' names and what was said, callbacks, refused bodies, rows of batches, lists. It is noted that it was given out."""
    if out is not None and out.exists():
        raise fail(f"{out} is there already; name a new file", 2)

    async def work(desk: Desk) -> tuple[bytes, Request] | None:
        found = await desk.find(who, lead, country, alone=alone)
        if dry_run:
            for line in await _standing(desk, found):
                say(line)
            say("Run without --dry-run to give it out.")
            return None
        names = {one.id: one.name for one in desk.catalogue.buyers}
        made = await exported(
            desk.database, desk.reader, desk.persons, found, by=_by(), buyers=names, at=world().now()
        )
        return made.document, made.request

    given_out = _at_persons(data_dir, work)
    if given_out is None:
        return
    document, request = given_out
    if out is None:
        typer.echo(document.decode())
    else:
        out.touch(mode=0o600)
        out.write_bytes(document)
    say(f"{_rows(request)}; noted as {request.id}" + (f"; written to {out}" if out else ""))


@person.command("erase")
def erase(
    who: Who = None,
    lead: OfLead = None,
    suppress: Annotated[
        list[str] | None, typer.Option(help="Put the contact on this suppression list, too; several times.")
    ] = None,
    country: Country = "US",
    alone: Alone = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Erase a person wherever it is known. Numbers, money and the fact that there was a lead remain, and a proof. What is
    being handed over at this moment ends first; nothing further begins."""

    async def work(desk: Desk) -> Request | None:
        found = await desk.find(who, lead, country, alone=alone)
        for line in await _standing(desk, found):
            (say if yes or dry_run else warn)(line)
        if dry_run:
            say("Run without --dry-run to erase it.")
            return None
        if not yes:
            typer.confirm("Erase it? There is no way back.", abort=True, err=True)
        return await desk.persons.erase(found, by=_by(), suppress=suppress or ())

    request = _at_persons(data_dir, work)
    if request is None:
        return
    if as_json:
        typer.echo(orjson.dumps(told(Proof(request, 0, None)), default=str))
        return
    typer.echo(str(request.id))
    if request.state == "open":
        say(
            "some of it is being handed over at this moment; the running service erases the rest when that has ended"
        )
    say(f"{_rows(request)}; leadgate person proof {request.id}")


@person.command("proof")
def proof(
    request: Annotated[
        str | None, typer.Argument(metavar="ID", help="What `erase` said; else the latest.")
    ] = None,
    of: Annotated[
        str | None, typer.Option(help="A contact or lead: is the proof of that person?", metavar="WHO")
    ] = None,
    country: Country = "US",
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show that something was given out or erased: when, by whom, how many rows, who has the data. No datum is in it."""

    async def one(desk: Desk) -> tuple[Proof, bool | None]:
        request_id = desk.persons.whom(request or "", kind="lead").lead_id
        assert request_id is not None
        found = await desk.persons.proof(request_id)
        return found, None if of is None else desk.persons.is_of(
            found.request, desk.persons.whom(of, country=country)
        )

    async def latest(desk: Desk) -> list[Request]:
        async with desk.database.acquire() as conn:
            return await person_requests.latest(conn, 100)

    if request is None:
        asked = _at_persons(data_dir, latest)
        for line in [_json(_asked(one)) for one in asked] if as_json else _listed(asked):
            typer.echo(line)
        return
    found, theirs = _at_persons(data_dir, one)
    if as_json:
        typer.echo(_json({**told(found), **({} if theirs is None else {"theirs": theirs})}))
    else:
        for line in columns(_shown(found, theirs)):
            typer.echo(line)
    if found.intact is False or theirs is False:
        raise typer.Exit(1)


def told(found: Proof) -> dict[str, Any]:
    """A proof as programs read it."""
    return {**_asked(found.request), "left": found.left, "intact": found.intact}


def _asked(one: Request) -> dict[str, Any]:
    return {
        "id": one.id, "kind": one.kind, "state": one.state, "by": one.by_whom, "asked_at": one.asked_at,
        "done_at": one.done_at, "rows": one.rows, "buyers": one.buyers, "lists": one.lists,
        "digest": one.digest.hex() if one.digest else None,
    }  # fmt: skip


def _json(said: dict[str, Any]) -> bytes:
    return orjson.dumps(said, default=str)


async def _standing(desk: Desk, found: Found) -> list[str]:
    async with desk.database.acquire() as conn:
        holders = await persons.holders(conn, [one.lead_id for one in found.leads])
    names = {one.id: one.name or one.id for one in desk.catalogue.buyers}
    buyers = sorted({names.get(row["buyer"], row["buyer"]) for row in holders})
    going = sum(row["state"] == "sending" for row in holders)
    counts = [
        (len(found.leads), "lead"), (len(found.undecided), "lead that is not decided"),
        (len(found.refusals), "refused body"), (len(found.lines), "row that could not be read"),
    ]  # fmt: skip
    lines = [counted(n, what) for n, what in counts if n]
    if going:
        lines.append(f"{counted(going, 'delivery')} under way, which will end first")
    lines.append(f"buyers who were sent it: {', '.join(buyers)}" if buyers else "no buyer was sent it")
    return lines


def _shown(found: Proof, theirs: bool | None) -> list[tuple[str, str]]:
    one = found.request
    rows = [
        ("request", str(one.id)),
        ("what", {"erase": "erased", "export": "given out"}[one.kind]),
        ("state", one.state if not found.left else f"{one.state}: {counted(found.left, 'lead')} left"),
        ("asked", f"{one.asked_at.astimezone():%Y-%m-%d %H:%M:%S %Z} by {one.by_whom}"),
        ("done", f"{one.done_at.astimezone():%Y-%m-%d %H:%M:%S %Z}" if one.done_at else "not yet"),
        ("rows", _rows(one)),
        ("buyers", ", ".join(f"{name} ({n})" for name, n in one.buyers.items()) or "none"),
        ("lists", ", ".join(one.lists) or "none"),
        ("digest", one.digest.hex() if one.digest else "none yet"),
    ]
    if found.intact is not None:
        rows.append(("intact", "yes" if found.intact else "NO: a row of it was changed"))
    if theirs is not None:
        rows.append(("of them", "yes" if theirs else "no: it was asked for by another contact or lead"))
    return rows


def _listed(found: list[Request]) -> list[str]:
    if not found:
        say("nobody has asked yet")
    return columns(
        [
            (str(one.id), one.kind, one.state, f"{one.asked_at:%Y-%m-%d %H:%M}", one.by_whom, _rows(one))
            for one in found
        ]
    )


def _rows(one: Request) -> str:
    return ", ".join(f"{n:,} {table}" for table, n in one.rows.items() if n) or "no rows"


def _by() -> str:
    return f"user {getpass.getuser()}"


def _at_persons(data_dir: Path | None, work: Callable[[Desk], Awaitable[T]]) -> T:
    settings = settings_beside(data_dir)

    async def within(database: Database) -> T:
        discover()
        _, rows = await CatalogueStore(database).load()
        catalogue = catalogue_of(rows)
        declared = {doc.id: doc for doc in catalogue.lists}
        reader = Reader(formats, platforms)
        of = Persons(
            database, reader, fieldtypes, Lists(database, fieldtypes), world(),
            secret=sealer(settings).derived(PURPOSE), declared=lambda: declared, lease_seconds=settings.lease_seconds,
        )  # fmt: skip
        return await work(Desk(database, of, reader, catalogue))

    return at_database(settings, within)
