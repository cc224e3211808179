"""What buyers want to give back: asked for once a delivery, decided once, and what each decision comes to."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from msgspec import Struct

from app.store import decisions
from app.store.decisions import columns
from app.store.leads import decode

_COLUMNS = """id, delivery_id, lead_id, campaign, contract, buyer, source, state, reason, sold_at, requested_at, price,
       currency, remedy, found, due_at, by_then, appealed, decided_at, decided_by, why, credited, price_back,
       replace_until, replaced_by, resale,
       (select count(*)::int from return_word w where w.return_id = return_request.id and w.evidence <> '') as evidence"""
_BY_DELIVERY = f"select {_COLUMNS} from return_request where delivery_id = any($1::uuid[])"
_BY_ID = f"select {_COLUMNS} from return_request where id = any($1::uuid[])"
_BY_ID_LOCKED = f"{_BY_ID} order by delivery_id for update"
_DELIVERIES = "select delivery_id from return_request where id = any($1::uuid[])"
_LOCK_DELIVERIES = "select id from delivery where id = any($1::uuid[]) order by id for update"
_ALONE = "select pg_advisory_xact_lock($1, hashtext(t.contract)) from (select unnest($2::text[]) as contract order by 1) t"
_USED = """
select (select count(*)::int from delivery
         where contract = $1 and state = 'accepted' and ended_at >= $2 and ended_at < $3 and not test),
       (select count(*)::int from return_request r
         where contract = $1 and state in ('requested', 'approved') and sold_at >= $2 and sold_at < $3
           and not exists (select from delivery d where d.id = r.delivery_id and d.test))
"""
_ASK = """
insert into return_request (id, delivery_id, lead_id, campaign, contract, buyer, source, state, reason, sold_at,
                            requested_at, price, currency, remedy, found, due_at, by_then)
values ($1, $2, $3, $4, $5, $6, $7, 'requested', $8, $9, $10, $11::text::numeric, $12, $13, $14::json, $15, $16)
"""
_SAY = """
insert into return_word (return_id, kind, by_whom, text, evidence)
select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
"""
_WORDS = "select at, kind, by_whom, text, evidence from return_word where return_id = $1 order by id"
_EVIDENCE = "select return_id, evidence from return_word where return_id = any($1::uuid[]) and evidence <> ''"
_APPEAL = """
update return_request
   set state = 'requested', appealed = true, due_at = $2, by_then = $3, decided_at = null, decided_by = null, why = ''
 where id = $1
"""
_DECIDE = """
update return_request r
   set state = t.state, decided_at = $6, decided_by = t.by_whom, why = t.why, due_at = null, by_then = null
  from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as t(id, state, by_whom, why)
 where r.id = t.id and r.state = $5
"""
_CAME_TO = """
update return_request r
   set credited = t.credited::numeric, price_back = t.price_back::numeric, replace_until = t.replace_until,
       resale = t.resale
  from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[])
    as t(id, credited, price_back, replace_until, resale)
 where r.id = t.id
"""
_DUE = """
select id, by_then from return_request where state = 'requested' and due_at <= $1 order by due_at, id limit $2
"""
_GIVEN_BACK = """
update delivery d set returned_at = coalesce(d.returned_at, $3), refunded = t.refunded::numeric
  from unnest($1::uuid[], $2::text[]) as t(id, refunded) where d.id = t.id
"""
_REFUND = "update delivery set refunded = $2::text::numeric where id = $1"
_STILL_FREE = """
select id from delivery d
 where id = $1 and state = 'accepted' and returned_at is null and refunded is null
   and not exists (select from return_request x where x.delivery_id = d.id)
"""
_COUNTERS = "select key from counter where key = any($1::text[]) order by key for update"
_CHARGED = """
select coalesce(delivery_id, lead_id), amount, currency from entry
 where coalesce(delivery_id, lead_id) = any($1::uuid[]) and kind = 'sale'
"""
_STANDING = """
select l.id, l.source, l.campaign, l.state, l.round, l.received_at, l.test,
       l.erased_at is not null or l.stopped_at is not null, e.amount, e.currency,
       exists (select from entry b where coalesce(b.delivery_id, b.lead_id) = l.id and b.kind = 'cost_return'),
       (select count(*)::int from delivery d where d.lead_id = l.id and d.state = 'accepted' and d.returned_at is null),
       exists (select from delivery d where d.lead_id = l.id and d.state in ('sending', 'waiting', 'pooled', 'unclear')),
       l.share is not null
  from lead l
  left join entry e on coalesce(e.delivery_id, e.lead_id) = l.id and e.kind = 'cost'
 where l.id = any($1::uuid[])
"""
_LEADS = """
update lead l set state = case when t.ends then 'returned' else l.state end, revenue = l.revenue - t.less::numeric
  from unnest($1::uuid[], $2::bool[], $3::text[]) as t(id, ends, less) where l.id = t.id
"""
# The first sale to the contract since, that stands in for no other and that nobody gave back.
_FREE = """
select r.id, d.id, d.lead_id
  from return_request r cross join lateral (
    select d.id, d.lead_id from delivery d
     where d.contract = r.contract and d.state = 'accepted' and d.ended_at > r.decided_at and not d.test
       and d.returned_at is null and d.refunded is null and d.price > 0
       and not exists (select from return_request x where x.replaced_by = d.id or x.delivery_id = d.id)
     order by d.ended_at, d.id limit 1) d
 where r.replace_until is not null and r.replaced_by is null and r.credited is null and r.state = 'approved'
 order by r.decided_at, r.id limit $1
"""
_REPLACED = "update return_request set replaced_by = $2 where id = $1"
_EXPIRED = """
select id from return_request
 where replace_until is not null and replaced_by is null and credited is null and state = 'approved'
   and replace_until <= $1 order by decided_at, id limit $2
"""
_CREDITED = "update return_request set credited = $2::text::numeric where id = $1"
_RESELL = "select id from return_request where resale in ('due', 'waits') order by resale, id limit $1"
_RESOLD = "update return_request set resale = $2 where id = $1"
_FORMER = "select distinct buyer from delivery where lead_id = $1 and state in ('sending', 'waiting', 'pooled', 'unclear', 'accepted')"
_BARRED = """
update lead_detail
   set routing = (routing::jsonb || jsonb_build_object('had', coalesce(routing::jsonb -> 'had', '{}') || $2::jsonb))::json
 where lead_id = $1
"""
_BEGIN = """
update lead set round = round + 1, state = 'delivering', ended_at = null where id = $1
"""
_LISTED = f"""
select {_COLUMNS} from return_request
 where state = any($1::text[]) and ($2::text is null or contract = $2) and ($3::text is null or buyer = $3)
 order by requested_at, id limit $4
"""
_OF_LEAD = f"select {_COLUMNS} from return_request where lead_id = $1 order by requested_at, id"
_ENDING = """
select id from return_request where right(id::text, length($1)) = $1 order by id desc limit 20
"""
_LOCK = 0x6C67_7274  # the first half of an advisory lock: «lgrt»


class Request(Struct, frozen=True, kw_only=True):
    """A return as it stands. `credited`: what its buyer does not owe; `price_back`: what its source is not paid."""

    id: UUID
    delivery_id: UUID
    lead_id: UUID
    campaign: str
    contract: str
    buyer: str
    source: str
    state: str
    reason: str
    sold_at: datetime
    requested_at: datetime
    price: Decimal
    currency: str
    remedy: str
    found: Mapping[str, Any]
    due_at: datetime | None = None
    by_then: str | None = None
    appealed: bool = False
    decided_at: datetime | None = None
    decided_by: str | None = None
    why: str = ""
    credited: Decimal | None = None
    price_back: Decimal | None = None
    replace_until: datetime | None = None
    replaced_by: UUID | None = None
    resale: str | None = None
    evidence: int = 0  # how often some was shown

    @property
    def absorbed(self) -> bool:
        """Its buyer has the price back, and its source is paid all the same."""
        return self.credited is not None and self.price_back is None and self.resale != "waits"


class Said(Struct, frozen=True):
    """One word in the thread of a return."""

    return_id: UUID
    kind: str
    by_whom: str
    text: str = ""
    evidence: str = ""


class CameTo(Struct, frozen=True):
    """What an approval came to."""

    id: UUID
    credited: str | None
    price_back: str | None
    replace_until: datetime | None
    resale: str | None


class LeadStanding(Struct, frozen=True):
    """A lead, locked by the caller, with what it was bought for; `kept`: sales that nobody gave back."""

    id: UUID
    source: str
    campaign: str
    state: str
    round: int
    received_at: datetime
    test: bool
    closed: bool
    cost: Decimal | None
    cost_currency: str | None
    cost_back: bool
    kept: int
    live: bool
    share: bool  # its source has a part of each sale


def _request(row: Any) -> Request:
    return Request(**{**dict(row), "found": decode(row["found"])})


async def of_deliveries(conn: Any, ids: Collection[UUID]) -> dict[UUID, Request]:
    return {row["delivery_id"]: _request(row) for row in await conn.fetch(_BY_DELIVERY, list(ids))}


async def find(conn: Any, return_id: UUID) -> Request | None:
    rows = await conn.fetch(_BY_ID, [return_id])
    return _request(rows[0]) if rows else None


async def locked(conn: Any, ids: Collection[UUID]) -> list[Request]:
    """With their deliveries, which come first everywhere."""
    deliveries = [row[0] for row in await conn.fetch(_DELIVERIES, list(ids))]
    await conn.fetch(_LOCK_DELIVERIES, sorted(deliveries))
    return [_request(row) for row in await conn.fetch(_BY_ID_LOCKED, list(ids))]


async def alone(conn: Any, contracts: Collection[str]) -> None:
    """Whoever asks of these contracts counts alone until commit: two at once must not both be the last that fits."""
    if contracts:
        await conn.fetch(_ALONE, _LOCK, sorted(contracts))


async def used(conn: Any, contract: str, first: datetime, past: datetime) -> tuple[int, int]:
    """(sold in that period, of these given back or asked to be)."""
    row = await conn.fetchrow(_USED, contract, first, past)
    return row[0], row[1]


async def ask(conn: Any, one: Request) -> None:
    await conn.execute(
        _ASK, one.id, one.delivery_id, one.lead_id, one.campaign, one.contract, one.buyer, one.source, one.reason,
        one.sold_at, one.requested_at, str(one.price), one.currency, one.remedy, orjson.dumps(one.found).decode(),
        one.due_at, one.by_then,
    )  # fmt: skip


async def say(conn: Any, words: Sequence[Said]) -> None:
    if words:
        await conn.execute(_SAY, *columns(words))


async def words(conn: Any, return_id: UUID) -> list[dict[str, Any]]:
    """What was said about it, in turn."""
    return [dict(row) for row in await conn.fetch(_WORDS, return_id)]


async def evidence(conn: Any, ids: Collection[UUID]) -> dict[UUID, list[str]]:
    """Return → what was shown for it so far."""
    found: dict[UUID, list[str]] = {}
    for return_id, text in await conn.fetch(_EVIDENCE, list(ids)) if ids else ():
        found.setdefault(return_id, []).append(text)
    return found


async def appeal(conn: Any, return_id: UUID, due_at: datetime | None, by_then: str | None) -> None:
    await conn.execute(_APPEAL, return_id, due_at, by_then)


async def decide(
    conn: Any, ids: Sequence[UUID], state: str, by: str, why: str, at: datetime, *, was: str = "requested"
) -> None:
    n = len(ids)
    await conn.execute(_DECIDE, list(ids), [state] * n, [by] * n, [why] * n, was, at)


async def came_to(conn: Any, ends: Sequence[CameTo]) -> None:
    if ends:
        await conn.execute(_CAME_TO, *columns(ends))


async def due(conn: Any, now: datetime, limit: int) -> list[tuple[UUID, str]]:
    """(return, what becomes of it) of those that nobody decided in time, the longest first."""
    return [(row[0], row[1]) for row in await conn.fetch(_DUE, now, limit)]


async def charged(conn: Any, delivery_ids: Collection[UUID]) -> dict[UUID, tuple[Decimal, str]]:
    """Delivery → (amount, currency) as it was booked; what cost nothing is not there."""
    return {row[0]: (row[1], row[2]) for row in await conn.fetch(_CHARGED, list(delivery_ids))}


async def give_back(conn: Any, refunds: Mapping[UUID, Decimal | None], at: datetime) -> None:
    """Delivery → how much of its price is not owed any more; None: it is still paid, and another lead is due."""
    amounts = [None if one is None else str(one) for one in refunds.values()]
    await conn.execute(_GIVEN_BACK, list(refunds), amounts, at)


async def refund(conn: Any, delivery_id: UUID, amount: Decimal) -> None:
    """Of a delivery that its buyer keeps: it stands in for another."""
    await conn.execute(_REFUND, delivery_id, str(amount))


async def is_free(conn: Any, delivery_id: UUID) -> bool:
    """Whether it may stand in for another, locked until commit. Asked once it is locked: a statement that waits for a
    lock goes on with what it saw before."""
    await conn.fetch(_LOCK_DELIVERIES, [delivery_id])
    return await conn.fetchval(_STILL_FREE, delivery_id) is not None


async def refill(conn: Any, back: Mapping[str, int]) -> None:
    """Counters have room again, as far as they are still counted."""
    if back:
        there = [row[0] for row in await conn.fetch(_COUNTERS, list(back))]
        await decisions.count(conn, {key: -back[key] for key in there})


async def standings(conn: Any, lead_ids: Collection[UUID]) -> dict[UUID, LeadStanding]:
    return {row[0]: LeadStanding(*row) for row in await conn.fetch(_STANDING, list(lead_ids))}


async def change_leads(conn: Any, changes: Sequence[tuple[UUID, bool, Decimal]]) -> None:
    """(lead, whether it is returned now, how much less it made), locked by the caller, each once."""
    ids, ends, less = map(list, zip(*changes, strict=True))
    await conn.execute(_LEADS, ids, ends, [str(one) for one in less])


async def free_ones(conn: Any, limit: int) -> list[tuple[UUID, UUID, UUID]]:
    """(return, delivery, its lead): the next lead of a contract that still owes nothing for one."""
    return [(row[0], row[1], row[2]) for row in await conn.fetch(_FREE, limit)]


async def replaced(conn: Any, return_id: UUID, delivery_id: UUID) -> None:
    await conn.execute(_REPLACED, return_id, delivery_id)


async def expired(conn: Any, now: datetime, limit: int) -> list[UUID]:
    """Returns for which no other lead came in time."""
    return [row[0] for row in await conn.fetch(_EXPIRED, now, limit)]


async def credited(conn: Any, return_id: UUID, amount: Decimal) -> None:
    await conn.execute(_CREDITED, return_id, str(amount))


async def to_resell(conn: Any, limit: int) -> list[UUID]:
    """Returns whose lead may go on, those whose other copies are under way last."""
    return [row[0] for row in await conn.fetch(_RESELL, limit)]


async def resold(conn: Any, return_id: UUID, how: str) -> None:
    await conn.execute(_RESOLD, return_id, how)


async def former_buyers(conn: Any, lead_id: UUID) -> list[str]:
    """Whoever has this lead, had it and gave it back, or may have it."""
    return [row[0] for row in await conn.fetch(_FORMER, lead_id)]


async def begin_round(conn: Any, lead_id: UUID, barred: Collection[str]) -> None:
    """One more round of a lead that the caller has locked and put aside; these buyers don't get it again."""
    had = {buyer: ["", str(lead_id)] for buyer in barred}
    await conn.execute(_BARRED, lead_id, orjson.dumps(had).decode())
    await conn.execute(_BEGIN, lead_id)


async def listed(
    conn: Any, states: Sequence[str], *, contract: str | None = None, buyer: str | None = None, limit: int
) -> list[Request]:
    """The oldest first."""
    return [_request(row) for row in await conn.fetch(_LISTED, list(states), contract, buyer, limit)]


async def of_lead(conn: Any, lead_id: UUID) -> list[Request]:
    return [_request(row) for row in await conn.fetch(_OF_LEAD, lead_id)]


async def ending(conn: Any, end: str) -> list[UUID]:
    """Returns whose id ends so."""
    return [row[0] for row in await conn.fetch(_ENDING, end)]
