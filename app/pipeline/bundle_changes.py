"""What becomes of leads that wait for a file, or are perhaps in one, when their contract is another one than when they came."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from app.catalog.snapshot import Snapshot
from app.distribute.batching import Batch, Gathering, gathering
from app.distribute.wire import Conversed
from app.model import Unclear
from app.pipeline.tracks import Job
from app.store import bundles
from app.store.bundles import Due

PERHAPS = Conversed(
    outcome=Unclear(
        reason="perhaps_in_a_file",
        read="it perhaps left in a file of many, which its contract makes no more: it is not sent otherwise",
    )
)


async def retimed(conn: Any, snapshot: Snapshot, now: datetime) -> None:
    """Who waits for a file leaves when the contract as it is now says, if that is sooner; at once where it makes none."""
    times, but = {}, []
    for id_, contract in snapshot.contracts.items():
        told = gathering(contract.settings)
        if told is not None and told.batch is not None:
            times[id_] = _due(told.batch, now)
        elif contract.doc.consumer_hours is not None and not isinstance(contract.settings, Gathering):
            but.append(id_)  # who waits there waits for the person to be awake
    await bundles.retime(conn, times, but)


def _due(batch: Batch, now: datetime) -> Due:
    if batch.every is not None:
        return Due(every=batch.every.seconds)
    return Due(last=batch.last(now), next=batch.due(now))


async def perhaps_left(conn: Any, jobs: Sequence[Job]) -> frozenset[UUID]:
    """Of what is about to be sent by itself: that which perhaps left in a file, when its contract still made files."""
    tried = [
        job.delivery_id
        for job in jobs
        if job.attempt > 1
        and isinstance(job.contract.settings, Gathering)
        and gathering(job.contract.settings) is None
    ]
    return await bundles.perhaps_left(conn, tried) if tried else frozenset()
