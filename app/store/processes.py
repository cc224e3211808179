"""Who is alive: a process holds its work for as long as it is seen."""

from typing import Any
from uuid import UUID

_HELLO = """
insert into process (id, role, host, pid) values ($1, $2, $3, $4)
on conflict (id) do update set seen_at = now()
"""
_SEEN = """
update process p set seen_at = now() from (select id, seen_at from process where id = $1 for update) before
 where p.id = before.id returning extract(epoch from now() - before.seen_at)::float8
"""
_BURY = "delete from process where seen_at < now() - $1 * interval '1 second' and id <> $2 returning id"
_OTHERS = "select count(*)::int from process where seen_at > now() - $1 * interval '1 second' and id <> $2"
_FAREWELL = "delete from process where id = $1"
_ALONE = "delete from process"
_ALIVE = """
select id, role, host, pid, started_at, extract(epoch from now() - seen_at)::float8 as age
  from process order by started_at
"""


async def hello(conn: Any, process_id: UUID, role: str, host: str, pid: int) -> None:
    await conn.execute(_HELLO, process_id, role, host, pid)


async def seen(conn: Any, process_id: UUID) -> float | None:
    """Refresh; for how many seconds it was unseen. None when somebody has buried this process meanwhile: its
    leases are lost."""
    unseen: float | None = await conn.fetchval(_SEEN, process_id)
    return unseen


async def others(conn: Any, lease_seconds: float, me: UUID) -> int:
    """How many other processes were seen within a lease."""
    count: int = await conn.fetchval(_OTHERS, lease_seconds, me)
    return count


async def bury(conn: Any, lease_seconds: float, me: UUID) -> int:
    """Forget processes unseen for a lease; their work is free from now on."""
    return len(await conn.fetch(_BURY, lease_seconds, me))


async def farewell(conn: Any, process_id: UUID) -> None:
    await conn.execute(_FAREWELL, process_id)


async def bury_all(conn: Any) -> None:
    """At the start of a service that alone owns its database: whoever was here is dead."""
    await conn.execute(_ALONE)


async def alive(conn: Any) -> list[dict[str, Any]]:
    return [dict(r) for r in await conn.fetch(_ALIVE)]
