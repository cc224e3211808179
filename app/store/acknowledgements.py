"""Buyers' own files of what they took: when a folder is looked into, which files were read, whose rows are whose."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

_MAKE = """
insert into acknowledging (contract) select * from unnest($1::text[]) on conflict (contract) do nothing
"""
# Only where somebody waits for a word. Whoever takes the row has it for so long; who dies at it loses it then.
_CLAIM = """
update acknowledging a set next_at = now() + $2 * interval '1 second'
 where a.contract in (
   select o.contract from acknowledging o
    where o.contract = any($1::text[]) and o.next_at <= now()
      and exists (select 1 from delivery d where d.contract = o.contract and d.state = 'unclear')
    order by o.next_at limit $3 for update skip locked
 )
returning a.contract, a.failures
"""
_HOLD = "update acknowledging set next_at = now() + $2 * interval '1 second' where contract = $1"
_FINISH = """
update acknowledging set next_at = now() + $2 * interval '1 second', trouble = $3, looked_at = now(),
       failures = case when $3 = '' then 0 else failures + 1 end,
       troubled_at = case when $3 <> '' then coalesce(troubled_at, now()) end
 where contract = $1
"""
_KNOWN = "select mark, state from acknowledgement where contract = $1 and mark = any($2::text[])"
_SEE = """
insert into acknowledgement (contract, mark, name, state)
select $1, m, n, 'seen' from unnest($2::text[], $3::text[]) as t(m, n) on conflict (contract, mark) do nothing
"""
_READ = """
update acknowledgement set state = $3, read_at = now(), settled = settled + $4, repeated = repeated + $5,
       strange = strange + $6, contradicted = contradicted + $7, why = $8
 where contract = $1 and mark = $2
"""
_TROUBLED = """
select contract, failures from acknowledging where contract = any($1::text[]) and failures > 0
"""
_STANDINGS = """
select c.contract, coalesce(a.failures, 0), coalesce(a.trouble, ''), a.looked_at, a.troubled_at,
       (select count(*)::int from delivery d where d.contract = c.contract and d.state = 'unclear')
  from unnest($1::text[]) as c(contract) left join acknowledging a using (contract) order by c.contract
"""
# One that was read since under the same name stands in its place.
_UNREAD = """
select distinct on (u.contract) u.contract, u.name, u.why, u.read_at, count(*) over (partition by u.contract)::int
  from acknowledgement u
 where u.contract = any($1::text[]) and u.state = 'unreadable' and u.why <> '' and u.read_at > now() - $2 * interval '1 day'
   and not exists (select 1 from acknowledgement r where r.contract = u.contract and r.name = u.name
                    and r.state = 'read' and r.read_at > u.read_at)
 order by u.contract, u.read_at desc, u.mark
"""
_FORGET = "delete from acknowledgement where seen_at < now() - interval '400 days'"
# One that names two of them names none.
_BY_REFERENCE = """
select reference, id, lead_id, state, attempts from (
  select d.*, count(*) over (partition by reference) as n from delivery d
   where buyer = $1 and contract = $2 and reference = any($3::text[])
) named where n = 1
"""
_REFER = """
update delivery set reference = $2 where id = $1 and state = 'unclear' and reference is distinct from $2
"""
_BY_DELIVERY = """
select id::text, id, lead_id, state, attempts from delivery where contract = $1 and id = any($2::uuid[])
"""
# Of a lead that went there in several rounds the last one is meant.
_BY_LEAD = """
select distinct on (lead_id) lead_id::text as key, id, lead_id, state, attempts from delivery
 where contract = $1 and lead_id = any($2::uuid[]) order by lead_id, round desc
"""


class Named(Struct, frozen=True):
    """A delivery of which a row speaks; `key` as the row would name it."""

    key: str
    id: UUID
    lead_id: UUID
    state: str
    attempts: int


class Standing(Struct, frozen=True):
    """How looks for the answers of a contract go. `troubled_at`: since when all are in vain;
    `waiting`: hand-overs that are unclear."""

    contract: str
    failures: int
    trouble: str
    looked_at: datetime | None
    troubled_at: datetime | None
    waiting: int


class Unread(Struct, frozen=True):
    """The last of `n` files of a contract's buyer that nobody can read."""

    contract: str
    name: str
    why: str
    at: datetime
    n: int


class Counts(Struct):
    settled: int = 0
    repeated: int = 0
    strange: int = 0
    contradicted: int = 0


async def claim(conn: Any, contracts: Sequence[str], seconds: float, limit: int) -> dict[str, int]:
    """Up to `limit` contracts whose folder is this process's to look into within `seconds` → failures in a row before."""
    await conn.execute(_MAKE, list(contracts))
    return {r[0]: r[1] for r in await conn.fetch(_CLAIM, list(contracts), seconds, limit)}


async def hold(conn: Any, contract: str, seconds: float) -> None:
    """It takes longer."""
    await conn.execute(_HOLD, contract, seconds)


async def finish(conn: Any, contract: str, next_in: float, trouble: str) -> None:
    await conn.execute(_FINISH, contract, next_in, trouble)


async def known(conn: Any, contract: str, marks: Sequence[str]) -> dict[str, str]:
    """mark → state, of files that were seen as they are now."""
    return {r[0]: r[1] for r in await conn.fetch(_KNOWN, contract, list(marks))}


async def see(conn: Any, contract: str, files: Sequence[tuple[str, str]]) -> None:
    """(mark, name)"""
    await conn.execute(_SEE, contract, [mark for mark, _ in files], [name for _, name in files])


async def read(
    conn: Any, contract: str, mark: str, counts: Counts, *, readable: bool = True, why: str = ""
) -> None:
    """`why`: what is wrong with it, where its buyer is to put a better one in its place."""
    state = "read" if readable else "unreadable"
    await conn.execute(
        _READ,
        contract,
        mark,
        state,
        counts.settled,
        counts.repeated,
        counts.strange,
        counts.contradicted,
        why,
    )


async def troubled(conn: Any, contracts: Sequence[str]) -> dict[str, int]:
    """Contracts whose answers can't be looked into → looks in vain, one after the other."""
    return {r[0]: r[1] for r in await conn.fetch(_TROUBLED, list(contracts))}


async def standings(conn: Any, contracts: Sequence[str]) -> list[Standing]:
    """One for each, also where nobody has looked yet."""
    return [Standing(*row) for row in await conn.fetch(_STANDINGS, list(contracts))]


async def unread(conn: Any, contracts: Sequence[str], days: int) -> dict[str, Unread]:
    """Of the last so many days, and not of those that a better one has replaced."""
    return {row[0]: Unread(*row) for row in await conn.fetch(_UNREAD, list(contracts), days)}


async def named(conn: Any, contract: str, by: str, ids: Sequence[UUID]) -> dict[str, Named]:
    """Its deliveries by their own ids, or by their leads'."""
    statement = _BY_LEAD if by == "lead_id" else _BY_DELIVERY
    return {r[0]: Named(*r) for r in await conn.fetch(statement, contract, list(ids))}


async def referred(conn: Any, buyer: str, contract: str, references: Sequence[str]) -> dict[str, Named]:
    """Its deliveries by what their buyer has called them before."""
    found = await conn.fetch(_BY_REFERENCE, buyer, contract, list(references))
    return {r[0]: Named(*r) for r in found}


async def refer(conn: Any, delivery_id: UUID, reference: str) -> bool:
    """What its buyer calls a delivery that he has not decided on; False where that is no news."""
    return bool(await conn.execute(_REFER, delivery_id, reference) == "UPDATE 1")


async def tidy(conn: Any) -> None:
    await conn.execute(_FORGET)
