"""Held leads that were let go and are auctioned first: who said so, and who holds their auction meanwhile."""

from typing import Any
from uuid import UUID

_ASK = "insert into let_go (lead_id, by_whom) values ($1, $2) on conflict do nothing"
_TAKE = """
update let_go set due_at = now() + $2 * interval '1 second'
 where lead_id in (select lead_id from let_go where due_at <= now() order by due_at limit $1 for update skip locked)
returning lead_id, by_whom
"""
_FORGET = "delete from let_go where lead_id = $1 returning 1"


async def ask(conn: Any, lead_id: UUID, by_whom: str) -> None:
    """The lead is locked, and held. Who said so first is who has said it."""
    await conn.execute(_ASK, lead_id, by_whom)


async def take(conn: Any, limit: int, seconds: float) -> list[tuple[UUID, str]]:
    """(lead, by whom it was let go), nobody else's for as many seconds."""
    return [(row[0], row[1]) for row in await conn.fetch(_TAKE, limit, seconds)]


async def forget(conn: Any, lead_id: UUID) -> bool:
    """Whether it was still to be let go."""
    return await conn.fetchval(_FORGET, lead_id) is not None
