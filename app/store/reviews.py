"""Leads that wait for a person, and what was found that made them wait."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.store.leads import decode

_HELD = """
select l.id, l.source, l.campaign, l.received_at, l.decided_at, l.test, l.score, d.findings,
       (select by_whom from let_go g where g.lead_id = l.id)
  from lead l left join lead_detail d on d.lead_id = l.id
 where l.state = 'held' and ($1::text is null or l.source = $1) and ($2::text is null or l.campaign = $2)
 order by l.id limit $3
"""
# What retention has dropped can't go on, and stands in nobody's way; who was let go waits for nobody but bidders.
_OVERDUE = """
select l.id, l.campaign
  from unnest($1::text[], $2::float8[]) as t(campaign, seconds)
  join lead l on l.campaign = t.campaign and l.state = 'held' and l.decided_at <= now() - t.seconds * interval '1 second'
 where l.erased_at is null and exists (select from lead_detail d where d.lead_id = l.id)
   and not exists (select from let_go g where g.lead_id = l.id)
 order by l.decided_at limit $3
"""
_SAID = "select exists (select 1 from lead_event where lead_id = $1 and data ->> 'word' = $2)"


class HeldLead(Struct, frozen=True, kw_only=True):
    """`findings` as in lead_detail; empty where retention has dropped them. `let_go` by whom, where it only waits for
    its auction."""

    id: UUID
    source: str
    campaign: str
    received_at: datetime
    held_at: datetime
    test: bool
    score: int
    findings: Sequence[Mapping[str, Any]]
    let_go: str | None = None


async def held(conn: Any, *, source: str | None, campaign: str | None, limit: int) -> list[HeldLead]:
    """The oldest first."""
    rows = await conn.fetch(_HELD, source, campaign, limit)
    return [
        HeldLead(
            id=row[0], source=row[1], campaign=row[2], received_at=row[3], held_at=row[4], test=row[5],
            score=row[6], findings=decode(row[7]) or [], let_go=row[8],
        )
        for row in rows
    ]  # fmt: skip


async def overdue(conn: Any, within: Mapping[str, float], limit: int) -> list[tuple[UUID, str]]:
    """(lead, campaign) of those that have waited longer than their campaign's seconds, the longest first."""
    rows = await conn.fetch(_OVERDUE, list(within), list(within.values()), limit)
    return [(row[0], row[1]) for row in rows]


async def is_said(conn: Any, lead_id: UUID, word: UUID) -> bool:
    """Whether this very word of a person was committed."""
    return bool(await conn.fetchval(_SAID, lead_id, str(word)))
