"""What became of leads, beside what was known of them when they were decided: what scores are learned from."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from msgspec import Struct

_ROWS = 2_000

# Of the lead's latest round alone: fields, points and outcome are of one decision. Without a model in force the
# score is the points.
_KNOWN = """
select l.source, l.received_at, d.fields::text as fields, {hit} as hit,
       coalesce((select (f -> 'facts' ->> 'points')::int from json_array_elements(d.findings) f
                  where f ->> 'check' = 'score' and f ->> 'code' = 'graded' limit 1), l.score)::int as points
  from lead l join lead_detail d on d.lead_id = l.id {first}
 where l.campaign = $1 and l.received_at >= $2 and l.received_at < $3 and not l.test and l.erased_at is null
   and l.id >= leadgate_day(($2 at time zone 'UTC')::date - 1)
   and d.lead_id >= leadgate_day(($2 at time zone 'UTC')::date - 1)
   and {known}
 order by l.received_at desc, l.id desc limit $4
"""
_FIRST_ASKED = "join delivery x on x.lead_id = l.id and x.round = l.round and x.rank = 1"
_TOLD = "select from feedback f where f.lead_id = l.id and not f.voided and f.kind in ('disposition', 'conversion')"
_TARGETS = {
    "sold": {"hit": "l.state = 'sold'", "known": "l.state in ('sold', 'unsold', 'returned')", "first": ""},
    "accepted": {
        "hit": "x.state = 'accepted'", "known": "x.state in ('accepted', 'rejected', 'duplicate')",
        "first": _FIRST_ASKED,
    },
    "won": {
        "hit": f"exists ({_TOLD} and f.code = 'won')",
        "known": f"(l.state = 'returned' or exists ({_TOLD} and f.code ~ '^(won|lost|bad)'))", "first": "",
    },
}  # fmt: skip
_OPEN = """
select count(*)::int from lead
 where campaign = $1 and received_at >= $2 and received_at < $3 and not test
   and state in ('received', 'held', 'delivering', 'unclear', 'pooled')
"""

# What a model said of leads since it was put in force, and what became of them. `edges` part its tenths.
_SAID = """
with said as (
  select l.id, l.state, l.round, f -> 'facts' as facts
    from lead l join lead_detail d on d.lead_id = l.id
    cross join lateral (select f from json_array_elements(d.findings) f
                         where f ->> 'check' = 'score' and f ->> 'code' = 'model' limit 1) t(f)
   where l.campaign = $1 and l.received_at >= $2 and not l.test and l.erased_at is null
     and l.id >= leadgate_day(($2 at time zone 'UTC')::date - 1)
     and d.lead_id >= leadgate_day(($2 at time zone 'UTC')::date - 1)
     and f -> 'facts' ->> 'model' = $3 and l.state not in ('rejected', 'held')  -- of those no outcome can come
   order by l.received_at desc limit $5
), put as (
  select (l.facts ->> 'probability')::float8 as p, {hit} as hit, {known} as known
    from said l {first}
)
select width_bucket(p, $4::float8[]) as tenth, count(*)::int as leads, count(*) filter (where known)::int as ended,
       coalesce(sum(p) filter (where known), 0)::float8 as predicted,
       (count(*) filter (where known and hit))::int as hits
  from put group by 1
"""


class Known(Struct, frozen=True):
    """One lead whose outcome is known; `fields` is JSON, name → [raw, normal, valid, …]."""

    source: str
    at: datetime
    fields: str
    hit: bool
    points: int


class Tenth(Struct, frozen=True):
    """The leads whose probability lies in one tenth (0 to 9) of those it was tested on."""

    tenth: int
    leads: int
    ended: int
    predicted: float  # summed over those that ended
    hits: int


async def known(
    conn: Any, campaign: str, target: str, since: datetime, until: datetime, most: int
) -> AsyncIterator[Known]:
    """The newest `most` leads received in [since, until) whose outcome is known, the newest first."""
    async with conn.transaction(isolation="repeatable_read", readonly=True):
        query = _KNOWN.format(**_TARGETS[target])
        async for row in conn.cursor(query, campaign, since, until, most, prefetch=_ROWS):
            yield Known(row[0], row[1], row[2], row[3], row[4])


async def still_open(conn: Any, campaign: str, since: datetime, until: datetime) -> int:
    """Leads of that time of which nobody knows yet what becomes of them."""
    return int(await conn.fetchval(_OPEN, campaign, since, until))


async def said(
    conn: Any, campaign: str, target: str, since: datetime, model: str, edges: list[float], most: int
) -> list[Tenth]:
    """What `model` said of the newest leads since then, by tenths."""
    query = _SAID.format(**_TARGETS[target])
    return [Tenth(*row) for row in await conn.fetch(query, campaign, since, model, edges, most)]
