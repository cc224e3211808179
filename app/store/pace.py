"""How many hand-overs of a contract may begin now, counted over all processes by the database's clock."""

from typing import Any

_TAKE = "select granted, left_s from leadgate_pace($1, $2, $3, $4)"


async def take(conn: Any, contract: str, *, seconds: int, n: int, want: int) -> tuple[int, float]:
    """(how many of `want` may begin in this window, seconds until it ends), in a transaction of its own.

    What does not begin before the window's end must not begin: the next window does not count it.
    """
    granted, left = await conn.fetchrow(_TAKE, contract, seconds, n, want)
    return granted, left
