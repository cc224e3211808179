"""Keeps a lead with a buyer who may have it: what was Unclear once is not given up because a later try did not get through."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from app.store import deliveries, leads

if TYPE_CHECKING:
    from app.pipeline.record import Ended

Timed = tuple["Ended", float | None]
"""What becomes of a delivery, and the seconds until its next attempt."""


async def doubted(conn: Any, ended: Sequence[Timed]) -> Sequence[Timed]:
    """Asks only where a delivery dies that was tried before."""
    dying = [one.job for one, _ in ended if one.state == "dead" and one.job.attempt > 1]
    if not dying:
        return ended
    unclear = set(
        await deliveries.once_unclear(conn, [(job.delivery_id, job.track.lead_id) for job in dying])
    )
    for job in dying:  # nobody gets an erased lead any more, so it need not be kept from anybody
        if job.delivery_id in unclear and await leads.is_erased(conn, job.track.lead_id):
            unclear.discard(job.delivery_id)
    return [
        (
            replace(one, state="unclear") if one.state == "dead" and one.job.delivery_id in unclear else one,
            wait,
        )
        for one, wait in ended
    ]
