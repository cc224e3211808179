"""Tables of enrichers: loaded from a file whole or not at all, in force at once and in every process."""

import asyncio
from collections.abc import AsyncIterator, Callable, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import orjson
from msgspec import Struct

from app.catalog.snapshot import EnricherPart
from app.core.errors import Conflict, Unprocessable
from app.enrich.enrichers.table import TableSettings
from app.ingest.format import Unreadable
from app.ingest.raw import is_blank, written
from app.model import Record
from app.pipeline.lists import Loading, Refused
from app.pipeline.table_files import AT_ONCE, TableFile, table_file
from app.store import tables as store
from app.store.database import Database

LONGEST_CELL = 2_000

Heard = Callable[[Loading, Sequence[Refused]], None]
Rows = list[tuple[bytes, str]]


class LoadedTable(Struct, frozen=True, kw_only=True):
    """What became of a file. `entries` are the rows now: of several with one key the last is meant."""

    lines: int
    taken: int
    refused: int
    entries: int


class Tables:
    """What people do with tables. Until a load returns, nothing of it is in force; when it has, all is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def states(self) -> Mapping[str, store.TableState]:
        async with self._database.acquire() as conn:
            return await store.states(conn)

    async def weigh(self, part: EnricherPart, file: Path, heard: Heard | None = None) -> LoadedTable:
        """What `load` would make of the file, by reading it. `entries` counts a key as often as it is there.
        Raises as `load` does."""
        loading = Loading()
        with closing(_read(file, settings_of(part), loading)) as reading:
            while (block := await asyncio.to_thread(next, reading, None)) is not None:
                if heard is not None:
                    heard(loading, block[1])
        _refuse_none(loading, settings_of(part))
        taken = loading.taken
        return LoadedTable(lines=loading.lines, taken=taken, refused=loading.refused, entries=taken)

    async def load(
        self, part: EnricherPart, file: Path, *, by: str, heard: Heard | None = None
    ) -> LoadedTable:
        """Raises Unreadable for what is no table with these columns, Unprocessable where it has no row."""
        to = settings_of(part)
        loading = Loading()
        async with self._alone(part.id) as conn:
            await store.drop_others(conn, part.id)
            generation = await store.next_generation(conn)
            with closing(_read(file, to, loading)) as reading:
                while (block := await asyncio.to_thread(next, reading, None)) is not None:
                    found, refused = block
                    if found:
                        await store.lay_down(conn, part.id, generation, found)
                    if heard is not None:
                        heard(loading, refused)
            _refuse_none(loading, to)
            async with conn.transaction():
                entries = await store.switch(conn, part.id, generation, by=by)
            await store.drop_others(conn, part.id)
        return LoadedTable(lines=loading.lines, taken=loading.taken, refused=loading.refused, entries=entries)

    async def clear(self, part: EnricherPart, *, by: str) -> None:
        """Take every row out of it."""
        async with self._alone(part.id) as conn:
            async with conn.transaction():
                await store.switch(conn, part.id, await store.next_generation(conn), by=by)
            await store.drop_others(conn, part.id)

    async def look_up(self, part: EnricherPart, values: Sequence[str]) -> Mapping[str, Any] | None:
        """What the table says of a key, its values in order, as a lead with them would find; None for no row.
        Raises Unprocessable for what is no key."""
        key = settings_of(part).key_of(values)
        if key is None:
            raise Unprocessable("that is no key of this table", code="no_entries")
        async with self._database.acquire() as conn:
            found = await store.rows(conn, [(part.id, key)])
        return orjson.loads(found[0]) if found else None

    @asynccontextmanager
    async def _alone(self, name: str) -> AsyncIterator[Any]:
        async with self._database.acquire() as conn:
            if not await store.alone(conn, name):
                raise Conflict("this table is being loaded at this moment; try again when that has ended")
            try:
                yield conn
            finally:
                if not conn.is_closed():
                    await store.done(conn, name)


def settings_of(part: EnricherPart) -> TableSettings:
    assert isinstance(part.settings, TableSettings), "only tables are loaded"
    return part.settings


def _refuse_none(loading: Loading, to: TableSettings) -> None:
    if not loading.taken:
        raise Unprocessable(
            f"none of {loading.lines:,} rows can be found by {', '.join(to.key)}; the table stays as it is",
            code="no_entries",
        )


# a file -----------------------------------------------------------------------------------------------


def _read(
    file: Path, to: TableSettings, loading: Loading
) -> Generator[tuple[Rows, list[Refused]], None, None]:
    """Blocks of rows, and what was refused among them."""
    source = table_file(file)
    names = _columns(source, to)
    found, refused = Rows(), list[Refused]()

    def unread(line: int, cells: Sequence[str], why: Unreadable) -> None:
        loading.lines += 1
        refused.append(Refused(line, " ".join(cells[:5])[:LONGEST_CELL], why.detail))

    for line, record in source.rows(tuple(dict.fromkeys((*names[0], *names[1].values()))), unread):
        loading.lines += 1
        row = _row(record, to, names)
        if isinstance(row, str):
            shown = " ".join(written(record.get(name)) for name in names[0])
            refused.append(Refused(line, shown[:LONGEST_CELL], row))
        else:
            found.append(row)
            loading.taken += 1
        if len(found) + len(refused) >= AT_ONCE:
            loading.refused += len(refused)
            loading.share = source.share
            yield found, list(refused)
            found = Rows()
            refused.clear()
    loading.refused += len(refused)
    loading.share = 1.0
    yield found, list(refused)


Names = tuple[tuple[str, ...], Mapping[str, str]]


def _columns(file: TableFile, to: TableSettings) -> Names:
    """(the key's columns, what is said → its column) by the file's own names; case doesn't matter."""
    header = file.header()
    folded = {name.casefold(): name for name in reversed(header)} | {name: name for name in header}
    wanted = dict.fromkeys((*to.key_columns, *to.fields.values()))
    missing = [name for name in wanted if name not in folded and name.casefold() not in folded]
    if missing:
        raise Unreadable(
            f"the file has no column {', '.join(missing)}; it has {', '.join(header)[:500]}", code="header"
        )
    own = {name: folded.get(name, folded.get(name.casefold(), name)) for name in wanted}
    return tuple(own[name] for name in to.key_columns), {name: own[name] for name in to.fields.values()}


def _row(record: Record, to: TableSettings, names: Names) -> tuple[bytes, str] | str:
    """(key, what it says as JSON), or why it is no row."""
    key, said = names
    digest = to.key_of([record.get(name) for name in key])
    if digest is None:
        return f"has no {' and '.join(to.key)} that a lead could have"
    told = {
        column: written(record.get(name)) for column, name in said.items() if not is_blank(record.get(name))
    }
    if any(len(text) > LONGEST_CELL for text in told.values()):
        return f"has a cell of more than {LONGEST_CELL:,} characters"
    return digest, orjson.dumps(told).decode()
