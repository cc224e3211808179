"""From a chosen contract to a hand-over: what is kept in hand, and the row of it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.core.world import World
from app.distribute.batching import due_of
from app.distribute.route import Match, RouteIndex
from app.distribute.wanting import Choice, Reservation
from app.pipeline.tracks import Job, Track
from app.store import decisions
from app.store.rows import NewDelivery

_SOON = timedelta(seconds=1)
"""It waits in the database, from where nothing is taken for a contract that rests."""


def new_job(
    track: Track,
    contract_id: str,
    slot: int,
    caps: Sequence[str],
    world: World,
    index: RouteIndex[Any] | None = None,
    *,
    alone: bool | None = None,
) -> Job:
    """A first attempt with one more contract, of its campaign or of `index`; notes that it has been tried."""
    index = index or track.plan.campaign.index
    contract = index.contracts[index.number[contract_id]]
    track.tried.add(contract_id)
    track.ranks += 1
    now = world.now()
    opens = now + _SOON if index.rests(contract_id) else now
    opens = max(opens, due_of(contract.settings, now))
    if contract.doc.consumer_hours is not None:
        opens = max(opens, track.plan.campaign.opens_at(contract_id, track.normals, now))
    return Job(
        delivery_id=world.new_id(), track=track, contract=contract, slot=slot, attempt=1, rank=track.ranks,
        price=track.price_of(contract), reserved=tuple(caps), created_at=now, not_before=opens if opens > now else None,
        alone=alone,
    )  # fmt: skip


def starting(jobs: Sequence[Job]) -> list[NewDelivery]:
    """Rows of those whose attempt begins with them."""
    return [delivery_row(job) for job in jobs if job.not_before is None and not job.stands_in_line]


async def queue(conn: Any, jobs: Sequence[Job], process_id: UUID) -> None:
    """Those that stand in this process's line; and those that may not be begun yet, for the person's or the buyer's
    sake: whoever is alive then takes them as due."""
    waiting = [(delivery_row(job), job.not_before) for job in jobs if job.not_before is not None]
    await decisions.queue_deliveries(conn, [row for row, _ in waiting], [at for _, at in waiting])
    lined = [delivery_row(job) for job in jobs if job.not_before is None and job.stands_in_line]
    await decisions.line_up(conn, lined, process_id)


def delivery_row(job: Job) -> NewDelivery:
    return NewDelivery(
        id=job.delivery_id, lead_id=job.track.lead_id, round=job.track.round, slot=job.slot, rank=job.rank,
        campaign=job.track.plan.campaign.id, contract=job.contract.id, buyer=job.contract.buyer, price=job.price,
        reserved="\n".join(job.reserved), test=job.track.test, priority=job.priority, alone=job.alone,
    )  # fmt: skip


def untallied(
    match: Match, copies: int, tried: frozenset[str] = frozenset(), buyers: frozenset[str] = frozenset()
) -> Choice:
    """Contracts for a test lead, in rank order: nothing is counted, no cap, no turn."""
    held = set(buyers)
    chosen: list[Reservation] = []
    for contract_id in match.ranked():
        buyer = match.index.contracts[match.index.number[contract_id]].buyer
        if contract_id in tried or buyer in held:
            continue
        held.add(buyer)
        chosen.append(Reservation(contract_id))
        if len(chosen) == copies:
            break
    return Choice(tuple(chosen), exhausted=len(chosen) < copies)
