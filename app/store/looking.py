"""What people look up: a lead or delivery by the end of its id, deliveries as they go, the day's figures."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

# Ids end in chance. The last days are looked at first: they are few rows, and what people ask for.
_TAIL = {
    "lead": """
select id from (
  select id from lead where right(id::text, $2) = $1 and id >= leadgate_day((now() - interval '3 days')::date)
  union select submission_id from inbox where right(submission_id::text, $2) = $1
  union select id from refusal where right(id::text, $2) = $1
    and id >= leadgate_day((now() - interval '3 days')::date)
) found order by id desc limit 3
""",
    "older lead": "select id from lead where right(id::text, $2) = $1 order by id desc limit 3",
    "delivery": """
select id from delivery where right(id::text, $2) = $1
   and id >= leadgate_day((now() - interval '3 days')::date) order by id desc limit 3
""",
    "older delivery": "select id from delivery where right(id::text, $2) = $1 order by id desc limit 3",
}
_EARLIER = "select id, state, received_at from lead where id = any($1::uuid[])"

_TURNS = """
select * from (
  select d.id, d.lead_id, d.contract, d.campaign, d.state, d.next_at, d.attempts, a.n, a.started_at as at,
         'asked' as turn, null::text as outcome, null::text as reason, null::text as reference,
         null::numeric as price, null::real as ms, false as late, null::int as status, null::text as error
    from attempt a join delivery d on d.id = a.delivery_id
   where a.lead_id >= $1 and a.started_at > $2 and a.started_at <= $3
  union all
  select d.id, d.lead_id, d.contract, d.campaign, d.state, d.next_at, d.attempts, e.n, e.ended_at,
         'told', e.outcome, e.reason, e.reference, coalesce(e.price, d.price), e.ms, e.late,
         (e.exchanges -> -1 ->> 'status')::int, e.exchanges -> -1 ->> 'error'
    from attempt_end e join delivery d on d.id = e.delivery_id
   where e.lead_id >= $1 and e.ended_at > $2 and e.ended_at <= $3
) turns
 where ($4::text is null or contract = $4) and ($5::text[] is null or outcome = any($5))
   and ($6::text[] is null or state = any($6))
 order by at desc, turn limit $7
"""
_CLOCK = "select clock_timestamp()"

_REPORT = """
select (received_at at time zone $3)::date as day, source, campaign,
       count(*)::int as received,
       count(*) filter (where state = 'rejected')::int as rejected,
       count(*) filter (where state = 'held')::int as held,
       count(*) filter (where state in ('delivering', 'unclear', 'received', 'pooled'))::int as open,
       count(*) filter (where state = 'sold')::int as sold,
       count(*) filter (where state = 'unsold')::int as unsold,
       count(*) filter (where state = 'returned')::int as returned,
       coalesce(sum(price) filter (where outcome = 'success'), 0) as bought,
       coalesce(sum(revenue), 0) as revenue
  from lead
 where received_at >= $1 and received_at < $2 and not test
   and id >= leadgate_day(($1 at time zone 'UTC')::date - 1)
 group by 1, 2, 3 order by 1, 2, 3
"""


class Turn(Struct, frozen=True, kw_only=True):
    """One half of a conversation: a buyer was `asked`, or has `told`. `state` is the delivery's by now."""

    id: UUID
    lead_id: UUID
    contract: str
    campaign: str
    state: str
    next_at: datetime | None
    attempts: int
    n: int
    at: datetime
    turn: str
    outcome: str | None
    reason: str | None
    reference: str | None
    price: Decimal | None
    ms: float | None
    late: bool
    status: int | None
    error: str | None


class Figures(Struct, frozen=True, kw_only=True):
    """One day of one source, by the date on which its leads were received. Test leads are not counted."""

    day: Any
    source: str
    campaign: str
    received: int
    rejected: int
    held: int
    open: int
    sold: int
    unsold: int
    returned: int
    bought: Decimal
    revenue: Decimal


async def leads_ending(conn: Any, tail: str) -> list[UUID]:
    """Leads, undecided submissions and refused bodies whose id ends so, newest first, three at most."""
    return await _ending(conn, "lead", tail)


async def deliveries_ending(conn: Any, tail: str) -> list[UUID]:
    return await _ending(conn, "delivery", tail)


async def _ending(conn: Any, what: str, tail: str) -> list[UUID]:
    for kind in (what, f"older {what}"):
        rows = await conn.fetch(_TAIL[kind], tail.lower(), len(tail))
        if rows:
            return [row[0] for row in rows]
    return []


async def standing_of(conn: Any, ids: Sequence[UUID]) -> dict[str, tuple[str, datetime]]:
    """lead id → (state, received at)."""
    return {str(row[0]): (row[1], row[2]) for row in await conn.fetch(_EARLIER, list(ids))}


async def now(conn: Any) -> datetime:
    """The database's clock, by which attempts are dated."""
    at: datetime = await conn.fetchval(_CLOCK)
    return at


async def turns(
    conn: Any,
    *,
    oldest_lead: UUID,
    after: datetime,
    until: datetime,
    contract: str | None = None,
    outcomes: Sequence[str] | None = None,
    states: Sequence[str] | None = None,
    limit: int = 100,
) -> list[Turn]:
    """What was asked and told after `after`, oldest first; the latest `limit` of it.

    `oldest_lead` bounds the days that are looked at: no lead older than it is shown.
    """
    rows = await conn.fetch(_TURNS, oldest_lead, after, until, contract, outcomes, states, limit)
    return [Turn(**dict(row)) for row in reversed(rows)]


async def figures(conn: Any, since: datetime, until: datetime, zone: str) -> list[Figures]:
    """Per day (in `zone`) and source: what became of the leads received in [since, until)."""
    return [Figures(**dict(row)) for row in await conn.fetch(_REPORT, since, until, zone)]
