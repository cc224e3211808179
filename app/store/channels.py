"""Channels between visits: who may go, when next, and where the last visit left off."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.store.intake import Refusal

_MAKE = """
insert into channel (source, key) select * from unnest($1::text[], $2::text[]) as t(source, key)
 order by 1, 2 on conflict do nothing
"""
_HURRY = """
update channel c set next_at = now(), failures = 0
  from unnest($1::text[], $2::text[]) as t(source, key)
 where c.source = t.source and c.key = t.key and c.lease_id is null
"""
# Others' rows only when their process has not been seen for the lease; our own where nobody has it in hand,
# which a claim whose commit was in doubt leaves behind.
_CLAIM = """
with due as (
  select c.source, c.key
    from channel c join unnest($2::text[], $3::text[]) as t(source, key) using (source, key)
   where c.next_at <= now()
     and (c.lease_id is null or c.lease_id = $1
          or not exists (select 1 from process p where p.id = c.lease_id
                          and p.seen_at > now() - $5 * interval '1 second'))
   order by c.next_at limit $4
   for update of c skip locked
)
update channel c set lease_id = $1, visit = c.visit + 1
  from due where c.source = due.source and c.key = due.key
returning c.source, c.key, c.visit, c.state, c.failures
"""
_REMEMBER = """
update channel set state = $5 where source = $1 and key = $2 and lease_id = $3 and visit = $4 returning key
"""
_FINISH = """
update channel
   set lease_id = null, next_at = now() + $5 * interval '1 second', visited_at = now(),
       failures = case when $6::text is null then 0 else failures + 1 end, trouble = $6,
       well_at = case when $6::text is null then now() else well_at end,
       kept_at = case when $7 > 0 then now() else kept_at end,
       kept = kept + $7, refused = refused + $8
 where source = $1 and key = $2 and lease_id = $3 and visit = $4 returning key
"""
_RELEASE = """
update channel set lease_id = null, next_at = now() + $5 * interval '1 second'
 where source = $1 and key = $2 and lease_id = $3 and visit = $4
"""
_KNOWN = "select key from idempotency where source = $1 and key = any($2::bytea[]) and expires_at > now()"
_REFUSE = """
with first as (
  insert into idempotency (source, key, submission_id, fingerprint, expires_at)
  values ($2, $8, $1, '', now() + $9 * interval '1 day')
  on conflict (source, key) do update
    set submission_id = excluded.submission_id, expires_at = excluded.expires_at
    where idempotency.expires_at <= now()
  returning submission_id
)
insert into refusal (id, source, at, code, detail, content_type, body)
select submission_id, $2, $3, $4, $5, $6, $7 from first on conflict do nothing
"""
_STANDINGS = """
select source, key, failures, trouble, visited_at, well_at, kept_at, kept, refused,
       extract(epoch from now() - coalesce(well_at, created_at))::float8 as age
  from channel order by source, key
"""
_FORGET = """
delete from channel where (source, key) not in (select * from unnest($1::text[], $2::text[]))
   and coalesce(visited_at, created_at) < now() - interval '30 days'
"""

Place = tuple[str, str]
"""A source, and the key of one of its channels."""


class Turn(Struct, frozen=True):
    """The right to visit one channel now; `visit` fences it: who comes later has a higher one."""

    source: str
    key: str
    visit: int
    state: Mapping[str, Any]
    failures: int
    lease_id: UUID


class Standing(Struct, frozen=True):
    """How a channel is; `age` is seconds since a visit last ended well, or since it was configured."""

    source: str
    key: str
    failures: int
    trouble: str | None
    visited_at: datetime | None
    well_at: datetime | None
    kept_at: datetime | None
    kept: int
    refused: int
    age: float


async def make(conn: Any, places: Sequence[Place]) -> None:
    """A row for each that has none."""
    await conn.execute(_MAKE, *_columns(places))


async def hurry(conn: Any, places: Sequence[Place]) -> None:
    """Visit these at once: somebody has just changed what they are told."""
    await conn.execute(_HURRY, *_columns(places))


async def claim(
    conn: Any, process_id: UUID, places: Sequence[Place], limit: int, lease_seconds: float
) -> list[Turn]:
    """Those of `places` that are due and that nobody alive visits."""
    rows = await conn.fetch(_CLAIM, process_id, *_columns(places), limit, lease_seconds)
    return [Turn(r[0], r[1], r[2], r[3], r[4], process_id) for r in rows]


async def remember(conn: Any, turn: Turn, state: Mapping[str, Any]) -> bool:
    """False where the turn is lost to somebody else."""
    return await conn.fetchval(_REMEMBER, *_fence(turn), dict(state)) is not None


async def finish(
    conn: Any, turn: Turn, next_in: float, trouble: str | None, *, kept: int = 0, refused: int = 0
) -> bool:
    """The visit is over; `trouble` None says that it went well. False where the turn is lost."""
    return await conn.fetchval(_FINISH, *_fence(turn), next_in, trouble, kept, refused) is not None


async def release(conn: Any, turn: Turn, next_in: float = 0.0) -> None:
    """The visit was broken off, and not by its fault: anybody may begin it again."""
    await conn.execute(_RELEASE, *_fence(turn), next_in)


async def known(conn: Any, source: str, keys: Sequence[bytes]) -> set[bytes]:
    return {row[0] for row in await conn.fetch(_KNOWN, source, list(keys))}


async def refuse(conn: Any, refusal: Refusal, key: bytes, key_days: float) -> None:
    """Note a refusal once for its key, however often the same thing is fetched."""
    r = refusal
    await conn.execute(
        _REFUSE, r.id, r.source, r.at, r.code, r.detail, r.content_type, r.body, key, key_days
    )  # fmt: skip


async def standings(conn: Any) -> list[Standing]:
    return [Standing(*row) for row in await conn.fetch(_STANDINGS)]


async def forget(conn: Any, places: Sequence[Place]) -> int:
    """Drop what is not configured any more and was not visited for a month; how many."""
    return int((await conn.execute(_FORGET, *_columns(places))).split()[-1])


def _columns(places: Sequence[Place]) -> tuple[list[str], list[str]]:
    return [source for source, _ in places], [key for _, key in places]


def _fence(turn: Turn) -> tuple[str, str, UUID, int]:
    return turn.source, turn.key, turn.lease_id, turn.visit
