"""A place where a buyer's own files lie: what it can be asked, and what it tells of them."""

from collections.abc import AsyncGenerator
from typing import Protocol

from msgspec import Struct

MOST_FILES = 1_000
"""That are read at one look."""


class Found(Struct, frozen=True):
    """What lies there, as it is now. `at_once`: nobody is still writing it, so one look is enough."""

    raw: bytes
    size: int
    name: str
    mark: str
    at_once: bool = False


class Enclosed(Struct, frozen=True):
    """One file: which of ours it may answer, by their names, and what is in it."""

    name: str
    answers: tuple[str, ...]
    body: bytes


class Place(Protocol):
    def files(self) -> AsyncGenerator[list[Found]]:
        """In portions; what is done with one may change the place before the next is asked for."""

    async def inside(self, found: Found) -> list[Enclosed] | None:
        """None where it is not any more what was found. Raises Unpackable where nobody can read it."""

    async def away(self, found: Found) -> None:
        """Where the server lets us; it is remembered as read in any case."""
