"""What leaves together, and what must not wait."""

import asyncio
import threading

import httpx
import pytest
import uvicorn

from app.http_protocol import Corked, OneWriteProtocol

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
