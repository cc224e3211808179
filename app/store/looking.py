"""What people look up: a lead or delivery by the end of its id, deliveries as they go, the day's figures."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
from msgspec import Struct

# Ids end in chance, so nothing but an index of its own would find one by its end, and that index costs more than
# the lead itself (decision 0018). The last days are looked at first: they are few rows, and what people ask for.
# Whole bytes are compared before any text is made: a third of the time.
_ENDS = """
select id from (
  select id from %s where substring(uuid_send(id) from $1) = $2 and id >= leadgate_day(current_date - $4::int)
) found where right(replace(id::text, '-', ''), length($3)) = $3 order by id desc limit 3
"""
_TABLES = {"lead": ("lead", "refusal"), "delivery": ("delivery",)}
_INBOX = """
select submission_id from inbox where right(replace(submission_id::text, '-', ''), length($1)) = $1
 order by submission_id desc limit 3
"""
_DAYS = (3, 40, 20_000)
_EARLIER = "select id, state, received_at from lead where id = any($1::uuid[])"

_TURNS = """
select * from (
  select d.id, d.lead_id, d.contract, d.campaign, d.state, d.next_at, d.attempts, a.n, a.started_at as at,
         'asked' as turn, null::text as outcome, null::text as reason, null::text as reference,
         null::numeric as price, null::real as ms, false as late, null::int as status, null::text as error,
         (select ended.exchanges -> -1 ->> 'url' from attempt_end ended
           where ended.lead_id = a.lead_id and ended.delivery_id = a.delivery_id and ended.n = a.n limit 1) as url
    from attempt a join delivery d on d.id = a.delivery_id
   where a.lead_id >= $1 and a.started_at > $2 and a.started_at <= $3
  union all
  select d.id, d.lead_id, d.contract, d.campaign, d.state, d.next_at, d.attempts, e.n, e.ended_at,
         'told', e.outcome, e.reason, e.reference, coalesce(e.price, d.price), e.ms, e.late,
         (e.exchanges -> -1 ->> 'status')::int, e.exchanges -> -1 ->> 'error', null
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
       count(*) filter (where due_at is not null and state = 'delivering')::int as waiting,
       count(*) filter (where state = 'sold')::int as sold,
       count(*) filter (where state = 'unsold')::int as unsold,
       count(*) filter (where state = 'returned')::int as returned,
       coalesce(sum(price) filter (where outcome = 'success'), 0) - coalesce(sum(given_back), 0) as bought,
       coalesce(sum(revenue), 0) as revenue
  from lead left join (select lead_id, due_at from requeue where due_at is not null) q on q.lead_id = id
  left join (select lead_id, sum(amount) as given_back from entry
              where kind = 'cost_return' and at >= $1 group by 1) b on b.lead_id = id
 where received_at >= $1 and received_at < $2 and not test
   and id >= leadgate_day(($1 at time zone 'UTC')::date - 1)
 group by 1, 2, 3 order by 1, 2, 3
"""


class TooManyToLookThrough(Exception):
    """So many rows that looking through them takes longer than a statement may."""


class Turn(Struct, frozen=True, kw_only=True):
    """One half of a conversation: a buyer was `asked`, or has `told`. `state` is the delivery's by now; `url` is where
    he was asked, known once that has ended."""

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
    url: str | None = None


class Figures(Struct, frozen=True, kw_only=True):
    """One day of one source, by the date on which its leads were received. Test leads are not counted. `bought` is
    what its source is paid for them: without what went back with a returned lead, as `revenue` is."""

    day: Any
    source: str
    campaign: str
    received: int
    rejected: int
    held: int
    open: int
    waiting: int  # of those open: nobody took them, and they are offered again
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
    digits = tail.lower().replace("-", "")
    whole = bytes.fromhex(digits[len(digits) % 2 :])
    found = {row[0] for row in await conn.fetch(_INBOX, digits)} if what == "lead" else set()
    for days in _DAYS:
        for table in _TABLES[what]:
            rows = await _patiently(conn, _ENDS % table, 17 - len(whole), whole, digits, days)
            found |= {row[0] for row in rows}
        if found:
            break
    return sorted(found, reverse=True)[:3]


async def _patiently(conn: Any, statement: str, *given: Any) -> list[Any]:
    try:
        return list(await conn.fetch(statement, *given))
    except asyncpg.QueryCanceledError:
        raise TooManyToLookThrough from None


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
