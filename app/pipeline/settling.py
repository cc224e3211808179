"""A delivery ends by somebody's word: the buyer's late confirmation, or a person who settles an Unclear."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from app.core.errors import Conflict, NotFound
from app.core.money import written
from app.model import Accepted, Duplicate, Outcome, Rejected, TryLater, word_of
from app.pipeline.choosing import Again
from app.pipeline.faults import Retrying
from app.pipeline.record import Ended, Recorder, reason_of, reference_of
from app.pipeline.tracking import Tracker
from app.pipeline.tracks import Step
from app.store import bids, bundles, decisions, deliveries, leads, pool, pulling
from app.store.database import Database, marked
from app.store.deliveries import DeliveryRow
from app.store.trial import transaction

_STATE = {Accepted: "accepted", Rejected: "rejected", Duplicate: "duplicate", TryLater: "dead"}
_OPEN = ("sending", "waiting", "pooled", "unclear")


class Settler:
    """`settle` answers with the step that follows, or None when it was so already (repeats are harmless)."""

    def __init__(self, database: Database, recorder: Recorder, tracker: Tracker, retrying: Retrying) -> None:
        self._database = database
        self._recorder = recorder
        self._tracker = tracker
        self._retrying = retrying

    async def settle(
        self,
        delivery_id: UUID,
        outcome: Outcome,
        *,
        by: str,
        owns: Callable[[DeliveryRow], bool] = lambda _: True,
        dry: bool = False,
    ) -> Step | None:
        """Raises NotFound (also for what the caller does not own) and Conflict (it ended otherwise). `dry`: what
        would follow, and nothing is kept."""
        return await self._retrying.run(
            lambda again: self._attempt(delivery_id, outcome, by, owns, again, dry=dry)
        )

    async def together(self, bundle_id: UUID) -> list[UUID]:
        """The deliveries that left in one file; none where there is no such file."""
        async with self._database.acquire() as conn:
            return [one.delivery_id for one in await bundles.rows(conn, bundle_id)]

    async def _attempt(
        self,
        delivery_id: UUID,
        outcome: Outcome,
        by: str,
        owns: Callable[[DeliveryRow], bool],
        again: bool,
        *,
        dry: bool,
    ) -> Step | None:
        state = _STATE[type(outcome)]
        try:
            async with self._database.acquire() as conn, transaction(conn, dry=dry):
                if again:
                    await marked(conn)
                row = await deliveries.find(conn, delivery_id, locked=True)
                if row is None or not owns(row):
                    raise NotFound("there is no such delivery")
                if row.state not in _OPEN:
                    _refuse_contradiction(row, state, outcome)
                    await pulling.acted(conn, [row.id])
                    return None
                contexts = await leads.contexts(conn, [row.lead_id])
                jobs = self._tracker.jobs([row], contexts)
                if not jobs:
                    raise Conflict("the lead of this delivery was dropped with its day")
                outcome = await as_bid(conn, row, outcome)
                accepted = outcome if isinstance(outcome, Accepted) else None
                await deliveries.settle(
                    conn, row.id, state, reason_of(outcome), reference_of(outcome),
                    None if accepted is None else accepted.price,
                )  # fmt: skip
                await leads.note(conn, row.lead_id, "settled", row.id, by, _told(outcome, row.state))
                if row.state == "pooled":
                    await pool.leave(conn, [row.id])
                steps = await self._recorder.follow(conn, [Ended(jobs[0], state, outcome)])
                if jobs[0].contract.doc.pull_after is not None:
                    await pulling.acted(conn, [row.id])
                return steps[0]
        except decisions.MissingCounters as missing:
            await self._recorder.prepare(missing.keys)
            raise Again from None


async def given_up(
    settler: Settler, delivery_id: UUID, reason: str, *, still: Callable[[DeliveryRow], bool]
) -> Step | None:
    """A delivery that nothing more is expected of, and what follows; None where it is not `still` as it was seen:
    what is being sent at this moment may be taken."""
    try:
        return await settler.settle(delivery_id, TryLater(reason=reason), by="leadgate", owns=still)
    except (NotFound, Conflict):
        return None


async def as_bid(conn: Any, row: DeliveryRow, outcome: Outcome) -> Outcome:
    """Who names no price and had bid one pays what it bid, not what its contract says."""
    if not isinstance(outcome, Accepted) or outcome.price is not None:
        return outcome
    return replace(outcome, price=await bids.bid(conn, row.lead_id, row.id))


def _refuse_contradiction(row: DeliveryRow, state: str, outcome: Outcome) -> None:
    if row.state != state:
        raise Conflict(f"this delivery ended as {row.state}; that is not undone here", code="ended_otherwise")
    if isinstance(outcome, Accepted) and outcome.price not in (None, row.price):
        raise Conflict("this delivery was accepted at another price already", code="ended_otherwise")


def _told(outcome: Outcome, was: str) -> dict[str, str | None]:
    told: dict[str, str | None] = {"outcome": word_of(outcome), "was": was}
    if isinstance(outcome, Accepted):
        told["reference"] = outcome.reference
        told["price"] = None if outcome.price is None else written(outcome.price)
    else:
        told["reason"] = reason_of(outcome)
    return told
