"""Deliveries that stand in a process's line: claimed by it and not begun, so nobody was ever sent them.

Such a row waits, has a lease and no time: it is not due for others while its process lives, and due at once when it
does not. Its attempt begins when its turn comes.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.store.attempts import take_back

# Whom this transaction has claimed and begun stands in line instead.
_STAND = """
update delivery d set state = 'waiting', attempts = d.attempts - 1, next_at = null
  from unnest($1::uuid[], $2::smallint[]) as f(id, n)
 where d.id = f.id and d.attempts = f.n and d.lease_id = $3 and d.state = 'sending'
returning d.id, d.lead_id, f.n
"""
# Those that were begun already are too: by the first run of a commit in doubt.
_BEGIN = """
with f as materialized (
  select * from unnest($1::uuid[], $2::smallint[]) as t(id, n)
), mine as (
  update delivery d set state = 'sending', attempts = f.n
    from f where d.id = f.id and d.attempts = f.n - 1 and d.lease_id = $3 and d.state = 'waiting'
  returning d.id, d.lead_id, d.attempts
), begun as (
  insert into attempt (lead_id, delivery_id, n, process_id) select lead_id, id, attempts, $3 from mine
)
select id from mine
 union all
select d.id from delivery d join f on d.id = f.id
 where d.attempts = f.n and d.lease_id = $3 and d.state = 'sending'
"""
_FREE = """
update delivery d set lease_id = null, next_at = now()
 where d.id in (
   select o.id from delivery o
    where o.state = 'waiting' and o.lease_id is not null
      and not exists (select 1 from process p where p.id = o.lease_id
                       and p.seen_at > now() - $1 * interval '1 second')
    order by o.id limit $2 for update skip locked)
returning d.id
"""


async def stand(conn: Any, claimed: Sequence[tuple[UUID, int]], process_id: UUID) -> None:
    """(delivery, attempt) that this process has claimed, and will begin when their turn comes."""
    ids, attempts = [one for one, _ in claimed], [n for _, n in claimed]
    async with conn.transaction():
        await take_back(conn, await conn.fetch(_STAND, ids, attempts, process_id))


async def begin(conn: Any, turns: Sequence[tuple[UUID, int]], process_id: UUID) -> set[UUID]:
    """(delivery, attempt) whose turn has come; those that are this process's no more are missing in what comes back."""
    ids, attempts = [one for one, _ in turns], [n for _, n in turns]
    return {r[0] for r in await conn.fetch(_BEGIN, ids, attempts, process_id)}


async def free(conn: Any, lease_seconds: float, limit: int) -> int:
    """How many stood in lines of dead processes; they are due for whoever is alive."""
    return len(await conn.fetch(_FREE, lease_seconds, limit))
