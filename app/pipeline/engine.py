"""The path of a lead inside one process: kept, decided, handed over, recorded, answered."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from app.core import events
from app.core.events import bug, emit
from app.core.loop import running_loop
from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.wire import Wire
from app.model import Accepted
from app.pipeline import answers
from app.pipeline.answers import Answer, Waiting
from app.pipeline.bidding import Bidding
from app.pipeline.choosing import Chooser
from app.pipeline.confirm_link import Link, no_link
from app.pipeline.decide import Decider
from app.pipeline.deciding import Deciding
from app.pipeline.drafts import Decided, Draft
from app.pipeline.evidence import EvidenceDesk
from app.pipeline.faults import Retrying
from app.pipeline.flush import Batcher
from app.pipeline.handing import Sender, Spoken
from app.pipeline.lanes import Lanes
from app.pipeline.lining import Lining
from app.pipeline.owing import promise
from app.pipeline.pacing import Paces
from app.pipeline.plans import Plans, SourcePlan
from app.pipeline.receive import Receiver
from app.pipeline.record import Recorder
from app.pipeline.tracking import Tracker
from app.pipeline.tracks import Job, Step
from app.pipeline.work import Work, lead_id_of
from app.store import callbacks, deliveries, leads
from app.store.database import Database, is_ambiguous, is_away
from app.store.intake import Arrival, IntakeStore, Kept
from app.store.keys import KeyEntry

_POLL = 0.05
_PROMISED = 2.0  # seconds that a source waits longer for the promise of its callback
_LAST_WORDS = 2.0  # seconds to write down what was given back


class Engine:
    """Owns the loops of the hot path. `start` after the catalogue is loaded; `stop` loses nothing."""

    def __init__(
        self,
        database: Database,
        wire: Wire,
        evidence: EvidenceDesk,
        world: World,
        metrics: Metrics,
        *,
        process_id: Callable[[], UUID],
        plans: Callable[[], Plans],
        lease_seconds: float,
        backlog_share: float = 0.02,
        bytes_kept: int = 65_536,
        link: Link = no_link,
    ) -> None:
        self.database = database
        self.world = world
        self.metrics = metrics
        self.process_id = process_id
        self.plans = plans
        self.intake = IntakeStore(lease_seconds=lease_seconds)
        self.receiver = Receiver(database, self.intake, world, metrics, process_id=process_id)
        self.waiting = Waiting()
        chooser = self.chooser = Chooser(world)
        self.decider = Decider(
            database, world, metrics, chooser, evidence, process_id=process_id, plans=plans,
            waits=self.waiting.waits,
        )  # fmt: skip
        self.recorder = Recorder(
            database, world, metrics, chooser, process_id=process_id, bytes_kept=bytes_kept,
            waits=self.waiting.waits,
        )  # fmt: skip
        self._paces = Paces(
            database,
            world,
            process_id=process_id,
            gone=lambda job: self.sender.gone(job),
        )
        self._lining = Lining(database, world, metrics, process_id=process_id)
        self._lanes = Lanes(
            database, world, process_id=process_id, lease_seconds=lease_seconds, longest=wire.limits.longest
        )
        self._bidding = Bidding(database, process_id=process_id)
        self.sender = Sender(
            wire, world, metrics, self._spoken, link, self._paces, self._lanes, self._lining, self._bidding
        )
        self.tracker = Tracker(world, plans)
        self.in_hand: set[UUID] = set()
        self.deciding = Deciding(
            self.decider, evidence, world, done=self._settled, park=self._park,
            arrived=lambda: self.receiver.arrived, backlog_share=backlog_share,
        )  # fmt: skip
        self._records: Batcher[Spoken, None] = Batcher(self._record, most=128, flushers=2)
        self._beside: set[asyncio.Task[None]] = set()
        self._retrying = Retrying(world, metrics)

    # what intake asks -----------------------------------------------------------------------------

    def key(self, presented: str) -> KeyEntry | None:
        """The live key, or None; quick enough for each request."""
        return self.plans().snapshot.find_key(presented, self.world.now()) if presented else None

    def source(self, source_id: str) -> SourcePlan:
        return self.plans().open_source(source_id)

    async def keep(self, arrival: Arrival) -> Kept:
        """Durable when it returns."""
        if not arrival.leased:
            return await self.receiver.keep(arrival)
        self.in_hand.add(arrival.submission.id)
        try:
            kept = await self.receiver.keep(arrival)
        except BaseException:
            self.in_hand.discard(arrival.submission.id)
            raise
        if kept.first is not None:
            self.in_hand.discard(arrival.submission.id)
        return kept

    @property
    def crowded(self) -> bool:
        """No room for more receipts in memory: the next are left in the inbox for whoever has time."""
        return self.deciding.crowded

    @property
    def backlog(self) -> int:
        return len(self.deciding)

    def later(self, works: Iterable[Work], *, of_batches: bool = False) -> None:
        """Decide when the door is not busy, and for a share of the time when it is."""
        works = list(works)
        self.in_hand.update(work.submission.id for work in works)
        self.deciding.later(works, of_batches=of_batches)

    async def decided(self, work: Work, until: float) -> list[Answer]:
        """Decide now; the answers as the source wants them, or `pending` for those not known by `until`."""
        ids = work.lead_ids()
        futures = [self.waiting.wait(lead_id) for lead_id in ids]
        self.deciding.now(work)
        timer = running_loop().call_later(until - self.world.monotonic(), self._give_up, work)
        try:
            return [await future for future in futures]
        finally:
            timer.cancel()
            self.waiting.forget(ids, futures)

    async def answers_of(self, submission_id: UUID, count: int, until: float) -> list[Answer]:
        """The first answers to a submission that came before: read until they are there or time is up."""
        ids = [lead_id_of(submission_id, n) for n in range(count)]
        while True:
            async with self.database.promptly() as conn:
                found = await leads.standings(conn, ids)
            known = [_answer(lead_id, found.get(lead_id)) for lead_id in ids]
            waiting = [a for a in known if a.outcome == "pending" and a.state in ("received", "delivering")]
            if not waiting or self.world.monotonic() >= until:
                return known
            await asyncio.sleep(_POLL)

    def _give_up(self, work: Work) -> None:
        state = "received" if work.submission.id in self.in_hand else "delivering"
        self.let_go(work.submission.source, work.lead_ids(), state)

    def let_go(self, source: str, lead_ids: Sequence[UUID], state: str, round_: int = 1) -> None:
        """The deadline has passed. A source with a callback is promised it before it hears `pending`."""
        plan = self.plans().source(source)
        if plan is None or plan.callback is None:
            for lead_id in lead_ids:
                self.waiting.give_up(lead_id, state)
            return
        self._spawn(self._promise(plan, [one for one in lead_ids if self.waiting.waits(one)], state, round_))

    async def _promise(self, plan: SourcePlan, lead_ids: Sequence[UUID], state: str, round_: int) -> None:
        """Where the database is away, so is the outcome: it will be owed when it comes."""
        promises = [promise(self.world, plan, lead_id, round_) for lead_id in lead_ids]
        try:
            async with asyncio.timeout(_PROMISED), self.database.acquire() as conn:
                await callbacks.owe(conn, promises)
        except Exception as error:
            if not (isinstance(error, TimeoutError) or is_away(error) or is_ambiguous(error)):
                emit(bug(error, "promise"))
        for lead_id in lead_ids:
            self.waiting.give_up(lead_id, state)

    # life -----------------------------------------------------------------------------------------

    def start(self) -> None:
        self.receiver.start()
        self._records.start()
        self._lining.start()
        self.deciding.start()

    async def stop(self, within: float = 30.0) -> None:
        """Finish what is in hand; receipts that wait in memory stay in the inbox for the next process.

        Not for longer than `within` seconds: without a database nothing ends, and all of it is durable.
        Whatever still stands in line for a buyer then is given back unsent.
        """
        try:
            async with asyncio.timeout(within):
                await self._finish()
        except TimeoutError:
            self.sender.abandon()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS):
                    await self._records.settled()
        left = [*self._beside, *self.sender.tasks]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._paces.close()
        await self._lanes.close()
        await self._lining.close()
        await self._bidding.close()
        await self.deciding.cancel()
        await self.receiver.cancel()
        await self._records.cancel()

    async def _finish(self) -> None:
        await self.receiver.stop()
        self.deciding.leave_receipts()
        while True:
            await self.sender.drain()
            if self.deciding.idle and not self._beside and self.sender.idle and self._records.idle:
                return
            await asyncio.sleep(0.01)

    # decided --------------------------------------------------------------------------------------

    def begin(self, one: Decided) -> None:
        """After the commit: its hand-overs begin, and whoever waits hears what is known."""
        self._start(one.jobs)
        row = one.row
        if not row.test:
            self.metrics.count("leadgate_leads_total", (row.source, row.campaign, one.verdict))
            for finding in one.findings:
                self.metrics.count("leadgate_findings_total", (finding.check, finding.code))
        if events.detailed():
            events.emit(one.event())
        if not self.waiting.waits(row.id):
            return
        if one.first:
            self.waiting.resolve(answers.pending(row.id, one.first))
        elif row.outcome == "success":
            self.waiting.resolve(answers.bought(row.id, row.state, row.price, one.reasons))
        elif row.outcome == "failure":
            self.waiting.resolve(answers.refused(row.id, row.state, row.price, one.reasons))
        elif row.state == "held":
            self.waiting.resolve(answers.pending(row.id, "held"))
        elif one.jobs and all(job.not_before is not None for job in one.jobs):
            self.let_go(row.source, [row.id], "delivering", one.draft.round)  # for hours, perhaps

    def _settled(self, drafts: list[Draft], decided: list[Decided]) -> None:
        for draft in drafts:
            self.in_hand.discard(draft.lead.submission_id)
        if len(decided) < len(drafts):
            done = {one.row.id for one in decided}
            self._spawn(self.adopt([d.lead.id for d in drafts if d.lead.id not in done]))
        for one in decided:
            try:
                self.begin(one)
            except Exception as error:  # committed already, and no fault of the next
                emit(bug(error, "begin"))

    async def adopt(self, lead_ids: list[UUID]) -> None:
        """Leads whose commit was in doubt, or that somebody else decided: answer from the rows, and send
        what this process has claimed for them but never sent."""
        jobs, found = await self._retrying.run(lambda _: self._claimed(lead_ids))
        for job in jobs:
            self.sender.start(job)
        for lead_id in lead_ids:
            answer = _answer(lead_id, found.get(lead_id))
            if answer.outcome != "pending" or answer.state not in ("received", "delivering"):
                self.waiting.resolve(answer)

    async def _claimed(self, lead_ids: list[UUID]) -> tuple[list[Job], dict[UUID, leads.Standing]]:
        known = self.sender.in_hand | self.sender.spoiled  # as of before the rows are read
        async with self.database.acquire() as conn:
            rows = await deliveries.mine_of(conn, self.process_id(), lead_ids)
            mine = [row for row in rows if row.id not in known]
            contexts = await leads.contexts(conn, [row.lead_id for row in mine])
            found = await leads.standings(conn, lead_ids)
        return self.tracker.jobs(mine, contexts), found

    async def resume(self, lead_ids: list[UUID]) -> None:
        """Leads whose next step was never written: on to the next contract, or to their end."""
        async with self.database.acquire() as conn:
            contexts = await leads.contexts(conn, lead_ids)
        for step in await self.recorder.resume([self.tracker.track(one) for one in contexts.values()]):
            self.follow(step)

    def _park(self, work: Work, why: str) -> None:
        """Put aside for a person; whoever waits hears that it was received."""
        submission_id = work.submission.id

        async def park(_: bool) -> None:
            async with self.database.acquire() as conn:
                await self.intake.park(conn, [submission_id], why)
            self.in_hand.discard(submission_id)

        for lead_id in work.lead_ids():
            self.waiting.give_up(lead_id, "received")
        self._spawn(self._retrying.run(park))

    # handing over ---------------------------------------------------------------------------------

    def _spoken(self, spoken: Spoken) -> None:
        self._records.send(spoken)

    async def _record(self, batch: list[Spoken]) -> Sequence[None]:
        try:
            steps, late = await self.recorder.record(batch)
        except Exception as error:
            await self._record_singly(batch, error)
            return [None] * len(batch)
        missed = {spoken.job.delivery_id for spoken in late}
        for spoken in batch:
            job = spoken.job
            self.sender.in_hand.discard(job.delivery_id)
            accepted = isinstance(spoken.conversed.outcome, Accepted) and job.delivery_id not in missed
            if accepted and not job.track.test:
                self.metrics.count("leadgate_sold_total", (job.track.source, job.contract.id))
        for step in steps:
            self.follow(step)
        if late:
            self._spawn(self.adopt([spoken.job.track.lead_id for spoken in late]))
        return [None] * len(batch)

    async def _record_singly(self, batch: list[Spoken], error: Exception) -> None:
        """One result that can't be written must not hold up the rest; its delivery becomes an orphan,
        which the sweep makes unclear: it may have arrived."""
        if len(batch) > 1:
            for spoken in batch:
                await self._record([spoken])
            return
        emit(bug(error, "record"))
        delivery_id = batch[0].job.delivery_id
        self.sender.spoiled.add(delivery_id)
        self.sender.in_hand.discard(delivery_id)

    def follow(self, step: Step) -> None:
        """After the commit: the next hand-overs begin, the source hears."""
        self._start(step.jobs)
        change, track = step.change, step.track
        if change is None:
            return
        if change.outcome == "success":
            self.waiting.resolve(answers.bought(track.lead_id, step.state, change.price, track.said))
        elif change.outcome == "failure":
            self.waiting.resolve(answers.refused(track.lead_id, step.state, change.price, track.unsold()))
        elif step.state in ("unclear", "pooled"):
            self.waiting.resolve(answers.pending(track.lead_id, step.state))

    def _start(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if job.not_before is None:
                self.sender.start(job)

    def _spawn(self, work: Any) -> None:
        """Side work that must not be lost to the garbage collector, and whose faults are seen."""

        async def run() -> None:
            try:
                await work
            except Exception as error:
                emit(bug(error, "side"))

        task = asyncio.create_task(run())
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)


def _answer(lead_id: UUID, standing: leads.Standing | None) -> Answer:
    if standing is None:
        return answers.pending(lead_id, "received")
    if standing.outcome == "success":
        return answers.bought(lead_id, standing.state, standing.price, standing.reasons)
    if standing.outcome == "failure":
        return answers.refused(lead_id, standing.state, standing.price, standing.reasons)
    return answers.pending(lead_id, standing.state)
