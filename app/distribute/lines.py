"""One connection to a server that answers each line with a number and a text, as mail servers do."""

import asyncio
import re
import ssl
from typing import cast

REPLY_BYTES = 32_768

_LINE = re.compile(rb"([1-9]\d\d)([ -]?)(.*)", re.DOTALL)


class Garbled(Exception):
    """What came is no reply, or one that nobody asked for."""


class Gone(Exception):
    """The other end has closed before it answered."""


class Lines(asyncio.Protocol):
    """Each `answer` is one reply, in order. What came unasked makes `say` fail: it would answer the wrong line."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._came = asyncio.Event()
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if len(self._buffer) <= REPLY_BYTES:
            self._buffer += data
        self._came.set()

    def eof_received(self) -> None:
        self.connection_lost(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self._came.set()

    async def answer(self) -> tuple[int, str]:
        """The next whole reply. Raises Garbled and Gone."""
        while (end := _end(self._buffer)) is None:
            if len(self._buffer) > REPLY_BYTES:
                raise Garbled
            if self._lost:
                raise Gone
            self._came.clear()
            await self._came.wait()
        reply = bytes(self._buffer[:end])
        del self._buffer[:end]
        return _read(reply)

    def say(self, line: bytes) -> None:
        """One command. Raises Garbled and Gone, and then has written nothing."""
        if self._buffer:
            raise Garbled
        if self._lost or self._transport is None or self._transport.is_closing():
            raise Gone
        self._transport.write(line + b"\r\n")

    async def secure(self, context: ssl.SSLContext, name: str) -> None:
        """TLS from here on. Raises ssl.SSLError, OSError; Garbled for words that were slipped in before it."""
        if self._buffer:
            raise Garbled
        loop = asyncio.get_running_loop()
        assert self._transport is not None
        secured = await loop.start_tls(self._transport, self, context, server_hostname=name)
        if secured is None:
            raise ConnectionResetError
        self._transport = secured

    def leave(self, farewell: bytes) -> None:
        """Closed, after a word that nobody waits to be answered."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(farewell + b"\r\n")
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


def _end(buffer: bytearray) -> int | None:
    """Where the first reply ends; None while it hasn't. A line that is none ends it, for `_read` to see."""
    at = 0
    while (line_end := buffer.find(b"\n", at)) >= 0:
        line = _LINE.fullmatch(bytes(buffer[at:line_end]))
        at = line_end + 1
        if line is None or line[2] != b"-":
            return at
    return None


def _read(reply: bytes) -> tuple[int, str]:
    lines = [_LINE.fullmatch(line.rstrip(b"\r")) for line in reply.rstrip(b"\n").split(b"\n")]
    read = [line for line in lines if line is not None]
    if len(read) < len(lines) or len({line[1] for line in read}) != 1:
        raise Garbled
    return int(read[0][1]), "\n".join(line[3].decode("utf-8", "replace").strip() for line in read)
