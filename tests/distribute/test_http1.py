"""What a kept connection owes: it is never used when its other end has something to say, or is gone."""

import asyncio
import socket

import pytest

from app.distribute.faults import TimedOut
from app.distribute.http1 import Connection

REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
async def pair():
    """A connection of ours, and the buyer's end of it as a bare socket."""
    ours, theirs = socket.socketpair()
    _, connection = await asyncio.get_running_loop().create_connection(lambda: Connection(1000), sock=ours)
    yield connection, theirs
    connection.close()
    theirs.close()
    await asyncio.sleep(0)


async def asked(connection, theirs):
    task = asyncio.ensure_future(
        connection.ask(b"GET / HTTP/1.1\r\n\r\n", asyncio.get_running_loop().time() + 1)
    )
    await asyncio.sleep(0)
    theirs.sendall(REPLY)
    return await task


async def test_a_connection_is_quiet_after_its_reply(pair):
    assert (await asked(*pair)).body == b"ok"
    assert pair[0].quiet()
    assert (await asked(*pair)).body == b"ok"


async def test_a_farewell_that_the_loop_has_not_read_yet_is_seen(pair):
    connection, theirs = pair
    await asked(connection, theirs)
    theirs.close()
    assert not connection.closed
    assert not connection.quiet()


async def test_bytes_that_nobody_asked_for_close_the_connection(pair):
    connection, theirs = pair
    await asked(connection, theirs)
    theirs.sendall(REPLY)
    assert not connection.quiet()
    for _ in range(5):
        await asyncio.sleep(0)
    assert connection.closed


async def test_a_time_limit_closes_the_connection(pair):
    connection, _ = pair
    with pytest.raises(TimedOut):
        await connection.ask(b"x", asyncio.get_running_loop().time())
    assert connection.closed
    assert not connection.quiet()


async def test_a_reply_may_come_byte_by_byte(pair):
    connection, theirs = pair
    task = asyncio.ensure_future(connection.ask(b"x", asyncio.get_running_loop().time() + 1))
    await asyncio.sleep(0)
    for byte in REPLY:
        theirs.sendall(bytes([byte]))
        await asyncio.sleep(0)
    assert (await task).body == b"ok"


async def test_headers_are_lower_case_joined_and_without_trailers(pair):
    connection, theirs = pair
    task = asyncio.ensure_future(connection.ask(b"x", asyncio.get_running_loop().time() + 1))
    await asyncio.sleep(0)
    theirs.sendall(
        b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-A: 3\r\n\r\n"
    )
    assert (await task).headers == {"x-a": "1, 2", "transfer-encoding": "chunked"}
