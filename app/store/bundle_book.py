"""Files of many as people look them up: which there are, what became of the leads in each, who answered for it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.store import bundles

_SHOWN = """
select b.id, b.contract, b.name, b.state, b.size, b.begun_at, b.ended_at, b.outcome, b.reason,
       b.exchanges -> -1 ->> 'url' as place, b.ms::float8 as ms,
       coalesce((select json_object_agg(s.state, s.n) from (
         select d.state, count(*)::int as n from bundled m join delivery d on d.id = m.delivery_id
          where m.bundle_id = b.id group by d.state) s), '{}')::text as standing
  from bundle b
"""
_LISTED = f"""
select * from ({_SHOWN}
 where ($1::text is null or b.contract = $1) and ($2::text[] is null or b.state = any($2)) order by b.id desc limit $3
) newest order by id
"""
_ONE = f"{_SHOWN} where b.id = $1"
_ENDING = """
select id from bundle where right(replace(id::text, '-', ''), length($1)) = $1 order by id desc limit 3
"""
# `later`: the newest file that it was in since, if any.
_ROWS = """
select m.n, d.id, d.lead_id, d.state, d.attempts, d.reference, d.reason,
       (select max(o.bundle_id::text)::uuid from bundled o where o.delivery_id = d.id and o.bundle_id > m.bundle_id) as later
  from bundled m join delivery d on d.id = m.delivery_id
 where m.bundle_id = $1 order by m.n
"""
_ANSWERED = """
select substr(e.by_whom, length($2) + 1) as name, count(*)::int as n, max(e.at) as at
  from bundled m join lead_event e on e.lead_id = m.lead_id and e.delivery_id = m.delivery_id
 where m.bundle_id = $1 and e.kind = 'settled' and starts_with(e.by_whom, $2)
 group by 1 order by 3
"""
_OF_LEAD = """
select m.delivery_id, m.n, b.id, b.name, b.size, b.state, b.begun_at, b.ended_at
  from bundled m join bundle b on b.id = m.bundle_id where m.lead_id = $1 order by b.id
"""
_NOT_THERE = """
update bundle b set state = 'unsent', outcome = 'TryLater', reason = 'not_there', ended_at = coalesce(ended_at, now())
 where b.id = $1 and b.state <> 'unsent' and not exists (
   select 1 from bundled m join delivery d on d.id = m.delivery_id where m.bundle_id = b.id and d.state = 'sending')
"""
_LINED_UP = """
select contract, count(*)::int, min(next_at) from delivery
 where contract = any($1::text[]) and state = 'waiting' group by contract order by contract
"""
_EARLY = """
with o as materialized (
  select id, next_at from delivery where contract = $1 and state = 'waiting' order by id for update skip locked
), early as (
  update delivery d set next_at = now() from o where d.id = o.id and o.next_at > now()
)
select count(*)::int, min(next_at) from o
"""

ANSWER = "acknowledgement file "
"""How the word of a buyer's own file begins where it says by whom a delivery was settled."""


class Shown(Struct, frozen=True):
    """`standing`: state of a delivery → how many are in it now, as JSON; `place`: where it was put at the last try."""

    id: UUID
    contract: str
    name: str
    state: str
    size: int
    begun_at: datetime
    ended_at: datetime | None
    outcome: str | None
    reason: str | None
    place: str | None
    ms: float | None
    standing: str


class Member(Struct, frozen=True):
    n: int
    delivery_id: UUID
    lead_id: UUID
    state: str
    attempts: int
    reference: str | None
    reason: str | None
    later: UUID | None


class Answer(Struct, frozen=True):
    """A file of the buyer's that settled so many of one of ours, the last of them then."""

    name: str
    settled: int
    at: datetime


class Place(Struct, frozen=True):
    """One delivery of a lead in one file."""

    delivery_id: UUID
    row: int
    bundle_id: UUID
    name: str
    size: int
    state: str
    begun_at: datetime
    ended_at: datetime | None


async def listed(conn: Any, *, contract: str | None, states: Sequence[str] | None, limit: int) -> list[Shown]:
    """The newest, the oldest of them first."""
    found = await conn.fetch(_LISTED, contract, None if states is None else list(states), limit)
    return [Shown(*row) for row in found]


async def one(conn: Any, bundle_id: UUID) -> Shown | None:
    row = await conn.fetchrow(_ONE, bundle_id)
    return None if row is None else Shown(*row)


async def ending(conn: Any, tail: str) -> list[UUID]:
    """Those whose id ends so, three at most."""
    return [row[0] for row in await conn.fetch(_ENDING, tail.lower().replace("-", ""))]


async def rows(conn: Any, bundle_id: UUID) -> list[Member]:
    return [Member(*row) for row in await conn.fetch(_ROWS, bundle_id)]


async def answered(conn: Any, bundle_id: UUID) -> list[Answer]:
    return [Answer(*row) for row in await conn.fetch(_ANSWERED, bundle_id, ANSWER)]


async def of_lead(conn: Any, lead_id: UUID) -> list[Place]:
    return [Place(*row) for row in await conn.fetch(_OF_LEAD, lead_id)]


async def not_there(conn: Any, bundle_id: UUID, contract: str) -> bool:
    """It is known not to have arrived, so its leads are free for another; False where somebody is sending it, or
    begins a file of this contract, at this moment."""
    return await bundles.alone(conn, contract) and await conn.execute(_NOT_THERE, bundle_id) == "UPDATE 1"


async def lined_up(conn: Any, contracts: Sequence[str]) -> list[tuple[str, int, datetime]]:
    """(contract, how many wait for its next file, when the first of them is to leave), of those where any do."""
    return [(row[0], row[1], row[2]) for row in await conn.fetch(_LINED_UP, list(contracts))]


async def early(conn: Any, contract: str) -> tuple[int, datetime | None]:
    """Whoever waits for a file of this contract is due; (how many do, when the first of them was to leave)."""
    row = await conn.fetchrow(_EARLY, contract)
    return row[0], row[1]
