"""Keys of sources, buyers and people."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any, cast
from uuid import UUID

import typer

from app.commands import completing
from app.commands.desk import AsJson, DataDir, DryRun, at_database, fail, say, settings_beside, tell, world
from app.core.duration import Duration
from app.store.database import Database
from app.store.keys import KeyEntry, KeyKind, KeyStore

key = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)


@key.command("issue")
def issue(
    kind: Annotated[
        str,
        typer.Argument(
            help="source, buyer or user", autocompletion=completing.words("source", "buyer", "user")
        ),
    ],
    owner: Annotated[
        str,
        typer.Argument(
            help="Its id in the catalogue; of a person who works for a buyer inside/dana.",
            autocompletion=completing.owners,
        ),
    ],
    expires: Annotated[str | None, typer.Option(help="Valid for so long: 90d.")] = None,
    test: Annotated[bool, typer.Option("--test", help="Everything that comes with it is a test.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Print a new key, alone on standard output, this once; only its digest is kept."""
    from app.catalog.rows import catalogue_of
    from app.store.catalogue import CatalogueStore

    if kind not in ("source", "buyer", "user"):
        raise fail(f"{kind!r} has no keys; say source, buyer or user", 2)
    settings = settings_beside(data_dir)
    span = _span(expires)

    async def work(database: Database) -> dict[str, Any]:
        version, rows = await CatalogueStore(database).load()
        catalogue = catalogue_of(rows)
        known = {
            "source": [doc.id for doc in catalogue.sources],
            "buyer": [doc.id for doc in catalogue.buyers],
        }.get(kind)
        if kind == "user" and "/" in owner:  # not an operator: it may claim from the pool, and no more
            known = [f"{doc.id}/{one.id}" for doc in catalogue.buyers for one in doc.people]
        if known is not None and owner not in known:
            listed = ", ".join(known) or "none is configured yet"
            raise fail(f"there is no {kind} {owner!r} in catalogue v{version} (known: {listed})")
        expires_at = world().now() + span if span else None
        told = {"kind": kind, "owner": owner, "expires_at": expires_at, "test": test, "dry_run": dry_run}
        if dry_run:
            return told
        text, id_ = await KeyStore(database, world()).issue(
            cast(KeyKind, kind), owner, expires_at=expires_at, test=test
        )
        return {"id": id_, "key": text, **told}

    told = at_database(settings, work, begins=not dry_run)
    ends = f"expires {'in ' + expires if expires else 'never'}"
    if dry_run:
        say(f"{owner}: a key would be issued, {ends}")
        tell(told, as_json=as_json)
        return
    text = told["key"]
    say(f"{owner}: key {text[:7]}…{text[-4:]} issued, {ends}; shown only this once")
    tell(told, text, as_json=as_json)


def _span(text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        return timedelta(seconds=Duration(text).seconds)
    except ValueError as error:
        raise fail(f"--expires {error}", 2) from None


@key.command("list")
def list_keys(
    owner: Annotated[
        str | None, typer.Argument(help="Of this owner only.", autocompletion=completing.key_owners)
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Who has keys: kind, owner, last four characters, since when, until when."""

    async def work(database: Database) -> Sequence[KeyEntry]:
        return await KeyStore(database, world()).list(owner=owner)

    found = at_database(settings_beside(data_dir), work)
    for one in found:
        tell(_object(one), _row(one), as_json=as_json)
    if not found:
        say("there is no key: leadgate key issue source|buyer|user ID")


def _object(one: KeyEntry) -> dict[str, Any]:
    names = ("id", "kind", "owner", "last4", "created_at", "expires_at", "revoked_at", "test")
    return {name: getattr(one, name) for name in names}


def _row(one: KeyEntry) -> str:
    until = f"until {one.expires_at:%Y-%m-%d}" if one.expires_at else "no end"
    told = f"{one.kind:<7} {one.owner:<24} …{one.last4}  {one.created_at:%Y-%m-%d %H:%M}  "
    return told + ("revoked" if one.revoked_at else until) + ("  test" if one.test else "")


@key.command("revoke")
def revoke(
    which: Annotated[str, typer.Argument(help="The key's last four characters, or its id.")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Revoke a key; within a second no process takes it any more."""

    async def work(database: Database) -> Sequence[KeyEntry]:
        try:
            target: UUID | str = UUID(which)
        except ValueError:
            target = which.removeprefix("…")
        try:
            return await KeyStore(database, world()).revoke(target, dry=dry_run)
        except ValueError as error:
            raise fail(str(error)) from None

    gone = at_database(settings_beside(data_dir), work)
    if not gone:
        raise fail(f"no live key ends in {which!r}; `leadgate key list` shows them")
    for one in gone:
        say(f"{one.owner}: key …{one.last4} {'would be ' if dry_run else ''}revoked")
        tell({**_object(one), "dry_run": dry_run}, as_json=as_json)
