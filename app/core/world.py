"""Time, ids and chance, handed down from the roots so that tests can hold them still."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from random import SystemRandom
from uuid import UUID, SafeUUID

_RANDOM = SystemRandom()
_new, _set = object.__new__, object.__setattr__
_POOL = 4_000
_chance = b""
_taken = 0


def uuid7() -> UUID:
    """A time-ordered id (RFC 9562 version 7), made here since PostgreSQL 15 to 17 cannot.

    Chance is drawn 4 kB at a time: a system call per id was a twentieth of an acknowledgement.
    """
    global _chance, _taken
    if _taken >= len(_chance):
        _chance, _taken = secrets.token_bytes(_POOL), 0
    chance = int.from_bytes(_chance[_taken : _taken + 10], "big")
    _taken += 10
    ms = time.time_ns() // 1_000_000
    low = 0x8000_0000_0000_0000 | (chance & 0x3FFF_FFFF_FFFF_FFFF)
    made = _new(UUID)  # its constructor checks what is right by construction, for half the cost
    _set(made, "int", (ms << 80) | 0x7000_0000_0000_0000_0000 | ((chance >> 64 & 0xFFF) << 64) | low)
    _set(made, "is_safe", SafeUUID.unknown)
    return made


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
