"""`apply`, `export` and `migrate`: what is configured, and the tables it stands in."""

import getpass
from pathlib import Path
from typing import Annotated

import typer

from app.catalog.lists import unfilled
from app.catalog.plan_text import document, hints
from app.catalog.planning import Plan
from app.catalog.problems import CatalogueErrors, render
from app.catalog.service import Configuration
from app.commands.desk import (
    CHANGES,
    REFUSED,
    AsJson,
    DataDir,
    at_database,
    fail,
    ground_of,
    say,
    settings_beside,
    tell,
    warn,
)
from app.commands.linking import warnings
from app.components import discover
from app.ground import sealer
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
    as_json: AsJson = False,
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
            warn(render(errors.problems))
            return REFUSED
        tell(document(applied.plan, applied.version), applied.text(), as_json=as_json)
        for hint in hints(applied.plan):
            say(f"hint: {hint}")
        spoken_of = {one.id for one in applied.plan.changes if one.action != "kept"}
        for contract, text in warnings(applied.plan.result, settings):
            if contract in spoken_of:
                warn(f"warning: contract {contract}: {text}")
        for name in await _empty_lists(database, applied.plan):
            say(f"hint: list {name} is empty, so it suppresses nobody: leadgate list load {name} FILE")
        return CHANGES if dry_run and exit_code and not applied.plan.empty else 0

    raise typer.Exit(at_database(settings, work, begins=True))


async def _empty_lists(database: Database, plan: Plan) -> list[str]:
    """Of those that this plan speaks of; `doctor` tells of all."""
    touched = plan.touched()
    campaigns = tuple(one for one in plan.result.campaigns if one.id in touched["campaign"])
    spoken_of = unfilled(plan.result.model_copy(update={"campaigns": campaigns}), ())
    async with database.acquire() as conn:
        states = await suppression.states(conn)
    empty = unfilled(plan.result, [name for name, state in states.items() if not state.empty])
    return [name for name in empty if name in touched["list"] or name in spoken_of]


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


def migrate(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what stands between, change nothing.")
    ] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Bring the database's tables up to date. Safe to run at any time and by several at once."""
    base = ground_of(settings_beside(data_dir), begins=not dry_run)
    try:
        before, after = (
            (migrations.current(base.dsn), migrations.head()) if dry_run else migrations.migrate(base.dsn)
        )
    except migrations.NewerDatabase as error:
        raise fail(str(error)) from None
    finally:
        base.close()
    would = "would be " if dry_run else ""
    say(
        f"schema at {after}, nothing to do"
        if before == after
        else f"schema {would}{before or 'empty'} → {after}"
    )
    tell({"before": before or None, "after": after, "dry_run": dry_run}, as_json=as_json)
