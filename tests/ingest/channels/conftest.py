"""A folder to be picked up, a house without channels, and who visits."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.store.database import Database
from tests.pipeline.house import House, catalogue, opened, source
from tests.pipeline.visiting import Rounds, visiting


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "leads"
    folder.mkdir()
    return folder


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with opened(database, catalogue(source())) as made:
        yield made


@pytest.fixture
async def picker(house: House, tmp_path: Path) -> AsyncIterator[Rounds]:
    async with visiting(house, tmp_path / "spool") as rounds:
        yield rounds
