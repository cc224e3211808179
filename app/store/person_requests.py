"""What was asked for a person, what is still to be done of it, and the proof of what was: counts and digests."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from msgspec import Struct

from app.store.leads import decode
from app.store.persons import Place

_PUT = """
insert into person_request (id, kind, state, by_whom, mark, rows, buyers, lists)
values ($1, $2, 'open', $3, $4, $5::json, $6::json, $7::json)
"""
_PARTS = """
insert into person_part (request_id, submission_id, position, lead_id)
select $1, * from unnest($2::uuid[], $3::smallint[], $4::uuid[]) on conflict do nothing
"""
_COLUMNS = "id, kind, state, by_whom, mark, asked_at, done_at, rows, buyers, lists, digest"
_ONE = f"select {_COLUMNS} from person_request where id = $1"
_LOCKED = _ONE + " for update"
_LATEST = f"select {_COLUMNS} from person_request order by asked_at desc limit $1"
_OPEN_ONES = "select id from person_request where state = 'open' order by asked_at limit $1"
_LEFT = """
select lead_id, submission_id, position from person_part
 where request_id = $1 and done_at is null and lead_id > $2 order by lead_id limit $3
"""
_IS_LEFT = """
select exists (select 1 from person_part where request_id = $1 and submission_id = $2 and position = $3
                  and done_at is null)
"""
_HOW_MANY_LEFT = "select count(*) from person_part where request_id = $1 and done_at is null"
_LEAD_IDS = "select lead_id from person_part where request_id = $1 order by lead_id"
_PART_DONE = """
update person_part set done_at = now()
 where request_id = $1 and submission_id = $2 and position = $3 and done_at is null
"""
_COUNT = "update person_request set rows = $2::json, buyers = $3::json where id = $1"
_DONE = """
update person_request set state = 'done', done_at = $2, digest = $3 where id = $1 and state = 'open'
"""
_NOW = "select now()"


class Request(Struct, frozen=True, kw_only=True):
    """`rows` counts by table, `buyers` by buyer what was handed to it; nothing in it tells who the person is."""

    id: UUID
    kind: str
    state: str
    by_whom: str
    mark: bytes
    asked_at: datetime
    done_at: datetime | None
    rows: Mapping[str, int]
    buyers: Mapping[str, int]
    lists: Sequence[str]
    digest: bytes | None


async def put(
    conn: Any,
    request_id: UUID,
    kind: str,
    *,
    by: str,
    mark: bytes,
    rows: Mapping[str, int],
    buyers: Mapping[str, int],
    lists: Sequence[str] = (),
    parts: Sequence[Place] = (),
) -> None:
    """Open it; what is to be done stands with it, so that whoever is alive can end it."""
    told = [orjson.dumps(one).decode() for one in (rows, buyers, list(lists))]
    await conn.execute(_PUT, request_id, kind, by, mark, *told)
    await conn.execute(
        _PARTS, request_id, [one.submission_id for one in parts], [one.position for one in parts],
        [one.lead_id for one in parts],
    )  # fmt: skip


async def find(conn: Any, request_id: UUID, *, locked: bool = False) -> Request | None:
    row = await conn.fetchrow(_LOCKED if locked else _ONE, request_id)
    return _request(row) if row else None


async def latest(conn: Any, limit: int) -> list[Request]:
    return [_request(row) for row in await conn.fetch(_LATEST, limit)]


async def open_ones(conn: Any, limit: int) -> list[UUID]:
    """The oldest first."""
    return [row[0] for row in await conn.fetch(_OPEN_ONES, limit)]


async def left(conn: Any, request_id: UUID, after: UUID, limit: int) -> list[Place]:
    """In the order of the leads' ids, behind `after`."""
    return [Place(*row) for row in await conn.fetch(_LEFT, request_id, after, limit)]


async def is_left(conn: Any, request_id: UUID, part: Place) -> bool:
    return bool(await conn.fetchval(_IS_LEFT, request_id, part.submission_id, part.position))


async def how_many_left(conn: Any, request_id: UUID) -> int:
    return int(await conn.fetchval(_HOW_MANY_LEFT, request_id))


async def lead_ids(conn: Any, request_id: UUID) -> list[UUID]:
    return [row[0] for row in await conn.fetch(_LEAD_IDS, request_id)]


async def part_done(conn: Any, request_id: UUID, part: Place) -> None:
    await conn.execute(_PART_DONE, request_id, part.submission_id, part.position)


async def count(conn: Any, request: Request, rows: Mapping[str, int], buyers: Mapping[str, int]) -> None:
    """Add to what was done so far; the caller has the request locked."""
    sums = [_sum(request.rows, rows), _sum(request.buyers, buyers)]
    await conn.execute(_COUNT, request.id, *(orjson.dumps(one).decode() for one in sums))


async def done(conn: Any, request_id: UUID, at: datetime, digest: bytes) -> None:
    await conn.execute(_DONE, request_id, at, digest)


async def moment(conn: Any) -> datetime:
    """The database's now: what the row will say, to the microsecond, is what its digest is made of."""
    found: datetime = await conn.fetchval(_NOW)
    return found


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in sorted({*one, *other})}


def _request(row: Any) -> Request:
    told = dict(row)
    for name in ("rows", "buyers", "lists"):
        told[name] = decode(told[name])
    return Request(**told)
