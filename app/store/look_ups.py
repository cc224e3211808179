"""What services answered and cost: each question claimed before it is asked, so that no two ask it at once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

MOST_TRIES = 2
"""Processes that may ask one question, each after the one before it died on it."""

# Ours is what nobody asked, what is not believed any more, and what whoever asked it left behind; and what was ours
# already, where the commit was in doubt.
_CLAIM = """
insert into look_up (key, service, lead_id, asker, patience, expires_at)
select key, service, lead_id, asker, patience, now() + interval '1 day'
  from unnest($1::bytea[], $2::text[], $6::uuid[], $3::uuid[], $4::float8[])
    as t(key, service, lead_id, asker, patience) order by key
on conflict (key) do update
  set lead_id = excluded.lead_id, asker = excluded.asker, asked_at = now(), patience = excluded.patience, said_at = null, value = null,
      tries = case when look_up.expires_at <= now() then 1
                   when look_up.asker = excluded.asker then look_up.tries else look_up.tries + 1 end,
      expires_at = excluded.expires_at
  where look_up.expires_at <= now()
     or (look_up.said_at is null and look_up.asker = excluded.asker)
     or (look_up.said_at is null and look_up.tries < $5
         and look_up.asked_at + look_up.patience * interval '1 second' <= now())
returning key
"""
_KNOWN = """
select key, said_at, value, said_at is null and asked_at + patience * interval '1 second' <= now()
  from look_up where key = any($1::bytea[]) and expires_at > now()
"""
_ENSURE = """
insert into look_up_cost (purse, day, currency)
select distinct purse, (now() at time zone 'utc')::date, currency
  from unnest($1::text[], $2::text[]) as t(purse, currency) order by 1, 3
on conflict do nothing
"""
_LOCK = """
select purse, currency, cost from look_up_cost
 where day = (now() at time zone 'utc')::date
   and (purse, currency) in (select * from unnest($1::text[], $2::text[]))
 order by purse, currency for update
"""
_SPEND = """
update look_up_cost c set asked = c.asked + t.asked, cost = c.cost + t.cost::numeric
  from unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) as t(purse, currency, asked, cost)
 where c.day = (now() at time zone 'utc')::date and c.purse = t.purse and c.currency = t.currency
"""
_ANSWERED = """
update look_up l set said_at = now(), value = t.value::json, expires_at = now() + t.holds * interval '1 second'
  from unnest($1::bytea[], $2::text[], $3::float8[]) as t(key, value, holds) where l.key = t.key
"""
_LET_GO = """
delete from look_up l using unnest($1::bytea[], $2::uuid[]) as t(key, asker)
 where l.key = t.key and l.asker = t.asker and l.said_at is null
"""


class Wanted(Struct, frozen=True, kw_only=True):
    """A question by its stored key. `patience` seconds are what its asker may need; without `asks` it is
    only looked whether the answer is known."""

    key: bytes
    service: str
    lead_id: UUID
    asker: UUID
    patience: float
    purse: str
    cost: Decimal
    currency: str
    budget: Decimal | None = None
    asks: bool = True


class Standing(Struct, frozen=True):
    """`ours` to ask, `known` by an earlier answer, `elsewhere` on its way, `abandoned` by too many, over `budget`,
    or `unknown` where nobody may ask."""

    state: Literal["ours", "known", "elsewhere", "abandoned", "budget", "unknown"]
    value: str = ""  # JSON
    at: datetime | None = None


class Ended(Struct, frozen=True, kw_only=True):
    """How a question that was ours ended: with an answer (JSON) that holds for so many seconds, or with none;
    `refund`: it certainly never reached the service."""

    key: bytes
    asker: UUID
    purse: str
    currency: str
    cost: Decimal
    answer: str | None = None
    holds: float = 0.0
    refund: bool = False


async def claim(conn: Any, wanted: Sequence[Wanted]) -> list[Standing]:
    """In the caller's transaction. Locks: keys sorted, then purses sorted."""
    asking = sorted((one for one in wanted if one.asks), key=lambda one: one.key)
    ours: set[bytes] = set()
    if asking:
        rows = await conn.fetch(
            _CLAIM, [one.key for one in asking], [one.service for one in asking],
            [one.asker for one in asking], [one.patience for one in asking], MOST_TRIES,
            [one.lead_id for one in asking],
        )  # fmt: skip
        ours = {row[0] for row in rows}
    others = [one.key for one in wanted if one.key not in ours]
    known = {row[0]: row for row in await conn.fetch(_KNOWN, others)} if others else {}
    poor = await _spend(conn, [one for one in asking if one.key in ours])
    if poor:
        await _let_go(conn, [(one.key, one.asker) for one in asking if one.key in poor])
    return [_standing(one, ours, poor, known.get(one.key)) for one in wanted]


def _standing(one: Wanted, ours: set[bytes], poor: set[bytes], row: Any) -> Standing:
    if one.key in poor:
        return Standing("budget")
    if one.key in ours:
        return Standing("ours")
    if row is None:  # it ended in this moment, or nobody may ask
        return Standing("elsewhere" if one.asks else "unknown")
    _, said_at, value, overdue = row
    if said_at is not None:
        return Standing("known", value, said_at)
    return Standing("abandoned" if overdue else "elsewhere")


async def _spend(conn: Any, ours: Sequence[Wanted]) -> set[bytes]:
    """Count what these cost, as far as their purses have it; the keys of those for which nothing is left."""
    if not ours:
        return set()
    purses = [one.purse for one in ours], [one.currency for one in ours]
    await conn.execute(_ENSURE, *purses)
    spent = {(row[0], row[1]): row[2] for row in await conn.fetch(_LOCK, *purses)}
    asked, cost, poor = Counter[tuple[str, str]](), dict[tuple[str, str], Decimal](), set[bytes]()
    for one in ours:
        purse = one.purse, one.currency
        more = cost.get(purse, Decimal(0)) + one.cost
        if one.budget is not None and spent[purse] + more > one.budget:
            poor.add(one.key)
            continue
        asked[purse] += 1
        cost[purse] = more
    await _count(conn, asked, cost)
    return poor


async def _count(
    conn: Any, asked: Mapping[tuple[str, str], int], cost: Mapping[tuple[str, str], Decimal]
) -> None:
    keys = sorted(asked)
    if keys:
        await conn.execute(
            _SPEND, [key[0] for key in keys], [key[1] for key in keys], [asked[key] for key in keys],
            [str(cost[key]) for key in keys],
        )  # fmt: skip


async def end(conn: Any, ended: Sequence[Ended]) -> None:
    """In the caller's transaction."""
    ordered = sorted(ended, key=lambda one: one.key)
    if answered := [one for one in ordered if one.answer is not None]:
        await conn.execute(
            _ANSWERED, [one.key for one in answered], [one.answer for one in answered],
            [one.holds for one in answered],
        )  # fmt: skip
    if silent := [one for one in ordered if one.answer is None]:
        await _let_go(conn, [(one.key, one.asker) for one in silent])
    asked, cost = Counter[tuple[str, str]](), dict[tuple[str, str], Decimal]()
    for one in ordered:
        if one.refund:
            purse = one.purse, one.currency
            asked[purse] -= 1
            cost[purse] = cost.get(purse, Decimal(0)) - one.cost
    await _count(conn, asked, cost)


async def _let_go(conn: Any, ours: Sequence[tuple[bytes, UUID]]) -> None:
    await conn.execute(_LET_GO, [one[0] for one in ours], [one[1] for one in ours])
