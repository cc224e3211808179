"""Whoever is refused while he is still sending reads why, and can't keep the connection for it."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

import app.http_protocol
from app.http_protocol import DirectProtocol

REFUSAL = b"too much"
HEAD = b"POST /elsewhere HTTP/1.1\r\nHost: gate\r\nContent-Length: %d\r\n\r\n"


async def _refuse(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """As a door that knows by the head that it won't take the body."""
    headers = [(b"connection", b"close"), (b"content-length", b"%d" % len(REFUSAL))]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": REFUSAL})


class Refusing:
    def __init__(self, port: int, state: ServerState) -> None:
        self.port, self.state = port, state

    async def nobody_is_there(self) -> None:
        while self.state.connections:
            await asyncio.sleep(0)

    async def begun(self, length: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A request of which only the head has come, with its answer read."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(HEAD % length)
        assert (await reader.read()).endswith(REFUSAL)  # to its end: nothing more will be said
        return reader, writer


@pytest.fixture
async def refusing() -> AsyncIterator[Refusing]:
    config = uvicorn.Config(_refuse, http=DirectProtocol, proxy_headers=False, log_config=None, access_log=False)  # fmt: skip
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: DirectProtocol(config, state, {}), "127.0.0.1", 0)
    made = Refusing(server.sockets[0].getsockname()[1], state)
    yield made
    server.close()
    await made.nobody_is_there()
    await server.wait_closed()


def _send_all_then_read(port: int, body: bytes) -> bytes:
    """As most libraries do: they don't look for an answer before they have sent everything."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(HEAD % len(body) + body)
        said = b""
        while more := line.recv(65_536):
            said += more
        return said


async def test_who_sends_everything_before_he_listens_reads_why_it_was_refused(refusing: Refusing) -> None:
    said = await asyncio.to_thread(_send_all_then_read, refusing.port, b" " * 20_000_000)
    assert said.startswith(b"HTTP/1.1 413 ")
    assert said.endswith(REFUSAL)


async def test_who_leaves_with_his_answer_is_gone(refusing: Refusing) -> None:
    _, writer = await refusing.begun(1_000_000)
    writer.close()
    await refusing.nobody_is_there()


async def test_who_never_ends_is_cut_off(refusing: Refusing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.http_protocol, "_HEARD_OUT", 1_000_000)
    _, writer = await refusing.begun(10**12)
    with pytest.raises(ConnectionError):
        await _go_on(writer)
    writer.close()


async def _go_on(writer: asyncio.StreamWriter) -> None:
    for _ in range(10_000):
        writer.write(b" " * 100_000)
        await writer.drain()


async def test_who_sends_nothing_more_is_not_waited_for(
    refusing: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.http_protocol, "_HEARD_FOR", 0.05)
    _, writer = await refusing.begun(1_000)
    await refusing.nobody_is_there()
    writer.close()


async def test_a_process_that_ends_waits_for_none_of_it(refusing: Refusing) -> None:
    _, writer = await refusing.begun(1_000)
    for connection in list(refusing.state.connections):
        connection.shutdown()
    await refusing.nobody_is_there()
    writer.close()
