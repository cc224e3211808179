"""How far each platform was looked through for leads that it never told of."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

_MAKE = """
insert into platform_poll (source, platform, what)
select * from unnest($1::text[], $2::text[], $3::text[]) as t(source, platform, what)
 order by 1, 2, 3 on conflict do nothing
"""
# Ours too, where nobody has it in hand: a claim whose commit was in doubt leaves that behind.
_TAKE = """
with due as (
  select p.source, p.platform, p.what
    from platform_poll p join unnest($2::text[], $3::text[], $4::text[]) as t(source, platform, what)
      using (source, platform, what)
   where p.next_at <= now()
     and (p.lease_id is null or p.lease_id = $1
          or not exists (select 1 from process o where o.id = p.lease_id
                          and o.seen_at > now() - $6 * interval '1 second'))
   order by p.next_at limit $5
   for update of p skip locked
)
update platform_poll p set lease_id = $1
  from due where p.source = due.source and p.platform = due.platform and p.what = due.what
returning p.source, p.platform, p.what, p.failures, p.lease_id, extract(epoch from p.since)::float8 as since,
          extract(epoch from now())::float8 as began
"""
_END = """
update platform_poll
   set lease_id = null, next_at = now() + $5 * interval '1 second', reason = $6,
       failures = case when $6 = '' then 0 else failures + 1 end,
       since = case when $6 = '' then greatest(since, to_timestamp($7)) else since end
 where source = $1 and platform = $2 and what = $3 and lease_id = $4
"""

_TROUBLED = """
select source, platform, what, reason, failures from platform_poll where failures > 0 order by 1, 2, 3
"""

Place = tuple[str, str, str]
"""A source, a platform, and what of it is looked through."""


class Poll(Struct, frozen=True, kw_only=True):
    """One look, in the hand of this process; `since` and `began` in seconds since 1970, by the database's clock."""

    source: str
    platform: str
    what: str
    failures: int
    lease_id: UUID
    since: float
    began: float


async def make(conn: Any, places: Sequence[Place]) -> None:
    """A row for each that has none: it begins with the last hour."""
    await conn.execute(_MAKE, *map(list, zip(*places, strict=True)))


async def take(
    conn: Any, process_id: UUID, places: Sequence[Place], limit: int, lease_seconds: float
) -> list[Poll]:
    """Those of `places` that are due and that nobody alive has in hand."""
    columns = map(list, zip(*places, strict=True))
    return [Poll(**dict(r)) for r in await conn.fetch(_TAKE, process_id, *columns, limit, lease_seconds)]


async def end(conn: Any, poll: Poll, next_in: float, reason: str = "", *, since: float = 0.0) -> None:
    """Without a reason all went well, and the next look begins at `since`."""
    await conn.execute(_END, poll.source, poll.platform, poll.what, poll.lease_id, next_in, reason, since)


async def troubled(conn: Any) -> list[tuple[str, str, str, str, int]]:
    """(source, platform, what, reason, how often in a row) of looks that come to nothing."""
    return [tuple(row) for row in await conn.fetch(_TROUBLED)]
