"""uvicorn's HTTP protocol with two short cuts: a response leaves in one write, and a whole lead needs no ASGI; and a
refusal reaches who is still sending."""

import asyncio
import re
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HEADER_VALUE_RE, STATUS_LINE, HttpToolsProtocol

from app.api.intake import read_headers
from app.api.replies import Reply
from app.api.root import Root

_DOOR = b"/v1/leads"
_OFFER = re.compile(rb"\r\nupgrade:[ \t]*h2c[ \t]*(?=\r\n)", re.IGNORECASE)


_HEARD_OUT = 64 * 2**20
_HEARD_FOR = 10.0  # seconds


class Corked:
    """A transport that holds a response's head back until what follows it, and ends with `hear_out` where that says that
    a request is not over; everything else is the transport's."""

    __slots__ = ("_closed", "_hear_out", "_held", "_transport")

    def __init__(self, transport: asyncio.Transport, hear_out: Callable[[], bool] = lambda: False) -> None:
        self._transport = transport
        self._hear_out = hear_out
        self._held = b""
        self._closed = False

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
        """Called once more, it is the end at once."""
        self.flush()
        if self._closed or not self._hear_out():
            self._transport.close()
        self._closed = True

    def is_closing(self) -> bool:
        return self._closed or self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class HearingOut(asyncio.Protocol):
    """Reads on for a while, and keeps nothing, when all is said: whoever is cut off in the midst of sending is told that
    the connection broke, and never reads why."""

    def __init__(self, before: asyncio.Protocol, transport: asyncio.Transport) -> None:
        self._before, self._transport, self._left = before, transport, _HEARD_OUT
        self._end = asyncio.get_running_loop().call_later(_HEARD_FOR, transport.close)

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end.cancel()
        self._before.connection_lost(exc)


class OneWriteProtocol(HttpToolsProtocol):
    """For `uvicorn.Config(http=…)`."""

    _whole = True  # nothing of a request is still on its way

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        self._plain = transport
        super().connection_made(cast(asyncio.Transport, Corked(transport, self._hear_out)))

    def on_message_begin(self) -> None:
        self._whole = False
        super().on_message_begin()

    def on_message_complete(self) -> None:
        self._whole = True
        super().on_message_complete()

    def _hear_out(self) -> bool:
        """Whether somebody is still sending what is answered already; then he hears that this was all, and is heard out."""
        if self._whole or self._plain.is_closing() or not self._plain.can_write_eof():
            return False
        self._plain.set_protocol(HearingOut(self, self._plain))
        self.flow.resume_reading()
        self._plain.write_eof()
        return True

    def on_response_complete(self) -> None:
        """A head without a body has nothing to wait for."""
        cast(Corked, self.transport).flush()
        super().on_response_complete()


class _Deaf:
    """An event nobody waits for."""

    def set(self) -> None: ...


class Passage:
    """A request on the direct way, as uvicorn sees the one in hand: is it over, is its sender gone, is it the last?"""

    __slots__ = ("disconnected", "keep_alive", "response_complete", "task")

    message_event = _Deaf()
    task: asyncio.Task[None]  # held here, since the loop doesn't hold it

    def __init__(self) -> None:
        self.disconnected = False
        self.keep_alive = True
        self.response_complete = False


class DirectProtocol(OneWriteProtocol):
    """Takes a lead that arrives in one piece, which is nearly every lead, straight to intake.

    uvicorn's scope, cycle, receive and send cost as much as the rest of an acknowledgement. What is in any
    way special (a body in pieces, a query, `Expect`, HTTP/1.0, a request behind another that is still in hand)
    goes uvicorn's way and meets the same intake there.
    """

    _root: Root | None = None
    _held = False  # a request whose way is not known yet
    _body = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self._remote = self.client[0] if self.client else ""
        if isinstance(self.app, Root) and self.root_path == "":
            self._root = self.app

    def data_received(self, data: bytes) -> None:
        """An offer to go on in HTTP/2 (Java's client makes one with every post) is left unheard, as it may
        be: the parser would take the body for the other protocol, and the lead would be lost."""
        if b"h2c" in data:
            head, end, body = data.partition(b"\r\n\r\n")
            data = _OFFER.sub(b"", head + b"\r\n")[:-2] + end + body
        super().data_received(data)
        if self._held:
            self._let_go()

    def on_message_begin(self) -> None:
        """uvicorn's own is called once it is known that the request goes its way."""
        self._whole = False
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        if (
            self.url == _DOOR
            and self._root is not None
            and (self.cycle is None or self.cycle.response_complete)
            and not self.expect_100_continue
            and self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
            and self.parser.should_keep_alive()
            and not self.parser.should_upgrade()
        ):
            self._held, self._body = True, b""
        else:
            self._by_asgi()

    def on_body(self, body: bytes) -> None:
        if self._held:
            self._body = self._body + body if self._body else body
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._held:
            super().on_message_complete()
            return
        self._held, self._whole = False, True
        passage = Passage()
        self.cycle = cast(Any, passage)
        passage.task = self.loop.create_task(self._pass(passage, self.headers, self._body))

    def _let_go(self) -> None:
        """The rest of the body is still on its way."""
        self._held = False
        if self.parser is None or self.transport.is_closing():
            return
        self._by_asgi()
        if self._body:
            super().on_body(self._body)

    def _by_asgi(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()

    async def _pass(self, passage: Passage, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        assert self._root is not None
        request = read_headers(headers)
        request.remote, request.scheme = self._remote, self.scheme or "http"
        if self._root.proxies is not None:
            request.remote, request.scheme = self._root.proxies.origin(
                request.remote, request.scheme, headers
            )
        reply = await self._root.post(request, body)
        if self.flow.write_paused:
            await self.flow.drain()
        if passage.disconnected:
            return
        kept = self._write(reply)
        passage.response_complete = True
        if not kept or not passage.keep_alive:
            self._plain.close()
        self.on_response_complete()

    def _write(self, reply: Reply) -> bool:
        """Whether the connection may be kept."""
        keep, more = True, b""
        for name, value in reply.headers:
            if HEADER_VALUE_RE.search(value):
                raise RuntimeError("a header's value has control characters")
            keep = keep and (name != b"connection" or value.lower() != b"close")
            more += b"%b: %b\r\n" % (name, value)
        head = _HEADS.of(self.server_state.default_headers, reply)
        self._plain.write(b"%b%d\r\n%b\r\n%b" % (head, len(reply.body), more, reply.body))
        return keep


class _Heads:
    """The beginning of each kind of response, up to its length: the same for all of a second."""

    def __init__(self) -> None:
        self._defaults: object = None
        self._known: dict[tuple[int, bytes], bytes] = {}

    def of(self, defaults: list[tuple[bytes, bytes]], reply: Reply) -> bytes:
        """`defaults` is a list that uvicorn replaces, and never changes, once a second."""
        if defaults is not self._defaults:
            self._defaults, self._known = defaults, {}
        kind = (reply.status, reply.content_type)
        head = self._known.get(kind)
        if head is None:
            lines = b"".join(b"%b: %b\r\n" % pair for pair in defaults)
            head = b"%b%bcontent-type: %b\r\ncontent-length: " % (
                STATUS_LINE[reply.status], lines, reply.content_type,
            )  # fmt: skip
            self._known[kind] = head
        return head


_HEADS = _Heads()
