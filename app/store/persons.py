"""Where a person is found: by a contact's normal value in leads, and by how people write it in what was never a lead.

Nothing of it is indexed: a person asks rarely, and an index would cost every lead. Rows are looked through in pieces,
each in less time than a statement may take.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from msgspec import Struct

from app.store.leads import decode

_LEADS_AT_ONCE, _BODIES_AT_ONCE, _LINES_AT_ONCE = 20_000, 50, 20_000
_FIRST = UUID(int=0)

_IN_LEADS = """
with piece as materialized (
  select lead_id, fields, extra from %s where lead_id > $1 order by lead_id limit $2
)
select array(
    select lead_id from piece
     where exists (select 1 from unnest($3::text[]) as wanted where strpos(fields::text, wanted) > 0)
        or (extra::text <> '{}' and lower(extra::text) ~ $4)),
  (select lead_id from piece order by lead_id desc limit 1)
"""
_DAY_BEFORE = "select leadgate_day(($1::timestamptz at time zone 'UTC')::date - 1)"
_PLACES = """
select id, case when position = 0 then id else submission_id end as submission_id, position
  from lead where id = any($1::uuid[]) and erased_at is null
"""
# What is no lead yet: not decided, put aside, begun and not completed, or a later word on a lead.
_UNDECIDED = """
select submission_id from inbox union select lead_id from partial where state = 'open'
union select submission_id from amendment order by 1
"""
_IN_BODIES = """
select id from submission where id = any($1::uuid[]) and lower(encode(body, 'escape')) ~ $2
"""
_AMENDED = "select submission_id, lead_id from amendment where submission_id = any($1::uuid[])"
_IN_REFUSALS = """
with piece as materialized (select id, body from refusal where id > $1 order by id limit $2)
select array(select id from piece where lower(encode(body, 'escape')) ~ $3),
       (select id from piece order by id desc limit 1)
"""
_IN_LINES = """
with piece as materialized (
  select batch_id, line, cells from batch_refusal where (batch_id, line) > ($1, $2) order by batch_id, line limit $3
)
select (select json_agg(json_build_array(batch_id, line)) from piece where lower(cells::text) ~ $4),
       (select json_build_array(batch_id, line) from piece order by batch_id desc, line desc limit 1)
"""
_REFUSALS = "select id, source, at, code, detail, content_type, body from refusal where id = any($1::uuid[]) order by id"
_LINES = """
select r.batch_id, r.line, r.code, r.detail, r.cells, b.source, b.name, b.created_at
  from batch_refusal r join batch b on b.id = r.batch_id
  join unnest($1::uuid[], $2::bigint[]) as t(batch_id, line) on r.batch_id = t.batch_id and r.line = t.line
 order by r.batch_id, r.line
"""
_HOLDERS = """
select buyer, contract, state, created_at, ended_at from delivery
 where lead_id = any($1::uuid[]) and state in ('accepted', 'unclear', 'sending', 'pooled', 'rejected', 'duplicate', 'dead')
   and attempts > 0 and (state <> 'pooled' or exists (select from pool_claim c where c.delivery_id = delivery.id))
 order by created_at
"""
_ROUNDS = "select round, state, fields, extra, findings from lead_round where lead_id = $1 order by round"
_NEVER_MIND = "update refusal set body = '' where id = any($1::uuid[]) and body <> ''"
_BLANK_LINES = """
update batch_refusal r set cells = '[]' from unnest($1::uuid[], $2::bigint[]) as t(batch_id, line)
 where r.batch_id = t.batch_id and r.line = t.line
"""
_BODY = "select content_type, body from submission where id = $1"
_BODY_LOCKED = _BODY + " for update"
_REWRITE = "update submission set content_type = $2, body = $3, remote = '' where id = $1"
_OTHERS = "select exists (select 1 from lead where submission_id = $1 and position > 0)"
_IN_HAND = "select parked from inbox where submission_id = $1"


class Needles(Struct, frozen=True):
    """What is looked for: `exact` are JSON texts of normal values, `written` is a pattern over lower case text."""

    exact: Sequence[str]
    written: str


class Place(Struct, frozen=True):
    """One lead, decided or not, by where it came in."""

    lead_id: UUID
    submission_id: UUID
    position: int


async def leads_with(conn: Any, needles: Needles, since: datetime | None = None) -> set[UUID]:
    """Leads that have it in a field or beside their fields, in any round. `since`: of days that ended long before
    that, nothing is looked through."""
    found: set[UUID] = set()
    first: UUID = _FIRST if since is None else await conn.fetchval(_DAY_BEFORE, since)
    for table in ("lead_detail", "lead_round"):
        statement, last = _IN_LEADS % table, first
        while last is not None:
            hits, last = await conn.fetchrow(
                statement, last, _LEADS_AT_ONCE, list(needles.exact), needles.written
            )
            found.update(hits)
    return found


async def places(conn: Any, lead_ids: Sequence[UUID]) -> list[Place]:
    """Of those that are decided and not erased."""
    return [Place(*row) for row in await conn.fetch(_PLACES, list(lead_ids))]


async def undecided_with(conn: Any, needles: Needles) -> tuple[list[UUID], list[UUID]]:
    """(submissions that are no leads yet, leads of which it is said in a later word)."""
    every = [row[0] for row in await conn.fetch(_UNDECIDED)]
    found: list[UUID] = []
    for at in range(0, len(every), _BODIES_AT_ONCE):
        rows = await conn.fetch(_IN_BODIES, every[at : at + _BODIES_AT_ONCE], needles.written)
        found += [row[0] for row in rows]
    amended = {row[0]: row[1] for row in await conn.fetch(_AMENDED, found)}
    return [one for one in found if one not in amended], sorted(set(amended.values()))


async def refusals_with(conn: Any, needles: Needles) -> list[UUID]:
    found: list[UUID] = []
    last: UUID | None = _FIRST
    while last is not None:
        hits, last = await conn.fetchrow(_IN_REFUSALS, last, _BODIES_AT_ONCE, needles.written)
        found += hits
    return found


async def lines_with(conn: Any, needles: Needles) -> list[tuple[UUID, int]]:
    """(batch, line) of rows that could not be read."""
    found: list[tuple[UUID, int]] = []
    batch_id, line = _FIRST, 0
    while True:
        hits, last = await conn.fetchrow(_IN_LINES, batch_id, line, _LINES_AT_ONCE, needles.written)
        found += [(UUID(one), number) for one, number in decode(hits) or ()]
        if last is None:
            return found
        after, line = decode(last)
        batch_id = UUID(after)


async def refusals(conn: Any, ids: Sequence[UUID]) -> list[Mapping[str, Any]]:
    return [dict(row) for row in await conn.fetch(_REFUSALS, list(ids))]


async def lines(conn: Any, places: Sequence[tuple[UUID, int]]) -> list[Mapping[str, Any]]:
    rows = await conn.fetch(_LINES, [one for one, _ in places], [line for _, line in places])
    return [{**dict(row), "cells": decode(row["cells"])} for row in rows]


async def holders(conn: Any, lead_ids: Sequence[UUID]) -> list[Mapping[str, Any]]:
    """Whom these leads were handed to, or perhaps were, however that ended: they have read them."""
    return [dict(row) for row in await conn.fetch(_HOLDERS, list(lead_ids))]


async def rounds(conn: Any, lead_id: UUID) -> list[Mapping[str, Any]]:
    """Former rounds with their fields."""
    names = ("fields", "extra", "findings")
    return [
        {**dict(row), **{name: decode(row[name]) for name in names}}
        for row in await conn.fetch(_ROUNDS, lead_id)
    ]


async def blank_refusals(conn: Any, ids: Sequence[UUID]) -> int:
    return _count(await conn.execute(_NEVER_MIND, list(ids)))


async def blank_lines(conn: Any, places: Sequence[tuple[UUID, int]]) -> int:
    return _count(await conn.execute(_BLANK_LINES, [one for one, _ in places], [n for _, n in places]))


async def body(conn: Any, submission_id: UUID, *, locked: bool = False) -> tuple[str, bytes] | None:
    """(content type, bytes) of a submission."""
    row = await conn.fetchrow(_BODY_LOCKED if locked else _BODY, submission_id)
    return (row[0], bytes(row[1])) if row else None


async def rewrite(conn: Any, submission_id: UUID, content_type: str, body: bytes) -> None:
    await conn.execute(_REWRITE, submission_id, content_type, body)


async def has_others(conn: Any, submission_id: UUID) -> bool:
    """Whether other leads came in the same submission."""
    return bool(await conn.fetchval(_OTHERS, submission_id))


async def in_hand(conn: Any, submission_id: UUID) -> str | None:
    """Why it was put aside, empty where it is about to be decided; None where it is not in the inbox."""
    row = await conn.fetchrow(_IN_HAND, submission_id)
    return None if row is None else row[0] or ""


def exact(normal: str) -> str:
    """As it stands in the JSON of a lead's fields."""
    return orjson.dumps(normal).decode()


def _count(said: str) -> int:
    return int(said.rsplit(" ", 1)[-1])
