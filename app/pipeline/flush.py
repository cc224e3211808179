"""Group commit: what queued while the last flush was in flight is the next one. No timer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from app.core.loop import running_loop

T = TypeVar("T")
R = TypeVar("R")


class Full(Exception):
    """The queue in front of a flush is at its limit: say no now rather than late."""


class Batcher(Generic[T, R]):
    """Collects items and hands them to `flush` in batches of at most `most`, in order.

    `flush` gives one result an item, in the same order; an exception among them is raised to that item's
    waiter alone, one that `flush` itself raises to all.
    With several `flushers` a further batch starts while the last one waits for the disk, but only once it
    has `beside` items (a full batch, unless said): small batches cost more than they save.
    """

    def __init__(
        self,
        flush: Callable[[list[T]], Awaitable[Sequence[R | Exception]]],
        *,
        most: int = 64,
        flushers: int = 1,
        limit: int = 10_000,
        beside: int | None = None,
    ) -> None:
        self._flush = flush
        self._most = most
        self._flushers = flushers
        self._limit = limit
        self._beside = most if beside is None else beside
        self._items: list[tuple[T, asyncio.Future[R] | None]] = []
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._busy = 0
        self._closing = False

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._run()) for _ in range(self._flushers)]

    def __len__(self) -> int:
        return len(self._items)

    @property
    def idle(self) -> bool:
        return not self._items and not self._busy

    def put(self, item: T) -> asyncio.Future[R]:
        """The result of `item`'s flush, once it is there. Raises Full."""
        if len(self._items) >= self._limit or self._closing:
            raise Full
        future: asyncio.Future[R] = running_loop().create_future()
        self._items.append((item, future))
        self._nudge()
        return future

    def send(self, item: T) -> None:
        """As `put`, for whoever doesn't wait; never refused: what is sent is durable already."""
        self._items.append((item, None))
        self._nudge()

    def _nudge(self) -> None:
        """Wake a flusher only if one would take something: beside a busy one only for a full batch."""
        if not self._busy or len(self._items) >= self._beside:
            self._wake.set()

    async def stop(self) -> None:
        """Finish what is queued, then end."""
        self._closing = True
        self._wake.set()
        if self._tasks:
            await asyncio.wait(self._tasks)
            self._tasks = []

    async def settled(self) -> None:
        """Until nothing is queued or in flight."""
        while True:
            if self.idle:
                return
            await asyncio.sleep(0.01)

    async def cancel(self) -> None:
        """End at once; whoever waits is told so by a cancellation."""
        self._closing = True
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _, future in self._items:
            if future is not None:
                future.cancel()

    async def _run(self) -> None:
        while True:
            if not self._items or (self._busy and len(self._items) < self._beside):
                if self._closing and not self._items:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            batch, self._items = self._items[: self._most], self._items[self._most :]
            self._busy += 1
            try:
                _answer(batch, await self._flush([item for item, _ in batch]))
            except Exception as error:
                _fail(batch, error)
            finally:
                self._busy -= 1
                if self._closing:
                    self._wake.set()


def _answer(batch: list[tuple[T, asyncio.Future[R] | None]], results: Sequence[R | Exception]) -> None:
    for (_, future), result in zip(batch, results, strict=True):
        if future is None or future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)


def _fail(batch: list[tuple[T, asyncio.Future[R] | None]], error: Exception) -> None:
    for _, future in batch:
        if future is not None and not future.done():
            future.set_exception(error)
