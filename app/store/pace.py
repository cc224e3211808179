"""How many hand-overs of a contract, or to an endpoint, may begin now, counted over all processes by the database's clock."""

from collections.abc import Sequence
from typing import Any

_TAKE = "select granted, left_s from leadgate_pace($1, $2, $3, $4)"

# Who has begun in the window of this moment, and who waits; to look is to keep nobody waiting.
_AHEAD = """
with w as (select to_timestamp(floor(extract(epoch from clock_timestamp()) / $2::int) * $2::int) as began)
select coalesce((select used from pace p, w where p.contract = $1 and p.began = w.began), 0)
       + (select count(*) from delivery d where d.contract = any($3::text[]) and d.state = 'waiting'
                                            and (d.next_at is null or d.next_at <= now()))::int,
       extract(epoch from (select began from w) + $2::int * interval '1 second' - clock_timestamp())::float8
"""


async def ahead(conn: Any, place: str, contracts: Sequence[str], *, seconds: int) -> tuple[int, float]:
    """(how many have this window's turns already or stand before the next one to come, seconds until it ends), where
    turns are counted under `place` for these contracts together."""
    n, left = await conn.fetchrow(_AHEAD, place, seconds, list(contracts))
    return n, left


async def take(conn: Any, place: str, *, seconds: int, n: int, want: int) -> tuple[int, float]:
    """(how many of `want` may begin in this window, seconds until it ends), in a transaction of its own.

    What does not begin before the window's end must not begin: the next window does not count it.
    """
    granted, left = await conn.fetchrow(_TAKE, place, seconds, n, want)
    return granted, left
