"""Marks that leads of fraud carried, for as long as anybody asks for them: digests, which say nothing of a person."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

# In the order of their keys, as everything that is locked.
_NOTE = """
insert into offence (key, lead_id, expires_at)
select key, lead_id, now() + within * interval '1 second'
  from unnest($1::bytea[], $2::uuid[], $3::float8[]) as t(key, lead_id, within) order by key, lead_id
on conflict (key, lead_id) do update set expires_at = greatest(offence.expires_at, excluded.expires_at)
"""
_COUNT = """
select t.n::int, count(o.key)::int
  from unnest($1::bytea[], $2::float8[]) with ordinality as t(key, within, n)
  join offence o on o.key = t.key and o.at > now() - t.within * interval '1 second'
 group by 1
"""
_FORGET = "delete from offence where lead_id = any($1::uuid[])"


class Offence(Struct, frozen=True):
    """A mark of a lead that was fraud, remembered for `within` seconds."""

    key: bytes
    lead_id: UUID
    within: float


async def note(conn: Any, offences: Iterable[Offence]) -> None:
    """Twice is once."""
    rows = {(one.key, one.lead_id): one.within for one in sorted(offences, key=lambda one: one.within)}
    keys, ids = [key for key, _ in rows], [lead_id for _, lead_id in rows]
    await conn.execute(_NOTE, keys, ids, list(rows.values()))


async def count(conn: Any, asked: Sequence[tuple[bytes, int]]) -> Mapping[tuple[bytes, int], int]:
    """How many leads carried each (key, seconds); those that none did are missing."""
    rows = await conn.fetch(_COUNT, [key for key, _ in asked], [float(within) for _, within in asked])
    return {asked[row[0] - 1]: row[1] for row in rows}


async def forget(conn: Any, lead_ids: Sequence[UUID]) -> None:
    """A person has said that they are none."""
    await conn.execute(_FORGET, list(lead_ids))
