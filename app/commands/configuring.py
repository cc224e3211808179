"""`apply`, `export` and `migrate`: what is configured, and the tables it stands in."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from app.catalog.documents import Catalogue
from app.catalog.lists import unfilled
from app.catalog.plan_text import hints
from app.catalog.problems import CatalogueErrors, render
from app.catalog.service import Configuration
from app.commands.desk import CHANGES, REFUSED, DataDir, at_database, fail, say, settings_beside
from app.components import discover
from app.ground import sealer, visit
from app.store import migrate as migrations
from app.store import suppression
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.validate.data import join


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
    settings = settings_beside(data_dir)

    async def work(database: Database) -> int:
        join(settings.data_dir / "offline")
        configuration = Configuration(CatalogueStore(database), discover(), sealer(settings))
        try:
            applied = await configuration.apply(texts, by=getpass.getuser(), prune=prune, dry_run=dry_run)
        except CatalogueErrors as errors:
            say(render(errors.problems))
            return REFUSED
        typer.echo(applied.text())
        for hint in hints(applied.plan):
            say(f"hint: {hint}")
        for name in await _empty_lists(database, applied.plan.result):
            say(f"hint: list {name} is empty, so it suppresses nobody: leadgate list load {name} FILE")
        return CHANGES if dry_run and exit_code and not applied.plan.empty else 0

    raise typer.Exit(at_database(settings, work))


async def _empty_lists(database: Database, catalogue: Catalogue) -> list[str]:
    async with database.acquire() as conn:
        states = await suppression.states(conn)
    return unfilled(catalogue, [name for name, state in states.items() if not state.empty])


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
    settings = settings_beside(data_dir)

    async def work(database: Database) -> str:
        return await Configuration(CatalogueStore(database), discover(), sealer(settings)).export(version)

    typer.echo(at_database(settings, work), nl=False)


def migrate(data_dir: DataDir = None) -> None:
    """Bring the database's tables up to date; safe to run at any time and by several at once."""
    base = visit(settings_beside(data_dir))
    try:
        before, after = migrations.migrate(base.dsn)
    except migrations.NewerDatabase as error:
        raise fail(str(error)) from None
    finally:
        base.close()
    say(f"schema at {after}, nothing to do" if before == after else f"schema {before or 'empty'} → {after}")
