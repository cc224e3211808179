"""Which leads of a campaign are old enough to be forgotten, and up to which they are."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

_ALONE = "select pg_try_advisory_lock(hashtext('leadgate forgetting'))"
_DONE = "select pg_advisory_unlock(hashtext('leadgate forgetting'))"
_MARK = "select upto from retention_mark where campaign = $1 and what = $2"
_MARKED = """
insert into retention_mark (campaign, what, upto) values ($1, $2, $3)
on conflict (campaign, what) do update set upto = greatest(retention_mark.upto, excluded.upto), at = now()
"""
# Of leads that came together the first stands for all.
_OLD = """
select id from lead where campaign = $1 and id > $2 and id < $3 and position = 0 order by id limit $4
"""
_BYTES = (
    "update submission set body = '', remote = '' where body <> '' and (id = any($1::uuid[])"
    " or id in (select submission_id from amendment where lead_id = any($1::uuid[])))",
    "update attempt_end set exchanges = '[]' where lead_id in"
    " (select id from lead where id = any($1::uuid[]) or (submission_id = any($1::uuid[]) and position > 0))",
    "update callback set exchanges = null where lead_id in"
    " (select id from lead where id = any($1::uuid[]) or (submission_id = any($1::uuid[]) and position > 0))",
)


async def alone(conn: Any) -> bool:
    """Whether nobody else forgets at this moment; held by the connection until `done`."""
    return bool(await conn.fetchval(_ALONE))


async def done(conn: Any) -> None:
    await conn.fetchval(_DONE)


async def mark(conn: Any, campaign: str, what: str) -> UUID:
    """The last lead that is forgotten."""
    return await conn.fetchval(_MARK, campaign, what) or UUID(int=0)


async def marked(conn: Any, campaign: str, what: str, upto: UUID) -> None:
    await conn.execute(_MARKED, campaign, what, upto)


async def old(conn: Any, campaign: str, after: UUID, before: UUID, limit: int) -> list[UUID]:
    """Leads whose ids lie between, the oldest first."""
    return [row[0] for row in await conn.fetch(_OLD, campaign, after, before, limit)]


async def blank_bytes(conn: Any, ids: Sequence[UUID]) -> None:
    """What came and what was said, as bytes; what was understood of it stays."""
    for statement in _BYTES:
        await conn.execute(statement, list(ids))
