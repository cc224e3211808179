"""Suppression lists: loaded whole or by entries, in force at once and in every process, looked up once per batch."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from app.catalog.documents import ListDoc
from app.catalog.lists import key_of, texts_of
from app.core.errors import Conflict, Unprocessable
from app.core.registry import Registry
from app.ingest.entry import Entries, Keys, Refusal
from app.ingest.entry_file import Columns, EntryFile, columns_of
from app.ingest.fieldtype import FieldType
from app.pipeline.list_sort import BUCKETS, Sorter, blocks_of, cut
from app.store import suppression as store
from app.store.database import Database
from app.validate.check import Entry, Listed

How = Literal["add", "replace", "remove"]
AS_CHANGES = 20_000
"""So many entries go beside the blocks of a list; more, and the list is laid down anew."""

_WORDS = {
    "phone": ("phone", "telephone", "mobile", "cell", "number", "msisdn", "tel", "dnc"),
    "email": ("email", "mail"), "domain": ("domain", "host", "site"), "ip": ("ipaddress", "ip", "address", "network"),
}  # fmt: skip
_AT_ONCE = 2_000  # blocks that are written together: 3.6 MB


class Refused(Struct, frozen=True):
    """A line that is no entry: its number, what stands in it, why it is none."""

    line: int
    text: str
    why: str


class Loading(Struct):
    """How far a file is read: `share` between 0 and 1."""

    share: float = 0.0
    lines: int = 0
    taken: int = 0
    refused: int = 0


class Loaded(Struct, frozen=True, kw_only=True):
    """What became of a file, and what is on the list now."""

    columns: Columns
    lines: int
    taken: int
    refused: int
    state: store.State


Heard = Callable[[Loading, Sequence[Refused]], None]


class Lists:
    """What people and their programs do with lists. Until it returns, nothing of a load is in force; when it has, all is."""

    def __init__(
        self, database: Database, fieldtypes: Registry[FieldType[Any]], *, spool: Path | None = None
    ) -> None:
        self._database = database
        self._fieldtypes = fieldtypes
        self._spool = spool

    async def states(self) -> Mapping[str, store.State]:
        async with self._database.acquire() as conn:
            return await store.states(conn)

    async def _state(self, list_id: str) -> store.State:
        async with self._database.acquire() as conn:
            return await store.state(conn, list_id)

    async def load(
        self,
        doc: ListDoc,
        file: Path,
        how: How,
        *,
        by: str,
        column: str | None = None,
        heard: Heard | None = None,
        dry: bool = False,
    ) -> Loaded:
        """Raises Unreadable for what is no file of entries, Unprocessable where none of it is one. `dry`: only read,
        and the list is told as it stays."""
        entries, source = Entries(doc, self._fieldtypes), EntryFile(file)
        columns = columns_of(source.sample(), entries.keys, column, _WORDS[doc.of])
        loading, sorter = Loading(), Sorter(self._spool)
        try:
            reading = _read(source, columns, entries, sorter, loading)
            while (refused := await asyncio.to_thread(next, reading, None)) is not None:
                if heard is not None:
                    heard(loading, refused)
            if not loading.taken:
                raise Unprocessable(
                    f"none of {loading.lines:,} lines holds an entry; the list stays as it is",
                    code="no_entries",
                )
            state = await self._state(doc.id) if dry else await self._put(doc.id, sorter, how, by)
        finally:
            sorter.close()
        return Loaded(
            columns=columns, lines=loading.lines, taken=loading.taken, refused=loading.refused, state=state
        )

    async def change(
        self, doc: ListDoc, *, add: Sequence[str] = (), remove: Sequence[str] = (), dry: bool = False
    ) -> list[tuple[str, int, Refusal]]:
        """Take a few entries off a list, then put others on it, in one transaction. Those that are none come back:
        `add` or `remove`, their place in it, why. `dry`: which they would be, and nothing is changed."""
        entries, refused = Entries(doc, self._fieldtypes), list[tuple[str, int, Refusal]]()
        off, not_off = await asyncio.to_thread(_sorted_out, entries, remove)
        on, not_on = await asyncio.to_thread(_sorted_out, entries, add)
        refused += [("add", *one) for one in not_on] + [("remove", *one) for one in not_off]
        if dry:
            return refused
        async with self._database.acquire() as conn, conn.transaction():
            both = set(off) - set(on)
            await store.change(conn, doc.id, {**dict.fromkeys(both, False), **dict.fromkeys(on, True)})
        return refused

    async def look_up(self, docs: Iterable[ListDoc], text: str) -> tuple[list[str], Mapping[str, Refusal]]:
        """The lists that this value is on, as a lead with it would find; and for which of them it is no value."""
        asked: list[tuple[str, bytes]] = []
        refused: dict[str, Refusal] = {}
        for doc in docs:
            entries = Entries(doc, self._fieldtypes)
            keys = _asked(doc, entries, text)
            if isinstance(keys, str):
                refused[doc.id] = keys
            else:
                asked += [(doc.id, key) for key in keys]
        async with self._database.acquire() as conn:
            hits = await store.hits(conn, asked)
        return list(dict.fromkeys(asked[at][0] for at in hits)), refused

    async def clear(self, doc: ListDoc, *, by: str) -> None:
        """Take everything off."""
        sorter = Sorter(self._spool)
        try:
            await self._lay_down(doc.id, sorter, "replace", by)
        finally:
            sorter.close()

    async def compact(self, list_id: str) -> None:
        """Lay the list down anew with its changes in it. Nothing where somebody else is at it."""
        sorter = Sorter(self._spool)
        try:
            await self._lay_down(list_id, sorter, "add", "compaction")
        except Conflict:
            pass
        finally:
            sorter.close()

    async def tidy(self) -> None:
        """Lists with many changes are laid down anew, now and then."""
        for state in (await self.states()).values():
            if state.changes > AS_CHANGES:
                await self.compact(state.list)

    # a generation ------------------------------------------------------------------------------------

    async def _put(self, list_id: str, sorter: Sorter, how: How, by: str) -> store.State:
        if how != "replace" and sorter.count <= AS_CHANGES:
            async with self._database.acquire() as conn:
                known = await store.state(conn, list_id)
                if known.entries + known.changes > sorter.count:
                    async with conn.transaction():
                        await store.change(conn, list_id, dict.fromkeys(sorter.all(), how == "add"))
                    return await store.state(conn, list_id)
        return await self._lay_down(list_id, sorter, how, by)

    async def _lay_down(self, list_id: str, sorter: Sorter, how: How, by: str) -> store.State:
        """Beside the one in force, then switched to in one transaction. A load that is broken off before that has
        changed nothing, and its blocks are dropped by the next one."""
        async with self._alone(list_id) as conn:
            await store.drop_others(conn, list_id)
            before, changes = await store.state(conn, list_id), await store.changes(conn, list_id)
            under = _by_bucket(changes if how != "replace" else ())
            generation = await store.next_generation(conn)
            entries, waiting = 0, list[tuple[bytes, bytes]]()
            for number in range(BUCKETS):
                old = (
                    b""
                    if how == "replace"
                    else await store.keys_under(conn, list_id, before.generation, number)
                )
                keys = await asyncio.to_thread(_merged, old, under.get(number, ()), sorter, number, how)
                entries += len(keys)
                waiting += await asyncio.to_thread(blocks_of, keys, store.BLOCK_KEYS)
                if len(waiting) >= _AT_ONCE or number == BUCKETS - 1:
                    await store.lay_down(conn, list_id, generation, waiting)
                    waiting.clear()
            async with conn.transaction():
                await store.switch(conn, list_id, generation, entries, by=by, merged=changes)
            await store.drop_others(conn, list_id)
            return await store.state(conn, list_id)

    @asynccontextmanager
    async def _alone(self, list_id: str) -> AsyncIterator[Any]:
        async with self._database.acquire() as conn:
            if not await store.alone(conn, list_id):
                raise Conflict("this list is being loaded at this moment; try again when that has ended")
            try:
                yield conn
            finally:
                if not conn.is_closed():
                    await store.done(conn, list_id)


def _read(
    source: EntryFile, columns: Columns, entries: Entries, sorter: Sorter, loading: Loading
) -> Iterator[list[Refused]]:
    """After each block, what was refused in it."""
    skip = columns.header
    for lines, read in source.blocks():
        refused, found = list[Refused](), list[bytes]()
        for line in lines:
            loading.lines += 1
            if not line or line.isspace():
                continue
            if skip:
                skip = False
                continue
            keys = entries.keys(text := columns.of(line))
            if isinstance(keys, str):
                refused.append(Refused(loading.lines, text or line, keys))
            else:
                found += keys
                loading.taken += 1
        sorter.add(found)
        loading.refused += len(refused)
        loading.share = min(1.0, read / max(1, source.size))
        yield refused


def _sorted_out(entries: Entries, texts: Sequence[str]) -> tuple[list[bytes], list[tuple[int, Refusal]]]:
    found: list[bytes] = []
    refused: list[tuple[int, Refusal]] = []
    for at, text in enumerate(texts):
        keys = entries.keys(text)
        if isinstance(keys, str):
            refused.append((at, keys))
        else:
            found += keys
    return found, refused


def _by_bucket(changes: Iterable[store.Change]) -> dict[int, list[store.Change]]:
    found: dict[int, list[store.Change]] = {}
    for one in changes:
        found.setdefault(one.key[0], []).append(one)
    return found


def _merged(old: bytes, changes: Sequence[store.Change], sorter: Sorter, number: int, how: How) -> set[bytes]:
    """In the order in which it was said: the blocks, the changes on them, the file."""
    keys = set(cut(old))
    for one in changes:
        if one.present:
            keys.add(one.key)
        else:
            keys.discard(one.key)
    mine = sorter.bucket(number)
    return keys - mine if how == "remove" else keys | mine


def _asked(doc: ListDoc, entries: Entries, text: str) -> Keys | Refusal:
    """As a lead asks: by every form of its normal value; or by a hash as it stands on the list."""
    normal = entries.normal(text)
    if normal is None:
        return entries.keys(text)
    return keys_of(doc, normal)


# as evidence -------------------------------------------------------------------------------------------


def keys_of(doc: ListDoc, value: str) -> Keys:
    return tuple(key_of(text, doc.hashed) for text in texts_of(doc, value))


async def find(
    conn: Any, lists: Mapping[str, ListDoc], asks: Iterable[Listed]
) -> dict[Listed, tuple[Entry, ...]]:
    """Every question of a batch in one statement; each hash of a value is made once, and only where a list needs it."""
    found: dict[Listed, tuple[Entry, ...]] = dict.fromkeys(asks, ())
    places: list[tuple[Listed, ListDoc]] = []
    asked: list[tuple[str, bytes]] = []
    made: dict[tuple[str, Any], Keys] = {}
    for ask in found:
        for name in ask.lists:
            doc = lists.get(name)
            if doc is None or doc.of != ask.kind:
                continue
            how = (ask.value, (doc.of, doc.hashed, doc.written, doc.country))
            if (keys := made.get(how)) is None:
                keys = made[how] = keys_of(doc, ask.value)
            asked += [(name, key) for key in keys]
            places += [(ask, doc)] * len(keys)
    if asked:
        for at in sorted(await store.hits(conn, asked)):
            ask, doc = places[at]
            entry = Entry(doc.id, doc.tell)
            if entry not in found[ask]:
                found[ask] = (*found[ask], entry)
    return found
