"""How each source stands today: what came, what were tests, and when it was heard last."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

# Of the day's leads those themselves; of what was before, the hours that were counted of it.
_TODAY = """
select source, count(*) filter (where not test)::int, count(*) filter (where test)::int,
       max(received_at) filter (where not test)
  from lead where id >= $1 and received_at >= $2 group by source
"""
_HEARD = "select source, max(last_at) from arrival_hour group by source"
_SILENT = "select source, silent_since from rhythm where silent_since is not null"


class Day(Struct):
    """One source, from the given moment on; `last_at` and `silent_since` from before, too."""

    leads: int = 0
    tests: int = 0
    last_at: datetime | None = None
    silent_since: datetime | None = None


async def day(conn: Any, first: UUID, since: datetime) -> dict[str, Day]:
    """Source → its day. `first` is the least id of that moment. Sources that were never heard are missing."""
    found: dict[str, Day] = {row[0]: Day(last_at=row[1]) for row in await conn.fetch(_HEARD)}
    for source, leads, tests, last_at in await conn.fetch(_TODAY, first, since):
        one = found.setdefault(source, Day())
        one.leads, one.tests = leads, tests
        one.last_at = max(filter(None, (one.last_at, last_at)), default=None)
    for source, silent_since in await conn.fetch(_SILENT):
        found.setdefault(source, Day()).silent_since = silent_since
    return found
