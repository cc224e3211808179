"""Without a database a buyer's word and a source's look hung for as long as the outage did, or were a 500."""

import asyncio
import itertools

import pytest

from app.core.metrics import Metrics
from app.core.world import World
from app.pipeline.faults import Retrying
from app.store.database import Away


def clock() -> World:
    """Goes on by a second with every look."""
    seconds = itertools.count(1.0)
    return World(monotonic=lambda: next(seconds))


async def _away(again: bool) -> None:
    raise Away("nobody answers")


async def test_what_somebody_waits_for_is_given_up_after_its_patience() -> None:
    tried: list[bool] = []

    async def attempt(again: bool) -> None:
        tried.append(again)
        await _away(again)

    with pytest.raises(Away):
        await Retrying(clock(), Metrics(), patience=2.0).run(attempt)
    assert len(tried) == 2


async def test_what_is_durable_is_never_given_up() -> None:
    tries = iter([Away("1"), Away("2"), ConnectionResetError(), Away("4"), None])
    seen: list[bool] = []

    async def attempt(again: bool) -> str:
        seen.append(again)
        if (error := next(tries)) is not None:
            raise error
        return "committed"

    async with asyncio.timeout(5):
        assert await Retrying(clock(), Metrics()).run(attempt) == "committed"
    assert seen == [False, False, False, True, True]
