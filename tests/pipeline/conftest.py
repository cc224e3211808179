"""A buyer over real sockets for each test of the path."""

from collections.abc import AsyncIterator

import pytest

from tests.buyer import Buyer


@pytest.fixture
async def buyer() -> AsyncIterator[Buyer]:
    async with Buyer() as listening:
        yield listening
