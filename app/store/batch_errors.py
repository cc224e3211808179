"""What an error file is made of: the rows of a batch that were not taken, and why."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from msgspec import Struct

from app.store.batches import RowRefusal

_REFUSALS = """
select line, code, detail, cells::text from batch_refusal where batch_id = $1 and line > $2 order by line limit $3
"""
_REJECTED = """
with part as (
  select submission_id, lines from batch_part where batch_id = $1 and submission_id > $2
   order by submission_id limit $3
), leads as (
  select part.submission_id, l.position, l.reasons from part join lead l on l.id = part.submission_id
   where l.state = 'rejected'
  union all
  select part.submission_id, l.position, l.reasons
    from part join lead l on l.submission_id = part.submission_id and l.position > 0
   where l.state = 'rejected'
), found as (
  select submission_id, array_agg(position) as positions, array_agg(reasons::text) as reasons
    from leads group by submission_id
)
select part.submission_id, part.lines, s.body, found.positions, found.reasons
  from part left join found using (submission_id) left join submission s on s.id = found.submission_id
 order by part.submission_id
"""


async def refusals(conn: Any, batch_id: UUID, after: int, limit: int) -> list[RowRefusal]:
    """In the order of the file, from behind line `after`."""
    rows = await conn.fetch(_REFUSALS, batch_id, after, limit)
    return [RowRefusal(r[0], r[1], r[2], orjson.loads(r[3])) for r in rows]


class Judged(Struct, frozen=True):
    """One part and its rejected rows: position in the part → reasons as JSON, or None."""

    id: UUID
    lines: Sequence[int]
    body: bytes
    rejected: dict[int, str | None]


async def rejected(conn: Any, batch_id: UUID, after: UUID, limit: int) -> list[Judged]:
    """Parts behind `after`, in the order of the file."""
    rows = await conn.fetch(_REJECTED, batch_id, after, limit)
    return [
        Judged(r[0], r[1], bytes(r[2] or b""), dict(zip(r[3] or (), r[4] or (), strict=True))) for r in rows
    ]
