"""Takes leads out of distribution whose person is not to be called: who waits for one gets it no more, who has it keeps it.

Deliveries that somebody has in hand are passed over: under the lead's lock they end without a successor. Locks:
deliveries → leads → counters, each sorted, as everywhere.
"""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.core.reserved import held
from app.store import decisions, deliveries, leads, requeues

_WAITING = """
select id, lead_id, state, reserved from delivery
 where lead_id = any($1::uuid[]) and state in ('waiting', 'pooled') order by id for update skip locked
"""
# Perhaps handed over once: that is for its buyer to say, as of any other.
_CANCEL = """
update delivery set state = case when id = any($2::uuid[]) then 'unclear' else 'cancelled' end, reason = 'stopped',
       next_at = null, lease_id = null, ended_at = case when id = any($2::uuid[]) then null else now() end
 where id = any($1::uuid[])
"""
_COUNTERS = "select key from counter where key = any($1::text[]) order by key for update"
_LEAVE = """
with p as (delete from pool where lead_id = any($1::uuid[]) returning claim_id),
     w as (delete from pull_watch where lead_id = any($1::uuid[]))
update pool_claim c set ended = 'closed', ended_at = now() from p where c.id = p.claim_id
"""
_STOP = """
with stands as (
  select l.id, case
      when l.state not in ('delivering', 'pooled', 'unclear') or bool_or(d.state = 'sending') then l.state
      when bool_or(d.state = 'unclear') then 'unclear'
      when bool_or(d.state = 'accepted' and d.returned_at is null) then 'sold'
      when bool_or(d.state = 'accepted') then 'returned'
      else 'unsold' end as state
    from lead l left join delivery d on d.lead_id = l.id
   where l.id = any($1::uuid[]) and l.stopped_at is null group by l.id
)
update lead l
   set stopped_at = now(), state = s.state,
       ended_at = case when s.state in ('sold', 'returned', 'unsold') then coalesce(l.ended_at, now()) else l.ended_at end
  from stands s where l.id = s.id
returning l.id
"""
_HOLDERS = """
select id, lead_id, contract, reference from delivery
 where lead_id = any($1::uuid[]) and buyer <> $2 and state in ('accepted', 'unclear') order by id
"""


class Holder(Struct, frozen=True):
    """Another delivery by which somebody has the lead, or may have it, or had it."""

    delivery_id: UUID
    lead_id: UUID
    contract: str
    reference: str | None


async def stop(conn: Any, lead_ids: Collection[UUID], by: str, why: str) -> set[UUID]:
    """Those that were not stopped before. What their cancelled deliveries had reserved is given back."""
    ids = sorted(lead_ids)
    waiting = await conn.fetch(_WAITING, ids)
    await leads.lock(conn, ids)
    await _cancel(conn, waiting)
    stopped = {row[0] for row in await conn.fetch(_STOP, ids)}
    await conn.execute(_LEAVE, ids)
    await requeues.drop(conn, ids)
    for lead_id in sorted(stopped):
        n = sum(row["lead_id"] == lead_id for row in waiting)
        await leads.note(conn, lead_id, "stopped", None, by, {"reason": why, "cancelled": n})
    return stopped


async def holders(conn: Any, lead_ids: Collection[UUID], but: str) -> list[Holder]:
    """Whoever had one of these leads beside this buyer."""
    return [Holder(*row) for row in await conn.fetch(_HOLDERS, sorted(lead_ids), but)]


async def _cancel(conn: Any, waiting: Sequence[Any]) -> None:
    """Caps have room again, as far as their period is still counted; what a buyer may have keeps its place."""
    if not waiting:
        return
    unclear = await deliveries.once_unclear(conn, [(row["id"], row["lead_id"]) for row in waiting])
    await conn.execute(_CANCEL, [row["id"] for row in waiting], list(unclear))
    over = (row for row in waiting if row["id"] not in unclear)
    back = held(line for row in over for line in row["reserved"].split("\n"))
    there = [row[0] for row in await conn.fetch(_COUNTERS, sorted(back))]
    await decisions.count(conn, {key: -back[key] for key in there})
