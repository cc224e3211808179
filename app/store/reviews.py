"""Leads that wait for a person, and what was found that made them wait."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.store.leads import decode

_HELD = """
select l.id, l.source, l.campaign, l.received_at, l.test, l.score, d.findings
  from lead l left join lead_detail d on d.lead_id = l.id
 where l.state = 'held' and ($1::text is null or l.source = $1) and ($2::text is null or l.campaign = $2)
 order by l.id limit $3
"""
_SAID = "select exists (select 1 from lead_event where lead_id = $1 and data ->> 'word' = $2)"


class HeldLead(Struct, frozen=True, kw_only=True):
    """`findings` as in lead_detail; empty where retention has dropped them."""

    id: UUID
    source: str
    campaign: str
    received_at: datetime
    test: bool
    score: int
    findings: Sequence[Mapping[str, Any]]


async def held(conn: Any, *, source: str | None, campaign: str | None, limit: int) -> list[HeldLead]:
    """The oldest first."""
    rows = await conn.fetch(_HELD, source, campaign, limit)
    return [
        HeldLead(
            id=row[0], source=row[1], campaign=row[2], received_at=row[3], test=row[4], score=row[5],
            findings=decode(row[6]) or [],
        )
        for row in rows
    ]  # fmt: skip


async def is_said(conn: Any, lead_id: UUID, word: UUID) -> bool:
    """Whether this very word of a person was committed."""
    return bool(await conn.fetchval(_SAID, lead_id, str(word)))
