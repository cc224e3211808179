"""What buyers owe, as a counter that offers are held against: their ledger and what is on its way to them.

The counter `balance:{buyer}` is derived: ledger and open deliveries say it at any moment, to the ten-thousandth. It
is there so that one lock decides whether a buyer may be offered one more lead. Where it is missing it is counted anew.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from app.core.money import units

PREFIX = "balance:"

# Each entry is rounded by itself, as each reservation was.
_OWED = """
select coalesce(sum(n), 0)::bigint from (
  select round(amount * 10000) as n from entry where debit = 'buyer:' || b.buyer
  union all
  select -round(amount * 10000) from entry where credit = 'buyer:' || b.buyer
  union all
  select coalesce(nullif(split_part(split_part(E'\\n' || d.reserved || E'\\n', E'\\nbalance:' || b.buyer || E'\\t', 2),
                                    E'\\n', 1), ''), '0')::bigint
    from delivery d where d.buyer = b.buyer and d.state in ('sending', 'waiting', 'pooled', 'unclear') and d.reserved <> ''
) t
"""
_MAKE = f"""
insert into counter (key, value)
select 'balance:' || b.buyer, ({_OWED}) from unnest($1::text[]) as b(buyer) order by 1
on conflict (key) do nothing
"""
_THERE = "select substr(key, 9), value from counter where key = any($1::text[]) order by key"
_LOCK = f"{_THERE} for update"
_ADD = """
update counter c set value = c.value + b.by
  from unnest($1::text[], $2::bigint[]) as b(key, by) where c.key = b.key
"""
_ADD_OR_MAKE = f"""
insert into counter (key, value)
select 'balance:' || b.buyer, ({_OWED}) from unnest($1::text[]) as b(buyer) order by 1
on conflict (key) do update set value = counter.value + ($2::bigint[])[array_position($1::text[], substr(counter.key, 9))]
"""
_DIFFERING = f"""
select buyer, value, owed from (
  select b.buyer, c.value, ({_OWED}) as owed
    from counter c cross join lateral (select substr(c.key, 9) as buyer) b where c.key like 'balance:%'
) t where value <> owed order by buyer limit 100
"""
_DROP = "delete from counter where key like 'balance:%' and key <> all($1::text[])"
_FORGET = "delete from counter where key = $1"


_LOW = """
with low as (select unnest($1::text[]) as buyer), begun as (
  insert into low_balance (buyer) select buyer from low order by buyer on conflict do nothing returning buyer
), ended as (
  delete from low_balance where buyer <> all($1::text[]) returning buyer
)
select array(select buyer from begun), array(select buyer from ended)
"""


class Differing(Struct, frozen=True):
    """A counter that says something else than what it is derived from, in ten-thousandths."""

    buyer: str
    counted: int
    owed: int

    def __str__(self) -> str:
        return self.buyer


def key_of(buyer: str) -> str:
    return f"{PREFIX}{buyer}"


async def change(conn: Any, by: Mapping[str, Decimal]) -> None:
    """Add to what buyers owe (a deposit, a payment, a credit and a return are negative), in the transaction that has
    ALREADY posted the entries: a counter that is missing is made of the ledger as this transaction sees it.

    Locks: counters in sorted order, behind deliveries and leads.
    """
    if not by:
        return
    known = {row[0] for row in await conn.fetch(_LOCK, [key_of(buyer) for buyer in by])}
    if known:
        await conn.execute(_ADD, [key_of(buyer) for buyer in known], [units(by[buyer]) for buyer in known])
    if new := sorted(by.keys() - known):
        await conn.execute(_ADD_OR_MAKE, new, [units(by[buyer]) for buyer in new])


async def make(conn: Any, buyers: Iterable[str]) -> None:
    """Make counters exist, outside of the transaction that locks them."""
    await conn.execute(_MAKE, sorted(buyers))


async def there(conn: Any, buyers: Iterable[str]) -> dict[str, int]:
    """Buyer → what it owes, in ten-thousandths, without a lock; those whose counter was never needed are missing."""
    return {row[0]: row[1] for row in await conn.fetch(_THERE, [key_of(one) for one in buyers])}


async def differing(conn: Any) -> list[Differing]:
    """Counters that differ from ledger and open deliveries; one statement sees all three at one moment."""
    return [Differing(*row) for row in await conn.fetch(_DIFFERING)]


async def set_low(conn: Any, buyers: Iterable[str]) -> tuple[list[str], list[str]]:
    """These have nothing left, all others have: who does not since now, and who does again. Whoever hears of it
    first hears it alone."""
    begun, ended = await conn.fetchrow(_LOW, sorted(buyers))
    return begun, ended


async def keep(conn: Any, buyers: Iterable[str]) -> None:
    """Drop the counters of all others: nobody counts with them any more."""
    await conn.execute(_DROP, [key_of(one) for one in buyers])


async def recount(conn: Any, buyer: str) -> None:
    """Count anew when it is needed next."""
    await conn.execute(_FORGET, key_of(buyer))
