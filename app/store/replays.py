"""Deliveries that are to be asked again: which there are, what stands against one, and its new turn."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

_SOME = """
select id, contract, state, coalesce(ended_at, created_at) as since from delivery
 where state = any($1::text[]) and ($2::text is null or contract = $2)
   and ($3::timestamptz is null or coalesce(ended_at, created_at) >= $3)
   and ($4::timestamptz is null or coalesce(ended_at, created_at) < $4)
 order by id limit $5
"""
_HOLDERS = """
select contract, buyer, slot, state from delivery
 where lead_id = $1 and round = $2 and id <> $3 and state in ('sending', 'waiting', 'pooled', 'unclear', 'accepted')
"""
_LEAD = "select state, round from lead where id = $1"
_VALUES = "select key, value from counter where key = any($1::text[])"
# The reason stays: it says why the first round of attempts ended, until the next one says something else.
_AGAIN = """
update delivery
   set state = 'waiting', next_at = now() + $2 * interval '1 second', lease_id = null, ended_at = null, reserved = $3
 where id = $1
"""
_REVIVE = "update lead set state = 'delivering', ended_at = null where id = $1 and state <> 'delivering'"


class Candidate(Struct, frozen=True):
    """A delivery that could be asked again; `since` is when it ended, or began where it has not."""

    id: UUID
    contract: str
    state: str
    since: datetime


class Holder(Struct, frozen=True):
    """Another delivery of the same lead and round that has it, or may have."""

    contract: str
    buyer: str
    slot: int
    state: str


async def candidates(
    conn: Any,
    states: Sequence[str],
    *,
    contract: str | None,
    since: datetime | None,
    until: datetime | None = None,
    limit: int = 100_000,
) -> list[Candidate]:
    """Oldest first."""
    rows = await conn.fetch(_SOME, list(states), contract, since, until, limit)
    return [Candidate(*row) for row in rows]


async def holders(conn: Any, lead_id: UUID, round_: int, but: UUID) -> list[Holder]:
    """Who has this lead, or may have it, beside delivery `but`."""
    return [Holder(*row) for row in await conn.fetch(_HOLDERS, lead_id, round_, but)]


async def lead_standing(conn: Any, lead_id: UUID) -> tuple[str, int]:
    """(state, round) of a lead that the caller has locked."""
    row = await conn.fetchrow(_LEAD, lead_id)
    return row[0], row[1]


async def counted(conn: Any, keys: Sequence[str]) -> dict[str, int]:
    """Counters as they are, without a lock: for showing."""
    return {row[0]: row[1] for row in await conn.fetch(_VALUES, list(keys))}


async def again(
    conn: Any, delivery_id: UUID, lead_id: UUID, *, in_seconds: float, reserved: Sequence[str]
) -> None:
    """Its next attempt is due `in_seconds` from now, its lead is being delivered. Both are locked by the caller."""
    await conn.execute(_AGAIN, delivery_id, in_seconds, "\n".join(reserved))
    await conn.execute(_REVIVE, lead_id)
