"""Our own HTTP/1.1 client: what a hand-over needs and nothing else, since it is the dearest step of a lead.

Never a redirect, a cookie, a proxy, a retry after a byte was written, or a second reply on one request.
"""

import asyncio
import select
import zlib
from typing import Any, cast

import httptools

from app.core.loop import running_loop
from app.distribute.adapter import Reply
from app.distribute.faults import Broken, NotHttp, PerhapsSent, TimedOut, TooLarge, Undecodable

HEAD_BYTES = 65_536


class Connection(asyncio.Protocol):
    """One connection that answers one request at a time; once `closed`, never used again."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parser = httptools.HttpResponseParser(self)
        self._waiter: asyncio.Future[Reply] | None = None
        self._transport: asyncio.Transport | None = None
        self._poll = select.poll()
        self._raw_body = False
        self.closed = False
        self.idle_since = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def quiet(self) -> bool:
        """Open, and nothing waits to be read: neither a farewell nor bytes that nobody asked for."""
        return not self.closed and not self._poll.poll(0)

    async def ask(self, message: bytes, until: float) -> Reply:
        """Send one request and give its reply; PerhapsSent whatever goes wrong."""
        loop = running_loop()
        self._begin()
        waiter: asyncio.Future[Reply] = loop.create_future()
        self._waiter = waiter
        timer = loop.call_at(until, self._fail, TimedOut)
        try:
            assert self._transport is not None
            self._transport.write(message)
            return await waiter
        except BaseException:
            self.close()  # also when nobody waits any more: the next one must not get this reply
            raise
        finally:
            timer.cancel()
            self._waiter = None

    def close(self) -> None:
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def _begin(self) -> None:
        self._status = 0
        self._headers: dict[str, str] = {}
        self._chunks: list[bytes] = []
        self._size = self._raw = 0
        self._headed = self._complete = self._sized = False
        self._raw_body = False
        self._inflate: Any = None
        self._fault: type[PerhapsSent] | None = None

    def _reply(self) -> Reply:
        return Reply(status=self._status, headers=self._headers, body=b"".join(self._chunks))

    def _fail(self, fault: type[PerhapsSent]) -> None:
        self.close()
        if self._waiter is not None and not self._waiter.done():
            error = fault()
            error.partial = self._reply() if self._headed else None
            self._waiter.set_exception(error)

    def _finish(self) -> None:
        if self._inflate is not None and not self._inflate.eof and self._raw_body:
            return self._fail(Undecodable)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(self._reply())
        return None

    # what the transport tells

    def data_received(self, data: bytes) -> None:
        if self._waiter is None:
            return self.close()  # nobody asked
        self._raw += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fault = self._fault or NotHttp
        if self._raw > 2 * self._limit + HEAD_BYTES or (not self._headed and self._raw > HEAD_BYTES):
            self._fault = self._fault or TooLarge
        if self._fault is not None:
            self._fail(self._fault)
        elif self._complete:
            self._finish()
        return None

    def eof_received(self) -> None:
        waiting = self._waiter is not None and not self._waiter.done()
        if waiting and self._headed and not self._sized:
            self._finish()  # a body that ends with its connection
        self._fail(Broken)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(Broken)

    # what the parser tells

    def on_message_begin(self) -> None:
        if self._complete:
            self._fault = NotHttp  # more than one reply to one request

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._headed:
            return  # trailers can't change what was said
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._complete:
            return
        if status < 200:
            self._headers = {}
            return
        self._status, self._headed, self._raw_body = status, True, False
        headers = self._headers
        self._sized = "content-length" in headers or "chunked" in headers.get("transfer-encoding", "")
        encoding = headers.get("content-encoding")
        if encoding is not None:
            self._inflate = self._inflater(encoding.strip().lower())

    def _inflater(self, encoding: str) -> Any:
        if encoding in ("gzip", "x-gzip", "deflate"):
            return zlib.decompressobj(47)
        if encoding not in ("", "identity"):
            self._fault = Undecodable
        return None

    def on_body(self, data: bytes) -> None:
        if self._fault is not None or self._complete:
            return
        self._raw_body = True
        if self._inflate is not None:
            data = self._inflated(data)
        self._size += len(data)
        if self._size > self._limit:
            self._fault = TooLarge
            data = data[: self._limit - self._size]
        self._chunks.append(data)

    def _inflated(self, data: bytes) -> bytes:
        try:
            plain = cast(bytes, self._inflate.decompress(data, self._limit - self._size + 1))
        except zlib.error:
            self._fault = Undecodable
            return b""
        if self._inflate.unused_data:
            self._fault = Undecodable
        return plain

    def on_message_complete(self) -> None:
        if self._headed:
            self._complete = True
            if not self._sized and self._status not in (204, 304):
                self._complete = False
            elif not self._parser.should_keep_alive():
                self.closed = True
