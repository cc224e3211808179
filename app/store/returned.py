"""What part of its leads each contract gives back, from sales that are old enough to have been."""

from decimal import Decimal
from typing import Any

_WEIGHT = 20
"""So many leads of a contract weigh as much as what is usual among all of them."""
_SOLD = """
select d.contract, count(*)::int, count(r.id)::int
  from delivery d left join return_request r on r.delivery_id = d.id and r.state = 'approved'
 where d.state in ('accepted', 'returned') and not d.test
   and d.ended_at > now() - interval '60 days' and d.ended_at <= now() - interval '7 days'
 group by d.contract
"""


async def rates(conn: Any) -> dict[str, Decimal]:
    """Contract → r = (returned + 20 r̄) / (sold + 20), r̄ that of all contracts together; those with a sale."""
    rows = await conn.fetch(_SOLD)
    sold, back = sum(row[1] for row in rows), sum(row[2] for row in rows)
    usual = Decimal(back) / sold if sold else Decimal(0)
    return {row[0]: (row[2] + _WEIGHT * usual) / (row[1] + _WEIGHT) for row in rows}
