"""Decided leads that people look for: by source, state, reason and time, one by one or counted by what ended them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.store.leads import decode

# What ended a lead, in our own words: those of its source may be coarse. A day before is enough for ids that are older
# than the moment a lead was received at.
_CHOSEN = """
  from lead l left join lead_detail d on d.lead_id = l.id
  left join lateral (
    select f ->> 'check' as "check", f ->> 'code' as code, f ->> 'message' as message
      from json_array_elements(d.findings) with ordinality as t(f, n)
     where f ->> 'action' = case l.state when 'held' then 'hold' else 'reject' end
     order by n limit 1
  ) ended on l.state in ('held', 'rejected')
 where l.received_at >= $1 and l.received_at < $2 and l.id >= leadgate_day(($1 at time zone 'UTC')::date - 1)
   and ($3::text is null or l.source = $3) and ($4::text is null or l.campaign = $4)
   and ($5::text[] is null or l.state = any($5)) and ($6::uuid[] is null or l.id = any($6))
   and ($7::text is null or $7 = coalesce(ended.code, l.reasons -> 0 ->> 'code'))
"""
_LEADS = f"""
select l.id, l.source, l.campaign, l.received_at, l.state, l.outcome, l.price, l.revenue, l.currency, l.test, l.reasons,
       ended."check", ended.code, ended.message
{_CHOSEN} order by l.id desc limit $8
"""
_COUNTED = f"""
select l.source, l.campaign, l.state, coalesce(ended."check", ''), coalesce(ended.code, l.reasons -> 0 ->> 'code', ''),
       count(*)::int
{_CHOSEN} and not l.test group by 1, 2, 3, 4, 5 order by 6 desc, 1, 2, 3, 4, 5 limit $8
"""


class Wanted(Struct, frozen=True, kw_only=True):
    """Received from `since` on and before `until`; what is None doesn't matter. `reason` is what ended it."""

    since: datetime
    until: datetime
    source: str | None = None
    campaign: str | None = None
    states: Sequence[str] | None = None
    ids: Sequence[UUID] | None = None
    reason: str | None = None
    limit: int = 100


class Found(Struct, frozen=True, kw_only=True):
    """`check`, `code` and `message` are of the finding that ended it, or of the first reason that its source was told."""

    id: UUID
    source: str
    campaign: str
    received_at: datetime
    state: str
    outcome: str | None
    price: Decimal | None
    revenue: Decimal
    currency: str
    test: bool
    check: str
    code: str
    message: str


class Share(Struct, frozen=True, kw_only=True):
    """How many leads of a source were ended by this. Tests are not counted."""

    source: str
    campaign: str
    state: str
    check: str
    code: str
    leads: int


async def leads(conn: Any, wanted: Wanted) -> list[Found]:
    """The latest first."""
    return [_found(row) for row in await conn.fetch(_LEADS, *_given(wanted))]


async def counted(conn: Any, wanted: Wanted) -> list[Share]:
    """The most first."""
    return [
        Share(source=row[0], campaign=row[1], state=row[2], check=row[3], code=row[4], leads=row[5])
        for row in await conn.fetch(_COUNTED, *_given(wanted))
    ]


def _given(wanted: Wanted) -> tuple[Any, ...]:
    ids = None if wanted.ids is None else list(wanted.ids)
    states = None if wanted.states is None else list(wanted.states)
    return (
        wanted.since, wanted.until, wanted.source, wanted.campaign, states, ids, wanted.reason, wanted.limit,
    )  # fmt: skip


def _found(row: Any) -> Found:
    told: Mapping[str, Any] = next(iter(decode(row[10]) or ()), {})
    return Found(
        id=row[0], source=row[1], campaign=row[2], received_at=row[3], state=row[4], outcome=row[5], price=row[6],
        revenue=row[7], currency=row[8], test=row[9], check=row[11] or "", code=row[12] or told.get("code", ""),
        message=row[13] or told.get("message", ""),
    )  # fmt: skip
