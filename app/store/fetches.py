"""Leads that platforms named: what is to be fetched or deleted, who does it now, and how it ended."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

Want = Literal["fetch", "delete"]
State = Literal["waiting", "done", "dead"]
Place = tuple[str, str, str]
"""A source, a platform, and the platform's own id of a lead."""

# A deletion outranks a fetch, whichever came first. What was given up is begun anew where it is named again.
_NAME = """
insert into platform_lead (source, platform, lead, want)
select $1, $2, lead, $4 from unnest($3::text[]) as t(lead) order by lead
on conflict (source, platform, lead) do update
  set want = excluded.want, state = 'waiting', reason = '', tries = 0, created_at = now(), next_at = now(),
      ended_at = null
  where (excluded.want = 'delete' and platform_lead.want = 'fetch')
     or (platform_lead.state = 'dead' and platform_lead.want = excluded.want)
"""
# Ours too, where nobody has it in hand: a claim whose commit was in doubt leaves that behind.
_TAKE = """
with due as (
  select f.source, f.platform, f.lead from platform_lead f
   where f.state = 'waiting' and f.next_at <= now()
     and (f.lease_id is null
          or (f.lease_id = $1 and (f.source, f.platform, f.lead) not in
              (select * from unnest($4::text[], $5::text[], $6::text[])))
          or f.lease_id <> $1
             and not exists (select 1 from process p where p.id = f.lease_id
                              and p.seen_at > now() - $3 * interval '1 second'))
   order by f.next_at
   limit $2
   for update of f skip locked
)
update platform_lead f set lease_id = $1, tries = f.tries + 1
  from due where f.source = due.source and f.platform = due.platform and f.lead = due.lead
returning f.source, f.platform, f.lead, f.want, f.tries, f.lease_id, f.created_at, f.submission_id
"""
# Fenced by the lease. Where a deletion was asked for meanwhile, the row goes on to wait for that.
_END = """
update platform_lead
   set lease_id = null, submission_id = coalesce($6, submission_id),
       state = case when want = $5 then $7 else state end,
       reason = case when want = $5 then $8 else reason end,
       next_at = case when want = $5 then now() + $9 * interval '1 second' else now() end,
       ended_at = case when want = $5 and $7 <> 'waiting' then now() end
 where source = $1 and platform = $2 and lead = $3 and lease_id = $4
"""
_POSTPONE = """
update platform_lead set next_at = greatest(next_at, now() + $3 * interval '1 second')
 where source = $1 and platform = $2 and state = 'waiting' and lease_id is null
"""
_QUEUES = """
select count(*) filter (where state = 'waiting')::int,
       coalesce(extract(epoch from now() - min(next_at) filter (where state = 'waiting')), 0)::float8,
       count(*) filter (where state = 'dead')::int
  from platform_lead where state in ('waiting', 'dead')
"""
_STANDINGS = """
select source, platform, count(*) filter (where state = 'waiting')::int,
       greatest(0, coalesce(extract(epoch from now() - min(next_at) filter (where state = 'waiting')), 0))::float8,
       count(*) filter (where state = 'dead')::int,
       coalesce((array_agg(reason order by coalesce(ended_at, next_at) desc) filter (where reason <> ''))[1], '')
  from platform_lead where state in ('waiting', 'dead') group by source, platform order by source, platform
"""
_SWEEP = """
delete from platform_lead where ctid in (
  select ctid from platform_lead where state = 'done' and ended_at < now() - $1 * interval '1 day' limit $2)
"""


class Standing(Struct, frozen=True):
    """What of a source's platform is not done; `overdue` in seconds, `reason` the last one told."""

    source: str
    platform: str
    waiting: int
    overdue: float
    dead: int
    reason: str


class Named(Struct, frozen=True, kw_only=True):
    """A lead in the hand of one process."""

    source: str
    platform: str
    lead: str
    want: Want
    tries: int
    lease_id: UUID
    created_at: datetime
    submission_id: UUID | None

    @property
    def place(self) -> Place:
        return self.source, self.platform, self.lead


async def name(conn: Any, source: str, platform: str, leads: Sequence[str], want: Want) -> bool:
    """Whether anything is new, or begun anew."""
    done = await conn.execute(_NAME, source, platform, list(dict.fromkeys(leads)), want)
    return not done.endswith(" 0")


async def take(
    conn: Any, process_id: UUID, limit: int, lease_seconds: float, in_hand: Collection[Place] = ()
) -> list[Named]:
    """What is due and in nobody's hand, from now on in this process's; it has `in_hand` already."""
    mine = [list(column) for column in zip(*in_hand, strict=True)] or [[], [], []]
    rows = await conn.fetch(_TAKE, process_id, limit, lease_seconds, *mine)
    return [Named(**dict(row)) for row in rows]


async def end(
    conn: Any,
    one: Named,
    state: State,
    reason: str = "",
    *,
    submission_id: UUID | None = None,
    next_in: float = 0.0,
) -> None:
    """Out of hand; nothing happens where somebody else has it in hand by now."""
    await conn.execute(
        _END,
        one.source,
        one.platform,
        one.lead,
        one.lease_id,
        one.want,
        submission_id,
        state,
        reason,
        next_in,
    )


async def postpone(conn: Any, source: str, platform: str, seconds: float) -> None:
    """The platform wants to be left alone for so long."""
    await conn.execute(_POSTPONE, source, platform, seconds)


async def queues(conn: Any) -> tuple[int, float, int]:
    """(waiting, seconds that the first of them is overdue, given up)."""
    row = await conn.fetchrow(_QUEUES)
    return row[0], row[1], row[2]


async def standings(conn: Any) -> list[Standing]:
    """Where anything waits or was given up."""
    return [Standing(*row) for row in await conn.fetch(_STANDINGS)]


async def sweep(conn: Any, days: int, most: int = 5_000) -> None:
    """What ended long ago; what was given up stays until a person has seen it."""
    await conn.execute(_SWEEP, days, most)
