"""A service, a buyer who remembers, and the books, for tests that start real processes."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.e2e.counting import CountingBuyer
from tests.e2e.service import Service

Make = Callable[..., Service]


@pytest.fixture
async def buyer() -> AsyncIterator[CountingBuyer]:
    async with CountingBuyer() as opened:
        yield opened


@pytest.fixture
async def services(tmp_path: Path) -> AsyncIterator[Make]:
    """Makes services; those that still run are ended with the test."""
    made: list[Service] = []

    def make(**given: object) -> Service:
        folder = tmp_path / f"data{len(made)}"
        folder.mkdir()
        made.append(Service(folder, **given))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        await one.close()
