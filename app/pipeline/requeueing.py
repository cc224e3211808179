"""A lead that nobody took waits instead of being unsold, for as long as its campaign offers it again."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from app.distribute.resets import resets_at
from app.pipeline.plans import CampaignPlan
from app.pipeline.tracks import Step, Track
from app.store import requeues
from app.store.requeues import Waiting


def is_offered_again(campaign: CampaignPlan, *, test: bool, auctioned: bool) -> bool:
    """Who tests wants to know at once; who bid for a lead was promised that nobody else gets it."""
    return campaign.doc.distribution.requeue is not None and not test and not auctioned


async def kept_waiting(
    conn: Any, steps: Sequence[Step], at: datetime, closed: Collection[UUID] = ()
) -> list[Step]:
    """The steps of leads that nobody took become steps of leads that wait, but for those that nobody is to have. What
    their sources hear is the same."""
    unsold = [
        step
        for step in steps
        if step.state == "unsold"
        and step.track.lead_id not in closed
        and is_offered_again(step.track.plan.campaign, test=step.track.test, auctioned=bool(step.track.bids))
    ]
    if not unsold:
        return list(steps)
    waiting = await requeues.wait(conn, [waiting_of(step.track, at) for step in unsold])
    return [_waits(step) if step.track.lead_id in waiting else step for step in steps]


def _waits(step: Step) -> Step:
    change = step.change and replace(step.change, state="delivering", ended=False)
    return replace(step, state="delivering", change=change)


def waiting_of(track: Track, at: datetime) -> Waiting:
    """When it is looked at next: after a while, or as soon as a cap that was full begins anew."""
    campaign = track.plan.campaign
    policy = campaign.doc.distribution.requeue
    assert policy is not None
    soonest = None
    if "cap_reset" in policy.on and track.full:
        indexes = [leg.index for leg in campaign.legs] or [campaign.index]
        soonest = resets_at(indexes, track.full, at)
    return Waiting(
        track.lead_id, campaign.id, track.round, policy.every.seconds, policy.lasting.seconds,
        None if soonest is None else soonest.timestamp(), track.plan.version,
    )  # fmt: skip
