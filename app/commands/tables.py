"""Tables of enrichers: loaded from files, looked up."""

import getpass
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
import typer

from app.catalog.snapshot import EnricherPart, build
from app.commands import completing
from app.commands.desk import (
    REFUSED,
    AsJson,
    DataDir,
    DryRun,
    at_database,
    fail,
    say,
    settings_beside,
    tell,
    warn,
)
from app.commands.importing import progress
from app.commands.lists import refusals
from app.commands.words import columns, counted
from app.components import discover
from app.enrich.enrichers.table import TableSettings
from app.ground import sealer
from app.pipeline.lists import Loading, Refused
from app.pipeline.tables import LoadedTable, Tables, settings_of
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.tables import TableState

T = TypeVar("T")
Declared = Mapping[str, EnricherPart]

table = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)

Name = Annotated[
    str, typer.Argument(help="The id of an enricher that is a table.", autocompletion=completing.enrichers)
]


@table.command("show")
def show(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Every table: what its rows are found by, what they fill, how many there are, since when."""

    async def work(declared: Declared, tables: Tables) -> list[dict[str, Any]]:
        states = await tables.states()
        return [_told(part, states.get(part.id)) for part in declared.values()]

    found = _at_tables(data_dir, work)
    if not found:
        say("no table is declared; docs/enrichment.md shows how")
    if as_json:
        for one in found:
            typer.echo(orjson.dumps(one))
        return
    rows = [
        (
            one["id"],
            "by " + ", ".join(one["key"]),
            "fills " + ", ".join(one["fills"]),
            f"{one['rows']:,}",
            one["loaded"],
        )
        for one in found
    ]
    for line in columns(rows, right=(3,)):
        typer.echo(line)


def _told(part: EnricherPart, state: TableState | None) -> dict[str, Any]:
    to, at = settings_of(part), state.loaded_at if state else None
    return {
        "id": part.id, "key": list(to.key), "fills": list(to.fields), "rows": state.entries if state else 0,
        "loaded": f"{at:%Y-%m-%d %H:%M}" if at else "never",
    }  # fmt: skip


@table.command("load")
def load(
    name: Name,
    file: Annotated[Path, typer.Argument(help="CSV or TSV with a header, also gzipped, or Parquet.")],
    errors: Annotated[
        Path | None, typer.Option(help="Where rows go that nobody could be found by; else beside the file.")
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """The table becomes what a file says: all of it is in force when this ends, and nothing before."""
    if not file.is_file():
        raise fail(f"{file} is no file", 2)
    beside = errors or file.with_name(f"{file.name}.errors.csv")

    async def work(declared: Declared, tables: Tables) -> LoadedTable:
        part = _one(declared, name)
        with progress() as bar, refusals(beside) as note:

            def heard(loading: Loading, refused: Sequence[Refused]) -> None:
                note(refused)
                bar.read(loading.share * 0.95, loading.lines)  # what is left is the switch

            if dry_run:
                return await tables.weigh(part, file, heard)
            return await tables.load(part, file, by=getpass.getuser(), heard=heard)

    try:
        done = _at_tables(data_dir, work)
    except KeyboardInterrupt:
        raise fail(f"stopped; {name} is as it was, and the same command begins again") from None
    became = "the table would be these" if dry_run else f"{done.entries:,} in it"
    say(f"{name}: {counted(done.taken, 'row')} read; {became}")
    if done.refused:
        warn(f"{counted(done.refused, 'row')} left out: {beside}")
    told = {"table": name, "taken": done.taken, "refused": done.refused, "dry_run": dry_run}
    tell(told if dry_run else {**told, "rows": done.entries}, as_json=as_json)


@table.command("check")
def check(
    name: Name,
    values: Annotated[list[str], typer.Argument(help="The values of its key, in order.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """What a table says of a key, as a lead with it would find; exit 1 where it has no such row."""

    async def work(declared: Declared, tables: Tables) -> Mapping[str, Any] | None:
        part = _one(declared, name)
        if len(values) != len(key := settings_of(part).key):
            raise fail(f"{name} is found by {', '.join(key)}: give {counted(len(key), 'value')}", 2)
        return await tables.look_up(part, values)

    found = _at_tables(data_dir, work)
    if found is None:
        say("no such row")
        raise typer.Exit(REFUSED)
    tell(found, *columns([(column, str(text)) for column, text in found.items()]), as_json=as_json)


@table.command("clear")
def clear(
    name: Name,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Take every row out of a table. It stays declared."""

    async def work(declared: Declared, tables: Tables) -> int:
        part, state = _one(declared, name), (await tables.states()).get(name)
        there = state.entries if state else 0
        if dry_run:
            say(f"{name}: {counted(there, 'row')} would be taken out")
            return there
        if not yes:
            typer.confirm(f"Take {there:,} rows out of {name}?", abort=True, err=True)
        await tables.clear(part, by=getpass.getuser())
        say(f"{name}: empty")
        return there

    taken = _at_tables(data_dir, work)
    tell({"table": name, "taken_out": taken, "dry_run": dry_run}, as_json=as_json)


def _one(declared: Declared, name: str) -> EnricherPart:
    if name not in declared:
        raise fail(f"there is no table {name!r} (declared: {', '.join(declared) or 'none'})")
    return declared[name]


def _at_tables(data_dir: Path | None, work: Callable[[Declared, Tables], Awaitable[T]]) -> T:
    """`work` with the tables that the catalogue declares."""
    settings = settings_beside(data_dir)

    async def within(database: Database) -> T:
        version, rows = await CatalogueStore(database).load()
        only = {"enricher": rows.get("enricher", ())}
        parts = build(version, only, (), discover(), sealer(settings)).enrichers
        declared = {id_: part for id_, part in parts.items() if isinstance(part.settings, TableSettings)}
        return await work(declared, Tables(database))

    return at_database(settings, within)
