"""What was asked for a price, by its moment: who bid, who did not, and the lead that made use of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.store.leads import decode

# By its moment a ping is found in few blocks; a contract is looked for in those alone.
_PINGED = """
select id, at, source, campaign, test, price, currency, expires_at, ms, bids, silent, lead_id from ping
 where at >= $1 and at < $2 and ($3::text is null or source = $3) and ($4::text is null or campaign = $4)
   and ($5::text is null or silent::jsonb ? $5
        or bids::jsonb @> jsonb_build_array(jsonb_build_object('contract', $5::text)))
   and (not $6 or price is null)
 order by at desc, id desc limit $7
"""


class Asking(Struct, frozen=True, kw_only=True):
    """Which pings are meant: of this time, source and campaign; that this contract was in; that nobody bid on."""

    since: datetime
    until: datetime
    source: str | None = None
    campaign: str | None = None
    contract: str | None = None
    without_bid: bool = False
    limit: int = 100


class Pinged(Struct, frozen=True, kw_only=True):
    """`price` is what its source was offered; None where nothing was. `bids` are the best first, `silent` is contract →
    why it made none."""

    id: UUID
    at: datetime
    source: str
    campaign: str
    test: bool
    price: Decimal | None
    currency: str
    expires_at: datetime
    ms: float
    bids: Sequence[Mapping[str, Any]]
    silent: Mapping[str, str]
    lead_id: UUID | None


async def pinged(conn: Any, asked: Asking) -> list[Pinged]:
    """The latest first."""
    rows = await conn.fetch(
        _PINGED, asked.since, asked.until, asked.source, asked.campaign, asked.contract, asked.without_bid, asked.limit
    )  # fmt: skip
    return [
        Pinged(**dict(row) | {"bids": decode(row["bids"]), "silent": decode(row["silent"])}) for row in rows
    ]
