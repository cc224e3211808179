"""A transaction that is carried out whole and taken back where somebody only wants to know what it would do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any


class _TakenBack(Exception):
    """Ends a dry run's transaction."""


@asynccontextmanager
async def transaction(conn: Any, *, dry: bool = False) -> AsyncIterator[None]:
    """As `conn.transaction()`; of a dry run nothing stays, no row, no notice, no lock."""
    with suppress(_TakenBack):
        async with conn.transaction():
            yield
            if dry:
                raise _TakenBack
