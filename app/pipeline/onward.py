"""Whom a lead goes to next that a buyer refused or gave up: the rest of its contracts, asked as the first were."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.core.world import World
from app.distribute.directed import directed
from app.distribute.wanting import Want
from app.pipeline.choosing import Chooser
from app.pipeline.gate import shared_of
from app.pipeline.selling import jobs_of, passage, tested
from app.pipeline.tracks import Job, Track
from app.store import lead_keys, requeues
from app.store.deliveries import Progress
from app.store.requeues import NOTHING, Earlier


class Opening(Struct, frozen=True):
    """A lead with slots that have become free; with `to` it goes to that contract and to nobody else."""

    track: Track
    progress: Progress
    slots: Sequence[int]
    to: str = ""


class Onward:
    """Shared by everything in a process that hands leads on."""

    def __init__(self, chooser: Chooser, world: World) -> None:
        self._chooser = chooser
        self._world = world

    async def place(
        self, conn: Any, openings: Sequence[Opening], back: Mapping[str, int] | None = None
    ) -> dict[UUID, tuple[Job, ...]]:
        """First attempts with the next contracts; `back` is what has come free of counters. Raises Again and
        MissingCounters."""
        tracks = [one.track for one in openings]
        others = await self._others(conn, tracks)
        earlier = await requeues.earlier(conn, [t.lead_id for t in tracks if t.round > 1], begun=True)
        held = await requeues.held(conn, [t.lead_id for t in tracks if t.plan.campaign.legs])
        wants: list[tuple[Opening, Want]] = []
        found: dict[UUID, tuple[Job, ...]] = {}
        for one in openings:
            lead = one.track.lead_id
            want = self._want(one, others.get(lead, set()), earlier.get(lead, NOTHING), held.get(lead, ()))
            if one.track.test:
                found[lead] = jobs_of(one.track, one.slots, tested(want), self._world)
            else:
                wants.append((one, want))
        if wants or back:
            choices = await self._chooser.choose(conn, [want for _, want in wants], back)
            for (one, _), choice in zip(wants, choices, strict=True):
                one.track.full = choice.full
                found[one.track.lead_id] = jobs_of(one.track, one.slots, choice, self._world)
        return found

    async def _others(self, conn: Any, tracks: Sequence[Track]) -> Mapping[UUID, set[str]]:
        """Lead → buyers who got its person meanwhile by another lead; asked only where a campaign minds."""
        minding = sorted(track.lead_id for track in tracks if track.plan.campaign.by_buyer)
        return await lead_keys.others(conn, minding) if minding else {}

    def _want(
        self, one: Opening, others: set[str], earlier: Earlier, held: Sequence[tuple[str, int]]
    ) -> Want:
        track, progress = one.track, one.progress
        track.ranks, track.factor = progress.made, earlier.factor  # not what was counted before a rollback
        now = self._world.now()
        match = track.match(now)
        barred = track.barred.union(progress.buyers, others, earlier.buyers)
        tried = {*progress.tried, *earlier.contracts}
        if one.to:
            match = directed(match, one.to)
        goes_on = not one.to and not track.bids
        return Want(
            match, len(one.slots), tried=tried, buyers=barred, prices=track.pays, factor=track.factor,
            passage=passage(track.plan.campaign, match, held=held, slots=track.copies) if goes_on else None,
            share=shared_of(track, now),
        )  # fmt: skip
