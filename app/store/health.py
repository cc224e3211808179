"""What `doctor` asks the database: how it is set, how quick it is, and whether what must hold does."""

from time import perf_counter
from typing import Any

from msgspec import Struct

from app.store.upkeep import HISTORY

_SERVER = """
select current_setting('server_version') as version, current_setting('fsync') as fsync,
       current_setting('synchronous_commit') as synchronous_commit,
       current_setting('full_page_writes') as full_page_writes,
       pg_database_size(current_database()) as bytes
"""
_COMMIT = "select pg_logical_emit_message(true, 'leadgate', 'doctor')"
_DAYS = """
select t.name || '_' || to_char((now() at time zone 'UTC')::date + 1, 'YYYYMMDD') from unnest($1::text[]) as t(name)
 where to_regclass(t.name || '_' || to_char((now() at time zone 'UTC')::date + 1, 'YYYYMMDD')) is null
"""
_PARKED = "select submission_id, parked from inbox where parked is not null order by submission_id"
_SOLD_TWICE = """
select lead_id from delivery where state = 'accepted' group by lead_id, round, slot having count(*) > 1
"""
_UNEVEN = """
select l.id from lead l
  left join (select lead_id, sum(price - coalesce(refunded, 0)) as paid
               from delivery where state = 'accepted' group by lead_id) d
    on d.lead_id = l.id
 where not l.test and l.revenue <> coalesce(d.paid, 0) limit 100
"""
_OVERDRAWN = "select key from counter where (key like 'cap:%' or key like 'budget:%') and value < 0"


class Server(Struct, frozen=True):
    """What decides whether an acknowledged lead outlives a power cut."""

    version: str
    fsync: str
    synchronous_commit: str
    full_page_writes: str
    bytes: int


async def server(conn: Any) -> Server:
    return Server(*await conn.fetchrow(_SERVER))


async def commit_times(conn: Any, n: int = 20) -> list[float]:
    """Milliseconds of `n` commits that change nothing and yet must reach the disk, sorted."""
    took = []
    for _ in range(n):
        began = perf_counter()
        await conn.execute(_COMMIT)
        took.append((perf_counter() - began) * 1000)
    return sorted(took)


async def round_trip(conn: Any) -> float:
    """Milliseconds of the quickest of five questions."""
    took = []
    for _ in range(5):
        began = perf_counter()
        await conn.fetchval("select 1")
        took.append((perf_counter() - began) * 1000)
    return min(took)


async def missing_tomorrow(conn: Any) -> list[str]:
    """Partitions that tomorrow's history needs and that are not there yet."""
    return [row[0] for row in await conn.fetch(_DAYS, list(HISTORY))]


async def parked(conn: Any) -> list[tuple[Any, str]]:
    """(submission, why) of what waits for a person."""
    return [(row[0], row[1]) for row in await conn.fetch(_PARKED)]


async def sold_twice(conn: Any) -> list[Any]:
    """Leads of which one copy was accepted by two buyers."""
    return [row[0] for row in await conn.fetch(_SOLD_TWICE)]


async def uneven(conn: Any) -> list[Any]:
    """Leads whose revenue is not the sum of what their buyers owe."""
    return [row[0] for row in await conn.fetch(_UNEVEN)]


async def overdrawn(conn: Any) -> list[str]:
    """Caps to which more was given back than was taken."""
    return [row[0] for row in await conn.fetch(_OVERDRAWN)]
