"""Answers a ping: what would be paid for a lead with these facts, promised for a while; nothing of it is a lead."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from math import ceil
from typing import Any
from uuid import UUID

import orjson
from msgspec import Struct

from app.core.conditions import facts_of
from app.core.errors import TooMany
from app.core.metrics import Metrics
from app.core.money import written
from app.core.world import World
from app.distribute.auction import Bid
from app.ingest.pinged import Told, told
from app.model import Record, Scalar
from app.pipeline import hash_exchange
from app.pipeline.auctioneer import Auctioneer, Hammer, Lot
from app.pipeline.gate import CODE as SOURCE_CAP
from app.pipeline.gate import room
from app.pipeline.plans import Plans, SourcePlan
from app.store import pings
from app.store.database import Database
from app.store.pings import NewPing

NO_BID = {"code": "no_bid", "field": "", "message": "nobody bids for it"}
FULL = {"code": SOURCE_CAP, "field": "", "message": "no more is taken from this source now"}
COARSE = {"code": "refused", "field": "", "message": "nobody bids for it"}


class Pinged(Struct, frozen=True):
    """The answer. `price` is what the source is paid if it posts the lead in time and a bidder takes it."""

    id: UUID
    price: Decimal | None
    currency: str
    expires_at: datetime | None
    bids: Sequence[Bid]
    names: Mapping[str, str]  # contract → its buyer's name, where it may be told
    reasons: Sequence[Mapping[str, str]]
    test: bool = False

    def document(self) -> dict[str, Any]:
        """The JSON shape that sources get. There is never a lead's id in it: there is no lead."""
        doc: dict[str, Any] = {
            "outcome": "failure" if self.price is None else "success",
            "ping_id": str(self.id),
        }
        doc["price"] = written(self.price or Decimal(0))
        doc["currency"] = self.currency
        if self.expires_at is not None:
            doc["expires_at"] = self.expires_at.isoformat(timespec="seconds").replace("+00:00", "Z")
        if buyers := self.buyers():
            doc["buyers"] = buyers
        if self.reasons:
            doc["reason"] = self.reasons[0]["message"]
            doc["reasons"] = list(self.reasons)
        if self.test:
            doc["test"] = True
        return doc

    def buyers(self) -> list[dict[str, str]]:
        """Those who may be named, in the order in which they would be asked, each with what it is called here."""
        return [
            {"bid_id": str(n), "name": self.names[bid.contract]}
            for n, bid in enumerate(self.bids, 1)
            if bid.contract in self.names
        ]


class Pinger:
    """One for a process; nothing that must hold is in its memory."""

    def __init__(
        self,
        database: Database,
        auctioneer: Auctioneer,
        world: World,
        metrics: Metrics,
        *,
        plans: Callable[[], Plans],
    ) -> None:
        self._database = database
        self._auctioneer = auctioneer
        self._world = world
        self._metrics = metrics
        self._plans = plans

    async def admit(self, plan: SourcePlan) -> None:
        """Count one ping of its source, over all processes. Raises TooMany."""
        async with self._database.promptly() as conn:
            wait = await pings.pace(conn, plan.id, plan.ping.per_minute)
        if wait is not None:
            raise too_often(plan.ping.per_minute, wait)

    async def ping(self, plan: SourcePlan, record: Record, *, test: bool = False) -> Pinged:
        """Raises Unprocessable for contact data, where the source is not to have it dropped."""
        began, now, id_ = self._world.monotonic(), self._world.now(), self._world.new_id()
        fields, extra = plan.fields.apply(record)
        facts = told(fields, extra, plan.campaign.contact, plan.ping)
        hammer = await self._held(plan, facts, id_, now, test=test)
        price = hammer.bids[0].offered if hammer.bids else None
        expires = now + timedelta(seconds=plan.campaign.auction.expires.seconds)
        await self._keep(plan, facts, hammer, price, id_, now, expires, test=test, began=began)
        took = self._world.monotonic() - began
        self._metrics.observe("leadgate_ping_seconds", (plan.id,), took)
        if not test:
            self._metrics.count("leadgate_pings_total", (plan.id, "no_bid" if price is None else "bid"))
        return Pinged(
            id_, price, plan.campaign.doc.currency, None if price is None else expires, hammer.bids,
            self._names(hammer.bids), _reasons(plan, facts, hammer), test,
        )  # fmt: skip

    async def _held(self, plan: SourcePlan, facts: Told, id_: UUID, now: datetime, *, test: bool) -> Hammer:
        """Nobody is asked for a lead that its source may not bring, and no price is told at which it may not."""
        if not plan.caps or test:
            return await self._bids(plan, facts, id_, now, test=test)
        async with self._database.promptly() as conn:
            left = await room(conn, plan, facts_of(_normals(facts), None), now)
        if not left.has(None):
            return Hammer((), {"": SOURCE_CAP}, 0.0)
        hammer = await self._bids(plan, facts, id_, now, test=test)
        if not hammer.bids or left.has(hammer.bids[0].offered):
            return hammer
        return Hammer((), {**hammer.silent, "": SOURCE_CAP}, hammer.ms)

    async def _bids(self, plan: SourcePlan, facts: Told, id_: UUID, now: datetime, *, test: bool) -> Hammer:
        """Nobody is asked for a person on a list whose people are not taken; nor a buyer who has him."""
        has: set[str] = set()
        if facts.hashes:
            async with self._database.promptly() as conn:
                has = await hash_exchange.who_has(conn, plan.campaign, plan.ping, facts.hashes, test=test)
                lists = await hash_exchange.listed(conn, self._plans(), plan.ping, facts.hashes)
            if lists & hash_exchange.barring(plan.campaign):
                return Hammer((), {"": "suppressed"}, 0.0)
            has |= {doc.buyer for name in lists if (doc := self._plans().snapshot.lists[name]).buyer}
        return await self._auctioneer.hold(self._lot(plan, facts, id_, now, has, test=test))

    def _lot(
        self, plan: SourcePlan, facts: Told, id_: UUID, now: datetime, has: Collection[str], *, test: bool
    ) -> Lot:
        campaign = plan.campaign
        lead = _normals(facts)
        match = campaign.match(facts_of(lead, None), source=plan.id, at=now)
        raw = {name: value.raw for name, value in facts.fields.items()}
        return Lot(
            id=id_,
            campaign=campaign,
            source=plan.id,
            match=match,
            lead=lead,
            raw=raw,
            without=has,
            test=test,
            hashes=facts.hashes,
            hashed=plan.ping,
        )

    async def _keep(
        self, plan: SourcePlan, facts: Told, hammer: Hammer, price: Decimal | None, id_: UUID, now: datetime,
        expires: datetime, *, test: bool, began: float,
    ) -> None:  # fmt: skip
        """Durable before it is promised."""
        ms = (self._world.monotonic() - began) * 1000
        kept = NewPing(
            id=id_, source=plan.id, campaign=plan.campaign.id, at=now, expires_at=expires, test=test, price=price,
            currency=plan.campaign.doc.currency, silent=hammer.silent, ms=round(ms, 2),
            facts={n: fact_of(id_, n, v.normal) for n, v in facts.fields.items() if v.valid and n not in plan.campaign.contact},
            bids=[bid_document(bid) for bid in hammer.bids],
        )  # fmt: skip
        async with self._database.promptly() as conn:
            await pings.keep(conn, kept)

    def _names(self, bids: Sequence[Bid]) -> Mapping[str, str]:
        snapshot = self._plans().snapshot
        found = {}
        for bid in bids:
            contract = snapshot.contracts.get(bid.contract)
            if contract is not None and getattr(contract.bid, "named", False):
                found[bid.contract] = snapshot.buyers[bid.buyer].name or bid.buyer
        return found


def too_often(per_minute: int, wait: float) -> TooMany:
    """`wait`: seconds until the next one may come."""
    return TooMany(
        f"at most {per_minute:,} pings a minute are taken of you",
        code="ping_rate",
        headers={"Retry-After": str(max(1, ceil(wait)))},
    )


def fact_of(ping_id: UUID, name: str, value: Scalar) -> str:
    """By which a fact is known again, and of which nothing can be told without its ping."""
    told = orjson.dumps([name, value])
    return blake2b(told, key=ping_id.bytes, digest_size=8).hexdigest()


def bid_document(bid: Bid) -> dict[str, str]:
    """As it is kept with a ping, and with the lead that makes use of it."""
    return {
        "contract": bid.contract, "buyer": bid.buyer, "price": written(bid.price), "pays": written(bid.pays),
        "offered": written(bid.offered), "reference": bid.reference,
    }  # fmt: skip


def _normals(facts: Told) -> dict[str, Scalar]:
    return {name: value.normal for name, value in facts.fields.items() if value.valid}


def _reasons(plan: SourcePlan, facts: Told, hammer: Hammer) -> Sequence[Mapping[str, str]]:
    """Why nobody bids as far as a source may know, and which facts could not be read."""
    if plan.coarse:
        return () if hammer.bids else (COARSE,)
    unread = [
        {"code": "invalid", "field": name, "message": f"{name} {value.note or 'is not valid'}"}
        for name, value in facts.fields.items()
        if not value.valid
    ]
    why = FULL if hammer.silent.get("") == SOURCE_CAP else NO_BID
    return unread if hammer.bids else (why, *unread)
