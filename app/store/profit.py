"""What sources, campaigns, buyers and contracts bring in and cost, by the day on which it was booked."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from msgspec import Struct

Dimension = Literal["source", "campaign", "buyer", "contract"]

# Absorbed is what buyers were given back of leads whose sources are paid all the same (`returns.Request.absorbed`), and
# stayed so: of copies that came back one by one the last takes the price of all of them back.
# A credit or an adjustment of a buyer's lessens revenue; one of a source's is cost.
_OF_ENTRIES = """
select {by} as name, currency,
       count(*) filter (where kind = 'sale')::int as sales,
       coalesce(sum(amount) filter (where kind = 'sale'), 0) as revenue,
       coalesce(sum(amount) filter (where kind = 'return'), 0) as returns,
       coalesce(sum(case when credit like 'buyer:%' then amount else -amount end)
                filter (where kind = 'credit' or kind = 'adjustment' and credit || debit like '%buyer:%'), 0) as credits,
       {costs} as cost,
       coalesce(sum(amount) filter (where kind = 'return' and exists (
         select from return_request r where r.delivery_id = entry.delivery_id and r.credited is not null
            and r.price_back is null and r.resale is distinct from 'waits'
            and not exists (select from return_request o join lead l on l.id = o.lead_id
                             where o.lead_id = r.lead_id and o.price_back is not null and l.share is null))), 0) as absorbed
  from entry where at >= $1 and at < $2 and kind not in ('deposit', 'payment', 'payout')
 group by 1, 2
"""
_COSTS = """coalesce(sum(case when credit like 'source:%' then amount else -amount end)
                filter (where (credit like 'source:%' or debit like 'source:%') and {which}), 0)"""
# What a lead cost is borne by its buyers alike, to the millionth; the first of them bears what is left of that. What
# one sale cost is borne by whom it was made to.
_BORNE = """
with costs as (
  select lead_id, currency, sum(case kind when 'cost' then amount else -amount end) as amount
    from entry where at >= $1 and at < $2 and kind in ('cost', 'cost_return') and delivery_id is null group by 1, 2
), shares as (
  select d.{by} as name, c.currency, c.amount, count(d.id) over lead as n,
         row_number() over (lead order by d.id) as place
    from costs c left join delivery d on d.lead_id = c.lead_id and d.state = 'accepted'
  window lead as (partition by c.lead_id, c.currency)
)
select name, currency, 0, 0::numeric, 0::numeric, 0::numeric,
       sum(case when n < 2 then amount when place > 1 then round(amount / n, 6)
                else amount - (n - 1) * round(amount / n, 6) end), 0::numeric
  from shares group by 1, 2
"""


class Profit(Struct, frozen=True, kw_only=True):
    """Of one name in one currency. `name` None: what can't be laid at anybody's door, as leads that nobody bought.
    `absorbed` is part of `returns`."""

    name: str | None
    currency: str
    sales: int
    revenue: Decimal
    returns: Decimal
    credits: Decimal
    cost: Decimal
    absorbed: Decimal = Decimal(0)

    @property
    def sums(self) -> tuple[Decimal, ...]:
        return self.revenue, self.returns, self.credits, self.cost

    @property
    def margin(self) -> Decimal:
        return self.revenue - self.returns - self.credits - self.cost


async def between(conn: Any, by: Dimension, first: datetime, past: datetime) -> list[Profit]:
    """Unordered, and a name may be there twice: sums of a short time, to be added up."""
    borne = by in ("buyer", "contract")
    costs = _COSTS.format(which="(kind = 'adjustment' or delivery_id is not null)" if borne else "true")
    rows = await conn.fetch(_OF_ENTRIES.format(by=by, costs=costs), first, past)
    if borne:
        rows = [*rows, *await conn.fetch(_BORNE.format(by=by), first, past)]
    return [
        Profit(
            name=r[0], currency=r[1], sales=r[2], revenue=r[3], returns=r[4], credits=r[5], cost=r[6], absorbed=r[7]
        )
        for r in rows
    ]  # fmt: skip
