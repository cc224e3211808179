"""What `doctor` looks at in the pools: whether leads lie there too long, and whether rows and deliveries agree."""

from collections.abc import Sequence

from app.commands.examining import Line
from app.commands.words import span
from app.settings import Settings
from app.store import pool
from app.store.database import Database

_LONG_S = 86_400.0


async def pools(database: Database, _: Settings) -> Sequence[Line]:
    """A pool in which nothing is, is no line."""
    async with database.acquire() as conn:
        sizes, (rows, lost) = await pool.sizes(conn), await pool.astray(conn)
    if rows or lost:
        text = f"{rows:,} rows without a pooled delivery, {lost:,} pooled deliveries without a row"
        return [Line("fail", "pool", text, "this must not be: keep the database as it is, and tell us")]
    if not sizes:
        return []
    free, claimed = sum(one[0] for one in sizes.values()), sum(one[1] for one in sizes.values())
    oldest = max(one[2] for one in sizes.values())
    text = f"{free:,} free, {claimed:,} claimed"
    if free:
        text += f"; the oldest free one since {span(oldest * 1000)}"
    late = oldest > _LONG_S
    cure = "leadgate pool; an offer with `for` and `then` takes them on by themselves" if late else ""
    return [Line("warn" if late else "ok", "pool", text, cure)]
