"""Which handed leads are work still, where a campaign ranks by load: a count by contract, and what each delivery holds of it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.core.reserved import OPEN, held
from app.store import decisions

_HELD = f"""
select id, reserved from delivery
 where id = any($1::uuid[]) and (reserved like '{OPEN}%' or position(e'\\n{OPEN}' in reserved) > 0)
 order by id for update
"""
_LET_GO = """
update delivery d set reserved = t.reserved from unnest($1::uuid[], $2::text[]) as t(id, reserved) where d.id = t.id
"""
_COUNTERS = "select key from counter where key = any($1::text[]) order by key for update"


async def close(conn: Any, delivery_ids: Sequence[UUID]) -> int:
    """Their leads are no work of their contracts' any more: the buyer has ended them, or given them back. How many of
    them were; a second time it is none. In the caller's transaction, which locks leads before and no counter."""
    rows = await conn.fetch(_HELD, sorted(delivery_ids))
    if not rows:
        return 0
    lines = {row[0]: row[1].split("\n") for row in rows}
    kept = ["\n".join(one for one in mine if not one.startswith(OPEN)) for mine in lines.values()]
    await conn.execute(_LET_GO, list(lines), kept)
    back = held(one for mine in lines.values() for one in mine if one.startswith(OPEN))
    there = [row[0] for row in await conn.fetch(_COUNTERS, sorted(back))]
    await decisions.count(conn, {key: -back[key] for key in there})
    return len(rows)
