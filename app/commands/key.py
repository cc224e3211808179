"""Keys of sources, buyers and people."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import typer

from app.commands.desk import DataDir, at_database, fail, say, settings_beside, world
from app.core.duration import Duration
from app.store.database import Database
from app.store.keys import KeyStore

key = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)


@key.command("issue")
def issue(
    kind: Annotated[str, typer.Argument(help="source, buyer or user")],
    owner: Annotated[
        str, typer.Argument(help="Its id in the catalogue; of a person who works for a buyer inside/dana.")
    ],
    expires: Annotated[str | None, typer.Option(help="Valid for so long: 90d.")] = None,
    test: Annotated[bool, typer.Option("--test", help="Everything that comes with it is a test.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Print a new key, alone on standard output, this once; only its digest is kept."""
    from app.catalog.rows import catalogue_of
    from app.store.catalogue import CatalogueStore

    if kind not in ("source", "buyer", "user"):
        raise fail(f"{kind!r} has no keys; say source, buyer or user", 2)
    settings = settings_beside(data_dir)
    span = _span(expires)

    async def work(database: Database) -> str:
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
        text, _ = await KeyStore(database, world()).issue(kind, owner, expires_at=expires_at, test=test)  # type: ignore[arg-type]
        return text

    text = at_database(settings, work)
    say(
        f"{owner}: key {text[:7]}…{text[-4:]} issued, expires {'in ' + expires if expires else 'never'}; shown only this once"
    )
    typer.echo(text)


def _span(text: str | None) -> timedelta | None:
    if text is None:
        return None
    try:
        return timedelta(seconds=Duration(text).seconds)
    except ValueError as error:
        raise fail(f"--expires {error}", 2) from None


@key.command("list")
def list_keys(owner: Annotated[str | None, typer.Argument()] = None, data_dir: DataDir = None) -> None:
    """Who has keys: kind, owner, last four characters, since when, until when."""

    async def work(database: Database) -> list[str]:
        return [
            f"{one.kind:<7} {one.owner:<24} …{one.last4}  {one.created_at:%Y-%m-%d %H:%M}  "
            + (
                "revoked"
                if one.revoked_at
                else f"until {one.expires_at:%Y-%m-%d}"
                if one.expires_at
                else "no end"
            )
            + ("  test" if one.test else "")
            for one in await KeyStore(database, world()).list(owner=owner)
        ]

    for line in at_database(settings_beside(data_dir), work):
        typer.echo(line)


@key.command("revoke")
def revoke(
    which: Annotated[str, typer.Argument(help="The key's last four characters, or its id.")],
    data_dir: DataDir = None,
) -> None:
    """Revoke a key; within a second no process takes it any more."""

    async def work(database: Database) -> int:
        try:
            target: UUID | str = UUID(which)
        except ValueError:
            target = which.removeprefix("…")
        try:
            gone = await KeyStore(database, world()).revoke(target)
        except ValueError as error:
            raise fail(str(error)) from None
        for one in gone:
            say(f"{one.owner}: key …{one.last4} revoked")
        return len(gone)

    if not at_database(settings_beside(data_dir), work):
        raise fail(f"no live key ends in {which!r}; `leadgate key list` shows them")
