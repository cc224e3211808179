"""Makes bodies of a size out of one thing many times."""

from collections.abc import Callable
from typing import NamedTuple

SIZE = 10_000_000

Made = Callable[[], bytes]


class Case(NamedTuple):
    name: str
    content_type: str
    body: Made


def fill(unit: bytes, before: bytes = b"", after: bytes = b"", size: int = SIZE) -> bytes:
    return before + unit * ((size - len(before) - len(after)) // len(unit)) + after


def counted(unit: bytes, before: bytes = b"", after: bytes = b"", size: int = SIZE) -> bytes:
    """`unit` with a number that never comes twice, in place of %d."""
    times = (size - len(before) - len(after)) // (len(unit) + 4)
    return b"".join((before, *(unit % n for n in range(1_000_000, 1_000_000 + times)), after))
