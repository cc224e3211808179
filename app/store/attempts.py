"""Attempts that were begun in vain: taken back with the claim that began them, as if nobody had been asked."""

from collections.abc import Sequence
from typing import Any

# Their leads are said twice, so that no other day of the history is opened.
TAKE_BACK = """
delete from attempt a using unnest($1::uuid[], $2::uuid[], $3::smallint[]) as f(id, lead_id, n)
 where a.lead_id = any($2::uuid[]) and a.lead_id = f.lead_id and a.delivery_id = f.id and a.n = f.n
"""


async def take_back(conn: Any, begun: Sequence[Sequence[Any]]) -> None:
    """(delivery, its lead, attempt), in the transaction that puts their deliveries back."""
    if begun:
        await conn.execute(TAKE_BACK, *map(list, zip(*begun, strict=True)))
