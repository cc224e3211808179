"""Reads a request's body under a cap of bytes and seconds, for the doors beside the hot one."""

from asyncio import CancelledError
from typing import Any

from app.api.patience import Patience
from app.core.errors import TooLarge, TooSlow
from app.core.world import World


class Bodies:
    """One for all requests of a door: they share its clock."""

    def __init__(self, most: int, seconds: float, world: World) -> None:
        self._most = most
        self._patience = Patience(seconds, world)

    async def read(self, receive: Any, told: str) -> bytes:
        """`told` is the Content-Length, if any. Raises TooLarge, TooSlow."""
        if told.isdecimal() and int(told[:20]) > self._most:
            raise self._too_large()
        waits = self._patience.begin()
        try:
            return await self._read(receive)
        except CancelledError:
            self._patience.explain(waits)
            raise
        finally:
            self._patience.end(waits)

    async def _read(self, receive: Any) -> bytes:
        chunks, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise TooSlow("the connection ended before the body did")
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > self._most:
                raise self._too_large()
            more = message.get("more_body", False)
        return b"".join(chunks)

    def _too_large(self) -> TooLarge:
        return TooLarge(
            f"a body has at most {self._most:,} bytes; send fewer leads at once",
            headers={"Connection": "close"},
        )
