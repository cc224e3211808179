"""Hand-overs whose buyer has not said by the agreed time that he has the lead."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

# From the last try on: what was asked again is waited for again.
_FOUND = """
select d.id, d.lead_id, d.contract
  from unnest($1::text[], $2::float8[]) as c(contract, seconds)
  cross join lateral (
    select d.id, d.lead_id, d.contract from delivery d
     where d.contract = c.contract and d.state = 'unclear'
       and d.created_at < now() - c.seconds * interval '1 second'
       and not exists (select 1 from overdue o where o.delivery_id = d.id)
       and not exists (select 1 from attempt a where a.lead_id = d.lead_id and a.delivery_id = d.id
                        and a.started_at >= now() - c.seconds * interval '1 second')
     order by d.id limit $3
  ) d
"""
_TELL = """
insert into overdue (delivery_id, lead_id, contract)
select * from unnest($1::uuid[], $2::uuid[], $3::text[]) on conflict (delivery_id) do nothing returning delivery_id
"""
_ENDED = """
delete from overdue o
 where not exists (select 1 from delivery d where d.id = o.delivery_id and d.state in ('unclear', 'sending', 'waiting'))
"""
_COUNTS = "select contract, count(*)::int from overdue group by contract"


class Overdue(Struct, frozen=True):
    delivery_id: UUID
    lead_id: UUID
    contract: str


async def found(conn: Any, within: Mapping[str, float], limit: int) -> list[Overdue]:
    """Up to `limit` of each contract that nobody was told of; `within` is in seconds."""
    rows = await conn.fetch(_FOUND, list(within), list(within.values()), limit)
    return [Overdue(*row) for row in rows]


async def tell(conn: Any, ones: Sequence[Overdue]) -> set[UUID]:
    """Note them; those that nobody else has noted meanwhile."""
    columns = [one.delivery_id for one in ones], [one.lead_id for one in ones], [one.contract for one in ones]
    return {r[0] for r in await conn.fetch(_TELL, *columns)}


async def tidy(conn: Any) -> None:
    """Forget those that have ended."""
    await conn.execute(_ENDED)


async def counts(conn: Any) -> dict[str, int]:
    """contract → deliveries whose proof is overdue."""
    return {r[0]: r[1] for r in await conn.fetch(_COUNTS)}
