"""Tokens of a process: one fetch for all who wait, none kept beyond its end, none given again that was refused."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from app.distribute.adapter import Call, Grant, Reply, Token
from app.distribute.faults import ConnectFailed, TimedOut
from app.distribute.tokens import Tokens, read


class Server:
    """Gives `tok-1`, `tok-2`, … each time it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.free = asyncio.Event()
        self.free.set()
        self.lasts: object = 3600
        self.fault: Exception | None = None

    async def fetch(self, call: Call) -> Reply:
        self.asked += 1
        count = self.asked
        await self.free.wait()
        if self.fault is not None:
            raise self.fault
        return Reply(
            status=200, body=f'{{"access_token": "tok-{count}", "expires_in": {self.lasts}}}'.encode()
        )


def grant(holder: str = "sunco", refused: str = "") -> Grant:
    return Grant(
        holder=holder,
        call=lambda: Call(method="POST", url="https://l.example/", hands_over=False),
        refused=refused,
    )


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def tokens(server: Server) -> AsyncIterator[Tokens]:
    kept = Tokens(server.fetch)
    yield kept
    await kept.close()


async def got(tokens: Tokens, wanted: Grant | None = None, within: float = 5.0) -> str:
    token = await tokens.get(wanted or grant(), asyncio.get_running_loop().time() + within)
    assert isinstance(token, Token)
    return token.text


async def test_who_comes_at_the_same_time_waits_for_the_same_token(tokens: Tokens, server: Server) -> None:
    server.free.clear()
    waiting = [asyncio.ensure_future(got(tokens)) for _ in range(50)]
    await asyncio.sleep(0)
    server.free.set()
    assert set(await asyncio.gather(*waiting)) == {"tok-1"}
    assert server.asked == 1


async def test_only_the_one_who_asked_has_a_word_of_it_to_show(tokens: Tokens) -> None:
    until = asyncio.get_running_loop().time() + 5
    told = [await tokens.get(grant(), until) for _ in range(2)]
    assert [one.kept for one in told if isinstance(one, Token)] == [False, True]


async def test_each_holder_has_its_own(tokens: Tokens) -> None:
    assert [await got(tokens, grant(name)) for name in ("a", "b", "a")] == ["tok-1", "tok-2", "tok-1"]


async def test_a_token_that_was_refused_is_not_given_again(tokens: Tokens) -> None:
    assert await got(tokens) == "tok-1"
    assert await got(tokens, grant(refused="tok-1")) == "tok-2"
    assert await got(tokens, grant(refused="tok-1")) == "tok-2"  # somebody has renewed it already
    assert await got(tokens) == "tok-2"


@pytest.mark.parametrize(
    ("lasts", "second"),
    [(0, "tok-2"), ("0", "tok-2"), (-5, "tok-2"), ('"3600"', "tok-1"), ("null", "tok-1"), ("1e300", "tok-1")],
)
async def test_a_token_is_kept_as_long_as_it_lasts(
    tokens: Tokens, server: Server, lasts: object, second: str
) -> None:
    server.lasts = lasts
    assert [await got(tokens), await got(tokens)] == ["tok-1", second]


async def test_a_failure_is_everybodys_who_waits_and_nobodys_after(tokens: Tokens, server: Server) -> None:
    server.fault = ConnectFailed()
    server.free.clear()
    waiting = [asyncio.ensure_future(got(tokens)) for _ in range(5)]
    await asyncio.sleep(0)
    server.free.set()
    assert {type(one) for one in await asyncio.gather(*waiting, return_exceptions=True)} == {ConnectFailed}
    server.fault = None
    assert await got(tokens) == "tok-2"


async def test_who_gives_up_takes_nothing_from_the_others(tokens: Tokens, server: Server) -> None:
    server.free.clear()
    first, second = asyncio.ensure_future(got(tokens)), asyncio.ensure_future(got(tokens))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(TimedOut):
        await got(tokens, within=0.01)
    server.free.set()
    assert await second == "tok-1"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b"<html>", b"access_token=a", b'{"access_token": 7}', b'{"access_token": ""}',
        b'{"access_token": "a b"}', b'{"access_token": "a\\r\\nX-Evil: 1"}', b"[" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_token_is_none(body: bytes) -> None:
    assert read(Reply(status=200, body=body)) is None


def test_an_error_is_no_token_whatever_is_in_it() -> None:
    body = b'{"access_token": "a", "refresh_token": "r", "expires_in": 60}'
    assert read(Reply(status=200, body=body)) == Token(text="a", lasts=60.0)
    assert read(Reply(status=400, body=body)) is None
