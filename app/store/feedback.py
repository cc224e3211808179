"""What buyers tell of their deliveries: found by what they say, kept once, read back by lead."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.store.decisions import columns
from app.store.leads import decode

_LOCK = """
select id from delivery where id = any($1::uuid[]) and buyer = $2 order by id for update
"""
_HANDED = """
select d.id, d.lead_id, d.round, d.campaign, d.contract, d.buyer, d.state, coalesce(d.ended_at, d.created_at),
       d.price, d.test, d.returned_at, l.source, l.currency, l.erased_at is not null,
       exists (select from return_request r where r.replaced_by = d.id), d.reserved
  from delivery d join lead l on l.id = d.lead_id
 where d.id = any($1::uuid[]) and d.buyer = $2
"""
_BY_REFERENCE = """
select reference, id from delivery where buyer = $1 and reference = any($2::text[]) order by id
"""
# Those of it that were accepted; where none was, all that there are.
_BY_LEAD = """
select lead_id, id
  from (select lead_id, id, state = 'accepted' as sold, bool_or(state = 'accepted') over (partition by lead_id) as any_sold
          from delivery where lead_id = any($2::uuid[]) and buyer = $1) d
 where sold or not any_sold order by id
"""
# Of the deliveries that were sold on one of these days, by any clock on earth.
_BY_CONTACT = """
select d.id, d.ended_at, x.fields
  from (select distinct s.id, s.lead_id, s.ended_at
          from unnest($3::timestamptz[], $4::timestamptz[]) as t(first, past)
          join delivery s on s.contract = any($1::text[]) and s.state = 'accepted'
                         and s.ended_at >= t.first and s.ended_at < t.past
         where s.buyer = $2) d
  join lead_detail x on x.lead_id = d.lead_id
 where exists (select from unnest($5::text[]) as wanted where strpos(x.fields::text, wanted) > 0)
 order by d.id
"""
_OF = """
select id, delivery_id, kind, code, occurred_at, voided, amount, currency from feedback
 where delivery_id = any($1::uuid[]) and kind <> 'correction' order by occurred_at, received_at, id
"""
_KNOWN = "select key, id, delivery_id, kind, code from feedback where buyer = $1 and key = any($2::bytea[])"
_OWN = """
select id, external_id, delivery_id, kind, code, voided from feedback
 where buyer = $1 and (id = any($2::uuid[]) or external_id = any($3::text[]))
"""
_KEEP = """
insert into feedback (id, lead_id, delivery_id, buyer, key, kind, code, raw, occurred_at, received_at, by_whom,
                      external_id, amount, currency, promised_at, voids, conflict, note)
select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bytea[], $6::text[], $7::text[], $8::text[],
    $9::timestamptz[], $10::timestamptz[], $11::text[], $12::text[], $13::numeric[], $14::text[], $15::timestamptz[],
    $16::uuid[], $17::bool[], $18::text[])
 order by 4, 5
on conflict (buyer, key) do nothing
returning id
"""
_VOID = "update feedback set voided = true where id = any($1::uuid[])"
_OF_LEAD = """
select f.id, f.delivery_id, f.buyer, d.contract, f.kind, f.code, f.raw, f.occurred_at, f.received_at, f.by_whom,
       f.amount, f.currency, f.promised_at, f.voids, f.voided, f.conflict, f.note
  from feedback f left join delivery d on d.id = f.delivery_id
 where f.lead_id = $1 order by f.received_at, f.id
"""
_SUMMED = """
select d.lead_id, d.returned_at is not null, r.reason,
       coalesce((select array_agg(f.code order by f.occurred_at, f.received_at, f.id) from feedback f
                  where f.delivery_id = d.id and not f.voided and f.kind in ('disposition', 'conversion')), '{}')
  from delivery d left join return_request r on r.delivery_id = d.id and r.state = 'approved'
 where d.lead_id = any($1::uuid[]) and d.state = 'accepted' order by d.id
"""
_UNMAPPED = """
select buyer, raw, count(*)::int from feedback where code = 'unmapped'
 group by buyer, raw order by count(*) desc, buyer, raw limit $1
"""
_MAP = """
update feedback f set code = t.code from unnest($1::text[], $2::text[], $3::text[]) as t(buyer, raw, code)
 where f.code = 'unmapped' and f.buyer = t.buyer and f.raw = t.raw
"""
_HAD = """
select exists (
  select from lead_key mine join lead_key theirs on theirs.key = mine.key and theirs.lead_id <> mine.lead_id
    join delivery d on d.lead_id = theirs.lead_id and d.buyer = $2 and d.state in ('accepted', 'duplicate')
   where mine.lead_id = $1 and d.created_at < $3)
"""


class Handed(Struct, frozen=True):
    """A delivery as its buyer may speak of it. `sold_at` is the hand-over's; `free`: it stands in for another."""

    id: UUID
    lead_id: UUID
    round: int
    campaign: str
    contract: str
    buyer: str
    state: str
    sold_at: datetime
    price: Decimal
    test: bool
    returned_at: datetime | None
    source: str
    currency: str
    erased: bool
    free: bool
    reserved: str


class Heard(Struct, frozen=True):
    """One thing that is known of a delivery already."""

    id: UUID
    delivery_id: UUID
    kind: str
    code: str
    occurred_at: datetime
    voided: bool = False
    amount: Decimal | None = None
    currency: str | None = None


class NewFeedback(Struct, frozen=True, kw_only=True):
    id: UUID
    lead_id: UUID
    delivery_id: UUID
    buyer: str
    key: bytes
    kind: str
    code: str
    raw: str
    occurred_at: datetime
    received_at: datetime
    by_whom: str
    external_id: str | None
    amount: Decimal | None
    currency: str | None
    promised_at: datetime | None
    voids: UUID | None
    conflict: bool
    note: str


class Known(Struct, frozen=True):
    """What stands under a key already."""

    id: UUID
    delivery_id: UUID
    kind: str
    code: str


class Own(Struct, frozen=True):
    """An event of a buyer's, by which he takes it back."""

    id: UUID
    external_id: str | None
    delivery_id: UUID
    kind: str
    code: str
    voided: bool


class Lane(Struct, frozen=True):
    """One accepted delivery of a lead: what its buyer said last, and why he gave it back."""

    returned: bool
    reason: str | None
    codes: Sequence[str]


async def lock(conn: Any, ids: Collection[UUID], buyer: str) -> None:
    """This buyer's deliveries among these, until commit."""
    await conn.fetch(_LOCK, sorted(ids), buyer)


async def handed(conn: Any, ids: Collection[UUID], buyer: str) -> dict[UUID, Handed]:
    """Another buyer's delivery is as missing as one that never was."""
    return {row[0]: Handed(*row) for row in await conn.fetch(_HANDED, sorted(ids), buyer)}


async def by_reference(conn: Any, buyer: str, references: Collection[str]) -> dict[str, list[UUID]]:
    found: dict[str, list[UUID]] = {}
    for reference, id_ in await conn.fetch(_BY_REFERENCE, buyer, list(references)):
        found.setdefault(reference, []).append(id_)
    return found


async def by_lead(conn: Any, buyer: str, leads: Collection[UUID]) -> dict[UUID, list[UUID]]:
    found: dict[UUID, list[UUID]] = {}
    for lead_id, id_ in await conn.fetch(_BY_LEAD, buyer, list(leads)) if leads else ():
        found.setdefault(lead_id, []).append(id_)
    return found


async def by_contact(
    conn: Any,
    buyer: str,
    contracts: Sequence[str],
    spans: Sequence[tuple[datetime, datetime]],
    needles: Sequence[str],
) -> list[tuple[UUID, datetime, Mapping[str, list[Any]]]]:
    """(delivery, when it was sold, its lead's fields) of sales in any [first, past) whose fields hold a needle."""
    first, past = map(list, zip(*spans, strict=True))
    rows = await conn.fetch(_BY_CONTACT, list(contracts), buyer, first, past, list(needles))
    return [(row[0], row[1], decode(row[2])) for row in rows]


async def of_deliveries(conn: Any, ids: Collection[UUID]) -> dict[UUID, list[Heard]]:
    """In the order in which it happened."""
    found: dict[UUID, list[Heard]] = {}
    for row in await conn.fetch(_OF, list(ids)):
        found.setdefault(row[1], []).append(Heard(*row))
    return found


async def known(conn: Any, buyer: str, keys: Collection[bytes]) -> dict[bytes, Known]:
    return {row[0]: Known(*row[1:]) for row in map(tuple, await conn.fetch(_KNOWN, buyer, list(keys)))}


async def own(conn: Any, buyer: str, ids: Collection[UUID], external_ids: Collection[str]) -> list[Own]:
    return [Own(*row) for row in await conn.fetch(_OWN, buyer, list(ids), list(external_ids))]


async def keep(conn: Any, rows: Sequence[NewFeedback]) -> set[UUID]:
    """Those that were not known; another transaction may have kept the same at this moment."""
    return {row[0] for row in await conn.fetch(_KEEP, *columns(rows))} if rows else set()


async def void(conn: Any, ids: Collection[UUID]) -> None:
    if ids:
        await conn.execute(_VOID, list(ids))


async def of_lead(conn: Any, lead_id: UUID) -> list[dict[str, Any]]:
    return [dict(row) for row in await conn.fetch(_OF_LEAD, lead_id)]


async def lanes(conn: Any, lead_ids: Collection[UUID]) -> dict[UUID, list[Lane]]:
    """Lead → each sale of it."""
    found: dict[UUID, list[Lane]] = {}
    for lead_id, returned, reason, codes in await conn.fetch(_SUMMED, list(lead_ids)):
        found.setdefault(lead_id, []).append(Lane(returned, reason, codes))
    return found


async def unmapped(conn: Any, limit: int) -> list[tuple[str, str, int]]:
    """(buyer, word, how often) of words that nobody has given a meaning, the commonest first."""
    return [(row[0], row[1], row[2]) for row in await conn.fetch(_UNMAPPED, limit)]


async def give_meaning(conn: Any, words: Sequence[tuple[str, str, str]]) -> int:
    """(buyer, word, code): to all that was kept without one; how many that were."""
    if not words:
        return 0
    return int((await conn.execute(_MAP, *map(list, zip(*words, strict=True)))).split()[-1])


async def had_before(conn: Any, lead_id: UUID, buyer: str, sold_at: datetime) -> bool:
    """Whether the buyer had this person by an earlier lead, as far as duplicate rules keep that."""
    return bool(await conn.fetchval(_HAD, lead_id, buyer, sold_at))
