"""Batches: how far each has come, the rows it has made durable, and what became of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from msgspec import Struct

_COLUMNS = """id, source, fingerprint, name, size, shape::text, mapping::text, test, remote, key_hint, state, position,
  read_bytes, kept, refused, accepted, rejected, held, parked, problem::text, lease_id, created_at, read_at, ended_at"""

_INSERT = f"""
insert into batch (id, source, identity, fingerprint, name, size, shape, mapping, test, remote, key_hint,
                   state, created_at, lease_id)
values ($1, $2, $3, $4, $5, $6, $7::text::json, $8::text::json, $9, $10, $11, 'reading', $12, $13)
on conflict (source, identity) where identity is not null do nothing
returning {_COLUMNS}
"""
_BY_ID = f"select {_COLUMNS} from batch where id = $1"
_BY_IDENTITY = f"select {_COLUMNS} from batch where source = $1 and identity = $2"
_ENDING = f"select {_COLUMNS} from batch where right(id::text, length($1)) = $1 order by id desc limit 2"
_OPEN = "select count(*) from batch where source = $1 and state = 'reading'"
_KNOWN = "select id from batch where id = any($1::uuid[]) and state = 'reading'"

# Others' batches are taken only when their process has not been seen for the lease; nobody's at once.
_CLAIM = f"""
with free as (
  select id from batch b
   where b.id = any($1::uuid[]) and b.state = 'reading'
     and (b.lease_id is null or b.lease_id = $2 or not exists (select 1 from process p where p.id = b.lease_id
                                             and p.seen_at > now() - $3 * interval '1 second'))
   order by id limit $4 for update skip locked
)
update batch set lease_id = $2 where id in (select id from free) returning {_COLUMNS}
"""
_RELEASE = "update batch set lease_id = null where id = $1 and lease_id = $2"

# The fence: whoever moves the position on from where it read is who has written these rows.
_ADVANCE = """
update batch set position = $4, read_bytes = $5, kept = kept + $6, refused = refused + $7
 where id = $1 and lease_id = $2 and position = $3 and state = 'reading'
returning id
"""
_STANDING = "select position, state, lease_id from batch where id = $1"
_KEEP = """
with want as materialized (
  select * from unnest($1::uuid[], $2::bytea[], $3::text[]) as t(id, body, lines)
), kept as (
  insert into submission (id, source, received_at, content_type, body, test, remote, key_hint)
  select w.id, b.source, $5, $6, w.body, b.test, b.remote, b.key_hint from want w, batch b where b.id = $4
), parts as (
  insert into batch_part (submission_id, batch_id, lines) select id, $4, lines::int[] from want
)
insert into inbox (submission_id, batch_id) select id, $4 from want
"""
_REFUSE = """
insert into batch_refusal (batch_id, line, code, detail, cells)
select $1, line, code, detail, cells::json
  from unnest($2::bigint[], $3::text[], $4::text[], $5::text[]) as t(line, code, detail, cells)
on conflict do nothing
"""
_END = """
update batch set state = $3, problem = $4::text::json, read_at = now(), lease_id = null,
       read_bytes = case when $3 = 'deciding' then size else read_bytes end,
       ended_at = case when $3 = 'failed' then now() end
 where id = $1 and lease_id = $2 and state = 'reading'
"""

# Parts that are decided, or put aside for a person, and are not counted yet.
_TALLY = """
with part as (
  select p.submission_id, p.batch_id, i.submission_id is not null as parked, cardinality(p.lines) as rows
    from batch_part p left join inbox i on i.submission_id = p.submission_id
   where not p.tallied and (i.submission_id is null or i.parked is not null)
   order by p.submission_id limit $1
), states as (
  select part.batch_id, l.state from part join lead l on l.id = part.submission_id
  union all
  select part.batch_id, l.state from part join lead l on l.submission_id = part.submission_id and l.position > 0
), decided as (
  select batch_id, count(*) filter (where state = 'rejected') as rejected,
         count(*) filter (where state = 'held') as held, count(*) as leads
    from states group by batch_id
), parked as (
  select batch_id, sum(rows) as rows from part where parked group by batch_id
), counted as (
  update batch b
     set accepted = b.accepted + d.leads - d.rejected - d.held, rejected = b.rejected + d.rejected,
         held = b.held + d.held
    from decided d where d.batch_id = b.id
)
update batch_part p set tallied = true from part where p.submission_id = part.submission_id
returning p.batch_id, case when part.parked then cardinality(p.lines) else 0 end
"""
_PARKED = "update batch set parked = parked + $2 where id = $1"
_ONE_AT_A_TIME = "select pg_try_advisory_xact_lock(hashtext('leadgate tally'))"
_DONE = """
update batch b set state = 'done', ended_at = now()
 where state = 'deciding' and not exists (
   select 1 from batch_part p where p.batch_id = b.id and not p.tallied)
returning id, source, kept, refused, accepted, rejected, created_at, ended_at
"""
_UNFINISHED = """
select exists (select 1 from batch where state in ('reading', 'deciding'))
    or exists (select 1 from batch_part where not tallied)
"""
_BEFORE = "select id from batch where created_at < $1 order by id"
_CANCEL = f"""
update batch set state = 'cancelled', read_at = now(), ended_at = now(), lease_id = null
 where id = $1 and state = 'reading' returning {_COLUMNS}
"""
_OF_SOURCE = f"""
select {_COLUMNS} from batch where source = $1 and ($2::uuid is null or id < $2) order by id desc limit $3
"""
_FORGET = "delete from batch where id = $1"
_STATES = "select state, count(*) from batch where state in ('reading', 'deciding') group by state"


class NewBatch(Struct, frozen=True, kw_only=True):
    """A file that begins to come in. `identity` empty: the same file again is another batch."""

    id: UUID
    source: str
    identity: bytes
    fingerprint: bytes
    name: str
    size: int
    shape: bytes  # JSON
    mapping: dict[str, str]
    test: bool
    remote: str
    key_hint: str
    created_at: datetime
    lease_id: UUID | None = None


class Batch(Struct, frozen=True, kw_only=True):
    """One batch as it stands. `kept` rows are durable, `refused` ones could not be read; of the kept ones
    `accepted`, `rejected`, `held` and `parked` are decided so far."""

    id: UUID
    source: str
    fingerprint: bytes
    name: str
    size: int
    shape: bytes
    mapping: dict[str, str]
    test: bool
    remote: str
    key_hint: str
    state: str
    position: int
    read_bytes: int
    kept: int
    refused: int
    accepted: int
    rejected: int
    held: int
    parked: int
    problem: dict[str, Any] | None
    lease_id: UUID | None
    created_at: datetime
    read_at: datetime | None
    ended_at: datetime | None

    @property
    def rows(self) -> int:
        return self.kept + self.refused

    @property
    def undecided(self) -> int:
        return self.kept - self.accepted - self.rejected - self.held - self.parked


class Part(Struct, frozen=True):
    """Rows that become one submission: its body, and the line of each row."""

    id: UUID
    body: bytes
    lines: Sequence[int]


class RowRefusal(Struct, frozen=True):
    """A row that could not be read; `cells` as far as they are known."""

    line: int
    code: str
    detail: str
    cells: Sequence[str] = ()


class Advance(Struct, frozen=True, kw_only=True):
    """What one transaction makes durable: rows from behind `position` up to `to`."""

    batch_id: UUID
    lease_id: UUID
    position: int
    to: int
    read_bytes: int
    parts: Sequence[Part]
    refusals: Sequence[RowRefusal]
    content_type: str
    at: datetime


class Overtaken(Exception):
    """Somebody else has this batch in hand now."""


async def insert(conn: Any, new: NewBatch) -> Batch | None:
    """None where the source has a batch of this identity already."""
    row = await conn.fetchrow(
        _INSERT, new.id, new.source, new.identity or None, new.fingerprint, new.name, new.size,
        new.shape.decode(), orjson.dumps(new.mapping).decode(), new.test, new.remote, new.key_hint,
        new.created_at, new.lease_id,
    )  # fmt: skip
    return None if row is None else _batch(row)


async def by_id(conn: Any, batch_id: UUID) -> Batch | None:
    row = await conn.fetchrow(_BY_ID, batch_id)
    return None if row is None else _batch(row)


async def ending(conn: Any, text: str) -> list[Batch]:
    """Batches whose id is this, or ends so; two are enough to know that it is not one."""
    return [_batch(r) for r in await conn.fetch(_ENDING, text.lower())]


async def by_identity(conn: Any, source: str, identity: bytes) -> Batch | None:
    row = await conn.fetchrow(_BY_IDENTITY, source, identity)
    return None if row is None else _batch(row)


async def of_source(conn: Any, source: str, before: UUID | None, limit: int) -> list[Batch]:
    """The newest first, from behind `before`."""
    return [_batch(r) for r in await conn.fetch(_OF_SOURCE, source, before, limit)]


async def open_of(conn: Any, source: str) -> int:
    """How many batches of this source are still being read."""
    return int(await conn.fetchval(_OPEN, source))


async def unread(conn: Any, ids: Sequence[UUID]) -> set[UUID]:
    """Those of them that still need their file."""
    return {r[0] for r in await conn.fetch(_KNOWN, list(ids))}


async def claim(
    conn: Any, ids: Sequence[UUID], process_id: UUID, lease_seconds: float, limit: int
) -> list[Batch]:
    """Take batches that nobody alive has in hand, or this process itself has."""
    return [_batch(r) for r in await conn.fetch(_CLAIM, list(ids), process_id, lease_seconds, limit)]


async def release(conn: Any, batch_id: UUID, process_id: UUID) -> None:
    """For whoever goes on with it."""
    await conn.execute(_RELEASE, batch_id, process_id)


async def advance(conn: Any, step: Advance) -> bool:
    """Rows and position in the caller's transaction; False where a former try has committed the same already.

    Raises Overtaken where the batch is not this process's any more.
    """
    moved = await conn.fetchval(
        _ADVANCE, step.batch_id, step.lease_id, step.position, step.to, step.read_bytes,
        sum(len(part.lines) for part in step.parts), len(step.refusals),
    )  # fmt: skip
    if moved is None:
        standing = await conn.fetchrow(_STANDING, step.batch_id)
        if standing is not None and standing[0] == step.to and standing[2] == step.lease_id:
            return False
        raise Overtaken
    if step.parts:
        rows = [(part.id, part.body, _array(part.lines)) for part in step.parts]
        await conn.execute(
            _KEEP, *map(list, zip(*rows, strict=True)), step.batch_id, step.at, step.content_type
        )
    if step.refusals:
        told = [(r.line, r.code, r.detail, orjson.dumps(list(r.cells)).decode()) for r in step.refusals]
        await conn.execute(_REFUSE, step.batch_id, *map(list, zip(*told, strict=True)))
    return True


async def end(
    conn: Any, batch_id: UUID, process_id: UUID, state: str, problem: dict[str, Any] | None = None
) -> None:
    """All of it is read (`deciding`), or no more of it can be (`failed`)."""
    told = None if problem is None else orjson.dumps(problem).decode()
    await conn.execute(_END, batch_id, process_id, state, told)


async def cancel(conn: Any, batch_id: UUID) -> Batch | None:
    """Nothing more of it is read, whoever has it in hand; what is durable stays. None where nothing was left to read."""
    row = await conn.fetchrow(_CANCEL, batch_id)
    return None if row is None else _batch(row)


async def tally(conn: Any, limit: int) -> int:
    """Count what became of parts that were decided since; how many."""
    async with conn.transaction():
        if not await conn.fetchval(_ONE_AT_A_TIME):
            return 0
        counted = await conn.fetch(_TALLY, limit)
        parked: dict[UUID, int] = {}
        for batch_id, rows in counted:
            if rows:
                parked[batch_id] = parked.get(batch_id, 0) + rows
        for batch_id in sorted(parked):
            await conn.execute(_PARKED, batch_id, parked[batch_id])
    return len(counted)


async def finish(conn: Any) -> list[Any]:
    """Batches whose every row is decided end; (id, source, kept, refused, accepted, rejected, created, ended)."""
    return list(await conn.fetch(_DONE))


async def unfinished(conn: Any) -> bool:
    """Whether any batch is being read, or has rows whose end is not counted."""
    return bool(await conn.fetchval(_UNFINISHED))


async def in_progress(conn: Any) -> dict[str, int]:
    """state → how many batches."""
    return {r[0]: r[1] for r in await conn.fetch(_STATES)}


async def begun_before(conn: Any, at: datetime) -> list[UUID]:
    """What retention drops, also what was never read to its end."""
    return [r[0] for r in await conn.fetch(_BEFORE, at)]


async def forget(conn: Any, batch_id: UUID) -> None:
    """With its rows that could not be read, which are a person's."""
    await conn.execute(_FORGET, batch_id)


def _array(lines: Sequence[int]) -> str:
    """As PostgreSQL writes an array; unnest would flatten a list of lists."""
    return "{" + ",".join(map(str, lines)) + "}"


def _batch(row: Any) -> Batch:
    values = dict(row)
    values["shape"] = values["shape"].encode()
    values["mapping"] = orjson.loads(values["mapping"])
    values["problem"] = None if values["problem"] is None else orjson.loads(values["problem"])
    return Batch(**values)
