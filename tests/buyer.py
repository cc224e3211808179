"""A buyer that misbehaves over real sockets: each path is one way in which buyers fail."""

import asyncio
import gzip
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import NamedTuple, Self

YES = b'{"status": "accepted", "id": "SC-88213", "price": "42.00"}'


class Received(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int


class Stream(NamedTuple):
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def send_all(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Close with RST, as a crashed process behind a balancer does."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Way = Callable[[Stream], Awaitable[None]]
WAYS: dict[str, Way] = {}


def way(path: str) -> Callable[[Way], Way]:
    def named(function: Way) -> Way:
        WAYS[path] = function
        return function

    return named


def reply(status: int = 200, body: bytes = YES, *headers: str, kind: str = "application/json") -> bytes:
    lines = [f"HTTP/1.1 {status} Some Reason", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body


def says(path: str, data: bytes, *, close: bool = False) -> None:
    async def say(stream: Stream) -> None:
        await stream.send_all(data)
        if close:
            stream.writer.close()

    WAYS[path] = say


says("/ok", reply())
says("/reject", reply(200, b'{"status": "rejected", "reason": "outside territory"}'))
says("/duplicate", reply(200, b'{"status": "duplicate"}'))
says("/closes", reply(200, YES, "Connection: close"), close=True)
says("/1xx", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + reply())
says("/429", reply(429, b"slow down", "Retry-After: 7"))
for _status in (301, 302, 303, 307, 400, 401, 404, 408, 409, 410, 422, 425, 500, 502, 503, 504):
    says(f"/{_status}", reply(_status, YES, "Location: http://169.254.169.254/latest/meta-data/"))
says("/gibberish", reply(200, b"\x00\xff\xfe<html>{{{", kind="application/json"))
says("/empty", reply(200, b""))
says("/gzip", reply(200, gzip.compress(YES), "Content-Encoding: gzip"))
says("/bomb", reply(200, gzip.compress(b" " * 50_000_000), "Content-Encoding: gzip"))
says("/half-gzip", reply(200, gzip.compress(YES)[:-12], "Content-Encoding: gzip"))
says("/brotli", reply(200, b"\x8b\x02\x80", "Content-Encoding: br"))
says("/short", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + YES, close=True)
says("/long", b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n" + YES)
says("/two-lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 58\r\nContent-Length: 5\r\n\r\n" + YES)
says("/two-replies", reply() + reply())
says("/ssh", b"SSH-2.0-OpenSSH_9.6\r\n")
says("/upgrade", b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
says("/headers", b"HTTP/1.1 200 OK\r\n" + b"X-Pad: " + b"a" * 90_000)
says("/until-close", b"HTTP/1.0 200 OK\r\n\r\n" + YES, close=True)
says(
    "/chunked",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3a\r\n" + YES + b"\r\n0\r\nX-T: 1\r\n\r\n",
)
says("/echo-secret", reply(200, b'{"status": "no", "you_sent": "s3cret-key"}', "X-Echo: s3cret-key"))


@way("/black-hole")
async def _black_hole(stream: Stream) -> None:
    await stream.reader.read()


@way("/drip")
async def _drip(stream: Stream) -> None:
    for byte in reply():
        await stream.send_all(bytes([byte]))
        await asyncio.sleep(0.02)


@way("/endless")
async def _endless(stream: Stream) -> None:
    stream.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await stream.send_all(b"1000\r\n" + b" " * 4096 + b"\r\n")


@way("/endless-1xx")
async def _endless_1xx(stream: Stream) -> None:
    while True:
        await stream.send_all(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)


@way("/reset")
async def _reset(stream: Stream) -> None:
    stream.reset()


@way("/reset-after-headers")
async def _reset_after_headers(stream: Stream) -> None:
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 58\r\n\r\n")
    await asyncio.sleep(0.02)
    stream.reset()


@way("/hang-up")
async def _hang_up(stream: Stream) -> None:
    stream.writer.close()


@way("/ok-then-gone")
async def _ok_then_gone(stream: Stream) -> None:
    """Answers, promises to stay, and closes at once."""
    await stream.send_all(reply())
    stream.writer.close()


@way("/ok-then-chatter")
async def _ok_then_chatter(stream: Stream) -> None:
    """Answers, then goes on with a second reply that nobody asked for."""
    await stream.send_all(reply())
    await asyncio.sleep(0.02)
    await stream.send_all(reply(200, b'{"status": "accepted", "id": "NOT-YOURS"}'))


class Buyer:
    """`async with Buyer() as buyer`: listens on a free port of 127.0.0.1 and keeps what it received."""

    def __init__(self, tls: object = None) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    @property
    def open_connections(self) -> int:
        return len(self._tasks)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)  # type: ignore[arg-type]
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.ensure_future(self._talk(Stream(reader, writer), self.connections))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _talk(self, stream: Stream, connection: int) -> None:
        try:
            while (request := await _request(stream.reader, connection)) is not None:
                self.received.append(request)
                await self.answer(request, stream)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            stream.writer.transport.abort()

    async def answer(self, request: Received, stream: Stream) -> None:
        await WAYS[request.path.partition("?")[0]](stream)


async def _request(reader: asyncio.StreamReader, connection: int) -> Received | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode().rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, body, connection)


OWN = frozenset(WAYS)
"""The ways above; tests add more of their own with `says`."""
