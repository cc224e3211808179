"""Hand-overs in the database: how attempts end, what is due, what a dead process left."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from app.store.attempts import take_back
from app.store.bookings import COSTS, SALES
from app.store.decisions import amounts
from app.store.rows import AttemptEnd, LeadChange

# The fence: only the process that holds attempt n may end it.
_END = f"""
with f as materialized (
  select * from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::text[],
    $8::text[], $9::float8[], $10::real[], $11::text[], $12::text[])
  as t(id, lead_id, n, state, outcome, reason, reference, price, next_in, ms, read, exchanges)
), d as (
  update delivery d
     set state = f.state, reason = f.reason, reference = f.reference,
         price = case when f.state = 'accepted' then coalesce(f.price::numeric, d.price) else d.price end,
         next_at = case when f.next_in is not null then now() + f.next_in * interval '1 second' end,
         lease_id = null,
         ended_at = case when f.state not in ('waiting', 'pooled', 'unclear') then now() end
    from f
   where d.id = f.id and d.lease_id = $13 and d.attempts = f.n and d.state = 'sending'
  returning d.id, d.lead_id, d.state, d.price, d.campaign, d.contract, d.buyer, d.test
), a as (
  insert into attempt_end (lead_id, delivery_id, n, outcome, reason, reference, price, ms, late, read, exchanges)
  select lead_id, id, n, outcome, reason, reference, price::numeric, ms, false, read, exchanges::json
    from f where id in (select id from d)
), sold as ({SALES})
"""
_END_ONLY = _END + "select id from d"
_END_AND_SELL = (
    _END
    + f""", l as (
  update lead l
     set state = t.state, outcome = coalesce(l.outcome, t.outcome),
         price = case when l.outcome is null then t.price::numeric else l.price end,
         reasons = case when l.outcome is null then t.reasons::json else l.reasons end,
         revenue = l.revenue + t.revenue::numeric, ended_at = case when t.ended then now() end
    from unnest($14::uuid[], $15::uuid[], $16::text[], $17::text[], $18::text[], $19::text[],
                $20::text[], $21::bool[])
      as t(id, delivery_id, state, outcome, price, reasons, revenue, ended)
   where l.id = t.id and t.delivery_id in (select id from d)
  returning l.id, l.source, l.campaign, l.currency, l.price, l.outcome, l.test, l.share
), bought as (
  select * from l where outcome = 'success' and not test and share is null
), costs as ({COSTS})
select id from d
"""
)

# A result that comes too late is kept as a record, and changes nothing. It is looked for here alone, where somebody is
# late: a look into every day of the history would be prepared with each batch that is in time.
_LATE = """
insert into attempt_end (lead_id, delivery_id, n, outcome, reason, reference, price, ms, late, read, exchanges)
select lead_id, id, n, outcome, reason, reference, price::numeric, ms, true, read, exchanges::json
  from unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::real[],
    $9::text[], $10::text[]) as f(id, lead_id, n, outcome, reason, reference, price, ms, read, exchanges)
 where not exists (select 1 from attempt_end x  -- recorded by the first run of a commit in doubt
                    where x.lead_id = any($2::uuid[]) and x.lead_id = f.lead_id and x.delivery_id = f.id
                      and x.n = f.n and x.outcome = f.outcome and x.ms = f.ms)
"""

# A few of each contract, so that one dead buyer can't fill a batch; busy and paused contracts are left out. Of
# the thousand that are due longest those of the earliest priority go first: no line is too long to be sorted.
_DUE = """
with contracts as (
  select distinct contract from delivery
   where state = 'waiting' and next_at <= now() and contract <> all($3::text[])
     and ($4::text is null or contract = $4)
), due as (
  select x.id from contracts c cross join lateral (
    select d.id from delivery d join (
      select o.id, coalesce(o.priority, o.created_at) as first from delivery o
       where o.state = 'waiting' and o.next_at <= now() and o.contract = c.contract
       order by o.next_at limit 1000
    ) o on o.id = d.id
     where d.state = 'waiting' order by o.first, d.id limit $2 for update of d skip locked) x
), mine as (
  update delivery d set state = 'sending', attempts = d.attempts + 1, lease_id = $1, next_at = null
    from due where d.id = due.id
  returning d.*
), begun as (
  insert into attempt (lead_id, delivery_id, n, process_id) select lead_id, id, attempts, $1 from mine
)
select * from mine order by id
"""

# As if it had not been taken: no attempt was made, and none is counted.
_PUT_OFF = """
update delivery d set state = 'waiting', attempts = d.attempts - 1, lease_id = null, next_at = to_timestamp(f.due)
  from unnest($1::uuid[], $2::float8[]) as f(id, due) where d.id = f.id
"""

# What died between the attempt's commit and its end may have been handed over.
_ORPHANS = """
select d.* from delivery d
 where d.state = 'sending'
   and not exists (select 1 from process p where p.id = d.lease_id
                    and p.seen_at > now() - $1 * interval '1 second')
 order by d.id limit $2 for update of d skip locked
"""
_ONCE_UNCLEAR = """
select distinct e.delivery_id from attempt_end e
  join unnest($1::uuid[], $2::uuid[]) as t(id, lead_id) on e.lead_id = t.lead_id and e.delivery_id = t.id
 where e.lead_id = any($2::uuid[]) and e.outcome = 'Unclear'
"""
_ORPHAN_ENDS = """
with f as materialized (
  select * from unnest($1::uuid[], $2::text[], $3::float8[]) as t(id, state, next_in)
), d as (
  update delivery d set state = f.state, reason = 'process_died', lease_id = null,
         next_at = case when f.next_in is not null then now() + f.next_in * interval '1 second' end
    from f where d.id = f.id and d.state = 'sending'
  returning d.id, d.lead_id, d.attempts
)
insert into attempt_end (lead_id, delivery_id, n, outcome, reason, ms, exchanges)
select lead_id, id, attempts, 'Unclear', 'process_died', 0, '[]' from d
"""

# A lead that is being delivered but has no live delivery: its next step was never written. One that waits for its
# next round has none either.
_STRANDED = """
select l.id from lead l
 where l.state = 'delivering'
   and not exists (select 1 from delivery d where d.lead_id = l.id and d.round = l.round
                    and d.state in ('sending', 'waiting', 'pooled', 'unclear'))
   and not exists (select 1 from requeue q where q.lead_id = l.id and q.due_at is not null)
 order by l.id limit $1
"""

_ONE = "select * from delivery where id = $1"
_ONE_LOCKED = _ONE + " for update"
_OF_LEAD = "select * from delivery where lead_id = $1 order by round, rank, id"
_LIVE = """
select lead_id, count(*) filter (where state in ('sending', 'waiting')) as live,
       count(*) filter (where state = 'accepted') as accepted,
       count(*) filter (where state = 'unclear') as unclear,
       array_agg(contract) as tried,
       coalesce(array_agg(buyer) filter (where state in ('sending', 'waiting', 'pooled', 'unclear', 'accepted')), '{}') as buyers,
       count(*) as made, count(*) filter (where state = 'pooled') as pooled
  from delivery d where lead_id = any($1::uuid[])
   and round = (select l.round from lead l where l.id = d.lead_id)
 group by lead_id
"""
_QUEUES = """
select state, count(*)::int, coalesce(extract(epoch from now() - min(coalesce(next_at, created_at))), 0)::float8
  from delivery where state in ('waiting', 'unclear', 'dead', 'sending') group by state
union all
select 'inbox', count(*)::int, coalesce(extract(epoch from clock_timestamp() - min(s.received_at)), 0)::float8
  from (select submission_id from inbox where batch_id is null order by submission_id limit 100000) i
  left join lateral (select received_at from submission s where s.id = i.submission_id) s on true
"""
_SETTLE = f"""
with d as (
  update delivery
     set state = $2, reason = $3, reference = coalesce($4, reference), price = coalesce($5, price), lease_id = null,
         next_at = null, ended_at = now()
   where id = $1
  returning id, lead_id, state, price, campaign, contract, buyer, test
)
{SALES}"""
_MINE = "select * from delivery where lease_id = $1 and state in ('sending', 'waiting') and lead_id = any($2::uuid[])"
_MINE_IDS = """
(select id from delivery where lease_id = $1 and state = 'sending' order by id limit $2)
 union all
(select id from delivery where lease_id = $1 and state = 'waiting' order by id limit $2)
"""
_SOME = """
select * from delivery where id = any($1::uuid[]) and (state = 'sending' or state = 'waiting' and lease_id is not null)
 order by id for update
"""
_DISOWN = "update inbox set lease_id = null where lease_id = $1 and submission_id = any($2::uuid[])"
_MY_INBOX = (
    "select submission_id from inbox where lease_id = $1 and parked is null order by submission_id limit $2"
)
# After deliveries became unclear by themselves: a lead with nothing live but an unclear one is unclear.
_REFLECT = """
update lead l set state = 'unclear'
 where l.id = any($1::uuid[]) and l.state = 'delivering'
   and exists (select 1 from delivery d where d.lead_id = l.id and d.round = l.round and d.state = 'unclear')
   and not exists (select 1 from delivery d where d.lead_id = l.id and d.round = l.round
                    and d.state in ('sending', 'waiting', 'pooled'))
"""


class DeliveryRow(Struct, frozen=True, kw_only=True):
    """A delivery as it stands."""

    id: UUID
    lead_id: UUID
    round: int
    slot: int
    rank: int
    campaign: str
    contract: str
    buyer: str
    state: str
    price: Any
    attempts: int
    lease_id: UUID | None
    next_at: Any
    created_at: Any
    ended_at: Any
    reserved: str
    reference: str | None
    reason: str | None
    test: bool
    priority: datetime | None = None  # the earliest goes first
    returned_at: datetime | None = None
    refunded: Decimal | None = None  # of its price, not owed any more
    alone: bool | None = None  # where its lead is sold either way: to its only buyer, or as a copy

    @property
    def counters(self) -> list[str]:
        """Lines as `core.reserved` reads them."""
        return self.reserved.split("\n") if self.reserved else []


class Progress(Struct, frozen=True):
    """The deliveries of a lead's round: how many live, accepted, unclear; who was asked, who has or may have it."""

    live: int = 0
    accepted: int = 0
    unclear: int = 0
    tried: list[str] = []
    buyers: list[str] = []
    made: int = 0
    pooled: int = 0  # live too, and with nobody: people pull them


def _row(record: Any) -> DeliveryRow:
    return DeliveryRow(**dict(record))


async def end(
    conn: Any, ends: Sequence[AttemptEnd], process_id: UUID, sold: Sequence[LeadChange] = ()
) -> set[UUID]:
    """End attempts in one statement; give back the deliveries whose end counted (the fence held).

    `sold` are changes of leads that hold only if their delivery's end does.
    """
    rows = [
        (
            e.delivery_id,
            e.lead_id,
            e.n,
            e.state,
            e.outcome,
            e.reason,
            e.reference,
            e.price,
            e.next_in,
            e.ms,
            e.read,
            e.exchanges,
        )
        for e in ends
    ]
    columns = [list(c) for c in zip(*rows, strict=True)]
    columns[7] = amounts(columns[7])
    if sold:
        changes = [
            (c.id, c.delivery_id, c.state, c.outcome, c.price, c.reasons, c.revenue, c.ended) for c in sold
        ]
        more = [list(c) for c in zip(*changes, strict=True)]
        more[4], more[6] = amounts(more[4]), amounts(more[6])
        counted = {r[0] for r in await conn.fetch(_END_AND_SELL, *columns, process_id, *more)}
    else:
        counted = {r[0] for r in await conn.fetch(_END_ONLY, *columns, process_id)}
    if late := [n for n, e in enumerate(ends) if e.delivery_id not in counted]:
        await conn.execute(
            _LATE, *([column[n] for n in late] for column in (*columns[:3], *columns[4:8], *columns[9:]))
        )
    return counted


async def claim_due(
    conn: Any, process_id: UUID, per_contract: int, without: Sequence[str], only: str | None = None
) -> list[DeliveryRow]:
    """Deliveries whose next attempt is due, claimed and their attempt begun, a few of each contract, or of one."""
    return [_row(r) for r in await conn.fetch(_DUE, process_id, per_contract, list(without), only)]


async def put_off(conn: Any, waits: Sequence[tuple[UUID, UUID, int, datetime]]) -> None:
    """(delivery, lead, attempt, until when) of deliveries that this transaction has claimed and that must wait."""
    ids, lead_ids, attempts, until = map(list, zip(*waits, strict=True))
    await conn.execute(_PUT_OFF, ids, [at.timestamp() for at in until])
    await take_back(conn, list(zip(ids, lead_ids, attempts, strict=True)))


async def orphans(conn: Any, lease_seconds: float, limit: int) -> list[DeliveryRow]:
    """Deliveries whose process died while it spoke with the buyer, locked."""
    return [_row(r) for r in await conn.fetch(_ORPHANS, lease_seconds, limit)]


async def end_orphans(conn: Any, ends: Sequence[tuple[UUID, str, float | None]]) -> None:
    """(delivery, state from now on, seconds until the next attempt)."""
    await conn.execute(_ORPHAN_ENDS, *map(list, zip(*ends, strict=True)))


async def once_unclear(conn: Any, dying: Sequence[tuple[UUID, UUID]]) -> set[UUID]:
    """Of (delivery, its lead) those of which an attempt was Unclear: their buyers may have the lead."""
    ids, lead_ids = map(list, zip(*dying, strict=True))
    return {r[0] for r in await conn.fetch(_ONCE_UNCLEAR, ids, lead_ids)}


async def stranded(conn: Any, limit: int) -> list[UUID]:
    return [r[0] for r in await conn.fetch(_STRANDED, limit)]


async def find(conn: Any, delivery_id: UUID, *, locked: bool = False) -> DeliveryRow | None:
    record = await conn.fetchrow(_ONE_LOCKED if locked else _ONE, delivery_id)
    return _row(record) if record else None


async def of_lead(conn: Any, lead_id: UUID) -> list[DeliveryRow]:
    return [_row(r) for r in await conn.fetch(_OF_LEAD, lead_id)]


async def standing(conn: Any, lead_ids: Sequence[UUID]) -> dict[UUID, Progress]:
    """How far the current round of each lead is; leads without a delivery are missing."""
    return {r[0]: Progress(*list(r)[1:]) for r in await conn.fetch(_LIVE, list(lead_ids))}


async def queues(conn: Any) -> dict[str, tuple[int, float]]:
    """queue → (depth, seconds since the oldest was due)."""
    return {r[0]: (r[1], r[2]) for r in await conn.fetch(_QUEUES)}


async def settle(
    conn: Any, delivery_id: UUID, state: str, reason: str, reference: str | None, price: Any
) -> None:
    """A delivery that the caller has locked ends as somebody says it did."""
    await conn.execute(_SETTLE, delivery_id, state, reason, reference, price)


async def mine_of(conn: Any, process_id: UUID, lead_ids: Sequence[UUID]) -> list[DeliveryRow]:
    """What this process has claimed for these leads; `attempts` counts the one that it is to begin."""
    found = [_row(r) for r in await conn.fetch(_MINE, process_id, list(lead_ids))]
    return [replace(row, attempts=row.attempts + 1) if row.state == "waiting" else row for row in found]


async def claimed_ids(conn: Any, process_id: UUID, limit: int = 10_000) -> list[UUID]:
    return [r[0] for r in await conn.fetch(_MINE_IDS, process_id, limit)]


async def some(conn: Any, ids: Sequence[UUID]) -> list[DeliveryRow]:
    """These deliveries as far as a process has them in hand, locked."""
    return [_row(r) for r in await conn.fetch(_SOME, list(ids))]


async def inbox_ids(conn: Any, process_id: UUID, limit: int = 10_000) -> list[UUID]:
    """Undecided submissions that this process has leased."""
    return [r[0] for r in await conn.fetch(_MY_INBOX, process_id, limit)]


async def disown(conn: Any, process_id: UUID, submission_ids: Sequence[UUID]) -> None:
    await conn.execute(_DISOWN, process_id, list(submission_ids))


async def reflect(conn: Any, lead_ids: Sequence[UUID]) -> None:
    """Let leads say that they are unclear, where that is all that is left of them."""
    await conn.execute(_REFLECT, sorted(lead_ids))
