"""Auctions a lead that came whole, before it is decided, where its campaign sells so: nothing else waits for it."""

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

from app.core.conditions import facts_of
from app.core.world import World
from app.model import Scalar
from app.pipeline.auctioneer import Auctioneer, Lot
from app.pipeline.binding import Binding, holds, may_do_without
from app.pipeline.claims import foresee, having
from app.pipeline.pinging import bid_document
from app.pipeline.tracks import won
from app.store.database import Database

if TYPE_CHECKING:
    from app.pipeline.drafts import Draft

Gather = Callable[[Sequence["Draft"]], Awaitable[None]]


class Sale(Struct, frozen=True):
    """Ask: who bids for this lead?"""


class LiveAuctions:
    def __init__(self, auctioneer: Auctioneer, world: World, database: Database) -> None:
        self._auctioneer, self._world, self._database = auctioneer, world, database

    def asks(self, draft: "Draft") -> bool:
        """Whether bidders are to be asked, unless its ping holds."""
        if draft.plan.campaign.auction.on != "post" or draft.auctioned is not None:
            return False
        return may_do_without(draft) and not draft.asked and not draft.work.abandoned

    async def hold(self, draft: "Draft", gather: Gather) -> None:
        """Nobody is asked about a lead that is rejected by what is known already, or was auctioned by its ping; nor is
        a buyer who has its person."""
        draft.spared = draft.mentioned is not None and not draft.lapsed and await self._keeps(draft)
        if draft.spared:
            return
        await gather([draft])
        campaign = draft.plan.campaign
        verdict = campaign.judge.judge(draft.lead, draft.evidence)
        if verdict.outcome != "accepted":
            return
        async with self._database.acquire() as conn:
            (foreseen,), has = await foresee(conn, [draft]), await having(conn, draft)
        if foreseen and not draft.lapsed:
            draft.spared = campaign.judge.settle(draft.lead, verdict, foreseen).outcome != "accepted"
        if draft.spared:
            return
        lead: dict[str, Scalar] = draft.lead.normals()
        match = campaign.match(facts_of(lead, verdict.worth), source=draft.lead.source, at=self._world.now())
        hammer = await self._auctioneer.hold(
            Lot(
                id=draft.lead.id, campaign=campaign, source=draft.lead.source, match=match, lead=lead,
                raw={name: value.raw for name, value in draft.lead.fields.items()},
                beside=campaign.enrichment.beside, without=has, test=draft.lead.test,
            )
        )  # fmt: skip
        bids = [bid_document(bid) for bid in hammer.bids]
        draft.auctioned = Binding(bids, won(bids), self._promised(draft, bids), silent=hammer.silent)

    async def _keeps(self, draft: "Draft") -> bool:
        """Whether its ping holds: of the first round for when the lead came, of a later one for now."""
        at = None if draft.round == 1 else self._world.now()
        async with self._database.acquire() as conn:
            return await holds(conn, draft, at)

    def _promised(self, draft: "Draft", bids: Sequence[dict[str, str]]) -> Decimal | None:
        """A source that has a price of its own is paid that; any other what is left of the best bid."""
        if draft.plan.price is not None or not bids:
            return None
        return Decimal(bids[0]["offered"])
