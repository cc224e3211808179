"""Pushed leads that go to the pool unless somebody acts in time."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

_WATCH = """
insert into pull_watch (delivery_id, lead_id, due_at)
select t.id, t.lead_id, now() + t.seconds * interval '1 second'
  from unnest($1::uuid[], $2::uuid[], $3::float8[]) as t(id, lead_id, seconds)
on conflict (delivery_id) do nothing
"""
_DUE = "select delivery_id from pull_watch where due_at <= now() order by due_at limit $1"
_TAKEN = "delete from pull_watch where delivery_id = $1 and due_at <= now() returning 1"
_ACTED = "delete from pull_watch where delivery_id = any($1::uuid[])"
_HAS_ACTED = """
select exists (select from lead_event where lead_id = $1 and delivery_id = $2 and kind = any($3::text[]))
    or exists (select from feedback where delivery_id = $2 and not voided)
"""
_ACTS = ("settled", "confirmed")
"""What of a lead's story is somebody's word on the delivery."""
_PUSHED = """
insert into pool_claim (id, delivery_id, lead_id, buyer, contract, person, test, ended_at, ended)
values ($1, $2, $3, $4, $5, $6, $7, now(), 'pushed')
"""


async def watch(conn: Any, watched: Sequence[tuple[UUID, UUID, float]]) -> None:
    """(delivery, lead, seconds in which somebody should act), in the transaction that ended the delivery."""
    await conn.execute(_WATCH, *map(list, zip(*watched, strict=True)))


async def due(conn: Any, limit: int) -> list[UUID]:
    """Deliveries on which nobody acted in time, the longest due first; nothing is locked."""
    return [row[0] for row in await conn.fetch(_DUE, limit)]


async def taken(conn: Any, delivery_id: UUID) -> bool:
    """Whether it was still due; from now on it is not. The caller has locked the delivery."""
    return await conn.fetchval(_TAKEN, delivery_id) is not None


async def acted(conn: Any, delivery_ids: Sequence[UUID]) -> None:
    """Somebody confirmed these, or said what became of them: they are not pulled back."""
    await conn.execute(_ACTED, list(delivery_ids))


async def has_acted(conn: Any, lead_id: UUID, delivery_id: UUID) -> bool:
    """Whether the lead's story says so."""
    return bool(await conn.fetchval(_HAS_ACTED, lead_id, delivery_id, list(_ACTS)))


async def pushed(
    conn: Any,
    claim_id: UUID,
    *,
    delivery_id: UUID,
    lead_id: UUID,
    buyer: str,
    contract: str,
    person: str,
    test: bool,
) -> None:
    """This person had the lead, and does not get it back from the pool."""
    await conn.execute(_PUSHED, claim_id, delivery_id, lead_id, buyer, contract, person, test)
