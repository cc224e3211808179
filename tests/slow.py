"""A buyer whose answers wait until the test says so."""

import asyncio
from typing import Any

from tests.buyer import Buyer, Received, Stream


class Slow(Buyer):
    """It knows how many it had at once."""

    def __init__(self, *told: Any) -> None:
        super().__init__(*told)
        self.go = asyncio.Event()
        self.now = self.most = 0

    async def answer(self, request: Received, stream: Stream) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.go.wait()
            await super().answer(request, stream)
        finally:
            self.now -= 1

    async def has(self, n: int) -> None:
        while len(self.received) < n or self.now < n:
            await asyncio.sleep(0)
