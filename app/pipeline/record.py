"""Writes down how conversations ended, and what that makes of their leads, in batches."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.core.metrics import Metrics
from app.core.reserved import held
from app.core.world import World
from app.distribute.batching import due_of
from app.distribute.schedule import next_try
from app.model import Accepted, Duplicate, Outcome, Pooled, Rejected, TryLater, Unclear, word_of
from app.pipeline import answers
from app.pipeline.choosing import Again, Chooser
from app.pipeline.details import exchanges_json
from app.pipeline.doubting import doubted
from app.pipeline.earning import earned
from app.pipeline.faults import Retrying
from app.pipeline.gate import holds_of_sources, spent
from app.pipeline.hand_overs import delivery_row, queue, starting
from app.pipeline.handing import Spoken
from app.pipeline.onward import Onward, Opening
from app.pipeline.owing import nobody, owed
from app.pipeline.pooled import entered, onward
from app.pipeline.repricing import repriced
from app.pipeline.requeueing import kept_waiting
from app.pipeline.tracks import Job, Step, Track
from app.store import callbacks, decisions, deliveries, leads
from app.store.callbacks import Owed
from app.store.database import Database, marked
from app.store.deliveries import Progress
from app.store.rows import AttemptEnd, LeadChange

_ZERO = Decimal(0)
_OVER = ("rejected", "duplicate", "dead")


class Ended(Struct, frozen=True):
    """A delivery that has ended or waits, as far as its lead is concerned."""

    job: Job
    state: str
    outcome: Outcome
    to: str = ""  # the contract that gets its lead next, before all others


class Recorder:
    """`record` returns the steps that follow, all committed.

    With `sends=False` (a command beside the service) the next hand-overs are left to whichever process is
    alive: leased to one that is about to end they would be taken for conversations that it died in.
    """

    def __init__(
        self,
        database: Database,
        world: World,
        metrics: Metrics,
        chooser: Chooser,
        *,
        process_id: Callable[[], UUID],
        bytes_kept: int,
        sends: bool = True,
        waits: Callable[[UUID], bool] = nobody,
    ) -> None:
        self._waits = waits
        self._database = database
        self._world = world
        self._metrics = metrics
        self._chooser = chooser
        self._onward = Onward(chooser, world)
        self._process_id = process_id
        self._bytes_kept = bytes_kept
        self._sends = sends
        self._retrying = Retrying(world, metrics)

    async def record(self, batch: Sequence[Spoken]) -> tuple[list[Step], list[Spoken]]:
        """The steps of those whose end counted, and those whose end came too late (the fence was lost)."""
        began = self._world.monotonic()
        quick = [s for s in batch if _is_quick(s)]
        rest = [s for s in batch if not _is_quick(s)]
        steps: list[Step] = []
        late: list[Spoken] = []
        for part, attempt in ((quick, self._sell), (rest, self._continue)):
            if part:
                done, missed = await self._retrying.run(lambda again, p=part, f=attempt: f(p, again))  # type: ignore[misc]
                steps += done
                late += missed
        self._metrics.observe("leadgate_stage_seconds", ("record",), self._world.monotonic() - began)
        self._metrics.observe("leadgate_flush_rows", ("record",), len(batch))
        return steps, late

    async def _sell(self, batch: Sequence[Spoken], again: bool) -> tuple[list[Step], list[Spoken]]:
        """The common end, in one statement: an exclusive lead was accepted, so it is sold."""
        ends = [self._end(spoken, "accepted") for spoken in batch]
        sold = [self._sold(spoken) for spoken in batch]
        tracks = [spoken.job.track for spoken in batch]
        tells = [tell for at in zip(tracks, sold, strict=True) if (tell := self._owed(*at)) is not None]
        async with self._database.acquire() as conn:
            if again or tells:
                async with conn.transaction():
                    if again:
                        await marked(conn)
                    open_ = await callbacks.unanswered(conn, [tell.lead_id for tell in tells])
                    counted = await deliveries.end(conn, ends, self._process_id(), sold)
                    heard = {change.id for change in sold if change.delivery_id in counted}
                    await callbacks.owe(conn, [tell for tell in tells if tell.lead_id in open_ & heard])
            else:
                counted = await deliveries.end(conn, ends, self._process_id(), sold)
        steps = [
            Step(spoken.job.track, "sold", change)
            for spoken, change in zip(batch, sold, strict=True)
            if spoken.job.delivery_id in counted
        ]
        return steps, [s for s in batch if s.job.delivery_id not in counted]

    def _sold(self, spoken: Spoken) -> LeadChange:
        job, outcome = spoken.job, spoken.conversed.outcome
        assert isinstance(outcome, Accepted)
        return LeadChange(
            id=job.track.lead_id, delivery_id=job.delivery_id, state="sold", outcome="success",
            price=job.track.owes(_price(job, outcome)), reasons=answers.kept_reasons(job.track.said), revenue=_paid(job, outcome), ended=True,
        )  # fmt: skip

    async def _continue(self, batch: Sequence[Spoken], again: bool) -> tuple[list[Step], list[Spoken]]:
        """Everything else: given back, asked again later, unclear, or on to the next contract."""
        as_told = [self._ended(spoken) for spoken in batch]
        try:
            async with self._database.acquire() as conn, conn.transaction():
                if again:
                    await marked(conn)
                ended = await doubted(conn, as_told)
                ends = [
                    self._end(spoken, one.state, wait)
                    for spoken, (one, wait) in zip(batch, ended, strict=True)
                ]
                counted = await deliveries.end(conn, ends, self._process_id())
                mine = [one for one, _ in ended if one.job.delivery_id in counted]
                steps = await self.follow(conn, mine) if mine else []
        except decisions.MissingCounters as missing:
            await self.prepare(missing.keys)
            raise Again from None
        return steps, [s for s in batch if s.job.delivery_id not in counted]

    async def prepare(self, keys: Sequence[str]) -> None:
        async with self._database.acquire() as conn:
            await self._chooser.prepare(conn, keys)

    def _ended(self, spoken: Spoken) -> tuple[Ended, float | None]:
        """(what becomes of the delivery, seconds until its next attempt)."""
        job, outcome = spoken.job, spoken.conversed.outcome
        if isinstance(outcome, Accepted):
            return Ended(job, "accepted", outcome), None
        if isinstance(outcome, Rejected):
            return Ended(job, "rejected", outcome, onward(job, outcome)), None
        if isinstance(outcome, Pooled):
            return Ended(job, "pooled", outcome), None
        if isinstance(outcome, Duplicate) and job.attempt > 1 and job.contract.doc.idempotent:
            # Perhaps a duplicate of our own earlier attempt that was unclear: the next buyer must not get it.
            return Ended(job, "unclear", outcome), None
        if isinstance(outcome, Duplicate):
            return Ended(job, "duplicate", outcome), None
        if isinstance(outcome, Unclear) and not job.contract.doc.idempotent:
            return Ended(job, "unclear", outcome), None
        wait = self.wait(job, outcome.after if isinstance(outcome, TryLater) else None)
        if wait is not None:
            return Ended(job, "waiting", outcome), wait
        return Ended(job, "unclear" if isinstance(outcome, Unclear) else "dead", outcome), None

    def wait(self, job: Job, after: float | None = None) -> float | None:
        """Seconds until the next attempt; None when the schedule is exhausted."""
        now = self._world.now()
        at = next_try(
            job.contract.doc.retry, attempt=job.attempt, first_at=self._first_at(job), now=now,
            chance=self._world.chance(), after=after,
        )  # fmt: skip
        return None if at is None else (at - now).total_seconds()

    def _first_at(self, job: Job) -> datetime:
        """From when on it could be handed over: a night in which nobody may be called is no failure of the buyer's, nor
        is the time until a file of many is due."""
        since = due_of(job.contract.settings, job.created_at)
        if job.contract.doc.consumer_hours is None:
            return since
        return job.track.plan.campaign.opens_at(job.contract.id, job.track.normals, since)

    async def follow(self, conn: Any, ended: Sequence[Ended]) -> list[Step]:
        """What becomes of the leads, in the transaction that ended their deliveries.

        Locks: leads sorted, then counters sorted; the deliveries are locked already.
        """
        of_lead: dict[UUID, list[Ended]] = defaultdict(list)
        for one in ended:
            of_lead[one.job.track.lead_id].append(one)
        await entered(conn, [(one.job, one.state) for one in ended])
        closed = await leads.lock(conn, list(of_lead))
        progress = await deliveries.standing(conn, list(of_lead))
        new = await self._next(conn, of_lead, progress, closed)
        steps = [
            _step(ones[-1].job.track, progress.get(lead, Progress()), new.get(lead, ()), ones)
            for lead, ones in of_lead.items()
        ]
        steps = await kept_waiting(conn, steps, self._world.now(), closed)
        await self._insert(conn, [job for step in steps for job in step.jobs])
        sold = [one.job for one in ended if isinstance(one.outcome, Accepted)]
        await earned(conn, [(job.track, job.delivery_id) for job in sold])
        await self.change(conn, steps)
        return steps

    async def change(self, conn: Any, steps: Sequence[Step]) -> None:
        """The leads as the steps make them, and what their sources are told of it where they don't wait."""
        changed = [(step.track, step.change) for step in steps if step.change is not None]
        tells = [tell for at in changed if (tell := self._owed(*at)) is not None]
        open_ = await callbacks.unanswered(conn, [tell.lead_id for tell in tells])
        await callbacks.owe(conn, [tell for tell in tells if tell.lead_id in open_])
        await decisions.change_leads(conn, [change for _, change in changed])

    def _owed(self, track: Track, change: LeadChange) -> Owed | None:
        if track.plan.callback is None:
            return None
        return owed(
            self._world, track.plan, track.lead_id, track.round, state=change.state, outcome=change.outcome,
            price=change.price, reasons=change.reasons, waits=self._waits(track.lead_id),
        )  # fmt: skip

    async def _insert(self, conn: Any, jobs: Sequence[Job]) -> None:
        if self._sends:
            await decisions.insert_deliveries(conn, starting(jobs), self._process_id())
            await queue(conn, jobs, self._process_id())
        else:
            await decisions.queue_deliveries(
                conn, [delivery_row(job) for job in jobs], [job.not_before for job in jobs]
            )

    async def resume(self, tracks: Sequence[Track]) -> list[Step]:
        """Leads that are being delivered without a live delivery get their next one, or their end."""
        return await self._retrying.run(lambda _: self._resume(tracks))

    async def _resume(self, tracks: Sequence[Track]) -> list[Step]:
        steps: list[Step] = []
        try:
            for track in tracks:
                async with self._database.acquire() as conn, conn.transaction():
                    steps += await self.resume_one(conn, track)
        except decisions.MissingCounters as missing:
            await self.prepare(missing.keys)
            raise Again from None
        return steps

    async def resume_one(self, conn: Any, track: Track) -> list[Step]:
        """The next contracts of a lead, or its end; empty while somebody has it. Raises Again, MissingCounters."""
        closed = await leads.lock(conn, [track.lead_id])
        progress = (await deliveries.standing(conn, [track.lead_id])).get(track.lead_id, Progress())
        if progress.live or progress.pooled or progress.unclear:
            return []
        rows = await deliveries.of_lead(conn, track.lead_id)
        taken = {row.slot for row in rows if row.round == track.round and row.state == "accepted"}
        slots = [slot for slot in range(1, track.copies + 1) if slot not in taken]
        opening = Opening(track, progress, slots)
        jobs = () if closed else (await self._onward.place(conn, [opening])).get(track.lead_id, ())
        steps = await kept_waiting(conn, [_step(track, progress, jobs)], self._world.now(), closed)
        await self._insert(conn, jobs)
        await self.change(conn, steps)
        return steps

    async def _next(
        self,
        conn: Any,
        of_lead: dict[UUID, list[Ended]],
        progress: dict[UUID, Progress],
        closed: Collection[UUID],
    ) -> dict[UUID, tuple[Job, ...]]:
        """The next contracts of leads that were refused; what the refused ones had reserved is given back."""
        back: Counter[str] = Counter()
        open_slots: dict[UUID, list[int]] = {}
        for lead, ones in of_lead.items():
            over = [one for one in ones if one.state in _OVER]
            for one in over:
                back.update(held(one.job.reserved))
            for one in ones:
                back.subtract(repriced(one.job, one.outcome))
                if isinstance(one.outcome, Accepted):
                    back.subtract(spent(one.job, self._world.now(), _price(one.job, one.outcome)))
            if over and lead not in closed:
                open_slots[lead] = [one.job.slot for one in over]
        openings = [
            Opening(
                of_lead[lead][0].job.track, progress.get(lead, Progress()), slots,
                next((one.to for one in of_lead[lead] if one.to), ""),
            )
            for lead, slots in open_slots.items()
        ]  # fmt: skip
        return await self._onward.place(conn, openings, back)

    def _end(self, spoken: Spoken, state: str, next_in: float | None = None) -> AttemptEnd:
        job, conversed = spoken.job, spoken.conversed
        outcome = conversed.outcome
        named = outcome.price if isinstance(outcome, Accepted | Unclear) else None
        return AttemptEnd(
            delivery_id=job.delivery_id, lead_id=job.track.lead_id, n=job.attempt, state=state,
            outcome=word_of(outcome), reason=reason_of(outcome), reference=reference_of(outcome),
            price=named, next_in=next_in, ms=spoken.ms, read=_text(outcome.read),
            exchanges=exchanges_json(conversed, self._bytes_kept),
        )  # fmt: skip


def _is_quick(spoken: Spoken) -> bool:
    outcome = spoken.conversed.outcome
    job = spoken.job
    return (
        isinstance(outcome, Accepted)
        and job.track.copies == 1
        and job.track.share is None
        and not job.contract.doc.pull_after
        and not holds_of_sources(job.reserved)
        and not repriced(job, outcome)
    )


def _paid(job: Job, outcome: Accepted) -> Decimal:
    """What the buyer owes for it: a test is told a price, and owes nothing."""
    return _ZERO if job.track.test else _price(job, outcome)


def _price(job: Job, outcome: Accepted) -> Decimal:
    return job.price if outcome.price is None else outcome.price


def reason_of(outcome: Outcome) -> str:
    """A buyer's words, cut and without what PostgreSQL does not keep."""
    return "" if isinstance(outcome, Accepted) else _text(outcome.reason)


def reference_of(outcome: Outcome) -> str | None:
    told = outcome.reference if isinstance(outcome, Accepted | Unclear) else None
    return _text(told) if told else None


def _text(said: str) -> str:
    """No NUL and no half of a character: a buyer's odd byte must not make a sale unrecordable."""
    return said[:500].replace("\0", "").encode("utf-8", "replace").decode()


def _step(track: Track, progress: Progress, jobs: tuple[Job, ...], ones: Sequence[Ended] = ()) -> Step:
    """The lead's state from its deliveries; the source's answer is settled by the first sale or the last no."""
    live = progress.live + len(jobs)
    accepted = [one for one in ones if isinstance(one.outcome, Accepted)]
    revenue = sum(
        (_paid(one.job, one.outcome) for one in accepted if isinstance(one.outcome, Accepted)), _ZERO
    )
    waits = "pooled" if progress.pooled else "unclear" if progress.unclear else ""
    state = "delivering" if live else waits or ("sold" if progress.accepted else "unsold")
    outcome = "success" if progress.accepted else "failure" if state == "unsold" else None
    paid = [_price(one.job, one.outcome) for one in accepted if isinstance(one.outcome, Accepted)]
    price = track.owes_for(paid) if outcome == "success" or track.agreed is None else answers.ZERO
    reasons = track.unsold() if outcome == "failure" else track.said
    change = LeadChange(
        id=track.lead_id, delivery_id=ones[-1].job.delivery_id if ones else track.lead_id, state=state, outcome=outcome,
        price=None if outcome is None else price,
        reasons=answers.kept_reasons(reasons),
        revenue=revenue, ended=state in ("sold", "unsold"),
    )  # fmt: skip
    return Step(track, state, change, jobs)
