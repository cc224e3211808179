"""What buyers bid for a lead before it was handed over: what each owes for it if he took it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.store.decisions import amounts

_KEEP = """
with f as materialized (
  select * from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[]) as t(delivery_id, lead_id, n, bid)
)
update attempt a set bid = f.bid::numeric from f
 where a.lead_id = any($2::uuid[]) and a.lead_id = f.lead_id and a.delivery_id = f.delivery_id and a.n = f.n
   and exists (select from delivery d where d.id = f.delivery_id and d.lease_id = $5 and d.attempts = f.n
                and d.state = 'sending')
returning a.delivery_id
"""
# Of the last attempt that may have handed the lead over: its end says so, or it has none.
_BID = """
select coalesce(e.price, a.bid)
  from attempt a
  left join attempt_end e on e.lead_id = a.lead_id and e.delivery_id = a.delivery_id and e.n = a.n
 where a.lead_id = $1 and a.delivery_id = $2 and coalesce(e.outcome, 'Unclear') = 'Unclear'
   and coalesce(e.price, a.bid) is not null
 order by a.n desc limit 1
"""


class Bidden(Struct, frozen=True):
    """What was bid in one attempt."""

    delivery_id: UUID
    lead_id: UUID
    n: int
    bid: Decimal


async def keep(conn: Any, bids: Sequence[Bidden], process_id: UUID) -> set[UUID]:
    """The deliveries whose bids are kept: those whose attempts are still this process's."""
    c = [(one.delivery_id, one.lead_id, one.n, one.bid) for one in bids]
    ids, lead_ids, attempts, prices = map(list, zip(*c, strict=True))
    return {r[0] for r in await conn.fetch(_KEEP, ids, lead_ids, attempts, amounts(prices), process_id)}


async def bid(conn: Any, lead_id: UUID, delivery_id: UUID) -> Decimal | None:
    """None where nobody asked it before, or nothing is known of what it said."""
    found: Decimal | None = await conn.fetchval(_BID, lead_id, delivery_id)
    return found
