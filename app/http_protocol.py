"""uvicorn's HTTP protocol, whose responses leave in one write: head and body were two system calls and two packets."""

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Corked:
    """A transport that holds a response's head back until what follows it; everything else is the transport's."""

    __slots__ = ("_held", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held = b""

    def write(self, data: bytes) -> None:
        if self._held:
            data, self._held = self._held + data, b""
        elif (
            data[:9] == b"HTTP/1.1 " and data[9:12] != b"100"
        ):  # who asked «may I go on?» waits for the answer
            self._held = data
            return
        self._transport.write(data)

    def flush(self) -> None:
        if self._held:
            data, self._held = self._held, b""
            self._transport.write(data)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class OneWriteProtocol(HttpToolsProtocol):
    """For `uvicorn.Config(http=…)`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(cast(asyncio.Transport, Corked(transport)))

    def on_response_complete(self) -> None:
        """A head without a body has nothing to wait for."""
        cast(Corked, self.transport).flush()
        super().on_response_complete()
