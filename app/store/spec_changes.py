"""What has changed in sources' posting instructions, and who is still to be told of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from msgspec import Struct

from app.store.leads import decode

_BEGIN = "insert into spec_mark (version) values ($1) on conflict do nothing"
_TURN = "select version from spec_mark where version < $1 for update skip locked"
_MARK = "update spec_mark set version = $1"
_TOUCHED = """
select distinct kind, id from configured where version > $1 and version <= $2 and kind in ('campaign', 'source')
"""
_NOTE = """
insert into spec_change (id, source, since, version, changes, state, next_at)
values ($1, $2, $3, $4, $5::json, case when $6 then 'waiting' else 'noted' end, case when $6 then now() end)
on conflict (source, version) do nothing
"""
_TAKE = """
with due as (
  select id from spec_change where state = 'waiting' and next_at <= now()
   order by next_at limit $1 for update skip locked
)
update spec_change c set attempts = c.attempts + 1, next_at = now() + $2 * interval '1 second'
  from due where c.id = due.id
returning c.id, c.source, c.since, c.version, c.changes, c.attempts, c.at
"""
_END = """
update spec_change
   set state = $3, reason = $4, next_at = case when $3 = 'waiting' then now() + $5::float8 * interval '1 second' end,
       ended_at = case when $3 <> 'waiting' then now() end
 where id = $1 and attempts = $2 and state = 'waiting'
"""
_LATEST = """
select distinct on (source) source, version, at, state from spec_change order by source, version desc
"""


class Note(Struct, frozen=True, kw_only=True):
    """One change of one source's instructions, as it is written; `told` where somebody wants to hear of it."""

    id: UUID
    source: str
    since: int
    version: int
    changes: Sequence[Mapping[str, Any]]
    told: bool


class Due(Struct, frozen=True, kw_only=True):
    """One that is told now."""

    id: UUID
    source: str
    since: int
    version: int
    changes: list[dict[str, Any]]
    attempt: int
    at: datetime


class Latest(Struct, frozen=True):
    """The last change of a source, and whether it has heard of it."""

    version: int
    at: datetime
    state: str


async def begin(conn: Any, version: int) -> None:
    """What was before the first look of all is no change."""
    await conn.execute(_BEGIN, version)


async def turn(conn: Any, newest: int) -> int | None:
    """The version up to which it was looked; None where nothing is new, or somebody else looks. Within a transaction."""
    found = await conn.fetchval(_TURN, newest)
    return None if found is None else int(found)


async def touched(conn: Any, after: int, until: int) -> set[tuple[str, str]]:
    """(kind, id) of what these versions changed that instructions are made of."""
    return {(row[0], row[1]) for row in await conn.fetch(_TOUCHED, after, until)}


async def note(conn: Any, notes: Sequence[Note], until: int) -> None:
    """In the transaction of the turn: once for every change, whoever dies."""
    for one in notes:
        changes = orjson.dumps(list(one.changes)).decode()
        await conn.execute(_NOTE, one.id, one.source, one.since, one.version, changes, one.told)
    await conn.execute(_MARK, until)


async def take(conn: Any, most: int, seconds: float) -> list[Due]:
    """What is to be told now; nobody else tells it for so many seconds."""
    rows = await conn.fetch(_TAKE, most, seconds)
    return [
        Due(id=r[0], source=r[1], since=r[2], version=r[3], changes=decode(r[4]), attempt=r[5], at=r[6])
        for r in rows
    ]


async def end(conn: Any, due: Due, state: str, reason: str, next_in: float | None = None) -> None:
    await conn.execute(_END, due.id, due.attempt, state, reason, next_in)


async def latest(conn: Any) -> dict[str, Latest]:
    """Source → its last change."""
    return {row[0]: Latest(row[1], row[2], row[3]) for row in await conn.fetch(_LATEST)}
