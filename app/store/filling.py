"""Leads that came before a duplicate rule did, and how far they are entered under its keys."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.store.leads import decode

_LAST = UUID(int=(1 << 128) - 1)
_DONE = "select campaign, rules from duplicate_filling where done_at is not null"
_BEGIN = """
insert into duplicate_filling as f (campaign, rules, before) values ($1, $2, $3)
on conflict (campaign) do update
  set rules = excluded.rules, before = excluded.before, entered = 0, done_at = null where f.rules <> excluded.rules
"""
_TAKE = "select before from duplicate_filling where campaign = $1 and done_at is null for update skip locked"
# A stretch of all leads, whosesoever they are: no index by campaign is kept for this.
_STRETCH = """
with stretch as materialized (
  select id, source, campaign, received_at, decided_at, test, state, erased_at
    from lead where id < $1 and received_at > $3 order by id desc limit $4
)
select s.id, s.source, s.received_at, s.decided_at, s.test, d.fields,
       s.campaign = $2 and s.state <> 'rejected' and s.erased_at is null
  from stretch s
  left join lead_detail d on d.lead_id = s.id and s.campaign = $2 and s.state <> 'rejected' and s.erased_at is null
 order by s.id desc
"""
_ENTER = """
insert into dedupe_key (key, lead_id, source, at, expires_at)
select key, lead_id, source, at, at + seconds * interval '1 second'
  from unnest($1::bytea[], $2::uuid[], $3::text[], $4::timestamptz[], $5::float8[]) as t(key, lead_id, source, at, seconds)
 where at + seconds * interval '1 second' > now()
 order by key
on conflict (key) do update
  set lead_id = excluded.lead_id, source = excluded.source, at = excluded.at, expires_at = excluded.expires_at
  where dedupe_key.at < excluded.at
"""
_SHARE = """
insert into lead_key (key, lead_id, at, seconds, expires_at)
select key, lead_id, at, case when by_buyers then seconds end, at + seconds * interval '1 second'
  from unnest($1::bytea[], $2::uuid[], $3::timestamptz[], $4::float8[], $5::bool[])
    as t(key, lead_id, at, seconds, by_buyers)
 where at + seconds * interval '1 second' > now()
 order by key, lead_id
on conflict do nothing
"""
_FURTHER = """
update duplicate_filling
   set before = $2, entered = entered + $3, done_at = case when $4 then now() end where campaign = $1
"""


class Former(Struct, frozen=True):
    """A lead that was taken in its day."""

    id: UUID
    source: str
    received_at: datetime
    decided_at: datetime
    test: bool
    fields: Mapping[str, list[Any]]


class FormerKey(Struct, frozen=True, gc=False):
    """One key that it holds since then, for so many seconds; `by_buyers` of one that others may hold too."""

    key: bytes
    lead: Former
    seconds: float
    by_buyers: bool = False


async def done(conn: Any) -> dict[str, bytes]:
    """Campaign → the rules for which all its leads are entered."""
    return {row[0]: row[1] for row in await conn.fetch(_DONE)}


async def take(conn: Any, campaign: str, rules: bytes) -> UUID | None:
    """The id before which nothing is entered yet, held until commit; None where somebody else is at it."""
    await conn.execute(_BEGIN, campaign, rules, _LAST)
    before: UUID | None = await conn.fetchval(_TAKE, campaign)
    return before


async def stretch(
    conn: Any, campaign: str, before: UUID, since: datetime, most: int
) -> tuple[list[Former], UUID | None]:
    """The campaign's leads among the next `most` ones, the latest first; and the last id of all of them, None at the end."""
    rows = await conn.fetch(_STRETCH, before, campaign, since, most)
    found = [
        Former(row[0], row[1], row[2], row[3], row[4], decode(row[5]))
        for row in rows
        if row[6] and row[5] is not None
    ]
    return found, rows[-1][0] if rows else None


async def enter(conn: Any, keys: Sequence[FormerKey]) -> None:
    """Keys that one lead holds: whoever came last has it, here as there."""
    latest = {one.key: one for one in sorted(keys, key=lambda one: one.lead.decided_at)}
    ordered = [latest[key] for key in sorted(latest)]
    await conn.execute(
        _ENTER, [one.key for one in ordered], [one.lead.id for one in ordered], [one.lead.source for one in ordered],
        [one.lead.decided_at for one in ordered], [one.seconds for one in ordered],
    )  # fmt: skip


async def share(conn: Any, keys: Sequence[FormerKey]) -> None:
    """Keys that any number of leads hold."""
    once = {(one.key, one.lead.id): one for one in keys}
    ordered = [once[place] for place in sorted(once)]
    await conn.execute(
        _SHARE, [one.key for one in ordered], [one.lead.id for one in ordered], [one.lead.decided_at for one in ordered],
        [one.seconds for one in ordered], [one.by_buyers for one in ordered],
    )  # fmt: skip


async def further(conn: Any, campaign: str, before: UUID, entered: int, *, ended: bool) -> None:
    await conn.execute(_FURTHER, campaign, before, entered, ended)
