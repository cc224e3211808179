"""What sources earn of sales, where they are paid a part of each: one cost a delivery, beside the sale that it is of."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.store.decisions import columns

# The sale says what was charged, and in which currency; a delivery is bought once, however often it is come to.
_EARN = """
insert into entry (kind, debit, credit, amount, currency, lead_id, delivery_id, source, campaign, buyer, contract)
select 'cost', 'cost:' || e.campaign, 'source:' || e.source, round(e.amount * t.share::numeric / 100, 6), e.currency,
       e.lead_id, e.delivery_id, e.source, e.campaign, e.buyer, e.contract
  from unnest($1::uuid[], $2::uuid[], $3::text[]) as t(delivery_id, lead_id, share)
  join entry e on coalesce(e.delivery_id, e.lead_id) = t.delivery_id and e.kind = 'sale'
 where round(e.amount * t.share::numeric / 100, 6) > 0 order by t.delivery_id
on conflict (coalesce(delivery_id, lead_id), kind) where kind in ('sale', 'cost', 'return', 'cost_return') do nothing
"""
# Its price is what all its sales have brought it.
_PRICED = """
update lead l
   set share = t.share::numeric,
       price = (select coalesce(sum(c.amount), 0) from delivery d
                  join entry c on coalesce(c.delivery_id, c.lead_id) = d.id and c.kind = 'cost' where d.lead_id = l.id)
  from (select distinct on (lead_id) lead_id, share from unnest($1::uuid[], $2::text[]) as x(lead_id, share)) t
 where l.id = t.lead_id
"""
_EARNED = """
select delivery_id, amount, currency from entry
 where coalesce(delivery_id, lead_id) = any($1::uuid[]) and kind = 'cost' and delivery_id is not null
"""


class Earned(Struct, frozen=True):
    """One sale of a lead whose source has `share` percent of it."""

    delivery_id: UUID
    lead_id: UUID
    share: str


async def earn(conn: Any, sales: Sequence[Earned]) -> None:
    """In the transaction that booked the sales, under their leads' locks."""
    if sales:
        await conn.execute(_EARN, *columns(sales))
        await conn.execute(_PRICED, [one.lead_id for one in sales], [one.share for one in sales])


async def earned(conn: Any, delivery_ids: Collection[UUID]) -> dict[UUID, tuple[Decimal, str]]:
    """Delivery → (amount, currency) of what its source earned by it."""
    return {row[0]: (row[1], row[2]) for row in await conn.fetch(_EARNED, list(delivery_ids))}
