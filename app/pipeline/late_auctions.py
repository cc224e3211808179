"""Auctions held leads that were let go, where their campaign sells so: the word is a command's, the bidders are asked by the service."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from app.core.conditions import facts_of
from app.core.errors import Refused
from app.core.events import bug, emit
from app.core.world import World
from app.pipeline.auctioneer import Auctioneer, Hammer, Lot
from app.pipeline.pinging import bid_document
from app.pipeline.reviewing import Reviewer
from app.pipeline.tracking import Tracker
from app.pipeline.tracks import Step, Track
from app.store import leads, letting_go
from app.store.database import Database, is_ambiguous, is_away
from app.store.leads import Context

EVERY = 1.0
_TAKE = 20
_OURS = 90.0  # seconds: an auction lasts 30 at most, and what follows of it some more


class LateAuctions:
    """Each lead is one process's at a time. Whoever dies with it has asked for bids and changed nothing: it is
    auctioned again by another. What a person says of it meanwhile goes before."""

    def __init__(
        self, database: Database, auctioneer: Auctioneer, reviewer: Reviewer, tracker: Tracker, world: World,
        *, follow: Callable[[Step], None],
    ) -> None:  # fmt: skip
        self._database = database
        self._auctioneer = auctioneer
        self._reviewer = reviewer
        self._tracker = tracker
        self._world = world
        self._follow = follow

    async def hold(self) -> bool:
        """A few of those that wait, at once; whether there may be more."""
        async with self._database.acquire() as conn:
            taken = await letting_go.take(conn, _TAKE, _OURS)
            contexts = await leads.contexts(conn, [lead_id for lead_id, _ in taken]) if taken else {}
        await asyncio.gather(*(self._one(lead_id, by, contexts.get(lead_id)) for lead_id, by in taken))
        return len(taken) == _TAKE

    async def _one(self, lead_id: UUID, by: str, context: Context | None) -> None:
        """What one lead is at fault for holds up no other."""
        try:
            if context is None or context.state != "held" or context.closed:
                await self._forget(lead_id)
                return
            track = self._tracker.track(context)
            if track.plan.campaign.auction.on == "post":
                hammer = await self._hammer(track)
                bids = [bid_document(bid) for bid in hammer.bids]
                step = await self._reviewer.auctioned(lead_id, bids, hammer.silent, by=by)
            else:  # it sells otherwise by now
                step = await self._reviewer.approve(lead_id, by=by)
            if step is not None:
                self._follow(step)
        except Refused:  # somebody else was quicker, or it is another round's by now
            await self._forget(lead_id)
        except Exception as error:
            if is_away(error) or is_ambiguous(error):
                raise
            emit(bug(error, "auction"))

    async def _hammer(self, track: Track) -> Hammer:
        campaign, lead = track.plan.campaign, track.normals
        match = campaign.match(facts_of(lead, track.worth), source=track.source, at=self._world.now())
        return await self._auctioneer.hold(
            Lot(
                id=track.lead_id, campaign=campaign, source=track.source, match=match, lead=lead, raw=track.raws,
                beside=campaign.enrichment.beside, without=track.barred, test=track.test,
            )
        )  # fmt: skip

    async def _forget(self, lead_id: UUID) -> None:
        async with self._database.acquire() as conn:
            await letting_go.forget(conn, lead_id)
