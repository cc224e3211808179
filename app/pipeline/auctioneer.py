"""Collects the bids on a lead: all bidders are asked at once, without its contacts, and whoever is late has not bid."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.catalog.snapshot import Contract
from app.core.events import bug, emit
from app.core.hashed import Hashed
from app.core.metrics import Metrics
from app.core.money import UNIT
from app.core.world import World
from app.distribute.adapter import Handover
from app.distribute.auction import Bid, BidSettings, ranked
from app.distribute.bitsets import positions
from app.distribute.caps import CounterKey, Use
from app.distribute.fills import limit_kind
from app.distribute.ping import PingRequest
from app.distribute.route import Match
from app.distribute.wire import Wire
from app.model import Accepted, Outcome, Scalar, TryLater
from app.pipeline.plans import CampaignPlan, Plans
from app.pipeline.seats import Seats
from app.store import replays
from app.store.database import Database

LATE = "late"
NO_PLACE = "no_place"
"""All of the places that its contract has at once were taken until the deadline: it was not asked."""


class Lot(Struct, frozen=True, kw_only=True):
    """What is auctioned. `lead` and `raw` may hold contacts: no ping has them."""

    id: UUID
    campaign: CampaignPlan
    source: str
    match: Match
    lead: Mapping[str, Scalar]
    raw: Mapping[str, Scalar] = {}
    beside: frozenset[str] = frozenset()
    without: Collection[str] = ()  # buyers who have its person
    test: bool = False
    hashes: Mapping[str, str] = {}  # phone, email → its person's, as `hashed` makes them
    hashed: Hashed | None = None

    def told(self, ping: PingRequest) -> Mapping[str, Scalar]:
        """What is known of it, with the hashes that came where this bidder reads them as they are."""
        if self.hashed is None or ping.hashes is None or not ping.hashes.alike(self.hashed):
            return self.lead
        return {f"{kind}_hash": text for kind, text in self.hashes.items()} | dict(self.lead)


class Hammer(Struct, frozen=True):
    """How an auction ended: the bids that count, best first, and why the others made none: contract → code."""

    bids: tuple[Bid, ...]
    silent: Mapping[str, str]
    ms: float


class Auctioneer:
    """Its wire is not the one that hands leads over: pings take no lead's connection. A bidder whose contract says its
    `concurrency` is asked on one of its `seats`; without these none is kept to."""

    def __init__(
        self, database: Database, wire: Wire, world: World, metrics: Metrics, *, plans: Callable[[], Plans],
        seats: Callable[[], Seats] | None = None,
    ) -> None:  # fmt: skip
        self._database = database
        self._wire = wire
        self._world = world
        self._metrics = metrics
        self._plans = plans
        self._seats = seats
        self._late: set[asyncio.Task[Any]] = set()

    async def hold(self, lot: Lot) -> Hammer:
        """Within the campaign's deadline and what the database takes."""
        began, auction = self._world.monotonic(), lot.campaign.auction
        contracts, silent = await self._open(lot)
        asked = [one for one in contracts if _ping_of(one) is not None]
        outcomes = await self._ask(lot, asked, auction.deadline.seconds) if asked else {}
        bids: list[Bid] = []
        for one in contracts:
            said = outcomes.get(one.id) if one in asked else Accepted()
            if isinstance(said, Accepted):
                bids.append(_bid(one, said))
            else:
                silent[one.id] = LATE if said is None else _why(said)
        result = ranked(bids, auction, self._returned() if auction.penalty == "returns" else {})
        self._count(asked, outcomes, result.out)
        ms = (self._world.monotonic() - began) * 1000
        return Hammer(result.bids, {**silent, **result.out}, round(ms, 2))

    def _returned(self) -> Mapping[str, Decimal]:
        """Contract → the share of its leads that is expected to come back."""
        return {contract: one.returns for contract, one in self._plans().expectations.of.items()}

    async def close(self) -> None:
        for task in self._late:
            task.cancel()
        await asyncio.gather(*self._late, return_exceptions=True)

    async def _open(self, lot: Lot) -> tuple[list[Contract], dict[str, str]]:
        """Who may bid: in rank order, without those that are full or have the person."""
        index, match = lot.match.index, lot.match
        uses = {i: index.uses(i, match.lead, match.source, match.at) for i in positions(match.eligible)}
        common = [use for cap in index.common if (use := cap.use(match.lead, match.source, match.at, 0))]
        keys = {key for found in (*uses.values(), common) for use in found for key in use.keys}
        values: Mapping[str, int] = {}
        if keys:
            async with self._database.promptly() as conn:
                values = await replays.counted(conn, sorted(keys))
        whole = _full(common, values)
        contracts: list[Contract] = []
        silent: dict[str, str] = {}
        for i, found in uses.items():
            one: Contract = index.contracts[i]
            if one.buyer in lot.without:
                silent[one.id] = "duplicate"
            elif (key := whole or _full(found, values)) is not None:
                silent[one.id] = limit_kind(key)
            else:
                contracts.append(one)
        return contracts, silent

    async def _ask(self, lot: Lot, asked: Sequence[Contract], seconds: float) -> dict[str, Outcome]:
        """Contract → what it said in time."""
        at = self._world.now()
        lined: set[str] = set()
        tasks = {asyncio.create_task(self._seated(lot, one, at, seconds, lined)): one for one in asked}
        done, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:  # ended without being waited for: the deadline is the source's
            task.cancel()
            self._late.add(task)
            task.add_done_callback(self._late.discard)
        said = ((tasks[task].id, task.result()) for task in done)
        found = {contract: outcome for contract, outcome in said if outcome is not None}
        return found | dict.fromkeys(lined, TryLater(reason=NO_PLACE))

    async def _seated(
        self, lot: Lot, contract: Contract, at: datetime, seconds: float, lined: set[str]
    ) -> Outcome | None:
        """`lined` has it for as long as all places of its contract are taken."""
        if self._seats is None or contract.concurrency is None:
            return await self._one(lot, contract, at, seconds)
        lined.add(contract.id)
        async with self._seats().at(contract):
            lined.discard(contract.id)
            return await self._one(lot, contract, at, seconds)

    async def _one(self, lot: Lot, contract: Contract, at: datetime, seconds: float) -> Outcome | None:
        ping = _ping_of(contract)
        assert ping is not None
        handover = Handover(
            delivery_id=self._world.new_id(), lead_id=lot.id, contract=contract.id, campaign=lot.campaign.id,
            source=lot.source, price=contract.doc.price, lead=lot.told(ping), raw=lot.raw, beside=lot.beside, at=at,
            test=lot.test, contact=lot.campaign.contact,
        )  # fmt: skip
        try:
            return (await self._wire.converse(ping.converse(handover), total=seconds)).outcome
        except Exception as error:
            emit(bug(error, "ping"))
            return None

    def _count(
        self, asked: Sequence[Contract], outcomes: Mapping[str, Outcome], out: Mapping[str, str]
    ) -> None:
        for one in asked:
            said = outcomes.get(one.id)
            word = LATE if said is None else "bid" if isinstance(said, Accepted) else "no"
            word = NO_PLACE if isinstance(said, TryLater) and said.reason == NO_PLACE else word
            self._metrics.count("leadgate_bids_total", (one.id, out.get(one.id, word)))


def _full(uses: Sequence[Use], values: Mapping[CounterKey, int]) -> CounterKey | None:
    """Of which limit there is no room."""
    full = (one.key for one in uses if one.full(sum(values.get(key, 0) for key in one.keys)))
    return next(full, None)


def _ping_of(contract: Contract) -> Any:
    return contract.bid.ping if isinstance(contract.bid, BidSettings) else None


def _bid(contract: Contract, said: Accepted) -> Bid:
    price = contract.doc.price if said.price is None else said.price
    return Bid(
        contract=contract.id, buyer=contract.buyer, price=_counted(price), reference=_storable(said.reference or "")
    )  # fmt: skip


def _counted(price: Decimal) -> Decimal:
    """What counters and ledger hold: places beyond are the buyer's."""
    return price.quantize(UNIT, ROUND_DOWN)


def _why(said: Outcome) -> str:
    """A code of ours, or a buyer's word."""
    return _storable(getattr(said, "reason", ""))[:100] or "no"


def _storable(said: str) -> str:
    """No NUL and no half of a character: a buyer's odd byte must not make an auction unrecordable."""
    return said[:200].replace("\0", "").encode("utf-8", "replace").decode()
