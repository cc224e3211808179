"""What became lately of the leads that contracts were asked to take, for rankings by what is expected of them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

# Younger sales may come back yet: they say that a lead was accepted, and nothing of its return.
_LATELY = """
select contract,
       count(*)::int,
       count(*) filter (where state not in ('rejected', 'duplicate'))::int,
       count(*) filter (where state not in ('rejected', 'duplicate') and ended_at <= now() - interval '7 days')::int,
       count(*) filter (where returned_at is not null and ended_at <= now() - interval '7 days')::int
  from delivery
 where contract = any($1::text[]) and not test
   and state in ('accepted', 'rejected', 'duplicate')
   and id >= leadgate_day((now() - interval '61 days')::date) and ended_at > now() - interval '60 days'
 group by contract
"""


class Figures(NamedTuple):
    contract: str
    answered: int
    accepted: int
    kept_long: int
    returned: int


async def lately(conn: Any, contracts: Sequence[str]) -> list[Figures]:
    """Of those who answered any lead in sixty days."""
    return [Figures(*row) for row in await conn.fetch(_LATELY, list(contracts))]
