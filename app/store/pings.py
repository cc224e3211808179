"""Pings in the database: how quickly a source may send them, what was bid, and which lead made use of it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from msgspec import Struct

from app.store.leads import decode

# A row says until when its source has used up its pace; it may be a minute ahead, so a minute's pings may come at once.
_PACE = """
insert into ping_pace as p (source, ahead_until) values ($1, now() + $2 * interval '1 second')
on conflict (source) do update set ahead_until = greatest(p.ahead_until, now()) + $2 * interval '1 second'
  where greatest(p.ahead_until, now()) + $2 * interval '1 second' <= now() + interval '1 minute'
returning 1
"""
_WAIT = """
select greatest(0, extract(epoch from ahead_until - now()) + $2 - 60)::float8 from ping_pace where source = $1
"""
_KEEP = """
insert into ping (id, source, campaign, at, expires_at, test, price, currency, facts, bids, silent, ms)
values ($1, $2, $3, $4, $5, $6, $7::numeric, $8, $9::json, $10::json, $11::json, $12)
"""
_LOOK = """
select id, source, campaign, expires_at, test, price, facts, bids, lead_id, silent from ping
 where id = any($1::uuid[]) order by id"""
_LOCK = f"{_LOOK} for update"
_USE = """
update ping p set lead_id = t.lead_id
  from unnest($1::uuid[], $2::uuid[]) as t(id, lead_id) where p.id = t.id
"""
# What a held lead was promised stands with its own detail: its ping may be gone by the time that it is let go.
_PROMISE = "select routing -> 'ping' from lead_detail where lead_id = $1"
_SAY = """
update lead_detail set routing = (routing::jsonb || $2::jsonb)::json where lead_id = $1
"""
_AGREED = "update lead set agreed = $2::numeric where id = $1"
_FREE = """
update ping p set lead_id = null
  from lead_detail d where d.lead_id = $1 and p.id = (d.routing -> 'ping' ->> 'id')::uuid and p.lead_id = $1
"""
_GIVE_BACK = "update ping set lead_id = null where id = $1 and lead_id = $2"


class NewPing(Struct, frozen=True, kw_only=True):
    """What is kept of a ping. `bids` are plain documents, best first; `silent` is contract → why it made none."""

    id: UUID
    source: str
    campaign: str
    at: datetime
    expires_at: datetime
    test: bool
    price: Decimal | None
    currency: str
    facts: Mapping[str, str]
    bids: Sequence[Mapping[str, Any]]
    silent: Mapping[str, str]
    ms: float


class KeptPing(Struct, frozen=True):
    """A ping as a post finds it, locked."""

    id: UUID
    source: str
    campaign: str
    expires_at: datetime
    test: bool
    price: Decimal | None
    facts: Mapping[str, str]
    bids: Sequence[Mapping[str, Any]]
    lead_id: UUID | None
    silent: Mapping[str, str] = {}


class Promise(Struct, frozen=True):
    """What a ping keeps for a lead that is held: its bids as they are kept, the best first. `names`: the person agreed
    to these bidders alone."""

    ping_id: UUID
    expires_at: datetime
    bids: Sequence[Mapping[str, Any]]
    names: bool = False

    def document(self) -> dict[str, Any]:
        told = {"id": str(self.ping_id), "expires_at": self.expires_at.isoformat(), "bids": self.bids}
        return told | {"names": True} if self.names else told


async def pace(conn: Any, source: str, per_minute: int) -> float | None:
    """Count one ping; None where it may come, else the seconds after which the next one may."""
    each = 60 / per_minute
    if await conn.fetchval(_PACE, source, each):
        return None
    return float(await conn.fetchval(_WAIT, source, each) or each)


async def keep(conn: Any, ping: NewPing) -> None:
    await conn.execute(
        _KEEP, ping.id, ping.source, ping.campaign, ping.at, ping.expires_at, ping.test,
        None if ping.price is None else str(ping.price), ping.currency, _json(ping.facts), _json(ping.bids),
        _json(ping.silent), ping.ms,
    )  # fmt: skip


async def lock(conn: Any, ids: Sequence[UUID]) -> dict[UUID, KeptPing]:
    """Locked in sorted order until commit: of two leads that come with one ping the second sees the first."""
    return _kept(await conn.fetch(_LOCK, sorted(ids)))


async def look(conn: Any, ids: Sequence[UUID]) -> dict[UUID, KeptPing]:
    """As they stand at this moment; nobody is kept from using them."""
    return _kept(await conn.fetch(_LOOK, list(ids)))


def _kept(rows: Iterable[Any]) -> dict[UUID, KeptPing]:
    return {
        r[0]: KeptPing(r[0], r[1], r[2], r[3], r[4], r[5], decode(r[6]), decode(r[7]), r[8], decode(r[9]))
        for r in rows
    }


async def use(conn: Any, leads: Mapping[UUID, UUID]) -> None:
    """Ping → the lead that it is used up by; the pings are locked."""
    await conn.execute(_USE, list(leads), list(leads.values()))


async def promise(conn: Any, lead_id: UUID) -> Promise | None:
    """What a held lead has of its ping."""
    told = decode(await conn.fetchval(_PROMISE, lead_id))
    if not told:
        return None
    until = datetime.fromisoformat(told["expires_at"])
    return Promise(UUID(told["id"]), until, told["bids"], told.get("names", False))


async def honour(conn: Any, lead_id: UUID, kept: Promise) -> None:
    """From here on the lead is its bidders'."""
    await conn.execute(_SAY, lead_id, _json({"bids": kept.bids}))


async def knock_down(
    conn: Any,
    lead_id: UUID,
    bids: Sequence[Mapping[str, Any]],
    silent: Mapping[str, str],
    agreed: Decimal | None,
) -> None:
    """The held lead was auctioned when it was let go: a sale owes its source `agreed`."""
    await conn.execute(_SAY, lead_id, _json({"bids": list(bids), "silent": dict(silent)}))
    await conn.execute(_AGREED, lead_id, None if agreed is None else str(agreed))


async def lapse(conn: Any, lead_id: UUID, code: str, agreed: Decimal | None) -> None:
    """The promise did not hold until the lead was let go: a sale owes its source `agreed`."""
    await conn.execute(_SAY, lead_id, _json({"lapsed": code}))
    await conn.execute(_AGREED, lead_id, None if agreed is None else str(agreed))


async def free(conn: Any, lead_id: UUID) -> None:
    """The held lead goes nowhere: another one may come with its ping."""
    await conn.execute(_FREE, lead_id)


async def give_back(conn: Any, ping_id: UUID, lead_id: UUID) -> None:
    """The lead that used this ping up has nothing of it any more."""
    await conn.execute(_GIVE_BACK, ping_id, lead_id)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
