"""Leads of the pool by the time zones in which their persons may be: which there are, and the next of some."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.store.pool import FREE, Pooled, Rules, claiming, pooled

UNKNOWN = "?"
"""Nobody has looked where the person may be."""

# From one to the next that is there, by the index: what it costs is told by how many there are, and not by the leads.
_KINDS = """
select c.contract, z.zones from unnest($1::text[]) as c(contract) cross join lateral (
  with recursive found(zones) as (
    (select p.zones from pool p where p.contract = c.contract and p.claim_id is null order by p.zones limit 1)
    union all
    select (select p.zones from pool p where p.contract = c.contract and p.claim_id is null and p.zones > f.zones
             order by p.zones limit 1)
      from found f where f.zones is not null
  )
  select zones from found where zones is not null
) z
"""
_UNKNOWN = """
select delivery_id, lead_id from pool
 where contract = any($1::text[]) and zones = '?' and claim_id is null
 order by contract, priority, delivery_id limit $2
"""
_TELL = """
update pool p set zones = t.zones from (
  select o.delivery_id, n.zones
    from unnest($1::uuid[], $2::text[]) as n(id, zones) join pool o on o.delivery_id = n.id and o.zones = '?'
   order by o.delivery_id for update of o skip locked
) t where p.delivery_id = t.delivery_id
"""
_FIRST = f"""
select k.contract, k.zones from unnest($7::text[], $8::text[]) as k(contract, zones) cross join lateral (
  select p.priority, p.delivery_id {FREE} and p.contract = k.contract and p.zones = k.zones
   order by p.priority, p.delivery_id limit 1
) f
 order by f.priority, f.delivery_id
"""
_CLAIM = claiming("p.contract = $7 and p.zones = $10")


class Kind(Struct, frozen=True):
    """Free leads of one contract whose persons may be in the same zones."""

    contract: str
    zones: str


async def kinds(conn: Any, contracts: Sequence[str]) -> list[Kind]:
    """Those that there are; nothing is locked."""
    return [Kind(*row) for row in await conn.fetch(_KINDS, list(contracts))]


async def unknown(conn: Any, contracts: Sequence[str], limit: int) -> list[tuple[UUID, UUID]]:
    """(delivery, lead) of those of which nobody has said where their persons may be, the next first."""
    return [(row[0], row[1]) for row in await conn.fetch(_UNKNOWN, list(contracts), limit)]


async def tell(conn: Any, found: Sequence[tuple[UUID, str]]) -> bool:
    """False where nothing of it was news; what others hold at this moment is left out."""
    done: str = await conn.execute(_TELL, [one for one, _ in found], [zones for _, zones in found])
    return done != "UPDATE 0"


async def first(conn: Any, rules: Rules, kinds: Sequence[Kind]) -> list[Kind]:
    """Of these kinds those of which this person may have a lead, whose first is first."""
    told = [one.contract for one in kinds], [one.zones for one in kinds]
    return [Kind(*row) for row in await conn.fetch(_FIRST, *rules.told(), *told)]


async def claim(conn: Any, rules: Rules, claim_id: UUID, kind: Kind, *, by: str) -> Pooled | None:
    """The next free lead of this kind that the person may have; None where there is none."""
    row = await conn.fetchrow(_CLAIM, *rules.told(), kind.contract, claim_id, by, kind.zones)
    return pooled(row) if row else None
