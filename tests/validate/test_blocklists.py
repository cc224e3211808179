"""Asked of the same little DNS server as the mail domains."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.validate.blocklists import Blocklists, backwards
from tests.validate import test_mx
from tests.validate.test_mx import Clock, Server

LISTED = {
    ("2.0.0.127.bl.example", "A"): ["127.0.0.2"],
    ("9.113.0.203.bl.example", "A"): ["127.0.0.4", "127.0.0.9"],
    ("8.8.8.8.bl.example", "A"): ["127.255.255.254"],
    ("7.7.7.7.bl.example", "A"): ["192.0.2.1"],
    ("1" + ".0" * 23 + ".8.b.d.0.1.0.0.2.bl.example", "A"): ["127.0.0.2"],
}


@pytest.fixture(autouse=True)
def _zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(test_mx, "ZONE", LISTED)
    monkeypatch.setattr(test_mx, "NAMES", {name for name, _ in LISTED})


@asynccontextmanager
async def asking(**more) -> AsyncIterator[tuple[Blocklists, Server, Clock]]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    clock = Clock()
    lists = Blocklists(clock, nameservers=["127.0.0.1"], port=server.port, **more)
    try:
        yield lists, server, clock
    finally:
        await lists.close()
        transport.close()


@pytest.mark.parametrize(
    ("zone", "address", "named"),
    [
        ("bl.example", "127.0.0.2", True),
        ("BL.example.", "203.0.113.9", True),
        ("bl.example", "203.0.113.8", False),
        ("bl.example", "2001:db8::1", True),
        ("bl.example", "8.8.8.8", None),
        ("bl.example", "7.7.7.7", None),
        ("bl.example", "no address", None),
        ("a..b", "203.0.113.9", None),
    ],
)
async def test_an_address_is_named_by_an_answer_of_the_loopback_network(zone, address, named):
    """An answer of 127.255.255.0/24 is a list's refusal, and any other is somebody's search page."""
    async with asking() as (lists, _, _):
        assert await lists.names(zone, address) is named


async def test_silence_is_no_answer_and_ends_in_time(monkeypatch):
    monkeypatch.setattr(Server, "datagram_received", lambda *_: None)
    async with asking(total=0.2) as (lists, _, _), asyncio.timeout(5):
        assert await lists.names("bl.example", "203.0.113.9") is None


async def test_a_question_is_asked_once_and_believed_for_a_while():
    async with asking() as (lists, server, clock):
        answers = await asyncio.gather(*(lists.names("bl.example", "203.0.113.9") for _ in range(20)))
        assert answers == [True] * 20
        assert server.asked["9.113.0.203.bl.example A"] == 1
        clock.at = 1_801.0
        await lists.names("bl.example", "203.0.113.9")
        assert server.asked["9.113.0.203.bl.example A"] == 2


async def test_what_is_remembered_has_an_end():
    async with asking(remembered=2) as (lists, server, _):
        for last in (1, 2, 3, 1):
            await lists.names("bl.example", f"203.0.113.{last}")
        assert server.asked["1.113.0.203.bl.example A"] == 2


def test_an_address_is_written_backwards():
    assert backwards("192.0.2.1") == "1.2.0.192"
    assert backwards("2001:db8::1") == "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"
