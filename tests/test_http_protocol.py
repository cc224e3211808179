"""What leaves together, and what must not wait."""

import asyncio
import threading
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn
from uvicorn.server import ServerState

from app.api.intake import Request
from app.api.proxies import Proxies
from app.api.replies import Reply
from app.api.root import Root
from app.http_protocol import Corked, DirectProtocol, OneWriteProtocol

HEAD, BODY = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n", b"ok"


class Wire:
    """A transport that remembers each write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def wire() -> Wire:
    return Wire()


def test_head_and_body_leave_in_one_write(wire: Wire) -> None:
    corked = Corked(wire)  # type: ignore[arg-type]
    corked.write(HEAD)
    assert wire.writes == []
    corked.write(BODY)
    corked.write(b"more")
    assert wire.writes == [HEAD + BODY, b"more"]


def test_a_head_without_a_body_leaves_when_the_response_is_complete(wire: Wire) -> None:
    corked = Corked(wire)  # type: ignore[arg-type]
    corked.write(HEAD)
    corked.flush()
    corked.flush()
    assert wire.writes == [HEAD]


def test_who_asks_whether_to_go_on_is_answered_at_once(wire: Wire) -> None:
    Corked(wire).write(b"HTTP/1.1 100 Continue\r\n\r\n")  # type: ignore[arg-type]
    assert wire.writes == [b"HTTP/1.1 100 Continue\r\n\r\n"]


def test_nothing_is_held_back_from_a_connection_that_closes(wire: Wire) -> None:
    corked = Corked(wire)  # type: ignore[arg-type]
    corked.write(HEAD)
    corked.close()
    assert wire.writes == [HEAD]
    assert wire.closed


async def _app(scope, receive, send) -> None:
    status = int(scope["path"].strip("/"))
    await receive()
    await send({"type": "http.response.start", "status": status, "headers": [(b"x-said", b"1")]})
    await send(
        {"type": "http.response.body", "body": b"" if status in (204, 304) else b"ok", "more_body": True}
    )
    await send({"type": "http.response.body", "body": b""})


def test_every_kind_of_response_arrives_on_a_kept_connection() -> None:
    server = uvicorn.Server(
        uvicorn.Config(_app, port=0, http=OneWriteProtocol, lifespan="off", log_config=None)
    )
    ready = threading.Event()
    startup = server.startup

    async def started(sockets=None) -> None:
        await startup(sockets)
        ready.set()

    server.startup = started  # type: ignore[method-assign]
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        assert ready.wait(10)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5) as client:
            for method in ("GET", "HEAD", "POST"):
                for status in (200, 204, 304, 404):
                    response = client.request(
                        method, f"/{status}", content=b"x" if method == "POST" else None
                    )
                    assert (response.status_code, response.headers["x-said"]) == (status, "1")
            late = client.post("/200", content=b"x" * 10, headers={"expect": "100-continue"})
            assert late.text == "ok"
    finally:
        server.should_exit = True
        thread.join(10)


class Door:
    """Intake's two ways in; says which was taken, once it may."""

    draining = False

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.came: list[Request] = []

    async def post(self, request: Request, body: bytes) -> Reply:
        self.came.append(request)
        await self.open.wait()
        headers = [(b"connection", b"close")] if body == b"bad" else []
        return Reply(202, b"direct " + body, b"text/plain", headers)

    async def __call__(self, scope, receive, send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        await Reply(202, b"asgi " + body, b"text/plain").send(send)


class Line:
    """One connection to a server whose only door is `Door`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)

    async def hear(self) -> tuple[bytes, bytes]:
        """Status line and body of the next answer."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line
        )
        return head.split(b"\r\n")[0], await self.reader.readexactly(length)


class Served:
    def __init__(self) -> None:
        self.door = Door()
        self.root = root = Root(None, start=_nothing, stop=_nothing)
        root.intake = self.door  # type: ignore[assignment]
        self.state = ServerState()
        self.state.default_headers = [(b"date", b"today")]
        self.config = uvicorn.Config(
            root, http=DirectProtocol, proxy_headers=False, log_config=None, access_log=False
        )
        self.config.load()
        self.lines: list[Line] = []

    async def line(self) -> Line:
        self.lines.append(Line(*await asyncio.open_connection("127.0.0.1", self.port)))
        return self.lines[-1]

    def protocol(self) -> DirectProtocol:
        return DirectProtocol(self.config, self.state, {})


async def _nothing() -> None: ...


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    served = Served()
    server = await asyncio.get_running_loop().create_server(served.protocol, "127.0.0.1", 0)
    served.port = server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    yield served
    served.door.open.set()
    for line in served.lines:
        line.writer.close()
    while served.state.connections:
        await asyncio.sleep(0)
    server.close()
    await server.wait_closed()


def _post(body: bytes, target: bytes = b"/v1/leads", version: bytes = b"1.1", more: bytes = b"") -> bytes:
    return b"POST %b HTTP/%b\r\nHost: gate\r\nContent-Length: %d\r\n%b\r\n%b" % (
        target, version, len(body), more, body,
    )  # fmt: skip


async def test_a_whole_lead_needs_no_asgi_and_leaves_the_connection_open_for_the_next(served: Served) -> None:
    line = await served.line()
    for body in (b"one", b"two"):
        line.say(_post(body, more=b"X-Api-Key: lg_1\r\n"))
        assert await line.hear() == (b"HTTP/1.1 202 Accepted", b"direct " + body)
    assert [(r.key, r.host, r.remote) for r in served.door.came] == [("lg_1", b"gate", "127.0.0.1")] * 2


async def test_on_the_direct_way_too_a_trusted_proxy_is_asked_for_its_client(served: Served) -> None:
    line = await served.line()
    behind = b"X-Forwarded-For: 192.0.2.1, 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"
    for trusted in ("", "127.0.0.1"):
        served.root.proxies = Proxies.of(trusted)
        line.say(_post(b"x", more=behind))
        assert (await line.hear())[1] == b"direct x"
    assert [(r.remote, r.scheme) for r in served.door.came] == [
        ("127.0.0.1", "http"),
        ("203.0.113.9", "https"),
    ]


async def test_an_answer_on_the_direct_way_has_the_servers_own_headers(served: Served) -> None:
    line = await served.line()
    line.say(_post(b"x"))
    head = await line.reader.readuntil(b"\r\n\r\n")
    assert (
        head
        == b"HTTP/1.1 202 Accepted\r\ndate: today\r\ncontent-type: text/plain\r\ncontent-length: 8\r\n\r\n"
    )


@pytest.mark.parametrize(
    "request_",
    [
        _post(b"x", target=b"/v1/leads?test=1"),
        _post(b"x", version=b"1.0"),
        _post(b"x", more=b"Connection: close\r\n"),
    ],
    ids=["query", "http/1.0", "close"],
)
async def test_what_is_special_goes_by_asgi_and_gets_the_same_answer(served: Served, request_: bytes) -> None:
    line = await served.line()
    line.say(request_)
    assert (await line.hear())[1] == b"asgi x"
    assert served.door.came == []


async def test_a_body_in_pieces_arrives_whole(served: Served) -> None:
    line = await served.line()
    request = _post(b"in pieces")
    for cut in (request[:-9], request[-9:-4], request[-4:]):
        line.say(cut)
        await line.writer.drain()
        await _idle(served)
    assert (await line.hear())[1] == b"asgi in pieces"
    line.say(_post(b"whole"))
    assert (await line.hear())[1] == b"direct whole"


async def test_a_head_in_pieces_is_still_one_lead(served: Served) -> None:
    line = await served.line()
    request = _post(b"x", more=b"X-Api-Key: lg_key\r\n")
    line.say(request[:45])
    await _idle(served)
    line.say(request[45:])
    assert (await line.hear())[1] == b"direct x"
    assert served.door.came[0].key == "lg_key"


async def test_who_asks_whether_to_go_on_is_told_so_by_asgi(served: Served) -> None:
    line = await served.line()
    line.say(_post(b"", more=b"Expect: 100-continue\r\n").replace(b"Content-Length: 0", b"Content-Length: 1"))
    assert await line.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    line.say(b"x")
    assert (await line.hear())[1] == b"asgi x"


async def test_a_chunked_body_in_one_piece_is_a_whole_lead(served: Served) -> None:
    line = await served.line()
    line.say(b"POST /v1/leads HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n")
    assert (await line.hear())[1] == b"direct abc"


async def test_requests_sent_without_waiting_are_answered_in_their_order(served: Served) -> None:
    served.door.open.clear()
    line = await served.line()
    line.say(_post(b"1") + _post(b"2") + _post(b"3"))
    await _came(served)
    served.door.open.set()
    assert [(await line.hear())[1] for _ in range(3)] == [b"direct 1", b"asgi 2", b"asgi 3"]


async def test_the_body_of_a_client_that_offers_http_2_is_not_lost(served: Served) -> None:
    line = await served.line()
    java = b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAA\r\nUpgrade: h2c\r\n"
    line.say(_post(b"\r\nUpgrade: h2c\r\n", more=java))
    assert (await line.hear())[1].removeprefix(b"direct ") == b"\r\nUpgrade: h2c\r\n"
    line.say(_post(b"", more=java).replace(b"Content-Length: 0", b"Content-Length: 5"))
    await _idle(served)
    line.say(b"later")
    assert (await line.hear())[1] == b"asgi later"


async def test_a_broken_chunk_is_a_bad_request_and_no_lead(served: Served) -> None:
    line = await served.line()
    line.say(b"POST /v1/leads HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
    assert (await line.hear())[0] == b"HTTP/1.1 400 Bad Request"
    assert await line.reader.read() == b""
    assert served.door.came == []


async def test_a_refusal_that_closes_closes(served: Served) -> None:
    line = await served.line()
    line.say(_post(b"bad"))
    assert (await line.hear())[1] == b"direct bad"
    assert await line.reader.read() == b""


async def test_who_goes_before_the_answer_is_not_written_to(served: Served) -> None:
    served.door.open.clear()
    line = await served.line()
    line.say(_post(b"x"))
    await _came(served)
    passage = next(iter(served.state.connections)).cycle
    line.writer.close()
    await line.writer.wait_closed()
    while served.state.connections:
        await asyncio.sleep(0)
    served.door.open.set()
    await passage.task
    assert passage.disconnected
    assert not passage.response_complete


async def test_a_drain_waits_for_the_answer_in_hand_and_then_closes(served: Served) -> None:
    served.door.open.clear()
    line = await served.line()
    line.say(_post(b"x"))
    await _came(served)
    for connection in served.state.connections:
        connection.shutdown()
    served.door.open.set()
    assert (await line.hear())[1] == b"direct x"
    assert await line.reader.read() == b""


async def test_before_the_process_is_open_it_says_come_again(served: Served) -> None:
    served.config.loaded_app.intake = None
    line = await served.line()
    line.say(_post(b"x"))
    assert (await line.hear())[0] == b"HTTP/1.1 503 Service Unavailable"


async def _came(served: Served) -> None:
    while not served.door.came:
        await asyncio.sleep(0)


async def _idle(served: Served) -> None:
    """Until the server has read what was sent: a few turns of the loop that both share."""
    for _ in range(20):
        await asyncio.sleep(0)
