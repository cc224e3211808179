"""Reads one batch from where it stands to its end: each stride durable before the next, live traffic first."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import UUID

import msgspec

from app.core.errors import Unreadable
from app.core.events import BatchRead, Code, Event, Id
from app.core.metrics import Metrics
from app.core.world import World
from app.ingest.files import Shape, is_held_whole
from app.ingest.reading import Reader
from app.pipeline.batch_rows import CONTENT_TYPE, Rows, Stride
from app.pipeline.faults import Retrying
from app.store import batches as store
from app.store.batches import Batch
from app.store.database import Database, marked

_LONGEST_REST = 0.5


class BatchReading:
    """Rows become submissions in the transaction that moves the batch's position on, so a kill at any row loses
    or doubles nothing. `progress` hears of each stride once it is durable.
    """

    def __init__(
        self,
        database: Database,
        reader: Reader,
        world: World,
        metrics: Metrics,
        *,
        arrived: Callable[[], int],
        tell: Callable[[Event], object],
    ) -> None:
        """`arrived` counts the submissions that came by themselves: while it moves, files make way."""
        self._database, self._reader, self._world, self._metrics = database, reader, world, metrics
        self._arrived, self._tell = arrived, tell
        self._workbook = asyncio.Lock()
        self._retrying = Retrying(world, metrics)
        self.progress: Callable[[Batch, Stride], object] = lambda *_: None

    @asynccontextmanager
    async def room(self, file: Path) -> AsyncIterator[None]:
        """One workbook at a time: each takes some hundred megabytes while it is read."""
        if not await asyncio.to_thread(is_held_whole, file):
            yield
            return
        async with self._workbook:
            yield

    async def run(self, batch: Batch, file: Path) -> None:
        """A batch that this process has in hand. Raises Overtaken where somebody else has it meanwhile."""
        async with self.room(file):
            await self._run(batch, file)

    async def _run(self, batch: Batch, file: Path) -> None:
        assert batch.lease_id is not None, "it is read by whoever has it in hand"
        rows = Rows(
            file, msgspec.json.decode(batch.shape, type=Shape), self._reader, batch.mapping,
            position=batch.position, refused=batch.refused, new_id=self._world.new_id,
        )  # fmt: skip
        position, ahead = batch.position, asyncio.create_task(asyncio.to_thread(rows.stride))
        try:
            while True:
                stride = await ahead
                over = stride.last or stride.spoiled is not None
                if not over:  # the next rows are read while these are written
                    ahead = asyncio.create_task(asyncio.to_thread(rows.stride))
                before, began = self._arrived(), self._world.monotonic()
                if stride.parts or stride.refusals:
                    await self._keep(batch, batch.lease_id, position, stride)
                position = stride.to
                if over:
                    await self.end(batch, batch.lease_id, stride.spoiled)
                    return
                await self._make_way(before, self._world.monotonic() - began)
        except asyncio.CancelledError:
            await self._give_back(batch)
            raise
        finally:
            with suppress(Exception):
                await asyncio.wait([ahead])
            rows.close()

    async def _keep(self, batch: Batch, lease_id: UUID, position: int, stride: Stride) -> None:
        step = store.Advance(
            batch_id=batch.id, lease_id=lease_id, position=position, to=stride.to,
            read_bytes=min(stride.read_bytes, batch.size), parts=stride.parts, refusals=stride.refusals,
            content_type=CONTENT_TYPE, at=self._world.now(),
        )  # fmt: skip

        async def write(again: bool) -> None:
            async with self._database.acquire() as conn, conn.transaction():
                if again:
                    await marked(conn)
                await store.advance(conn, step)

        await self._retrying.run(write)
        kept = sum(len(part.lines) for part in stride.parts)
        for result, count in (("kept", kept), ("refused", len(stride.refusals))):
            if count:
                self._metrics.count("leadgate_batch_rows_total", (batch.source, result), count)
        self.progress(batch, stride)

    async def end(self, batch: Batch, lease_id: UUID, spoiled: Unreadable | None) -> None:
        """All of it is read, or `spoiled` says why no more can be."""
        state, problem = "deciding", None
        if spoiled is not None:
            state = "failed"
            problem = {"code": spoiled.reason, "detail": spoiled.detail, "where": spoiled.where}

        async def write(again: bool) -> None:
            async with self._database.acquire() as conn, conn.transaction():
                if again:
                    await marked(conn)
                await store.end(conn, batch.id, lease_id, state, problem)

        await self._retrying.run(write)
        self.tell(batch, state)

    def tell(self, batch: Batch, state: str) -> None:
        """That no more is read of it."""
        took = (self._world.now() - batch.created_at).total_seconds()
        self._tell(
            BatchRead(batch=batch.id, source=Id(batch.source), state=Code(state), ms=round(took * 1000))
        )

    async def _give_back(self, batch: Batch) -> None:
        """For whoever goes on with it; without a database the lease runs out by itself."""
        assert batch.lease_id is not None
        with suppress(Exception):
            async with self._database.acquire() as conn:
                await store.release(conn, batch.id, batch.lease_id)

    async def _make_way(self, before: int, took: float) -> None:
        """While leads come by themselves half of the time is theirs."""
        await asyncio.sleep(min(took, _LONGEST_REST) if self._arrived() != before else 0)
