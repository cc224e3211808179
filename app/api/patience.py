"""A time limit for bodies that costs no timer per request."""

import asyncio

from app.core.errors import TooSlow
from app.core.loop import running_loop
from app.core.world import World

Waiting = asyncio.Task[object]


class Patience:
    """Between `begin` and `end` a request may take `seconds`; then it is cancelled, and `explain` says why.

    One look around a second for all requests, since `asyncio.timeout` for each was a twentieth of an
    acknowledgement; so the limit is kept to the second.
    """

    def __init__(self, seconds: float, world: World) -> None:
        self.seconds = seconds
        self._monotonic = world.monotonic
        self._since: dict[Waiting, float] = {}
        self._late: set[Waiting] = set()
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> Waiting:
        """To be called in the request's own task; always followed by `end`."""
        task = asyncio.current_task(running_loop())
        assert task is not None
        self._since[task] = self._monotonic()
        if self._timer is None:
            self._timer = running_loop().call_later(min(1.0, self.seconds), self._look)
        return task

    def end(self, waiting: Waiting) -> None:
        del self._since[waiting]
        if self._late:
            self._late.discard(waiting)

    def explain(self, waiting: Waiting) -> None:
        """On a cancellation: raises TooSlow if it was ours."""
        if waiting in self._late:
            waiting.uncancel()
            raise TooSlow(
                f"the whole body must be here within {self.seconds:g} seconds",
                headers={"Connection": "close"},
            )

    def _look(self) -> None:
        self._timer = None
        before = self._monotonic() - self.seconds
        for task, since in list(self._since.items()):
            if since <= before and task not in self._late:
                self._late.add(task)
                task.cancel()
        if self._since:
            self._timer = running_loop().call_later(min(1.0, self.seconds), self._look)
