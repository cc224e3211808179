"""Keys that any number of leads share: who else has them, and which buyers got those leads.

Whoever asks has locked the `dedupe_key` rows of the same keys: of two leads at the same moment the later one sees
what was decided of the other.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.store.leads import decode

MOST = 200
"""So many of the latest leads under one key are looked at, so that a key that thousands share costs no more."""
_LATE = 10 * 86_400.0  # seconds: a lead may be sold so long after its decision, and counts from its sale

_SHARE = f"""
insert into lead_key (key, lead_id, seconds, expires_at)
select key, lead_id, seconds, now() + (within + case when seconds is null then 0 else {_LATE} end) * interval '1 second'
  from unnest($1::bytea[], $2::uuid[], $3::float8[], $4::float8[]) as t(key, lead_id, within, seconds)
on conflict (key, lead_id) do update
  set at = excluded.at, seconds = excluded.seconds, expires_at = excluded.expires_at
"""
_NEAR = f"""
select t.key, k.lead_id, k.at, l.source, d.fields
  from unnest($1::bytea[], $2::float8[]) as t(key, within)
 cross join lateral (
   select lead_id, at from lead_key k where k.key = t.key order by lead_id desc limit {MOST}) k
  join lead l on l.id = k.lead_id and l.state <> 'rejected'
  join lead_detail d on d.lead_id = k.lead_id
 where k.at > now() - t.within * interval '1 second' order by k.lead_id desc
"""
# The buyer may have it, has it, or said that he had it.
_WITH_BUYER = """d.state in ('sending', 'waiting', 'pooled', 'unclear', 'accepted', 'duplicate')
   and coalesce(d.ended_at, d.created_at) > now() - t.within * interval '1 second'"""
_HAVING = f"""
select distinct on (t.key, d.buyer) t.key, d.buyer, d.lead_id
  from unnest($1::bytea[], $2::float8[]) as t(key, within)
 cross join lateral (select lead_id from lead_key k where k.key = t.key order by lead_id desc limit {MOST}) k
  join delivery d on d.lead_id = k.lead_id
 where {_WITH_BUYER} order by t.key, d.buyer, d.lead_id desc
"""
_LOCK = """
select key from dedupe_key
 where key in (select key from lead_key where lead_id = any($1::uuid[]) and seconds is not null)
 order by key for update
"""
_OTHERS = f"""
select distinct t.lead_id, d.buyer
  from (select key, lead_id, seconds as within from lead_key where lead_id = any($1::uuid[]) and seconds is not null) t
 cross join lateral (select lead_id from lead_key k where k.key = t.key order by lead_id desc limit {MOST}) k
  join delivery d on d.lead_id = k.lead_id
 where k.lead_id <> t.lead_id and {_WITH_BUYER}
"""


class Shared(Struct, frozen=True, gc=False):
    """One lead that holds a key with others. `by_buyers`: of a rule by buyers."""

    key: bytes
    lead_id: UUID
    within: float
    by_buyers: bool


class Holder(Struct, frozen=True):
    """A lead that holds a key; `fields` as they are kept (name → [raw, normal, valid, parts, note])."""

    lead_id: UUID
    at: datetime
    source: str
    fields: Mapping[str, list[Any]]


async def share(conn: Any, keys: Sequence[Shared]) -> None:
    ordered = sorted(keys, key=lambda one: (one.key, one.lead_id))
    await conn.execute(
        _SHARE, [one.key for one in ordered], [one.lead_id for one in ordered], [one.within for one in ordered],
        [one.within if one.by_buyers else None for one in ordered],
    )  # fmt: skip


async def near(conn: Any, within: Mapping[bytes, float]) -> dict[bytes, list[Holder]]:
    """Key → the leads that were taken and hold it, the latest first. A lead whose fields were dropped is not there."""
    found: dict[bytes, list[Holder]] = {}
    for key, lead_id, at, source, fields in await conn.fetch(_NEAR, list(within), list(within.values())):
        found.setdefault(key, []).append(Holder(lead_id, at, source, decode(fields)))
    return found


async def having(conn: Any, within: Mapping[bytes, float]) -> dict[bytes, list[tuple[str, UUID]]]:
    """Key → (buyer, the latest lead that he has, or may have)."""
    found: dict[bytes, list[tuple[str, UUID]]] = {}
    for key, buyer, lead_id in await conn.fetch(_HAVING, list(within), list(within.values())):
        found.setdefault(key, []).append((buyer, lead_id))
    return found


async def others(conn: Any, lead_ids: Sequence[UUID]) -> dict[UUID, set[str]]:
    """Lead → the buyers who have its person by another lead, their keys locked in sorted order until commit."""
    await conn.fetch(_LOCK, lead_ids)
    found: dict[UUID, set[str]] = {}
    for lead_id, buyer in await conn.fetch(_OTHERS, lead_ids):
        found.setdefault(lead_id, set()).add(buyer)
    return found
