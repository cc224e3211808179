"""Suppression lists: what is on them, loaded from files, added to, taken from, looked up."""

import csv
import getpass
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import orjson
import typer
from msgspec import Struct

from app.catalog.documents import ListDoc
from app.catalog.rows import catalogue_of
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
from app.commands.words import columns, counted
from app.components import discover
from app.ingest.fieldtype import fieldtypes
from app.pipeline.lists import How, Lists, Loaded, Loading, Refused
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.suppression import State

T = TypeVar("T")
Declared = Mapping[str, ListDoc]

list_ = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help=__doc__)

ListId = Annotated[str, typer.Argument(help="Its id in the catalogue.", autocompletion=completing.lists)]
Column = Annotated[
    str | None, typer.Option(help="Which column holds the entries: its name, its number, or 1+2.")
]
Errors = Annotated[
    Path | None, typer.Option(help="Where lines go that are no entries; else beside the file.")
]


@list_.command("show")
def show(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Every list: what it is of, how many are on it, since when."""

    async def work(declared: Declared, lists: Lists) -> list[dict[str, Any]]:
        states = await lists.states()
        return [_told(doc, states.get(doc.id)) for doc in declared.values()]

    found = _at_lists(data_dir, work)
    if not found:
        say("no list is declared; `lists: [{id: dnc, of: phone}]` in a catalogue declares one")
    if as_json:
        for one in found:
            typer.echo(orjson.dumps(one))
        return
    rows = [
        (one["id"], one["of"], one["hashed"] or "plain", f"{one['entries']:,}",
         f"{one['changes']:+,}" if one["changes"] else "", one["loaded"], "" if one["tell"] else "not told of",
         f"of {one['buyer']}" if one["buyer"] else "")
        for one in found
    ]  # fmt: skip
    for line in columns(rows, right=(3, 4)):
        typer.echo(line)


def _told(doc: ListDoc, state: State | None) -> dict[str, Any]:
    at = state.loaded_at if state else None
    return {
        "id": doc.id, "of": doc.of, "hashed": doc.hashed, "tell": doc.tell, "buyer": doc.buyer,
        "entries": state.entries if state else 0, "changes": state.changes if state else 0,
        "loaded": f"{at:%Y-%m-%d %H:%M}" if at else "never",
    }  # fmt: skip


@list_.command("load")
def load(
    list_id: ListId,
    file: Annotated[Path, typer.Argument(help="CSV or text, also gzipped: an entry a line.")],
    column: Column = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="The list becomes what the file says; else it is added.")
    ] = False,
    errors: Errors = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Put a file of entries on a list: all of it is in force when it ends, and nothing before."""
    given = Given(column, errors, dry_run, as_json, data_dir)
    _from_file(list_id, file, "replace" if replace else "add", given)


@list_.command("add")
def add(
    list_id: ListId,
    values: Annotated[list[str], typer.Argument(help="Entries.")],
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Put a few entries on a list."""
    _change(list_id, values, "add", Given(None, None, dry_run, as_json, data_dir))


@list_.command("remove")
def remove(
    list_id: ListId,
    values: Annotated[list[str] | None, typer.Argument(help="Entries.")] = None,
    file: Annotated[Path | None, typer.Option(help="A file of them.")] = None,
    column: Column = None,
    errors: Errors = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Take entries off a list."""
    given = Given(column, errors, dry_run, as_json, data_dir)
    if bool(values) == (file is not None):
        raise fail("name the entries, or a --file of them", 2)
    if file is not None:
        _from_file(list_id, file, "remove", given)
    else:
        _change(list_id, values or [], "remove", given)


@list_.command("check")
def check(
    value: Annotated[str, typer.Argument(help="A number, address, domain, or its hash.")],
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """On which lists a value is, as a lead with it would find; exit 1 where it is on none."""

    async def work(declared: Declared, lists: Lists) -> list[str]:
        found, refused = await lists.look_up(declared.values(), value)
        if len(refused) == len(declared):
            raise fail(f"it is an entry of no list ({', '.join(declared) or 'none is declared'})")
        return list(found)

    found = _at_lists(data_dir, work)
    for name in found:
        tell({"list": name}, name, as_json=as_json)
    if not found:
        say("on no list")
        raise typer.Exit(REFUSED)


@list_.command("clear")
def clear(
    list_id: ListId,
    dry_run: DryRun = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Take everything off a list. It stays declared."""

    async def work(declared: Declared, lists: Lists) -> int:
        doc, state = _one(declared, list_id), (await lists.states()).get(list_id)
        there = state.entries if state else 0
        if dry_run:
            say(f"{list_id}: {there:,} entries would be taken off")
            return there
        if not yes:
            typer.confirm(f"Take {there:,} entries off {list_id}?", abort=True, err=True)
        await lists.clear(doc, by=getpass.getuser())
        say(f"{list_id}: empty")
        return there

    taken = _at_lists(data_dir, work)
    tell({"list": list_id, "taken_off": taken, "dry_run": dry_run}, as_json=as_json)


class Given(Struct, frozen=True):
    """How it was typed."""

    column: str | None
    errors: Path | None
    dry_run: bool
    as_json: bool
    data_dir: Path | None


def _change(list_id: str, values: Sequence[str], how: Literal["add", "remove"], given: Given) -> None:
    dry = given.dry_run

    async def work(declared: Declared, lists: Lists) -> int:
        doc = _one(declared, list_id)
        adding = how == "add"
        refused = await lists.change(
            doc, add=values if adding else (), remove=() if adding else values, dry=dry
        )
        for _, at, why in refused:
            warn(f"error: entry {at + 1} {why}")
        return len(refused)

    refused = _at_lists(given.data_dir, work)
    done = len(values) - refused
    say(f"{list_id}: {counted(done, 'value')} {'would be ' if dry else ''}{_DONE[how]}")
    told = {"list": list_id, "how": how, "taken": done, "refused": refused, "dry_run": dry}
    tell(told, as_json=given.as_json)
    if refused:
        raise typer.Exit(REFUSED)


def _from_file(list_id: str, file: Path, how: How, given: Given) -> None:
    if not file.is_file():
        raise fail(f"{file} is no file", 2)
    beside, dry = given.errors or file.with_name(f"{file.name}.errors.csv"), given.dry_run

    async def work(declared: Declared, lists: Lists) -> Loaded:
        doc = _one(declared, list_id)
        with progress() as bar, refusals(beside) as note:

            def heard(loading: Loading, refused: Sequence[Refused]) -> None:
                note(refused)
                bar.read(loading.share * 0.95, loading.lines)  # what is left is laying it down

            return await lists.load(
                doc, file, how, by=getpass.getuser(), column=given.column, heard=heard, dry=dry
            )

    try:
        done = _at_lists(given.data_dir, work)
    except KeyboardInterrupt:
        raise fail(f"stopped; {list_id} is as it was, and the same command begins again") from None
    where = f" from column {done.columns.name}" if done.columns.name else ""
    became = _WOULD[how] if dry else _DONE[how]
    say(f"{list_id}: {counted(done.taken, 'line')}{where} {became}; {_now(done.state)}")
    if done.refused:
        warn(f"{counted(done.refused, 'line')} no entry: {beside}")
    told = {
        "list": list_id, "how": how, "taken": done.taken, "refused": done.refused, "entries": done.state.entries,
        "changes": done.state.changes, "dry_run": dry,
    }  # fmt: skip
    tell(told, as_json=given.as_json)


_DONE = {"add": "added", "replace": "are the list now", "remove": "taken off"}
_WOULD = {"add": "would be added", "replace": "would be the list", "remove": "would be taken off"}


def _now(state: State) -> str:
    changes = f" and {counted(state.changes, 'change')} on top" if state.changes else ""
    return f"{state.entries:,} on it{changes}"


@contextmanager
def refusals(path: Path) -> Iterator[Callable[[Sequence[Refused]], None]]:
    """The file of what was refused; there is none until there is something to say."""
    opened: Any = None

    def note(refused: Sequence[Refused]) -> None:
        nonlocal opened
        if refused and opened is None:
            opened = path.open("w", encoding="utf-8", newline="")
            csv.writer(opened).writerow(("line", "entry", "reason"))
        if opened is not None:
            csv.writer(opened).writerows((one.line, one.text, one.why) for one in refused)

    try:
        yield note
    except OSError as error:
        raise fail(f"{path} can't be written: {error.strerror} (--errors PATH)") from None
    finally:
        if opened is not None:
            opened.close()


def _one(declared: Declared, list_id: str) -> ListDoc:
    if list_id not in declared:
        raise fail(f"there is no list {list_id!r} (declared: {', '.join(declared) or 'none'})")
    return declared[list_id]


def _at_lists(data_dir: Path | None, work: Callable[[Declared, Lists], Awaitable[T]]) -> T:
    """`work` with the lists that the catalogue declares."""
    settings = settings_beside(data_dir)

    async def within(database: Database) -> T:
        discover()
        _, rows = await CatalogueStore(database).load()
        declared = {doc.id: doc for doc in catalogue_of(rows).lists}
        spool = settings.data_dir if settings.data_dir.is_dir() else None
        return await work(declared, Lists(database, fieldtypes, spool=spool))

    return at_database(settings, within)
