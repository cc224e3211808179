"""What a submission's row tells of how it came, without its bytes but for how they begin."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

_HEADS = """
select s.id, s.source, s.content_type, s.remote, s.key_hint, length(s.body) as bytes,
       substring(s.body from 1 for 1024) as head, b.id as batch_id, b.name as batch_name, p.lines,
       exists (select 1 from partial t where t.lead_id = s.id) as begun
  from submission s
  left join batch_part p on p.submission_id = s.id
  left join batch b on b.id = p.batch_id
 where s.id = any($1::uuid[])
"""
_REFUSED = """
select content_type, length(body) as bytes, substring(body from 1 for 1024) as head from refusal where id = $1
"""


async def heads(conn: Any, ids: Sequence[UUID]) -> list[Any]:
    """`begun`: it began a lead that its source meant to complete. `lines` are a batch's, one a lead."""
    return list(await conn.fetch(_HEADS, list(ids)))


async def refused_head(conn: Any, refusal_id: UUID) -> Any:
    return await conn.fetchrow(_REFUSED, refusal_id)
