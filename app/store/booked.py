"""Whether the ledger says what leads and deliveries say: asked by `doctor`, a day at a time."""

from datetime import date
from typing import Any

# What was accepted at a price, less what was given back of it; and entries of what nobody accepted.
_SALES = """
with days as materialized (select leadgate_day($1) as first, leadgate_day($1 + 1) as past)
select d.id from days, delivery d join lead l on l.id = d.lead_id
  left join entry s on coalesce(s.delivery_id, s.lead_id) = d.id and s.kind = 'sale'
  left join entry r on coalesce(r.delivery_id, r.lead_id) = d.id and r.kind = 'return'
 where d.id >= days.first and d.id < days.past
   and case when d.state = 'accepted' and d.price > 0 and not d.test
            then s.amount is distinct from d.price or s.currency <> l.currency or s.buyer <> d.buyer
                 or coalesce(r.amount, 0) <> coalesce(d.refunded, 0)
            else s.id is not null or r.id is not null end
 limit 100
"""
# The same of what sources were promised.
_COSTS = """
with days as materialized (select leadgate_day($1) as first, leadgate_day($1 + 1) as past)
select l.id from days, lead l
  left join entry e on coalesce(e.delivery_id, e.lead_id) = l.id and e.kind = 'cost'
 where l.id >= days.first and l.id < days.past
   and case when l.share is not null and not l.test
            then e.id is not null or coalesce(l.price, 0) <> (
              select coalesce(sum(c.amount), 0) from delivery d
                join entry c on coalesce(c.delivery_id, c.lead_id) = d.id and c.kind = 'cost' where d.lead_id = l.id)
            when l.outcome = 'success' and l.price > 0 and not l.test
            then e.amount is distinct from l.price or e.currency <> l.currency or e.source <> l.source
            else e.id is not null end
 limit 100
"""


async def unlike_deliveries(conn: Any, day: date) -> list[Any]:
    """Deliveries that were begun on this day (UTC) and are not booked as they ended."""
    return [row[0] for row in await conn.fetch(_SALES, day)]


async def unlike_leads(conn: Any, day: date) -> list[Any]:
    """Leads of this day (UTC) whose price is not booked as their source was told."""
    return [row[0] for row in await conn.fetch(_COSTS, day)]
