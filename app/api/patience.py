"""A time limit for bodies that costs no timer per request."""

import asyncio
from types import TracebackType

from app.core.errors import TooSlow
from app.core.world import World


class Patience:
    """`with patience:` around what must not take longer than `seconds`; TooSlow once it does.

    One look around a second for all requests, since `asyncio.timeout` for each was a twentieth of an
    acknowledgement; so the limit is kept to the second.
    """

    def __init__(self, seconds: float, world: World) -> None:
        self.seconds = seconds
        self._world = world
        self._since: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._since[task] = self._world.monotonic()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(min(1.0, self.seconds), self._look)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._since.pop(task, None)
        if task in self._late:
            self._late.discard(task)
            if kind is asyncio.CancelledError:
                task.uncancel()
                raise TooSlow(
                    f"the whole body must be here within {self.seconds:g} seconds",
                    headers={"Connection": "close"},
                ) from None

    def _look(self) -> None:
        self._timer = None
        before = self._world.monotonic() - self.seconds
        for task, since in list(self._since.items()):
            if since <= before and task not in self._late:
                self._late.add(task)
                task.cancel()
        if self._since:
            self._timer = asyncio.get_running_loop().call_later(min(1.0, self.seconds), self._look)
