"""What accounts stand at, and the entries that brought them there."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.store.database import Database

_PAGE = 2_000
_END = datetime.max.replace(tzinfo=UTC)

_ALL = """
select account, currency, sum(amount) from (
  select debit as account, currency, sum(amount) as amount from entry group by 1, 2
  union all
  select credit, currency, -sum(amount) from entry group by 1, 2
) moved group by 1, 2 order by 1, 2
"""
# Each half is read from an index of its own, which holds no sale and no cost from their other side.
_DEBITS = "from entry where debit = $1 and kind <> 'cost'"
_CREDITS = "from entry where credit = $1 and kind <> 'sale'"
_ONE = f"""
select currency, sum(amount) from (
  select currency, amount {_DEBITS} and at < $2
  union all
  select currency, -amount {_CREDITS} and at < $2
) moved group by 1 order by 1
"""
_WHAT = "id, at, kind, %s as amount, currency, lead_id, delivery_id, campaign, contract, note, by_whom"
_BETWEEN = "and (at, id) > ($2, $3) and at < $4 order by at, id limit $5"
_LINES = f"""
select * from (
  (select {_WHAT % "amount"} {_DEBITS} {_BETWEEN})
  union all
  (select {_WHAT % "-amount"} {_CREDITS} {_BETWEEN})
) moved order by at, id limit $5
"""
_BILLED = f"""
select currency, kind, campaign, contract, note, amount, count(*)::int, sum(amount) from (
  select currency, kind, campaign, contract, note, amount {_DEBITS}
     and kind in ('sale', 'adjustment') and at >= $2 and at < $3
  union all
  select currency, kind, campaign, contract, note, -amount {_CREDITS}
     and kind in ('return', 'credit', 'adjustment') and at >= $2 and at < $3
) billed
 group by currency, kind, campaign, contract, note, amount
 order by currency, kind <> 'sale', kind desc, campaign, contract, amount desc, note
"""
_KEYED = "select kind, debit, credit, amount, currency from entry where key = $1"
_KNOWN = "select exists (select from entry where debit = $1 and kind <> 'cost') or exists (select from entry where credit = $1 and kind <> 'sale')"


class Balance(Struct, frozen=True):
    """What an account stands at in one currency: what came in as `debit` less what went out as `credit`."""

    account: str
    currency: str
    balance: Decimal


class Line(Struct, frozen=True):
    """An entry as one of its accounts sees it: `amount` is positive where it was debited."""

    id: int
    at: datetime
    kind: str
    amount: Decimal
    currency: str
    lead_id: UUID | None = None
    delivery_id: UUID | None = None
    campaign: str | None = None
    contract: str | None = None
    note: str | None = None
    by_whom: str | None = None


class Billed(Struct, frozen=True):
    """Entries of one kind, contract and price taken together; credits are negative."""

    currency: str
    kind: str
    campaign: str | None
    contract: str | None
    note: str | None
    price: Decimal
    count: int
    total: Decimal


async def every(conn: Any) -> list[Balance]:
    """Of all accounts; per currency they sum to zero."""
    return [Balance(*row) for row in await conn.fetch(_ALL)]


async def balance(conn: Any, account: str, before: datetime = _END) -> dict[str, Decimal]:
    """Currency → what a party's account stood at, or stands at."""
    return {row[0]: row[1] for row in await conn.fetch(_ONE, account, before)}


async def lines(database: Database, account: str, first: datetime, past: datetime) -> AsyncIterator[Line]:
    """A party's entries of that time, the oldest first; no connection is held while somebody reads them slowly."""
    at, id_ = first, 0
    while True:
        async with database.acquire() as conn:
            found = [Line(*row) for row in await conn.fetch(_LINES, account, at, id_, past, _PAGE)]
        for line in found:
            yield line
        if len(found) < _PAGE:
            return
        at, id_ = found[-1].at, found[-1].id


async def billed(conn: Any, account: str, first: datetime, past: datetime) -> list[Billed]:
    """What a buyer is to pay for that time, sales first; what was paid is none of it."""
    return [Billed(*row) for row in await conn.fetch(_BILLED, account, first, past)]


async def known(conn: Any, account: str) -> bool:
    """Whether anything was ever booked on a party's account."""
    return bool(await conn.fetchval(_KNOWN, account))


async def keyed(conn: Any, key: str) -> tuple[str, str, str, Decimal, str] | None:
    """(kind, debit, credit, amount, currency) of the entry with this key."""
    row = await conn.fetchrow(_KEYED, key)
    return tuple(row) if row else None
