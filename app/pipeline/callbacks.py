"""Tells sources what they did not wait for: owed in the transaction of the outcome, sent until it is heard."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from app.catalog.snapshot import Contract
from app.core.events import CallbackGivenUp, Code, Id, bug, emit
from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.adapter import Conversation
from app.distribute.exchange import Conversed
from app.distribute.schedule import next_try
from app.distribute.wire import Wire
from app.followup import notice
from app.followup.callback import CallbackSettings, Telling, personal_names, tell
from app.followup.later import contract_of
from app.followup.postback import PostbackSettings
from app.model import Accepted, Rejected, TryLater
from app.pipeline.details import exchanges_json
from app.pipeline.faults import Retrying
from app.pipeline.plans import Plans, SourcePlan
from app.pipeline.record import reason_of
from app.pipeline.seats import Seats
from app.pipeline.sweep import Upkeep
from app.store import callbacks
from app.store.callbacks import Due
from app.store.database import Database

DUE_EVERY, RECOVER_EVERY, GAUGES_EVERY = 0.5, 2.0, 5.0
PER_SOURCE = 8
"""Callbacks of one source at once, per process: a slow one holds up nobody else."""
_BYTES_KEPT = 4_096


class Callbacks:
    """Any process may tell; at least once, always under the same id, until a 2xx, a 410 or the schedule's end."""

    def __init__(
        self,
        database: Database,
        wire: Wire,
        world: World,
        metrics: Metrics,
        *,
        process_id: Callable[[], UUID],
        plans: Callable[[], Plans],
        lease_seconds: float,
        seats: Callable[[], Seats],
    ) -> None:
        """A postback waits for one of its contract's `seats`, for as long as that takes."""
        self._seats = seats
        self._database = database
        self._wire = wire
        self._world = world
        self._metrics = metrics
        self._process_id = process_id
        self._plans = plans
        self._lease = lease_seconds
        self._busy: Counter[str] = Counter()
        self._retrying = Retrying(world, metrics)
        self.tasks: set[asyncio.Task[None]] = set()

    def attend(self, upkeep: Upkeep) -> None:
        upkeep.also(DUE_EVERY, self.due)
        upkeep.also(RECOVER_EVERY, self.recover)
        upkeep.also(GAUGES_EVERY, self.gauges)

    async def due(self) -> bool:
        """Begin what is due; a source that has as many under way as it may is left for later."""
        full = [source for source, n in self._busy.items() if n >= PER_SOURCE]
        process_id = self._process_id()
        async with self._database.acquire() as conn:
            found = await callbacks.take(conn, process_id, PER_SOURCE, full)
        for due in found:
            self._busy[due.source] += 1
            task = asyncio.create_task(self._tell(due, process_id))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)
        return bool(found)

    async def recover(self) -> None:
        """Promises that were overtaken by their outcome, and what dead processes were telling."""
        async with self._database.acquire() as conn:
            await callbacks.ripen(conn)
            await callbacks.free_orphans(conn, self._lease)

    async def gauges(self) -> None:
        async with self._database.acquire() as conn:
            depth, oldest, dead = await callbacks.queues(conn)
        self._metrics.gauge("leadgate_queue_depth", ("callbacks",), depth)
        self._metrics.gauge("leadgate_queue_oldest_seconds", ("callbacks",), max(0.0, oldest))
        self._metrics.gauge("leadgate_queue_depth", ("callbacks_dead",), dead)

    async def stop(self, within: float) -> None:
        """Finish what is being told; what is cut off is told again by others, under the same id."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await asyncio.gather(*self.tasks, return_exceptions=True)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _tell(self, due: Due, process_id: UUID) -> None:
        try:
            await self._told(due, process_id)
        except Exception as error:
            emit(bug(error, "callback"))
        finally:
            self._busy[due.source] -= 1
            if not self._busy[due.source]:
                del self._busy[due.source]

    async def _told(self, due: Due, process_id: UUID) -> None:
        began = self._world.now()
        told = self._conversation(due, began)
        if told is None:
            await self._end(due, process_id, "moot", "not_wanted")
            return
        to, conversation = told
        try:
            async with self._seats().at(self._contract(due)):
                conversed = await self._wire.converse(conversation)
        except Exception as error:
            emit(bug(error, "callback"))
            conversed = Conversed(outcome=TryLater(reason="internal_error"))
        await self._heard(due, process_id, to, conversed)

    def _conversation(self, due: Due, at: datetime) -> tuple[CallbackSettings, Conversation] | None:
        """None where whoever was to hear it does not want to any more."""
        if due.document is not None:
            place = self._place(due)
            return None if place is None else (place, notice.tell(due.id, due.document, place, at))
        plan = self._plans().source(due.source)
        if plan is None or plan.callback is None or due.outcome not in plan.callback.outcomes:
            return None
        return plan.callback, tell(telling(due, plan), plan.callback, at)

    def _contract(self, due: Due) -> Contract | None:
        """Whose buyer is told; None where a source is."""
        contract_id = contract_of(due.source)
        return self._plans().snapshot.contracts.get(contract_id) if contract_id else None

    def _place(self, due: Due) -> CallbackSettings | None:
        """Where a document is told: at the source's address, or at that of the contract's buyer."""
        if contract_of(due.source):
            contract = self._contract(due)
            postback = contract.postback if contract is not None else None
            wanted = isinstance(postback, PostbackSettings) and due.event in postback.on
            return postback.to if isinstance(postback, PostbackSettings) and wanted else None
        plan = self._plans().source(due.source)
        to = plan.callback if plan is not None else None
        return to if to is not None and due.event in to.feedback else None

    async def _heard(self, due: Due, process_id: UUID, to: CallbackSettings, conversed: Conversed) -> None:
        outcome, exchanges = conversed.outcome, exchanges_json(conversed, _BYTES_KEPT)
        if isinstance(outcome, Accepted):
            await self._end(due, process_id, "told", "", exchanges)
            return
        reason = reason_of(outcome)
        if isinstance(outcome, Rejected):
            await self._give_up(due, process_id, "gone", reason, exchanges)
            return
        now = self._world.now()
        at = next_try(
            to.retry, attempt=due.attempt, first_at=due.owed_at, now=now, chance=self._world.chance(),
            after=outcome.after if isinstance(outcome, TryLater) else None,
        )  # fmt: skip
        if at is None:
            await self._give_up(due, process_id, "dead", reason, exchanges)
        else:
            await self._end(due, process_id, "waiting", reason, exchanges, (at - now).total_seconds())

    async def _give_up(self, due: Due, process_id: UUID, state: str, reason: str, exchanges: str) -> None:
        await self._end(due, process_id, state, reason, exchanges)
        emit(
            CallbackGivenUp(
                callback=due.id, lead=due.lead_id, source=Id(due.source), attempts=due.attempt, reason=Code(reason)
            )
        )  # fmt: skip

    async def _end(
        self,
        due: Due,
        process_id: UUID,
        state: str,
        reason: str,
        exchanges: str | None = None,
        next_in: float | None = None,
    ) -> None:
        async def write(_: bool) -> None:
            async with self._database.acquire() as conn:
                await callbacks.end(
                    conn, due, process_id, state, reason, exchanges=exchanges, next_in=next_in
                )

        await self._retrying.run(write)
        word = "later" if state == "waiting" else state
        self._metrics.count("leadgate_callbacks_total", (due.source, word))


def telling(due: Due, plan: SourcePlan) -> Telling:
    return Telling(
        id=due.id, lead_id=due.lead_id, round=due.round, outcome="success" if due.outcome == "success" else "failure",
        price=due.price, reasons=due.reasons, state=due.state, source=due.source, campaign=due.campaign, test=due.test,
        received_at=due.received_at, sent=_sent(due, plan), personal=_personal(plan),
    )  # fmt: skip


def _sent(due: Due, plan: SourcePlan) -> dict[str, Any]:
    """What came, under the names that the source has for it, and under ours."""
    ours = {name: value[0] for name, value in due.fields.items()}
    theirs = {name: ours[field] for name, field in plan.names.items() if field in ours}
    return {**ours, **theirs, **due.extra}


def _personal(plan: SourcePlan) -> frozenset[str]:
    types = {name: field.type for name, field in plan.campaign.doc.fields.items()}
    return personal_names(types, plan.names)
