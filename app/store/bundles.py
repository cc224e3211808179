"""Files of many leads in the database: which are due, who goes into one, how each ended."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.store.deliveries import DeliveryRow

# By count only what was never tried: what failed keeps to its schedule.
_RIPE = """
select c.contract from unnest($1::text[], $2::int[]) as c(contract, count)
 where exists (select 1 from delivery d where d.contract = c.contract and d.state = 'waiting' and d.next_at <= now())
    or c.count <= (select count(*) from (
         select 1 from delivery d where d.contract = c.contract and d.state = 'waiting' and d.attempts = 0 limit c.count
       ) few)
"""
# What waits for a file that its contract makes sooner by now, or not at all, need not wait as it was told when it came.
_RETIMED = """
with told as (
  select contract, every, last, next
    from (select distinct contract from delivery where state = 'waiting' and contract <> all($5::text[])) w
    left join unnest($1::text[], $2::float8[], $3::timestamptz[], $4::timestamptz[]) as c(contract, every, last, next)
      using (contract)
), o as materialized (
  select d.id, x.due from told t join delivery d on d.contract = t.contract
   cross join lateral (select case when t.next is null then d.created_at + coalesce(t.every, 0) * interval '1 second'
                                   when d.created_at <= t.last then t.last else t.next end as due) x
   where d.state = 'waiting' and d.attempts = 0 and x.due < d.next_at order by d.id for update of d skip locked
)
update delivery d set next_at = o.due from o where d.id = o.id
"""
_PERHAPS = """
select t.id from unnest($1::uuid[]) as t(id)
 where (select b.state from bundled m join bundle b on b.id = m.bundle_id
         where m.delivery_id = t.id order by m.bundle_id desc limit 1) <> 'unsent'
"""
_ALONE = "select pg_try_advisory_xact_lock(hashtextextended('leadgate bundle ' || $1, 0))"
# What perhaps has left goes out again in its own file, and in no other.
_AGAIN = """
select b.id, b.name from delivery d
 cross join lateral (
   select o.id, o.name, o.state from bundled m join bundle o on o.id = m.bundle_id
    where m.delivery_id = d.id order by m.bundle_id desc limit 1
 ) b
 where d.contract = $1 and d.state = 'waiting' and d.next_at <= now() and d.attempts > 0 and b.state <> 'unsent'
 order by b.id limit 1
"""
_BEGIN = """
with mine as (
  update delivery d set state = 'sending', attempts = d.attempts + 1, lease_id = $1, next_at = null
    from due where d.id = due.id
  returning d.*
), begun as (
  insert into attempt (lead_id, delivery_id, n, process_id) select lead_id, id, attempts, $1 from mine
)
select mine.* from mine join due on due.id = mine.id order by due.n
"""
_CLAIM = f"""
with due as materialized (
  select o.id, row_number() over (order by o.first, o.id) as n from (
    select d.id, coalesce(d.priority, d.created_at) as first from delivery d
     where d.contract = $2 and d.state = 'waiting'
       and coalesce((select b.state from bundled m join bundle b on b.id = m.bundle_id
                      where m.delivery_id = d.id order by m.bundle_id desc limit 1), 'unsent') = 'unsent'
     order by coalesce(d.priority, d.created_at), d.id limit $3 for update of d skip locked
  ) o
), {_BEGIN.lstrip().removeprefix("with ")}"""
_CLAIM_OF = f"""
with due as materialized (
  select o.id, o.n from (
    select d.id, m.n from bundled m join delivery d on d.id = m.delivery_id
     where m.bundle_id = $2 and d.state = 'waiting' order by d.id for update of d skip locked
  ) o
), {_BEGIN.lstrip().removeprefix("with ")}"""
_MEMBERS = """
select d.* from bundled m join delivery d on d.id = m.delivery_id where m.bundle_id = $1 order by m.n
"""
_NEW = """
with b as (insert into bundle (id, contract, name, size) values ($1, $2, $3, cardinality($4::uuid[])))
insert into bundled (bundle_id, n, delivery_id, lead_id)
select $1, n, d, l from unnest($4::uuid[], $5::uuid[]) with ordinality as t(d, l, n)
"""
_RESUME = "update bundle set state = 'sending', ended_at = null where id = $1"
_LEAVE = "delete from bundled where bundle_id = $1 and delivery_id = any($2::uuid[])"
_RENUMBER = """
with o as (select delivery_id, row_number() over (order by n) as n from bundled where bundle_id = $1),
m as (update bundled set n = o.n from o where bundled.bundle_id = $1 and bundled.delivery_id = o.delivery_id)
update bundle set size = (select count(*) from o) where id = $1
"""
_END = """
update bundle set state = $2, outcome = $3, reason = $4, ms = $5, exchanges = $6::json, ended_at = now() where id = $1
"""
_NAMED = """
select id, last as name, size, told from (
  select id, regexp_replace(name, '^.*/', '') as last, size from bundle where contract = $1
) b join unnest($2::text[]) as t(told) on last = told or starts_with(last, told || '.')
 order by length(told) desc, last = told desc limit 2
"""
_ROWS = """
select m.n, d.id, d.lead_id, d.state, d.attempts from bundled m join delivery d on d.id = m.delivery_id
 where m.bundle_id = $1
"""


class Due(Struct, frozen=True):
    """`every`: seconds that a lead waits at most; else when a file left last, and when the next one does."""

    every: float | None = None
    last: datetime | None = None
    next: datetime | None = None


class Row(Struct, frozen=True):
    n: int
    delivery_id: UUID
    lead_id: UUID
    state: str
    attempts: int


_TIDY = """
update bundle b set state = 'unclear', ended_at = now()
 where b.state = 'sending' and not exists (
   select 1 from bundled m join delivery d on d.id = m.delivery_id where m.bundle_id = b.id and d.state in ('sending', 'waiting'))
"""


def _row(record: Any) -> DeliveryRow:
    return DeliveryRow(**dict(record))


async def ripe(conn: Any, counts: Mapping[str, int | None]) -> list[str]:
    """Contracts of which something is due, or as many wait as they say."""
    return [r[0] for r in await conn.fetch(_RIPE, list(counts), list(counts.values()))]


async def retime(conn: Any, times: Mapping[str, Due], but: Sequence[str]) -> None:
    """What nobody has begun yet is due when `times` says, if that is sooner; at once where its contract is not among
    them. Contracts in `but` are left alone."""
    told = list(times.values())
    await conn.execute(
        _RETIMED, list(times), [one.every for one in told], [one.last for one in told], [one.next for one in told],
        list(but),
    )  # fmt: skip


async def perhaps_left(conn: Any, delivery_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Those whose last file is not known to have stayed here."""
    return frozenset(row[0] for row in await conn.fetch(_PERHAPS, list(delivery_ids)))


async def alone(conn: Any, contract: str) -> bool:
    """Whether this transaction is the only one that bundles for this contract."""
    return bool(await conn.fetchval(_ALONE, contract))


async def again(conn: Any, contract: str) -> tuple[UUID, str] | None:
    """A file (id, name) that perhaps is there, and of which something is to be asked again."""
    found = await conn.fetchrow(_AGAIN, contract)
    return None if found is None else (found[0], found[1])


async def claim(conn: Any, process_id: UUID, contract: str, most: int) -> list[DeliveryRow]:
    """All that wait, the earliest priority first, begun; but for those whose own file perhaps is there."""
    return [_row(r) for r in await conn.fetch(_CLAIM, process_id, contract, most)]


async def claim_of(conn: Any, process_id: UUID, bundle_id: UUID) -> list[DeliveryRow]:
    """Those of one file that wait, begun."""
    return [_row(r) for r in await conn.fetch(_CLAIM_OF, process_id, bundle_id)]


async def members(conn: Any, bundle_id: UUID) -> list[DeliveryRow]:
    """All of one file, whatever became of them, in the order of its rows."""
    return [_row(r) for r in await conn.fetch(_MEMBERS, bundle_id)]


async def new(
    conn: Any, bundle_id: UUID, contract: str, name: str, rows: Sequence[tuple[UUID, UUID]]
) -> None:
    """(delivery, lead) in the order of its rows."""
    await conn.execute(_NEW, bundle_id, contract, name, [d for d, _ in rows], [lead for _, lead in rows])


async def resume(conn: Any, bundle_id: UUID) -> None:
    await conn.execute(_RESUME, bundle_id)


async def leave(conn: Any, bundle_id: UUID, delivery_ids: Sequence[UUID]) -> None:
    """These have no row after all; the others move up."""
    await conn.execute(_LEAVE, bundle_id, list(delivery_ids))
    await conn.execute(_RENUMBER, bundle_id)


async def end(
    conn: Any, bundle_id: UUID, state: str, *, outcome: str, reason: str, ms: float, exchanges: str
) -> None:
    await conn.execute(_END, bundle_id, state, outcome, reason, ms, exchanges)


async def named(conn: Any, contract: str, names: Sequence[str]) -> tuple[UUID, int] | None:
    """(id, size) of the file of the longest of these names that one has, or of that name and an ending; None where there
    is none, or more than one."""
    found = await conn.fetch(_NAMED, contract, list(names))
    if not found:
        return None
    first, *others = found
    if first["name"] != first["told"] and any(one["told"] == first["told"] for one in others):
        return None
    return first["id"], first["size"]


async def rows(conn: Any, bundle_id: UUID) -> list[Row]:
    return [Row(*r) for r in await conn.fetch(_ROWS, bundle_id)]


async def tidy(conn: Any) -> None:
    """Of files that somebody died at nobody knows whether they are there, once none of theirs is asked again."""
    await conn.execute(_TIDY)
