"""Which sources send what looks like fraud, and by which signs, counted from the findings of their leads."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

ANY, BOTS = "any", "bots"
"""In place of a factor: leads with any sign, and leads that a program sent. Every source has a row of each."""

# `known` are the signs by campaign: that of a code goes before that of its whole check.
_SIGHTINGS = """
with known as materialized (
  select * from unnest($3::text[], $4::text[], $5::int[]) as t(campaign, factor, points)
), looked as materialized (
  select l.id, l.source, l.campaign, d.findings
    from lead l join lead_detail d on d.lead_id = l.id
   where l.received_at >= $1 and l.received_at < $2 and not l.test
     and l.id >= leadgate_day(($1 at time zone 'UTC')::date - 1)
     and d.lead_id >= leadgate_day(($1 at time zone 'UTC')::date - 1)
), said as (
  select k.id, k.source, k.campaign, f ->> 'check' as by, (f ->> 'check') || '.' || (f ->> 'code') as factor,
         f ->> 'action' as action
    from looked k cross join lateral json_array_elements(k.findings) f
), found as materialized (
  select distinct s.id, s.source, s.factor
    from said s
    left join known one on one.campaign = s.campaign and one.factor = s.factor
    left join known whole on whole.campaign = s.campaign and whole.factor = s.by
   where coalesce(one.points, whole.points, 0) > 0
), sighted as (
  select source, id, factor from found
  union all select distinct source, id, 'any' from found
  union all select distinct source, id, 'bots' from found where factor = any($6::text[])
  union all select distinct source, null::uuid, every from looked cross join unnest(array['any', 'bots']) every
), told as (
  select id, action from said where factor = 'fraud.fraud'
), total as (
  select source, count(*) as n from looked group by source
)
select s.source, s.factor, count(s.id)::int as leads, max(total.n)::int as of,
       count(*) filter (where told.action = 'flag')::int as flagged,
       count(*) filter (where told.action = 'hold')::int as held,
       count(*) filter (where told.action = 'reject')::int as rejected
  from sighted s join total on total.source = s.source left join told on told.id = s.id
 group by 1, 2
"""


class Sighting(Struct, frozen=True, kw_only=True):
    """How many of a source's leads (`of`) have this factor, and what their fraud score did to these."""

    source: str
    factor: str
    leads: int
    of: int
    flagged: int
    held: int
    rejected: int

    @property
    def share(self) -> float:
        return self.leads / self.of


async def sightings(
    conn: Any,
    since: datetime,
    until: datetime,
    *,
    signs: Sequence[tuple[str, str, int]],
    bots: Sequence[str],
) -> list[Sighting]:
    """Of leads received in [since, until), tests left out. `signs` are (campaign, factor, weight)."""
    campaigns, factors, points = (
        (list(column) for column in zip(*signs, strict=True)) if signs else ([], [], [])
    )
    rows = await conn.fetch(_SIGHTINGS, since, until, campaigns, factors, points, list(bots))
    return [Sighting(**dict(row)) for row in rows]
