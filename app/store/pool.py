"""Leads that people pull: to whom each is offered, who has claimed it until when, who had it before.

A claim is one statement that passes over what others hold at this moment, so a lead has one owner however many
reach for it. Whoever ends a claim names it (`claim_id`): one that has expired meanwhile ends nothing.
Locks: deliveries → pool → leads → counters; a claim locks nothing but its row.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from msgspec import Struct

from app.store.decisions import columns

_OFFER = """
insert into pool (delivery_id, lead_id, buyer, contract, campaign, test, priority, team, until, owners, zones)
select t.id, t.lead_id, t.buyer, t.contract, t.campaign, t.test, to_timestamp(t.priority), t.team,
       now() + t.seconds * interval '1 second',
       array(select c.person from pool_claim c
              where c.lead_id = t.lead_id and c.buyer = t.buyer and c.ended <> 'moved' order by c.at, c.id), t.zones
  from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::bool[], $7::float8[], $8::text[],
              $9::float8[], $10::text[]) as t(id, lead_id, buyer, contract, campaign, test, priority, team, seconds, zones)
on conflict (delivery_id) do nothing
returning delivery_id, owners
"""
_NOBODY_LEFT = "update pool set until = now() where delivery_id = any($1::uuid[]) and claim_id is null"

_ALONE = "select pg_advisory_xact_lock(hashtextextended('leadgate pool ' || $1 || '/' || $2, 0))"
_OPEN = "select count(*)::int from pool where buyer = $1 and person = $2"
_COUNTED = """
select t.n, count(c.id)::int
  from unnest($3::int[], $4::text[], $5::timestamptz[]) as t(n, contract, since)
  left join pool_claim c on c.buyer = $1 and c.person = $2 and c.at >= t.since and not c.test
                        and c.ended is distinct from 'pushed' and (t.contract is null or c.contract = t.contract)
 group by t.n
"""
# What stands in `rules`: the contracts from which this person may claim now, how many former owners each leaves
# out, and how long each claim holds.
FREE = """
  from pool p join unnest($3::text[], $4::int[], $5::float8[]) as r(contract, excluded, hold) on r.contract = p.contract
 where p.buyer = $1 and p.claim_id is null and (p.team is null or p.team = $6)
   and not $2 = any(p.owners[greatest(1, cardinality(p.owners) - r.excluded + 1):])
"""


def claiming(which: str) -> str:
    """The statement of a claim: of the free leads for which `which` is true the next."""
    return f"""
with next as (
  select p.delivery_id, r.hold {FREE} and {which}
   order by p.priority, p.delivery_id limit 1 for update of p skip locked
), mine as (
  update pool p
     set claim_id = $8, person = $2, claimed_at = now(), expires_at = now() + n.hold * interval '1 second', renewals = 0
    from next n where p.delivery_id = n.delivery_id
  returning p.*
), noted as (
  insert into pool_claim (id, delivery_id, lead_id, buyer, contract, person, test)
  select claim_id, delivery_id, lead_id, buyer, contract, person, test from mine
), told as (
  insert into lead_event (lead_id, kind, delivery_id, by_whom, data)
  select lead_id, 'claimed', delivery_id, $9, json_build_object('until', expires_at) from mine
)
select * from mine
"""


_CLAIM = claiming("($7::uuid is null or p.delivery_id = $7)")
_SHOWN = f"""
select p.* {FREE} and ($8::text is null or p.campaign = $8) order by p.priority, p.delivery_id limit $7
"""
_HOW_MANY = f"select count(*)::int from (select 1 {FREE} limit 10000) as few"
_MINE = "select * from pool where buyer = $1 and person = $2 order by claimed_at, delivery_id"
_ONE = "select * from pool where delivery_id = $1 or lead_id = $1 order by (claim_id is null), delivery_id limit 1"
_BY_CLAIM = "select * from pool where claim_id = $1"
_ROW = "select * from pool where delivery_id = $1 for update"
_DUE_NOW = "select * from pool where delivery_id = $1 and claim_id is null and until <= now() for update"
_RENEW = """
update pool set expires_at = now() + $3 * interval '1 second', renewals = renewals + 1
 where delivery_id = $1 and claim_id = $2 and renewals < $4
returning *
"""
# Back into the pool, or on to others: its owner joins the former ones.
_END = """
with over as (
  update pool p
     set claim_id = null, person = null, claimed_at = null, expires_at = null, renewals = 0,
         owners = case when $3 = 'moved' then p.owners else p.owners || p.person end
   where p.delivery_id = $1 and p.claim_id = $2
  returning p.*
), noted as (
  update pool_claim set ended = $3, ended_at = now() where id = $2 and exists (select from over)
), told as (
  insert into lead_event (lead_id, kind, delivery_id, by_whom, data)
  select lead_id, $3, delivery_id, $4, $5::json from over
)
select * from over
"""
_EXPIRE = """
with due as (
  select delivery_id, claim_id, person from pool where claim_id is not null and expires_at <= now()
   order by expires_at limit $1 for update skip locked
), over as (
  update pool p
     set claim_id = null, person = null, claimed_at = null, expires_at = null, renewals = 0,
         owners = p.owners || d.person
    from due d where p.delivery_id = d.delivery_id
  returning p.*, d.claim_id as was, d.person as by
), noted as (
  update pool_claim c set ended = 'expired', ended_at = now() from due d where c.id = d.claim_id
), told as (
  insert into lead_event (lead_id, kind, delivery_id, by_whom, data)
  select lead_id, 'expired', delivery_id, buyer || '/' || by, '{}' from over
)
select delivery_id, lead_id, buyer, contract, campaign, test, priority, pooled_at, step, team, until, owners, claim_id,
       person, claimed_at, expires_at, renewals, zones
  from over
"""
_DUE = "select delivery_id from pool where claim_id is null and until <= now() order by until limit $1"
_GO_ON = """
update pool set step = $2, team = $3, until = now() + $4::float8 * interval '1 second' where delivery_id = $1
"""
_LEAVE = """
with gone as (delete from pool where delivery_id = any($1::uuid[]) returning claim_id)
update pool_claim c set ended = 'closed', ended_at = now() from gone g where c.id = g.claim_id
"""
_CLOSED = """
select c.delivery_id from pool_claim c
 where (c.lead_id = $1 or c.delivery_id = $1) and c.buyer = $2 and c.person = $3 and c.ended = 'closed'
   and exists (select from lead_event e
                where e.lead_id = c.lead_id and e.delivery_id = c.delivery_id and e.kind = 'closed')
 order by c.at desc limit 1
"""
_ALL = """
select * from pool where ($1::text is null or buyer = $1) and ($2::text is null or team = $2)
 order by buyer, priority, delivery_id limit $3
"""
_SIZES = """
select contract, count(*) filter (where claim_id is null)::int, count(claim_id)::int,
       coalesce(extract(epoch from now() - min(pooled_at) filter (where claim_id is null)), 0)::float8
  from pool group by contract
"""
_ASTRAY = """
select (select count(*)::int from pool p where not exists
         (select from delivery d where d.id = p.delivery_id and d.state = 'pooled')),
       (select count(*)::int from delivery d where d.state = 'pooled' and not exists
         (select from pool p where p.delivery_id = d.id))
"""


class Pooled(Struct, frozen=True, kw_only=True):
    """A lead in the pool as it stands."""

    delivery_id: UUID
    lead_id: UUID
    buyer: str
    contract: str
    campaign: str
    test: bool
    priority: datetime
    pooled_at: datetime
    step: int
    team: str | None
    until: datetime | None
    owners: Sequence[str]
    claim_id: UUID | None
    person: str | None
    claimed_at: datetime | None
    expires_at: datetime | None
    renewals: int
    zones: str


class NewOffer(Struct, frozen=True, gc=False, kw_only=True):
    """A delivery that goes into the pool. `seconds` None: its first group has it for as long as it takes; `zones`: in
    which its person may be, where somebody minds."""

    delivery_id: UUID
    lead_id: UUID
    buyer: str
    contract: str
    campaign: str
    test: bool
    priority: float
    team: str | None
    seconds: float | None
    zones: str


class Rules(Struct, frozen=True):
    """From which contracts of a buyer a person of this team may claim: contract → (former owners left out, hold)."""

    buyer: str
    person: str
    team: str | None
    contracts: Mapping[str, tuple[int, float]]

    def told(self) -> list[Any]:
        each = list(self.contracts.items())
        return [
            self.buyer, self.person, [one for one, _ in each], [rule[0] for _, rule in each],
            [rule[1] for _, rule in each], self.team,
        ]  # fmt: skip


class Count(Struct, frozen=True):
    """How often a person has claimed since then; `contract` None: from any of the buyer's."""

    contract: str | None
    since: datetime


def pooled(record: Any) -> Pooled:
    return Pooled(**dict(record))


async def offer(conn: Any, offers: Sequence[NewOffer]) -> dict[UUID, Sequence[str]]:
    """Into the pool with these, in the transaction that made their deliveries `pooled`: delivery → former owners."""
    return {row[0]: row[1] for row in await conn.fetch(_OFFER, *columns(offers))} if offers else {}


async def nobody_left(conn: Any, delivery_ids: Sequence[UUID]) -> None:
    """The group that has these may not claim them: they are offered on at once."""
    await conn.execute(_NOBODY_LEFT, list(delivery_ids))


async def alone(conn: Any, buyer: str, person: str) -> None:
    """Until commit this person claims nothing else: what is counted then is still so when the claim is made."""
    await conn.execute(_ALONE, buyer, person)


async def open_claims(conn: Any, buyer: str, person: str) -> int:
    return int(await conn.fetchval(_OPEN, buyer, person))


async def claims_since(conn: Any, buyer: str, person: str, counts: Sequence[Count]) -> list[int]:
    """One number per count, in their order. Tests are not counted."""
    given = list(range(len(counts))), [one.contract for one in counts], [one.since for one in counts]
    found = {row[0]: row[1] for row in await conn.fetch(_COUNTED, buyer, person, *given)} if counts else {}
    return [found.get(n, 0) for n in range(len(counts))]


async def claim(
    conn: Any, rules: Rules, claim_id: UUID, *, by: str, delivery_id: UUID | None = None
) -> Pooled | None:
    """The next free lead that this person may have, or that one; None where there is none."""
    row = await conn.fetchrow(_CLAIM, *rules.told(), delivery_id, claim_id, by)
    return pooled(row) if row else None


async def free(conn: Any, rules: Rules, limit: int, campaign: str | None = None) -> list[Pooled]:
    """What this person may claim, the next first."""
    return [pooled(row) for row in await conn.fetch(_SHOWN, *rules.told(), limit, campaign)]


async def how_many(conn: Any, rules: Rules) -> int:
    """How many those are, up to 10,000."""
    return int(await conn.fetchval(_HOW_MANY, *rules.told()))


async def held_by(conn: Any, buyer: str, person: str) -> list[Pooled]:
    return [pooled(row) for row in await conn.fetch(_MINE, buyer, person)]


async def one(conn: Any, lead_or_delivery: UUID) -> Pooled | None:
    """A pooled lead by its id or its delivery's; of a lead that stands there several times one that is claimed."""
    row = await conn.fetchrow(_ONE, lead_or_delivery)
    return pooled(row) if row else None


async def by_claim(conn: Any, claim_id: UUID) -> Pooled | None:
    row = await conn.fetchrow(_BY_CLAIM, claim_id)
    return pooled(row) if row else None


async def locked(conn: Any, delivery_id: UUID) -> Pooled | None:
    row = await conn.fetchrow(_ROW, delivery_id)
    return pooled(row) if row else None


async def due_now(conn: Any, delivery_id: UUID) -> Pooled | None:
    """The row, locked, if it is still to be offered on. The caller has locked the delivery."""
    row = await conn.fetchrow(_DUE_NOW, delivery_id)
    return pooled(row) if row else None


async def renew(conn: Any, row: Pooled, hold: float, most: int) -> Pooled | None:
    """The claim holds for `hold` seconds from now; None where it has ended, or was renewed `most` times."""
    renewed = await conn.fetchrow(_RENEW, row.delivery_id, row.claim_id, hold, most)
    return pooled(renewed) if renewed else None


async def end(conn: Any, row: Pooled, how: str, *, by: str, data: Mapping[str, Any]) -> Pooled | None:
    """The lead is free again, `released` or `moved`; None where the claim has ended already."""
    over = await conn.fetchrow(
        _END, row.delivery_id, row.claim_id, how, by, orjson.dumps(dict(data)).decode()
    )
    return pooled(over) if over else None


async def expire(conn: Any, limit: int) -> list[Pooled]:
    """Claims whose time is over end; the leads, free again."""
    return [pooled(row) for row in await conn.fetch(_EXPIRE, limit)]


async def due(conn: Any, limit: int) -> list[UUID]:
    """Deliveries that are to be offered on, the longest due first; nothing is locked."""
    return [row[0] for row in await conn.fetch(_DUE, limit)]


async def go_on(conn: Any, delivery_id: UUID, step: int, team: str | None, seconds: float | None) -> None:
    """Offered to another group from now on. The row is locked by the caller."""
    await conn.execute(_GO_ON, delivery_id, step, team, seconds)


async def leave(conn: Any, delivery_ids: Sequence[UUID]) -> None:
    """Their deliveries have ended: they are in nobody's pool. The caller has locked the deliveries."""
    await conn.execute(_LEAVE, list(delivery_ids))


async def closed(conn: Any, lead_or_delivery: UUID, buyer: str, person: str) -> UUID | None:
    """The delivery of a lead that this person has closed."""
    found: UUID | None = await conn.fetchval(_CLOSED, lead_or_delivery, buyer, person)
    return found


async def every(conn: Any, *, buyer: str | None, team: str | None, limit: int) -> list[Pooled]:
    """What stands in pools, for those who oversee them."""
    return [pooled(row) for row in await conn.fetch(_ALL, buyer, team, limit)]


async def sizes(conn: Any) -> dict[str, tuple[int, int, float]]:
    """contract → (free, claimed, seconds since the oldest free one was pooled)."""
    return {row[0]: (row[1], row[2], row[3]) for row in await conn.fetch(_SIZES)}


async def astray(conn: Any) -> tuple[int, int]:
    """(rows whose delivery is not pooled, pooled deliveries without a row): both must be none."""
    row = await conn.fetchrow(_ASTRAY)
    return row[0], row[1]
