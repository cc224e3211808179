"""What must be true of the database when all is said and done, whatever happened in between."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import UUID

import asyncpg

TERMINAL = ("sold", "unsold", "rejected")

_MOVING = """
select (select count(*) from inbox where parked is null)
     + (select count(*) from lead where state in ('received', 'delivering'))
     + (select count(*) from delivery where state in ('sending', 'waiting'))
"""
_COUNTED = """
select r.key, count(*) from delivery d, lateral unnest(string_to_array(nullif(d.reserved, ''), E'\\n')) as r(key)
 where d.state in ('sending', 'waiting', 'unclear', 'accepted') group by r.key
"""


async def until(
    holds: Callable[[], Awaitable[Any]], *, within: float = 90, every: float = 0.05, what: str = ""
) -> Any:
    """The first true answer of `holds`; a failure with its last one when time is up."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + within
    while not (found := await holds()):
        assert loop.time() < ends, f"not within {within} s: {what or holds}"
        await asyncio.sleep(every)
    return found


class Books:
    """A reader of the service's database: `async with Books(dsn)`."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def __aenter__(self) -> "Books":
        self.conn = await asyncpg.connect(self._dsn)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.conn.close()

    async def one(self, query: str, *given: Any) -> Any:
        return await self.conn.fetchval(query, *given)

    async def settled(self, *, within: float = 120) -> None:
        """Until nothing moves any more: all is decided, nothing is being sent or waits."""

        async def still() -> bool:
            return await self.one(_MOVING) == 0

        await until(still, within=within, every=0.2, what="everything decided and delivered")

    async def states(self, leads: Iterable[str]) -> dict[str, str]:
        """The state of each of these leads; those without a row are missing."""
        ids = [UUID(one) for one in leads]
        rows = await self.conn.fetch("select id, state from lead where id = any($1::uuid[])", ids)
        return {str(row[0]): row[1] for row in rows}

    async def lead(self, id_: str) -> Any:
        return await self.conn.fetchrow("select * from lead where id = $1", UUID(id_))

    async def deliveries(self, lead: str) -> list[Any]:
        return list(
            await self.conn.fetch("select * from delivery where lead_id = $1 order by rank", UUID(lead))
        )

    async def counters_leak(self) -> dict[str, tuple[int, int]]:
        """Caps whose counter isn't what accepted and open deliveries hold: key → (counter, held)."""
        held = {row[0]: row[1] for row in await self.conn.fetch(_COUNTED)}
        counters = {
            row[0]: row[1]
            for row in await self.conn.fetch("select key, value from counter where key like 'cap:%'")
        }
        keys = held.keys() | counters.keys()
        return {
            key: (counters.get(key, 0), held.get(key, 0))
            for key in keys
            if counters.get(key, 0) != held.get(key, 0)
        }

    async def money(self) -> tuple[Any, Any]:
        """(revenue of the leads, prices of accepted deliveries)."""
        revenue = await self.one("select coalesce(sum(revenue), 0) from lead")
        prices = await self.one("select coalesce(sum(price), 0) from delivery where state = 'accepted'")
        return revenue, prices

    async def deadlocks(self) -> int:
        return int(
            await self.one("select deadlocks from pg_stat_database where datname = current_database()")
        )
