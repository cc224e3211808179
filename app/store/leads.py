"""Leads as they stand, and the whole story of one."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from msgspec import Struct

from app.model import Worth

_STATES = """
select id, source, state, outcome, price, reasons from lead where id = any($1::uuid[])
"""
_LEAD = """
select id, submission_id, position, source, campaign, received_at, state, round, copies, test, outcome, price,
       reasons, score, revenue, catalogue, decided_at, ended_at
  from lead where id = $1
"""
_DETAIL = "select fields, extra, findings, routing, steps from lead_detail where lead_id = $1"
_CONTEXT = """
select l.id, l.source, l.campaign, l.received_at, l.test, l.round, l.copies, l.state, d.fields, l.agreed,
       l.erased_at is not null or l.stopped_at is not null,
       case when l.outcome is distinct from 'failure' then l.reasons end, d.routing -> 'had', l.score,
       (select f -> 'facts' from json_array_elements(d.findings) f
         where f ->> 'check' = 'score' and f ->> 'code' = 'graded' limit 1), d.routing -> 'bids'
  from lead l join lead_detail d on d.lead_id = l.id where l.id = any($1::uuid[])
"""
_LOCK_LEADS = """
select id, erased_at is not null or stopped_at is not null from lead where id = any($1::uuid[]) order by id for update
"""
_STOPPED = "select stopped_at is not null from lead where id = $1"
_SUBMISSION = """
select id, source, received_at, content_type, length(body) as bytes, test, remote, key_hint,
       (select parked from inbox where submission_id = $1) as parked,
       exists (select 1 from inbox where submission_id = $1) as undecided
  from submission where id = $1
"""
_UNDECIDED = """
select s.id, s.source, s.received_at, s.test from submission s join inbox i on i.submission_id = s.id
 where s.id between $1 and $2 and s.source = $3 order by s.id limit 20
"""
_SUBMISSION_BODY = "select body from submission where id = $1"
_ATTEMPTS = """
select a.delivery_id, a.n, a.started_at, e.ended_at, e.outcome, e.reason, e.reference, e.price, e.ms, e.late,
       e.read, e.exchanges
  from attempt a
  left join attempt_end e on e.lead_id = a.lead_id and e.delivery_id = a.delivery_id and e.n = a.n
 where a.lead_id = $1 order by a.started_at, a.n
"""
_EVENTS = "select at, kind, delivery_id, by_whom, data from lead_event where lead_id = $1 order by at"
_NOTE = """
insert into lead_event (lead_id, kind, delivery_id, by_whom, data) values ($1, $2, $3, $4, $5::json)
"""
_REFUSAL = (
    "select id, source, at, code, detail, content_type, length(body) as bytes from refusal where id = $1"
)
_RECENT = "select id from lead order by id desc limit $1"


class Standing(Struct, frozen=True):
    """What a source may be told: state, and the answer of round 1 once there is one."""

    id: UUID
    source: str
    state: str
    outcome: str | None
    price: Decimal | None
    reasons: list[dict[str, str]]


class Context(Struct, frozen=True):
    """What distribution needs of a lead that is not in hand. `fields` is name → [raw, normal, valid, parts, note]."""

    id: UUID
    source: str
    campaign: str
    received_at: datetime
    test: bool
    round: int
    copies: int
    state: str
    fields: dict[str, list[Any]]
    agreed: Decimal | None  # what a sale owes the source
    closed: bool = False  # erased, or its person is not to be called: nobody gets it any more
    said: Sequence[Mapping[str, str]] = ()  # what its source hears of it already
    barred: frozenset[str] = frozenset()  # buyers who have its person
    worth: Worth = Worth()
    bids: Sequence[Mapping[str, str]] = ()  # of a lead that was auctioned, the best first


async def standings(conn: Any, ids: Sequence[UUID]) -> dict[UUID, Standing]:
    rows = await conn.fetch(_STATES, list(ids))
    return {r[0]: Standing(r[0], r[1], r[2], r[3], r[4], decode(r[5]) or []) for r in rows}


async def contexts(conn: Any, ids: Sequence[UUID]) -> dict[UUID, Context]:
    rows = await conn.fetch(_CONTEXT, list(ids))
    return {
        r[0]: Context(
            r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], decode(r[8]), r[9], r[10], decode(r[11]) or (),
            frozenset(decode(r[12]) or ()), worth_of(r[13], decode(r[14])), decode(r[15]) or (),
        )
        for r in rows
    }  # fmt: skip


def normals_of(fields: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """The valid normal values of fields as they are kept."""
    return {name: value[1] for name, value in fields.items() if len(value) < 3 or value[2]}


def worth_of(score: int, graded: Mapping[str, Any] | None) -> Worth:
    """What the lead was found to be worth, from its row and the facts of its grade where it has any."""
    facts = graded or {}
    return Worth(score, facts.get("grade", ""), facts.get("sales_ready", False), facts.get("probability"))


async def lock(conn: Any, ids: Sequence[UUID]) -> set[UUID]:
    """Lock leads in sorted order: whoever ends one of several deliveries of a lead ends it alone.

    Gives back those that were erased or stopped: they are handed over no further.
    """
    return {row[0] for row in await conn.fetch(_LOCK_LEADS, sorted(ids)) if row[1]}


async def is_erased(conn: Any, lead_id: UUID) -> bool:
    return bool(await conn.fetchval("select erased_at is not null from lead where id = $1", lead_id))


async def is_stopped(conn: Any, lead_id: UUID) -> bool:
    return bool(await conn.fetchval(_STOPPED, lead_id))


async def note(
    conn: Any, lead_id: UUID, kind: str, delivery_id: UUID | None, by_whom: str, data: dict[str, Any]
) -> None:
    """Add to the lead's story; `data` holds codes and amounts, no contact datum."""
    await conn.execute(_NOTE, lead_id, kind, delivery_id, by_whom, orjson.dumps(data).decode())


async def lead(conn: Any, lead_id: UUID) -> dict[str, Any] | None:
    record = await conn.fetchrow(_LEAD, lead_id)
    return _decoded(record, ("reasons",)) if record else None


async def detail(conn: Any, lead_id: UUID) -> dict[str, Any] | None:
    record = await conn.fetchrow(_DETAIL, lead_id)
    return _decoded(record, ("fields", "extra", "findings", "routing", "steps")) if record else None


async def submission(conn: Any, submission_id: UUID) -> dict[str, Any] | None:
    record = await conn.fetchrow(_SUBMISSION, submission_id)
    return dict(record) if record else None


async def undecided(conn: Any, first: UUID, last: UUID, source: str) -> list[dict[str, Any]]:
    """A few undecided submissions of a source whose ids lie there."""
    return [dict(record) for record in await conn.fetch(_UNDECIDED, first, last, source)]


async def submission_body(conn: Any, submission_id: UUID) -> bytes:
    return bytes(await conn.fetchval(_SUBMISSION_BODY, submission_id) or b"")


async def refusal(conn: Any, refusal_id: UUID) -> dict[str, Any] | None:
    record = await conn.fetchrow(_REFUSAL, refusal_id)
    return dict(record) if record else None


async def attempts(conn: Any, lead_id: UUID) -> list[dict[str, Any]]:
    return [_decoded(r, ("exchanges",)) for r in await conn.fetch(_ATTEMPTS, lead_id)]


async def events(conn: Any, lead_id: UUID) -> list[dict[str, Any]]:
    return [_decoded(r, ("data",)) for r in await conn.fetch(_EVENTS, lead_id)]


async def recent(conn: Any, n: int) -> list[UUID]:
    return [r[0] for r in await conn.fetch(_RECENT, n)]


def _decoded(record: Any, names: Sequence[str]) -> dict[str, Any]:
    row = dict(record)
    for name in names:
        row[name] = decode(row[name])
    return row


def decode(value: Any) -> Any:
    """A json column, whether the connection decodes it or not."""
    return orjson.loads(value) if isinstance(value, str | bytes) else value
