"""What became lately of the leads that contracts were asked to take, for rankings by what is expected of them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

# Younger sales may come back yet: they say that a lead was accepted, and nothing of its return.
_LATELY = """
select d.contract,
       count(*)::int,
       count(*) filter (where state not in ('rejected', 'duplicate'))::int,
       count(*) filter (where state not in ('rejected', 'duplicate') and ended_at <= now() - t.open * interval '1 second')::int,
       count(*) filter (where returned_at is not null and ended_at <= now() - t.open * interval '1 second')::int
  from unnest($1::text[], $2::float8[]) as t(contract, open) join delivery d on d.contract = t.contract
 where not test
   and state in ('accepted', 'rejected', 'duplicate')
   and id >= leadgate_day((now() - interval '61 days')::date) and ended_at > now() - interval '60 days'
 group by d.contract
"""


class Figures(NamedTuple):
    contract: str
    answered: int
    accepted: int
    kept_long: int
    returned: int


async def lately(conn: Any, contracts: Mapping[str, float]) -> list[Figures]:
    """Of those who answered any lead in sixty days; contract → seconds for which a sale may be given back."""
    rows = await conn.fetch(_LATELY, list(contracts), list(contracts.values()))
    return [Figures(*row) for row in rows]
