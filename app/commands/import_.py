"""`import`: a file of leads of any size comes in, row by row durable, and goes on where it was stopped."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from msgspec import Struct

from app.api.batches import previewed, standing
from app.catalog.snapshot import Snapshot
from app.commands import completing
from app.commands.beside import snapshot_of
from app.commands.desk import (
    USAGE,
    AsJson,
    DataDir,
    at_database,
    fail,
    say,
    settings_beside,
    tell,
    warn,
    world,
)
from app.commands.importing import Bar, ended, first_rows, plan_of, progress
from app.commands.present import present
from app.commands.words import counted
from app.core.errors import Conflict, Unreadable
from app.core.metrics import Metrics
from app.ingest.fieldtype import fieldtypes
from app.ingest.files import sheet_named
from app.ingest.format import formats
from app.ingest.reading import Reader
from app.pipeline.batch_errors import error_file
from app.pipeline.batch_rows import Stride
from app.pipeline.batch_spool import Spool, digest, identity_of
from app.pipeline.batches import Batches, Given
from app.pipeline.plans import Plans
from app.settings import Settings
from app.store import batches as store
from app.store import processes
from app.store.batches import Batch
from app.store.database import Database
from app.store.trial import transaction
from app.validate.check import checks

_LOOK_EVERY = 0.5
_DECIDERS = ("serve", "worker")

Map = Annotated[
    list[str] | None, typer.Option("--map", help="Correct a guess: --map 'E-Mail=email'; --map 'Fax=' aside.")
]
Again = Annotated[
    bool, typer.Option("--again", help="Take a file in once more that came in before, as another batch.")
]
NoWait = Annotated[
    bool, typer.Option("--no-wait", help="End when every row is durable, before it is decided.")
]


class Asked(Struct, frozen=True, kw_only=True):
    """What was typed."""

    file: Path
    source: str
    said: Mapping[str, str]
    sheet: str | None
    test: bool
    resume: str | None
    again: bool
    wait: bool
    errors: Path | None
    as_json: bool


class Stopped(Struct):
    """Where it stands, for whoever breaks it off."""

    batch: Batch | None = None
    rows: int = 0


def import_(
    file: Annotated[Path | None, typer.Argument(help="CSV, TSV, XLSX, XLS, ODS, NDJSON, JSON, RSS.")] = None,
    source: Annotated[
        str | None, typer.Option(help="As which source.", autocompletion=completing.sources)
    ] = None,
    map: Map = None,
    sheet: Annotated[str | None, typer.Option(help="Which sheet of a workbook; else the first.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the mapping, and the first rows as they would be read.")
    ] = False,
    test: Annotated[bool, typer.Option("--test", help="Every row is a test lead.")] = False,
    resume: Annotated[str | None, typer.Option(help="Go on with this batch.")] = None,
    again: Again = False,
    cancel: Annotated[str | None, typer.Option(help="Read no more of this batch, and end.")] = None,
    errors: Annotated[
        Path | None, typer.Option(help="Where rows go that were not taken; else beside the file.")
    ] = None,
    no_wait: NoWait = False,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Take a file of leads in. The same file again, or --resume, goes on where it was stopped; no row is read twice."""
    if cancel:
        raise typer.Exit(_cancel(settings_beside(data_dir), cancel, dry_run=dry_run, as_json=as_json))
    if file is None or source is None:
        raise fail("give a file, and --source with whose leads they are", USAGE)
    if resume and again:
        raise fail("--resume goes on with a batch, --again begins another; give one", USAGE)
    asked = Asked(
        file=file, source=source, said=_said(map or []), sheet=sheet, test=test, resume=resume, again=again,
        wait=not no_wait, errors=errors, as_json=as_json,
    )  # fmt: skip
    settings, stopped = settings_beside(data_dir), Stopped()

    async def work(database: Database) -> int:
        snapshot = await snapshot_of(database, settings)
        if source not in snapshot.sources:
            raise fail(f"there is no source {source!r} (known: {', '.join(snapshot.sources) or 'none'})")
        given = await asyncio.to_thread(_given, asked)
        async with _process(database, settings, snapshot) as batches:
            if dry_run:
                shown = await batches.preview(source, given)
                plan = Plans(snapshot, fieldtypes, checks).source(source)
                assert plan is not None, "it is there"
                lines = (*plan_of(given, shown), *first_rows(shown, plan.fields))
                tell(previewed(shown).model_dump(), *lines, as_json=as_json)
                return 0
            return await _import(database, batches, asked, given, stopped, settings.lease_seconds)

    try:
        raise typer.Exit(at_database(settings, work))
    except KeyboardInterrupt:
        raise _broken_off(asked, stopped) from None


def _cancel(settings: Settings, ending: str, *, dry_run: bool, as_json: bool) -> int:
    """A file that the service has is dropped; one that lies somewhere stays there."""

    async def work(database: Database) -> int:
        async with database.acquire() as conn:
            found = await store.ending(conn, ending)
            _refuse_none_or_many(found, ending)
            async with transaction(conn, dry=dry_run):
                batch = await store.cancel(conn, found[0].id)
        if batch is None:
            raise fail(f"there is nothing left to cancel: the batch is {found[0].state}")
        if dry_run:
            say(f"would be cancelled behind {counted(batch.rows, 'row')}: rows that came in stay leads")
        else:
            Spool(settings.data_dir / "batches").drop(batch.id)
            for line in ended(batch, None):
                say(line)
        tell({**standing(batch), "dry_run": dry_run}, as_json=as_json)
        return 0

    return at_database(settings, work)


def _refuse_none_or_many(found: Sequence[Batch], ending: str) -> None:
    if not found:
        raise fail(
            f"no batch has an id that ends in {ending!r}; `leadgate import` says it when it begins one"
        )
    if len(found) > 1:
        ids = ", ".join(str(one.id) for one in found)
        raise fail(f"several batches have ids that end in {ending!r}: {ids}")


def _said(pairs: list[str]) -> dict[str, str]:
    for pair in pairs:
        if "=" not in pair:
            raise fail(f"--map {pair!r} has no =; write --map 'their column=our field'", USAGE)
    return {column: field.strip() for column, _, field in (pair.rpartition("=") for pair in pairs)}


def _given(asked: Asked) -> Given:
    try:
        found = digest(asked.file)
    except OSError as error:
        raise fail(f"{asked.file} can't be read: {error.strerror}") from None
    return Given(
        file=asked.file, fingerprint=found.fingerprint, size=found.size, name=asked.file.name, said=asked.said,
        content_type=sheet_named(asked.sheet), test=asked.test,
        identity=b"" if asked.again else identity_of(f"file:{found.fingerprint.hex()}:{asked.sheet or ''}"),
    )  # fmt: skip


@asynccontextmanager
async def _process(database: Database, settings: Settings, snapshot: Snapshot) -> AsyncIterator[Batches]:
    """What reads the file, seen by others for as long as it lives."""
    plans = Plans(snapshot, fieldtypes, checks)
    async with present(database, "import", settings.lease_seconds) as me:
        yield Batches(
            database, Reader(formats), world(), Metrics(), Spool(settings.data_dir / "batches"),
            process_id=lambda: me, plans=lambda: plans, lease_seconds=settings.lease_seconds,
            tell=lambda _: None,
        )  # fmt: skip


async def _import(
    database: Database, batches: Batches, asked: Asked, given: Given, stopped: Stopped, lease: float
) -> int:
    batch, new = await _batch(database, batches, asked, given)
    stopped.batch, stopped.rows = batch, batch.rows
    if not new:
        say(_before(asked, batch))
    if batch.state == "reading":
        with progress() as bar, _followed(batches, bar, stopped):
            telling = asyncio.create_task(_tell(database, batches, bar, batch.id))
            try:
                batch = await batches.read(batch, asked.file)
            except (Unreadable, Conflict):  # it says itself how it ended
                batch = await _looked(database, batches, batch.id)
            finally:
                telling.cancel()
    batch = await _settled(database, batches, batch, wait=asked.wait, lease=lease)
    path = await _errors(database, batch, asked)
    for line in ended(batch, path):
        (say if batch.state == "done" else warn)(line)
    if none := _is_none_accepted(batch):
        warn("none of its rows was accepted")
    tell({**standing(batch), "errors": path}, as_json=asked.as_json)
    return 1 if none or batch.state in ("failed", "cancelled") else 0


def _is_none_accepted(batch: Batch) -> bool:
    """Of rows that there were, and none of which may be yet: a script that sends a file each night wants to know."""
    return batch.state == "done" and batch.rows > 0 and not (batch.accepted or batch.held or batch.parked)


async def _batch(database: Database, batches: Batches, asked: Asked, given: Given) -> tuple[Batch, bool]:
    if asked.resume is None:
        batch, new = await batches.begin(
            asked.source, given, mine=True, shown=(shown := await batches.preview(asked.source, given))
        )
        for line in plan_of(given, shown) if new else ():
            say(line)
        return batch, new
    async with database.acquire() as conn:
        found = await store.ending(conn, asked.resume)
    found = [one for one in found if one.source == asked.source]
    _refuse_none_or_many(found, asked.resume)
    if found[0].fingerprint != given.fingerprint:
        raise fail(
            f"{asked.file} is not the file that batch {asked.resume} was begun with, or it has changed since"
        )
    return found[0], False


def _before(asked: Asked, batch: Batch) -> str:
    if batch.state == "reading":
        kept = " with the mapping it began with" if asked.said else ""
        return f"goes on behind row {batch.rows:,}{kept} (batch {batch.id})"
    if batch.state == "cancelled":
        return f"{asked.file.name} was begun before and cancelled (batch {batch.id}); --again takes all of it in anew"
    anew = ", with this --map" if asked.said else ""
    read = ", read as it was guessed and said then" if asked.said else ""
    return f"{asked.file.name} came in before{read} (batch {batch.id}); --again takes it in once more{anew}"


@contextmanager
def _followed(batches: Batches, bar: Bar, stopped: Stopped) -> Iterator[None]:
    """The bar moves with each stride that is durable."""

    def moved(batch: Batch, stride: Stride) -> None:
        stopped.rows += stride.rows
        bar.read(stride.read_bytes / max(1, batch.size), stopped.rows)

    batches.reading.progress = moved
    yield


async def _tell(database: Database, batches: Batches, bar: Bar, batch_id: UUID) -> None:
    """What the service has made of the rows meanwhile."""
    while True:
        await asyncio.sleep(_LOOK_EVERY)
        with suppress(Exception):
            bar.decided(await _looked(database, batches, batch_id))


async def _looked(database: Database, batches: Batches, batch_id: UUID) -> Batch:
    await batches.tally()
    async with database.acquire() as conn:
        found = await store.by_id(conn, batch_id)
    assert found is not None, "a batch is not deleted"
    return found


async def _settled(database: Database, batches: Batches, batch: Batch, *, wait: bool, lease: float) -> Batch:
    """Until every row is decided, if there is anybody to decide."""
    batch = await _looked(database, batches, batch.id)
    if batch.state != "deciding" or not wait or not await _decided_by_anybody(database, lease):
        return batch
    with progress() as bar:
        while batch.state == "deciding":
            bar.decided(batch, done=1 - batch.undecided / max(1, batch.kept))
            await asyncio.sleep(_LOOK_EVERY)
            batch = await _looked(database, batches, batch.id)
    return batch


async def _decided_by_anybody(database: Database, lease_seconds: float) -> bool:
    async with database.acquire() as conn:
        found = await processes.alive(conn)
    return any(one["role"] in _DECIDERS and one["age"] < lease_seconds for one in found)


async def _errors(database: Database, batch: Batch, asked: Asked) -> Path | None:
    """The rows that were not taken, as a file beside the file; None where there is none."""
    if not batch.refused and not batch.rejected:
        return None
    file = error_file(database, batch)
    path = asked.errors or asked.file.with_name(file.name)
    try:
        with path.open("wb") as out:
            async for chunk in file.chunks:
                out.write(chunk)
    except OSError as error:
        warn(f"the rows that were not taken can't be written to {path}: {error.strerror} (--errors PATH)")
        return None
    return path


def _broken_off(asked: Asked, stopped: Stopped) -> typer.Exit:
    if stopped.batch is None:
        return fail("stopped before anything was begun")
    warn(
        f"stopped behind row {stopped.rows:,}. Go on with: leadgate import {asked.file} --source {asked.source} "
        f"--resume {stopped.batch.id}   (no row is read twice)"
    )
    return typer.Exit(1)
