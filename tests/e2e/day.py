"""A day by chance: many steps at once, processes killed among them, and everybody who acts, with his key."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress

import psutil

from tests.e2e.counting import CountingBuyer
from tests.e2e.service import Service
from tests.e2e.source import Answer, Source

Ways = Sequence[tuple[int, Callable[[], Awaitable[None]]]]


class Day:
    """`await act(n)` takes so many steps by chance, each as often as `ways()` says, from one seed."""

    def __init__(self, service: Service, buyer: CountingBuyer, seed: int) -> None:
        self.service, self.buyer = service, buyer
        self.random = random.Random(seed)
        self.answers: list[Answer] = []
        self.kills = 0
        self.posted = 0
        self.keys: dict[str, str] = {}
        self.sources: dict[str, Source] = {}
        self._open = AsyncExitStack()

    def ways(self) -> Ways:
        raise NotImplementedError

    async def open(self, *, sources: Sequence[str], buyers: Sequence[str]) -> None:
        """Starts the service, once it has all keys: so each of its processes knows them."""
        for owner in (*sources, *buyers, "ops"):
            kind = "source" if owner in sources else "user" if owner == "ops" else "buyer"
            self.keys[owner] = await self.service.key(kind, owner)  # type: ignore[arg-type]
        await self.service.start()
        for owner in sources:
            one = await self._open.enter_async_context(Source(self.service.url, self.keys[owner]))
            self.sources[owner] = one

    async def close(self) -> None:
        await self._open.aclose()

    async def act(self, steps: int, *, at_once: int = 24, kills: int = 0) -> None:
        weights, ways = [weight for weight, _ in self.ways()], [way for _, way in self.ways()]
        left = iter(range(steps))
        after = {steps * k // (kills + 1) for k in range(1, kills + 1)}

        async def work() -> None:
            for n in left:
                if n in after:
                    self._kill_one()
                await self.random.choices(ways, weights)[0]()

        await asyncio.gather(*(work() for _ in range(at_once)))

    def _kill_one(self) -> None:
        children = self.service.children()
        for child in self.random.sample(children, len(children)):
            with suppress(psutil.NoSuchProcess):  # one that was killed just now may still be about
                child.send_signal(signal.SIGKILL)
                self.kills += 1
                return

    async def as_(
        self, who: str, method: str, path: str, body: bytes | None = None, key: str = "", **more: str
    ) -> Answer:
        """A request of the buyer, person or operator `who`; under `key` it may be said again."""
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.keys[who]}", **more}
        if key:
            headers["Idempotency-Key"] = key
        return await next(iter(self.sources.values())).send(method, path, body, headers)
