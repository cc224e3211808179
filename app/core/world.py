"""Time, ids and chance, handed down from the roots so that tests can hold them still."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import SystemRandom
from uuid import UUID

_RANDOM = SystemRandom()
_POOL = 4_000
_chance = b""
_taken = 0


def time_ordered() -> bytes:
    """A time-ordered id (RFC 9562 version 7), made here since PostgreSQL 15 to 17 cannot.

    Chance is drawn 4 kB at a time: a system call per id was a twentieth of an acknowledgement.
    """
    global _chance, _taken
    if _taken >= len(_chance):
        _chance, _taken = secrets.token_bytes(_POOL), 0
    at, _taken = _taken, _taken + 10
    ms = time.time_ns() // 1_000_000
    marked = bytes((0x70 | _chance[at] & 0x0F, _chance[at + 1], 0x80 | _chance[at + 2] & 0x3F))
    return ms.to_bytes(6, "big") + marked + _chance[at + 3 : at + 10]


def uuid7() -> UUID:
    return UUID(bytes=time_ordered())


def moment_of(id_: UUID) -> datetime:
    """When an id of ours was made; the beginning of time for one of another kind."""
    return datetime.fromtimestamp((id_.int >> 80) / 1000 if id_.version == 7 else 0, UTC)


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class World:
    """`now` is wall time in UTC; `monotonic` seconds for durations; `chance` a float in [0, 1)."""

    now: Callable[[], datetime] = utc_now
    monotonic: Callable[[], float] = time.monotonic
    new_id: Callable[[], UUID] = uuid7
    chance: Callable[[], float] = _RANDOM.random
    token: Callable[[int], bytes] = secrets.token_bytes
