"""`apply`, `export`, `migrate` and `key`: what is configured, and who may come in."""

import getpass
from datetime import timedelta
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from app.catalog.problems import CatalogueErrors, render
from app.catalog.service import Configuration
from app.commands.desk import CHANGES, REFUSED, DataDir, at_database, fail, say, settings_of, world
from app.components import discover
from app.core.duration import Duration
from app.main import sealer
from app.serving import visit
from app.store import migrate as migrations
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.keys import KeyStore

key = typer.Typer(no_args_is_help=True, help="Keys of sources, buyers and people.")


def apply(
    files: Annotated[list[Path], typer.Argument(help="YAML files; several are read as one.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan, change nothing.")] = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="With --dry-run: exit 4 if there are changes.")
    ] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Pause what is not in the files.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Make the catalogue what the files say: all of it or nothing, twice is the same as once."""
    texts = [(str(path), _text(path)) for path in files]
    settings = settings_of(data_dir=data_dir)

    async def work(database: Database) -> int:
        configuration = Configuration(CatalogueStore(database), discover(), sealer(settings))
        try:
            applied = await configuration.apply(texts, by=getpass.getuser(), prune=prune, dry_run=dry_run)
        except CatalogueErrors as errors:
            say(render(errors.problems))
            return REFUSED
        typer.echo(applied.text())
        return CHANGES if dry_run and exit_code and not applied.plan.empty else 0

    raise typer.Exit(at_database(settings, work))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise fail(f"{path} can't be read: {error}", 2) from None


def export(
    version: Annotated[int | None, typer.Option(help="As it was at this version.")] = None,
    data_dir: DataDir = None,
) -> None:
    """Print the catalogue as YAML that `apply` takes back; secrets stay sealed."""
    settings = settings_of(data_dir=data_dir)

    async def work(database: Database) -> str:
        return await Configuration(CatalogueStore(database), discover(), sealer(settings)).export(version)

    typer.echo(at_database(settings, work), nl=False)


def migrate(data_dir: DataDir = None) -> None:
    """Bring the database's tables up to date; safe to run at any time and by several at once."""
    base = visit(settings_of(data_dir=data_dir))
    try:
        before, after = migrations.migrate(base.dsn)
    except migrations.NewerDatabase as error:
        raise fail(str(error)) from None
    finally:
        base.close()
    say(f"schema at {after}, nothing to do" if before == after else f"schema {before or 'empty'} → {after}")


@key.command("issue")
def issue(
    kind: Annotated[str, typer.Argument(help="source, buyer or user")],
    owner: Annotated[str, typer.Argument(help="Its id in the catalogue.")],
    expires: Annotated[str | None, typer.Option(help="Valid for so long: 90d.")] = None,
    test: Annotated[bool, typer.Option("--test", help="Everything that comes with it is a test.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Print a new key, alone on standard output, this once; only its digest is kept."""
    if kind not in ("source", "buyer", "user"):
        raise fail(f"{kind!r} has no keys; say source, buyer or user", 2)
    settings = settings_of(data_dir=data_dir)
    span = _span(expires)

    async def work(database: Database) -> str:
        version, catalogue = await Configuration(
            CatalogueStore(database), discover(), sealer(settings)
        ).current()
        known = {
            "source": [doc.id for doc in catalogue.sources],
            "buyer": [doc.id for doc in catalogue.buyers],
        }.get(kind)
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

    for line in at_database(settings_of(data_dir=data_dir), work):
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

    if not at_database(settings_of(data_dir=data_dir), work):
        raise fail(f"no live key ends in {which!r}; `leadgate key list` shows them")
