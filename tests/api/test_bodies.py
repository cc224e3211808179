"""A body is read no further than it may be, and waited for no longer."""

import asyncio
from typing import Any

import pytest

from app.api.bodies import Bodies
from app.core.errors import TooLarge, TooSlow
from app.core.world import World


def sending(*chunks: bytes, then: str = "end") -> Any:
    """`then`: the body ends, the connection does, or nothing comes any more."""
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    last = {"end": {"type": "http.request", "body": b""}, "gone": {"type": "http.disconnect"}}
    left = iter([*messages, *([last[then]] if then in last else [])])

    async def receive() -> Any:
        for message in left:
            return message
        return await asyncio.get_running_loop().create_future()

    return receive


def bodies(seconds: float = 30.0) -> Bodies:
    return Bodies(10, seconds, World())


async def test_chunks_are_one_body() -> None:
    assert await bodies().read(sending(b"abc", b"", b"def"), "") == b"abcdef"
    assert await bodies().read(sending(b"0123456789"), "10") == b"0123456789"
    assert await bodies().read(sending(), "x") == b""


@pytest.mark.parametrize("told", ["11", "9" * 400])
async def test_what_is_told_to_be_too_large_is_not_read(told: str) -> None:
    with pytest.raises(TooLarge):
        await bodies().read(sending(then="never"), told)


async def test_what_turns_out_too_large_is_read_no_further() -> None:
    with pytest.raises(TooLarge):
        await bodies().read(sending(b"01234567", b"89a", then="never"), "")


async def test_half_a_body_is_none() -> None:
    with pytest.raises(TooSlow, match="before the body did"):
        await bodies().read(sending(b"abc", then="gone"), "")


async def test_a_body_that_stops_coming_is_given_up() -> None:
    with pytest.raises(TooSlow, match="within"):
        await bodies(0.01).read(sending(b"abc", then="never"), "")
