"""Takes files of leads in, and up again where a killed process stopped; nobody's row comes twice."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from app.core.errors import Conflict, NotDurable, NotFound, TooMany, Unprocessable, Unreadable
from app.core.events import BatchBegun, Event, Id, bug, emit
from app.core.metrics import Metrics
from app.core.world import World
from app.ingest.fieldtype import fieldtypes
from app.ingest.files import Look, look_at
from app.ingest.guessing import Guess, guess, names_of
from app.ingest.reading import Reader
from app.model import Record
from app.pipeline.batch_reading import BatchReading
from app.pipeline.batch_spool import Spool, digest, identity_of
from app.pipeline.faults import Retrying
from app.pipeline.plans import Plans
from app.store import batches as store
from app.store.batches import Batch, NewBatch, Overtaken
from app.store.database import Database, is_ambiguous, is_away, marked

_MOST_AT_ONCE = 3  # files read at the same time by one process
_MOST_OPEN = 20  # of one source
_LOOK_EVERY, _TALLY_EVERY, _CLEAN_EVERY = 0.5, 1.0, 600.0
_TALLIED = 200
_PATIENCE = 2.0  # seconds that whoever sends a file waits for the database


class BatchResult(Struct, frozen=True):
    """What came of a file: its rows, those that are durable, those that could not be read."""

    rows: int
    kept: int
    refused: int


class Given(Struct, frozen=True, kw_only=True):
    """A whole file on the disk, and what its sender said of it. `identity` empty: it is told from no other."""

    file: Path
    fingerprint: bytes
    size: int
    name: str = ""
    content_type: str = ""
    identity: bytes = b""
    said: Mapping[str, str] = {}
    test: bool = False
    remote: str = ""
    key_hint: str = ""


class Preview(Struct, frozen=True):
    """What would be read, and as what: `names` are the columns that are kept under another name, `lacking` are the
    required fields that none of the first rows has."""

    look: Look
    guesses: Sequence[Guess]
    names: dict[str, str]
    lacking: Sequence[str] = ()


class Batches:
    """`start` reads what waits in the spool, whoever left it there; `import_file` reads a file where it lies.

    One process at a time has a batch in hand, by a lease. Rows are durable as they are read; the inbox decides
    them as it decides everything else, and `tally` counts what became of them.
    """

    def __init__(
        self, database: Database, reader: Reader, world: World, metrics: Metrics, spool: Spool, *,
        process_id: Callable[[], UUID], plans: Callable[[], Plans], lease_seconds: float,
        arrived: Callable[[], int] = lambda: 0, tell: Callable[[Event], object] = emit,
    ) -> None:  # fmt: skip
        self.spool = spool
        self._database, self._reader, self._world, self._metrics = database, reader, world, metrics
        self._process_id, self._plans, self._lease = process_id, plans, lease_seconds
        self.reading = BatchReading(database, reader, world, metrics, arrived=arrived, tell=tell)
        self._tell = tell
        self._retrying = Retrying(world, metrics)
        self._beginning = Retrying(world, metrics, patience=_PATIENCE)
        self._in_hand: dict[UUID, asyncio.Task[None] | None] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._wake = asyncio.Event()

    # a file begins ----------------------------------------------------------------------------------

    async def preview(self, source_id: str, given: Given) -> Preview:
        """Nothing is changed. Raises Unreadable, UnknownType, NotFound, Unprocessable."""
        snapshot = self._plans().snapshot
        source = snapshot.sources.get(source_id)
        if source is None or source.paused:
            raise NotFound(
                f"source {source_id} is {'paused' if source else 'not configured'}", code="source_off"
            )
        async with self.reading.room(given.file):
            look = await asyncio.to_thread(
                look_at, given.file, given.content_type, self._reader, name=given.name
            )
        campaign, records = snapshot.campaigns[source.campaign], [record for _, record in look.first]
        guesses = guess(look.shape.columns, records, source, campaign, fieldtypes, said=given.said)
        names = names_of(guesses, source, campaign)
        return Preview(look, guesses, names, self._lacking(source_id, records, names))

    def _lacking(self, source_id: str, records: Sequence[Record], names: Mapping[str, str]) -> Sequence[str]:
        """A column that nobody recognised costs every row of a file; it is told before the first."""
        plan = self._plans().source(source_id)
        if plan is None or not records:
            return ()
        here: set[str] = set()
        for record in records:
            here |= plan.fields.apply({names.get(name, name): raw for name, raw in record.items()})[0].keys()
        return [name for name, doc in plan.campaign.doc.fields.items() if doc.required and name not in here]

    async def begin(
        self,
        source_id: str,
        given: Given,
        *,
        batch_id: UUID | None = None,
        mine: bool = False,
        shown: Preview | None = None,
    ) -> tuple[Batch, bool]:
        """The batch, and whether it is new; another one with this identity and content is answered with itself.

        `mine`: this process reads it; else the file stands in the spool under `batch_id`, and is woken for.
        """
        known = await self._known(source_id, given)
        if known is not None:
            return known, False
        shown = shown or await self.preview(source_id, given)
        new = NewBatch(
            id=batch_id or self._world.new_id(), source=source_id, identity=given.identity,
            fingerprint=given.fingerprint, name=given.name, size=given.size,
            shape=msgspec.json.encode(shown.look.shape), mapping=shown.names, test=self._is_test(source_id, given),
            remote=given.remote, key_hint=given.key_hint, created_at=self._world.now(),
            lease_id=self._process_id() if mine else None,
        )  # fmt: skip
        made = await self._beginning.run(lambda again: self._insert(new, again))
        if made is None:
            known = await self._known(source_id, given)
            assert known is not None, "its identity was taken a moment ago"
            return known, False
        self._tell(BatchBegun(batch=made.id, source=Id(source_id), bytes=given.size))
        self._wake.set()
        return made, True

    def _is_test(self, source_id: str, given: Given) -> bool:
        return given.test or self._plans().snapshot.sources[source_id].test

    async def _insert(self, new: NewBatch, again: bool) -> Batch | None:
        async with self._database.acquire() as conn, conn.transaction():
            if again:
                await marked(conn)
                if (there := await store.by_id(conn, new.id)) is not None:
                    return there
            return await store.insert(conn, new)

    async def _known(self, source_id: str, given: Given) -> Batch | None:
        async with self._database.acquire() as conn:
            if given.identity:
                known = await store.by_identity(conn, source_id, given.identity)
                if known is not None and known.fingerprint != given.fingerprint:
                    raise Unprocessable(
                        "this file's identity came before with another content", code="idempotency_key_reused"
                    )
                if known is not None:
                    return known
            if await store.open_of(conn, source_id) >= _MOST_OPEN:
                raise TooMany(
                    f"{_MOST_OPEN} files of this source are being read; wait for one of them",
                    headers={"Retry-After": "30"},
                )
        return None

    async def import_file(
        self, source_id: str, path: Path, name: str, content_type: str, *, identity: str
    ) -> BatchResult:
        """Every row durable or refused when it returns. The same identity again is the same batch: taken up
        where a killed call stopped, or its result at once.

        Raises Refused where the file, or the rest of it, can't be read; NotDurable: come again.
        """
        try:
            known = await asyncio.to_thread(digest, path)
        except OSError as error:
            raise Unreadable(f"the file can't be read ({error.strerror})", code="unreadable") from None
        given = Given(
            file=path, fingerprint=known.fingerprint, size=known.size, name=name, content_type=content_type,
            identity=identity_of(identity),
        )  # fmt: skip
        batch, _ = await self.begin(source_id, given, mine=True)
        return result_of(await self.read(batch, path))

    async def read(self, batch: Batch, file: Path) -> Batch:
        """Read a batch to its end here, where `file` is its content; the batch as it stands then."""
        if batch.state == "reading":
            if batch.id in self._in_hand or await self._claim([batch.id], 1) == []:
                raise NotDurable("another process reads this file; come again")
            self._in_hand[batch.id] = None
            try:
                batch = await self._current(batch.id)
                await self.reading.run(batch, file)
            except Overtaken:
                if (await self._current(batch.id)).state == "reading":
                    raise NotDurable("another process reads this file; come again") from None
            finally:
                del self._in_hand[batch.id]
            batch = await self._current(batch.id)
        if batch.state == "cancelled":
            raise Conflict(f"this batch was cancelled behind row {batch.rows:,}")
        if batch.problem is not None:
            raise Unreadable(
                batch.problem["detail"], code=batch.problem["code"], where=batch.problem.get("where")
            )
        return batch

    async def cancel(self, batch_id: UUID) -> Batch:
        """Nothing more of it is read, wherever it is; rows that are durable stay, and are decided.

        Raises Conflict where all of it is read already.
        """
        async with self._database.acquire() as conn:
            stopped = await store.cancel(conn, batch_id)
            batch = stopped or await store.by_id(conn, batch_id)
        if batch is None or batch.state != "cancelled":
            raise Conflict("there is nothing left to cancel: every row of it is read")
        self.spool.drop(batch_id)
        if stopped is not None:
            self.reading.tell(batch, batch.state)
        return batch

    async def _current(self, batch_id: UUID) -> Batch:
        async def ask(_: bool) -> Batch:
            async with self._database.acquire() as conn:
                found = await store.by_id(conn, batch_id)
            assert found is not None, "a batch is not deleted while it is read"
            return found

        return await self._retrying.run(ask)

    async def _claim(self, ids: Sequence[UUID], limit: int) -> list[Batch]:
        async with self._database.acquire() as conn:
            return await store.claim(conn, ids, self._process_id(), self._lease, limit)

    # what waits in the spool ------------------------------------------------------------------------

    def start(self) -> None:
        for every, work in (
            (_LOOK_EVERY, self.take), (_TALLY_EVERY, self.tally), (_CLEAN_EVERY, self.clean),
        ):  # fmt: skip
            self._loops.append(asyncio.create_task(self._repeat(every, work)))

    async def stop(self) -> None:
        """What is being read is given back where it stands."""
        tasks = [*self._loops, *(task for task in self._in_hand.values() if task is not None)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _repeat(self, seconds: float, work: Callable[[], Any]) -> None:
        while True:
            try:
                await work()
            except Exception as error:
                if not (is_away(error) or is_ambiguous(error)):
                    emit(bug(error, "batches"))
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()

    async def take(self) -> None:
        """Read what waits and nobody alive has in hand, as many at a time as there is room for."""
        room = _MOST_AT_ONCE - len(self._in_hand)
        ids = [one for one in self.spool.ids() if one not in self._in_hand]
        if room <= 0 or not ids:
            return
        for batch in await self._claim(ids, room):
            self._in_hand[batch.id] = asyncio.create_task(self._work(batch))

    async def _work(self, batch: Batch) -> None:
        try:
            await self.reading.run(batch, self.spool.file(batch.id))
            self.spool.drop(batch.id)
        except Overtaken:
            pass
        except Exception as error:  # the same again would end the same
            emit(bug(error, "batch"))
            broken = Unreadable("something went wrong here; nothing in the file is to blame", code="internal")
            assert batch.lease_id is not None, "it was claimed"
            await self.reading.end(batch, batch.lease_id, broken)
        finally:
            del self._in_hand[batch.id]
            self._wake.set()

    async def tally(self) -> None:
        """Count what became of the rows; a batch whose every row is decided is done."""
        async with self._database.acquire() as conn:
            if not await store.unfinished(conn):
                self._metrics.forget("leadgate_batches")
                return
            while await store.tally(conn, _TALLIED) == _TALLIED:
                pass
            await store.finish(conn)
            found = await store.in_progress(conn)
        for state in ("reading", "deciding"):
            self._metrics.gauge("leadgate_batches", (state,), found.get(state, 0))

    async def clean(self) -> None:
        """Files that nobody will read any more go."""
        ids = self.spool.ids()
        async with self._database.acquire() as conn:
            wanted = await store.unread(conn, ids)
        for file in self.spool.stale(wanted):
            with suppress(OSError):
                file.unlink()


def result_of(batch: Batch) -> BatchResult:
    return BatchResult(batch.rows, batch.kept, batch.refused)
