"""What sources are still owed: written with the outcome that they did not wait for, told until they have heard it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.store.decisions import amounts, columns
from app.store.leads import decode

# A promise that is there already is kept with this outcome; what was told is told.
_OWE = """
insert into callback (id, lead_id, round, source, state, outcome, price, reasons, next_at, owed_at)
select t.id, t.lead_id, t.round, t.source, case when t.outcome is null then 'promised' else 'waiting' end,
       t.outcome, t.price::numeric, t.reasons::json, case when t.outcome is not null then now() end,
       case when t.outcome is not null then now() end
  from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::text[])
    as t(id, lead_id, round, source, outcome, price, reasons)
 order by t.lead_id, t.round
on conflict (lead_id, round) where event = 'outcome' do update
  set state = 'waiting', outcome = excluded.outcome, price = excluded.price, reasons = excluded.reasons,
      next_at = now(), owed_at = now()
  where callback.state = 'promised' and excluded.outcome is not null
"""
# Once for each event, however often it is come to; behind it what was told of the same before.
_TELL = """
insert into callback (id, lead_id, round, source, state, event, about, document, next_at, owed_at)
select id, lead_id, round, source, 'waiting', event, about, document::json, now() + wait * interval '1 second',
       now() + wait * interval '1 second'
  from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::text[], $6::uuid[], $7::text[], $8::float8[])
    as t(id, lead_id, round, source, event, about, document, wait)
 order by source, about, event
on conflict (source, about, event) where event <> 'outcome' do nothing
"""
_TOLD_OF = """
select about, id from callback where source = $1 and about = any($2::uuid[]) and event <> 'outcome'
"""
# Kept back until all is known of a lead: told by nobody yet, and by nobody at this moment.
_KEPT_BACK = "state = 'waiting' and attempts = 0 and event <> 'outcome' and owed_at > now()"
_LET_OUT = f"""
update callback c
   set next_at = now(), owed_at = now(), document = (c.document::jsonb || t.document::jsonb)::json
  from unnest($1::uuid[], $2::text[]) as t(lead_id, document)
 where c.lead_id = t.lead_id and {_KEPT_BACK}
"""
_UNSAY = f"""
update callback set state = 'moot', reason = 'corrected', next_at = null, ended_at = now()
 where source = $1 and about = any($2::uuid[]) and {_KEPT_BACK} returning about
"""
_UNANSWERED = "select id from lead where id = any($1::uuid[]) and outcome is null"
_FURTHER = "update callback set round = $2 where lead_id = $1 and state = 'promised'"
# The outcome was committed at the moment at which its source was let go: the one knew nothing of the other.
_RIPEN = """
update callback c set state = 'waiting', outcome = l.outcome, price = l.price, reasons = l.reasons,
       next_at = now(), owed_at = now()
  from lead l
 where c.state = 'promised' and l.id = c.lead_id and l.round = c.round and l.outcome is not null
"""
_TAKE = """
with sources as (
  select distinct source from callback where state = 'waiting' and next_at <= now() and source <> all($3::text[])
), due as (
  select x.id from sources s cross join lateral (
    select c.id from callback c
     where c.source = s.source and c.state = 'waiting' and c.next_at <= now()
     order by c.next_at limit $2 for update skip locked) x
), mine as (
  update callback c set state = 'sending', attempts = c.attempts + 1, lease_id = $1, next_at = null
    from due where c.id = due.id
  returning c.*
)
select m.id, m.lead_id, m.round, m.source, m.outcome, m.price, m.reasons, m.attempts, m.owed_at,
       l.campaign, l.state, l.test, l.received_at, d.fields, d.extra, m.event, m.document
  from mine m join lead l on l.id = m.lead_id left join lead_detail d on d.lead_id = m.lead_id
 order by m.id
"""
_END = """
update callback
   set state = $4, reason = $5, exchanges = $6::json, lease_id = null,
       next_at = case when $4 = 'waiting' then now() + $7::float8 * interval '1 second' end,
       ended_at = case when $4 <> 'waiting' then now() end
 where id = $1 and lease_id = $2 and attempts = $3 and state = 'sending'
"""
_ORPHANS = """
update callback c set state = 'waiting', lease_id = null, next_at = now()
 where c.state = 'sending'
   and not exists (select 1 from process p where p.id = c.lease_id
                    and p.seen_at > now() - $1 * interval '1 second')
"""
_OF_LEAD = """
select id, round, source, event, state, outcome, attempts, created_at, owed_at, next_at, ended_at, reason, exchanges
  from callback where lead_id = $1 order by round, created_at
"""
_LISTED = """
select id, lead_id, source, event, state, outcome, attempts, owed_at, next_at, ended_at, reason from callback
 where state = any($1::text[]) and ($2::text is null or source = $2) order by id desc limit $3
"""
_AGAIN = """
update callback set state = 'waiting', next_at = now(), owed_at = now(), attempts = 0, ended_at = null
 where state in ('dead', 'gone') and ($1::uuid is null or id = $1) and ($2::text is null or source = $2)
returning id
"""
_QUEUES = """
select coalesce(sum((state <> 'dead')::int), 0)::int,
       coalesce(extract(epoch from now() - min(owed_at) filter (where state <> 'dead')), 0)::float8,
       coalesce(sum((state = 'dead')::int), 0)::int
  from callback where state in ('waiting', 'sending', 'dead') and owed_at <= now()
"""


class Owed(Struct, frozen=True, gc=False, kw_only=True):
    """What a source is to be told of a round; `outcome` None is the promise of it."""

    id: UUID
    lead_id: UUID
    round: int
    source: str
    outcome: str | None
    price: Decimal | None
    reasons: str | None


class Later(Struct, frozen=True, gc=False, kw_only=True):
    """What is told of a lead beside the answer of a round: `party` is a source, or `contract ID`. Of what it is
    `about` an event is told once."""

    id: UUID
    lead_id: UUID
    round: int
    party: str
    event: str
    about: UUID
    document: str
    wait: float = 0.0  # seconds that it is kept back at most


class Due(Struct, frozen=True, kw_only=True):
    """A callback that this process has claimed, with what there is to say: of an `event` its document, else the
    outcome. `fields` as in lead_detail."""

    id: UUID
    lead_id: UUID
    round: int
    source: str
    outcome: str
    price: Decimal | None
    reasons: list[dict[str, str]]
    attempt: int
    owed_at: datetime
    campaign: str
    state: str
    test: bool
    received_at: datetime
    fields: dict[str, list[Any]]
    extra: dict[str, Any]
    event: str = "outcome"
    document: dict[str, Any] | None = None


async def owe(conn: Any, owed: Sequence[Owed]) -> None:
    """In the transaction that makes the outcome final."""
    if owed:
        *c, prices, reasons = columns(owed)
        await conn.execute(_OWE, *c, amounts(prices), reasons)


async def tell(conn: Any, later: Sequence[Later]) -> None:
    """In the transaction that makes it so."""
    if later:
        await conn.execute(_TELL, *columns(later))


async def told_of(conn: Any, party: str, about: Collection[UUID]) -> dict[UUID, UUID]:
    """What it is about → the id under which the party was told, or will be."""
    return {row[0]: row[1] for row in await conn.fetch(_TOLD_OF, party, list(about))}


async def let_out(conn: Any, ended: Mapping[UUID, str]) -> None:
    """Lead → JSON of how it ended: what is kept back of it is told now, and says so."""
    if ended:
        await conn.execute(_LET_OUT, list(ended), list(ended.values()))


async def unsay(conn: Any, party: str, about: Collection[UUID]) -> set[UUID]:
    """Those of these events that were kept back: they never were, and nobody hears of them."""
    return {row[0] for row in await conn.fetch(_UNSAY, party, list(about))}


async def unanswered(conn: Any, lead_ids: Collection[UUID]) -> set[UUID]:
    """Those of these leads whose sources have no answer yet. Asked before it is written."""
    return {row[0] for row in await conn.fetch(_UNANSWERED, list(lead_ids))} if lead_ids else set()


async def further(conn: Any, lead_id: UUID, round_: int) -> None:
    """What was promised of an earlier round is answered by this one."""
    await conn.execute(_FURTHER, lead_id, round_)


async def ripen(conn: Any) -> int:
    """Promises whose outcome is there; how many."""
    return int((await conn.execute(_RIPEN)).split()[-1])


async def take(conn: Any, process_id: UUID, per_source: int, without: Sequence[str]) -> list[Due]:
    """Callbacks whose next try is due, claimed, a few of each source."""
    rows = await conn.fetch(_TAKE, process_id, per_source, list(without))
    return [
        Due(
            id=r[0], lead_id=r[1], round=r[2], source=r[3], outcome=r[4], price=r[5], reasons=decode(r[6]) or [],
            attempt=r[7], owed_at=r[8], campaign=r[9], state=r[10], test=r[11], received_at=r[12],
            fields=decode(r[13]) or {}, extra=decode(r[14]) or {}, event=r[15], document=decode(r[16]),
        )
        for r in rows
    ]  # fmt: skip


async def end(
    conn: Any,
    due: Due,
    process_id: UUID,
    state: str,
    reason: str,
    *,
    exchanges: str | None = None,
    next_in: float | None = None,
) -> None:
    """How a try ended; only the process that holds it may say."""
    await conn.execute(_END, due.id, process_id, due.attempt, state, reason, exchanges, next_in)


async def free_orphans(conn: Any, lease_seconds: float) -> int:
    """What dead processes were telling is told again; how many."""
    return int((await conn.execute(_ORPHANS, lease_seconds)).split()[-1])


async def of_lead(conn: Any, lead_id: UUID) -> list[dict[str, Any]]:
    found = [dict(row) for row in await conn.fetch(_OF_LEAD, lead_id)]
    return [{**row, "exchanges": decode(row["exchanges"]) or []} for row in found]


async def listed(conn: Any, states: Sequence[str], source: str | None, limit: int) -> list[dict[str, Any]]:
    """The newest first."""
    return [dict(row) for row in await conn.fetch(_LISTED, list(states), source, limit)]


async def again(conn: Any, callback_id: UUID | None, source: str | None) -> list[UUID]:
    """What was given up is tried anew: one, or all of a source."""
    return [row[0] for row in await conn.fetch(_AGAIN, callback_id, source)]


async def queues(conn: Any) -> tuple[int, float, int]:
    """(waiting, seconds since the oldest was owed, given up)"""
    row = await conn.fetchrow(_QUEUES)
    return row[0], row[1], row[2]
