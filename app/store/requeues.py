"""Leads that nobody took, while they are offered again: when each is due, its next round, its end.

All of it is written under the lead's lock, which is taken first and, by whoever looks for due ones, without waiting.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.store.decisions import columns

_LIVE = "('sending', 'waiting', 'pooled', 'unclear', 'accepted')"
_WAIT = """
insert into requeue (lead_id, campaign, first_round, until, due_at, catalogue)
select lead_id, campaign, round, now() + lasting * interval '1 second',
       least(now() + every * interval '1 second', to_timestamp(soonest), now() + lasting * interval '1 second'),
       catalogue
  from unnest($1::uuid[], $2::text[], $3::smallint[], $4::float8[], $5::float8[], $6::float8[], $7::bigint[])
    as t(lead_id, campaign, round, every, lasting, soonest, catalogue)
 order by lead_id
on conflict (lead_id) do update
  set due_at = least(excluded.due_at, requeue.until), catalogue = excluded.catalogue
  where requeue.until > now()
returning lead_id
"""
_PUT_OFF = """
update requeue q
   set due_at = least(now() + t.every * interval '1 second', to_timestamp(t.soonest), q.until), looks = looks + 1,
       catalogue = t.catalogue
  from unnest($1::uuid[], $2::float8[], $3::float8[], $4::bigint[]) as t(lead_id, every, soonest, catalogue)
 where q.lead_id = t.lead_id
"""
_TAKE = """
select l.id, l.state, l.round, l.erased_at is not null or l.stopped_at is not null, q.until <= now(),
       extract(epoch from now() - q.since)::float8
  from requeue q join lead l on l.id = q.lead_id
 where q.due_at <= now() order by q.due_at limit $1 for update of l skip locked
"""
# The round that has ended, as it stood; fields and findings are those of the lead, and are not kept twice.
_ARCHIVE = """
insert into lead_round (lead_id, round, state, outcome, price, reasons, score, catalogue, decided_at, ended_at,
                        fields, extra, findings, routing, steps)
select l.id, l.round, 'unsold', l.outcome, l.price, l.reasons, l.score, l.catalogue, l.decided_at,
       coalesce((select max(x.ended_at) from delivery x where x.lead_id = l.id and x.round = l.round), l.decided_at),
       '{}', '{}', '[]', d.routing, d.steps
  from lead l join lead_detail d on d.lead_id = l.id where l.id = any($1::uuid[])
"""
_BEGIN = """
with t as materialized (
  select * from unnest($1::uuid[], $2::smallint[], $3::bigint[], $4::text[], $5::text[], $6::text[])
    as t(lead_id, copies, catalogue, factor, routing, steps)
), l as (
  update lead l set round = round + 1, copies = t.copies, catalogue = t.catalogue, decided_at = now(), ended_at = null
    from t where l.id = t.lead_id
  returning l.id, l.round
), d as (
  update lead_detail d set routing = t.routing::json, steps = t.steps::json from t where d.lead_id = t.lead_id
), q as (
  update requeue q set due_at = null, factor = t.factor::numeric, catalogue = t.catalogue
    from t where q.lead_id = t.lead_id
)
insert into lead_event (lead_id, kind, by_whom, data)
select l.id, 'requeued', 'requeue', json_build_object('round', l.round, 'factor', t.factor)
  from l join t on t.lead_id = l.id
"""
_EXPIRE = """
with gone as (
  delete from requeue where lead_id = any($1::uuid[]) returning lead_id
)
insert into lead_event (lead_id, kind, by_whom, data)
select lead_id, 'expired', 'requeue', '{}' from gone order by lead_id
"""
_DROP = "delete from requeue where lead_id = any($1::uuid[])"
_UNDER_WAY = "update requeue set due_at = null where lead_id = any($1::uuid[])"
# Whom a further round does not go to: who has the lead or may, from any round, and who refused it since it waits.
_EARLIER = f"""
select d.lead_id, array_agg(d.contract),
       coalesce(array_agg(d.buyer) filter (where d.state in {_LIVE}), '{{}}'), max(q.factor)
  from delivery d join lead l on l.id = d.lead_id left join requeue q on q.lead_id = d.lead_id
 where d.lead_id = any($1::uuid[]) and d.round <= l.round - $2
   and (d.state in {_LIVE} or (d.state in ('rejected', 'duplicate') and d.round >= q.first_round))
 group by 1
"""
_HELD = f"""
select d.lead_id, d.contract, d.slot from delivery d join lead l on l.id = d.lead_id and l.round = d.round
 where d.lead_id = any($1::uuid[]) and d.state in {_LIVE}
"""
_NUDGE = """
update requeue set due_at = now() where campaign = any($1::text[]) and catalogue < $2 and due_at > now()
"""
_COUNTS = "select campaign, count(*)::int from requeue where due_at is not null group by 1"
_ONE = "select since, until, due_at, looks, factor from requeue where lead_id = $1"
_SWEEP = """
delete from requeue q using lead l where l.id = q.lead_id and q.due_at is null and l.ended_at is not null
"""


class Waiting(Struct, frozen=True):
    """A lead that begins to wait, or goes on. `every` and `lasting` are seconds, `soonest` seconds since 1970."""

    lead_id: UUID
    campaign: str
    round: int
    every: float
    lasting: float
    soonest: float | None
    catalogue: int


class Due(Struct, frozen=True):
    """A lead to look at, locked. `over`: its time is up; `waited` are seconds."""

    lead_id: UUID
    state: str
    round: int
    closed: bool
    over: bool
    waited: float


class Begun(Struct, frozen=True):
    """One more round of a lead; `routing` and `steps` are JSON."""

    lead_id: UUID
    copies: int
    catalogue: int
    factor: str
    routing: str
    steps: str


class Earlier(Struct, frozen=True):
    """What former rounds leave to a further one: whom it does not go to, and the part of the price."""

    contracts: frozenset[str] = frozenset()
    buyers: frozenset[str] = frozenset()
    factor: Decimal = Decimal(1)


NOTHING = Earlier()


class Standing(Struct, frozen=True):
    """How a lead's waiting stands; `due_at` is None while a round is under way."""

    since: datetime
    until: datetime
    due_at: datetime | None
    looks: int
    factor: Decimal


async def wait(conn: Any, rows: Sequence[Waiting]) -> set[UUID]:
    """Those that wait now; of the others the time is up, and they wait no longer."""
    if not rows:
        return set()
    waiting = {row[0] for row in await conn.fetch(_WAIT, *columns(rows))}
    if over := [row.lead_id for row in rows if row.lead_id not in waiting]:
        await expire(conn, over)
    return waiting


async def put_off(conn: Any, rows: Sequence[Waiting]) -> None:
    """Nobody was there for them: they are looked at again."""
    if rows:
        ids, _, _, every, _, soonest, catalogue = columns(rows)
        await conn.execute(_PUT_OFF, ids, every, soonest, catalogue)


async def take(conn: Any, limit: int) -> list[Due]:
    """Due leads that nobody else is looking at, locked until commit."""
    return [Due(*row) for row in await conn.fetch(_TAKE, limit)]


async def begin(conn: Any, rows: Sequence[Begun]) -> None:
    """Put the rounds aside that have ended, and begin the next ones. What their sources were told stands."""
    if rows:
        await conn.execute(_ARCHIVE, [row.lead_id for row in rows])
        await conn.execute(_BEGIN, *columns(rows))


async def expire(conn: Any, lead_ids: Sequence[UUID]) -> None:
    if lead_ids:
        await conn.execute(_EXPIRE, list(lead_ids))


async def drop(conn: Any, lead_ids: Sequence[UUID]) -> None:
    """They have gone another way."""
    if lead_ids:
        await conn.execute(_DROP, list(lead_ids))


async def under_way(conn: Any, lead_ids: Sequence[UUID]) -> None:
    """Somebody has asked a buyer again: when that has ended they wait again."""
    if lead_ids:
        await conn.execute(_UNDER_WAY, list(lead_ids))


async def earlier(conn: Any, lead_ids: Sequence[UUID], *, begun: bool) -> Mapping[UUID, Earlier]:
    """Of the rounds before the current one, or where none is `begun` yet, of that one too."""
    if not lead_ids:
        return {}
    rows = await conn.fetch(_EARLIER, list(lead_ids), 1 if begun else 0)
    return {row[0]: Earlier(frozenset(row[1]), frozenset(row[2]), row[3] or Decimal(1)) for row in rows}


async def held(conn: Any, lead_ids: Sequence[UUID]) -> Mapping[UUID, list[tuple[str, int]]]:
    """Lead → (contract, slot) of who has it in its current round, or may."""
    found: dict[UUID, list[tuple[str, int]]] = {}
    for lead_id, contract, slot in await conn.fetch(_HELD, list(lead_ids)) if lead_ids else ():
        found.setdefault(lead_id, []).append((contract, slot))
    return found


async def nudge(conn: Any, campaigns: Sequence[str], version: int) -> int:
    """Leads of these campaigns that were last looked at under an earlier catalogue are due now; how many."""
    return int((await conn.execute(_NUDGE, list(campaigns), version)).split()[-1])


async def counts(conn: Any) -> dict[str, int]:
    """Campaign → leads that wait."""
    return {row[0]: row[1] for row in await conn.fetch(_COUNTS)}


async def of_lead(conn: Any, lead_id: UUID) -> Standing | None:
    row = await conn.fetchrow(_ONE, lead_id)
    return Standing(*row) if row else None


async def sweep(conn: Any) -> None:
    """Rows of leads that were sold in a round of theirs."""
    await conn.execute(_SWEEP)
