"""The ledger: every amount that one party comes to owe another is an entry, made where the fact is written.

An entry moves its amount from the account `credit` to the account `debit`. Accounts are texts: `buyer:sunco` (what
the buyer owes us; a deposit makes it negative), `source:acme` (negative: what we owe), `revenue:solar`, `cost:solar`,
`cash`. An entry is never changed; a correction is an entry of its own.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from msgspec import Struct

from app.store.decisions import columns

Kind = Literal[
    "sale", "cost", "return", "cost_return", "deposit", "payment", "payout", "credit", "adjustment"
]

_POST = """
insert into entry (kind, debit, credit, amount, currency, lead_id, delivery_id, source, campaign, buyer, contract, key,
                   note, by_whom)
select * from unnest($1::text[], $2::text[], $3::text[], $4::numeric[], $5::text[], $6::uuid[], $7::uuid[], $8::text[],
                     $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[])
on conflict do nothing
returning 1
"""


class Entry(Struct, frozen=True, kw_only=True):
    """One movement. A delivery has one `sale` and one `return`; `cost` and `cost_return` without a delivery are one a
    lead. All other kinds have a `key`, and there is one of a key."""

    kind: Kind
    debit: str
    credit: str
    amount: Decimal  # above 0
    currency: str
    lead_id: UUID | None = None
    delivery_id: UUID | None = None
    source: str | None = None
    campaign: str | None = None
    buyer: str | None = None
    contract: str | None = None
    key: str | None = None
    note: str | None = None
    by_whom: str | None = None


async def post(conn: Any, entries: Sequence[Entry]) -> int:
    """Write entries in the caller's transaction; how many of them were not there already."""
    return len(await conn.fetch(_POST, *columns(entries))) if entries else 0
