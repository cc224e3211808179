"""What hand-overs that have ended mean for the pool: leads that lie there from now on, leads that are pulled back later."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.catalog.people import of_group
from app.catalog.snapshot import Contract
from app.distribute.consumer_hours import written
from app.distribute.offering import InternalSettings, Step, left, settings_of
from app.distribute.presence import is_there
from app.model import Outcome, Rejected
from app.pipeline.tracks import Job
from app.store import pool, pulling
from app.store.pool import NewOffer
from app.store.pool_zones import UNKNOWN

NOBODY_THERE = Rejected(reason="nobody_there", read="nobody whom it is meant for is there: `pull_after`")


def all_away(contract: Contract, at: datetime) -> bool:
    """Whether a lead goes to the pool unsent, because none of those it is meant for is there."""
    pull = contract.doc.pull_after
    if pull is None or not pull.closed:
        return False
    return not any(is_there(one, at) for one in of_group(contract.people, pull.team, pull.person))


def perhaps_there(job: Job) -> bool:
    """What was asked before of a buyer who ignores repeats has perhaps arrived: it is his to say, and goes to no pool."""
    return job.attempt > 1 and job.contract.doc.idempotent


def onward(job: Job, outcome: Outcome) -> str:
    """The contract that gets its lead next, before all others; empty: whichever is next."""
    pull = job.contract.doc.pull_after
    return pull.to if pull is not None and outcome is NOBODY_THERE else ""


async def entered(conn: Any, ended: Sequence[tuple[Job, str]]) -> None:
    """Of deliveries in the state that this transaction gave them: into the pool, or on the watch."""
    offers = [_offer(job) for job, state in ended if state == "pooled"]
    if offers:
        await _enter(conn, offers, {job.delivery_id: job for job, _ in ended})
    watched = [
        (job.delivery_id, job.track.lead_id, seconds)
        for job, state in ended
        if state in ("accepted", "unclear") and (seconds := _patience(job))
    ]
    if watched:
        await pulling.watch(conn, watched)


def first(settings: InternalSettings) -> Step:
    return settings.steps[0]


def _offer(job: Job) -> NewOffer:
    step = first(settings_of(job.contract))
    return NewOffer(
        delivery_id=job.delivery_id, lead_id=job.track.lead_id, buyer=job.contract.buyer, contract=job.contract.id,
        campaign=job.track.plan.campaign.id, test=job.track.test, priority=job.priority, team=step.team,
        seconds=step.seconds, zones=_zones(job),
    )  # fmt: skip


def _zones(job: Job) -> str:
    track = job.track
    minds = job.contract.doc.consumer_hours is not None
    return written(track.plan.campaign.zones(track.normals)) if minds else UNKNOWN


async def _enter(conn: Any, offers: Sequence[NewOffer], jobs: dict[Any, Job]) -> None:
    """Where the first group has nobody who may have it, it is offered on at once."""
    idle = []
    for delivery_id, owners in (await pool.offer(conn, offers)).items():
        contract = jobs[delivery_id].contract
        settings = settings_of(contract)
        if not left(contract.people, tuple(owners), settings.excluded, first(settings)):
            idle.append(delivery_id)
    if idle:
        await pool.nobody_left(conn, idle)


def _patience(job: Job) -> float:
    pull = job.contract.doc.pull_after
    return pull.no_action.seconds if pull is not None and pull.no_action is not None else 0.0
