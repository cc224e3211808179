"""Time, ids and chance, handed down from the roots so that tests can hold them still."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import SystemRandom
from uuid import UUID

_RANDOM = SystemRandom()


def uuid7() -> UUID:
    """A time-ordered id (RFC 9562 version 7), made here since PostgreSQL 15 to 17 cannot."""
    ms = time.time_ns() // 1_000_000
    chance = int.from_bytes(secrets.token_bytes(10), "big")
    low = (0b10 << 62) | (chance & 0x3FFF_FFFF_FFFF_FFFF)
    return UUID(int=(ms << 80) | (0x7 << 76) | ((chance >> 64 & 0xFFF) << 64) | low)


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
