"""One more round of a lead whose source asks for it: mapped, checked and routed as if it came today."""

import asyncio
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from app.core.errors import Conflict, NotDurable, NotYours, Unprocessable
from app.core.metrics import Metrics
from app.core.money import written
from app.core.world import World
from app.model import Lead, Value
from app.pipeline.amending import refuse_unless_open
from app.pipeline.answers import Answer, bought, pending
from app.pipeline.binding import lapsed
from app.pipeline.choosing import Again
from app.pipeline.drafts import Decided, Draft
from app.pipeline.engine import Engine
from app.pipeline.evidence import EvidenceDesk
from app.pipeline.faults import Retrying
from app.pipeline.hand_overs import queue, starting
from app.pipeline.pieces import Pieces
from app.pipeline.plans import SourcePlan
from app.pipeline.work import Work
from app.store import callbacks, decisions, leads, letting_go, partials, rounds
from app.store.database import Database, is_ambiguous, is_away, marked
from app.store.rounds import Standing

MOST_ROUNDS = 10
_PATIENCE = 1.5


class Reprocessor:
    """The new round is committed, with its deliveries and their first attempts, before anybody hears of it.

    Two requests at the same moment are one round, here and in other processes: the second gets the answer
    of the first. Contracts that have the lead, or may, from an earlier round don't get it again.
    """

    def __init__(
        self,
        engine: Engine,
        database: Database,
        pieces: Pieces,
        evidence: EvidenceDesk,
        world: World,
        metrics: Metrics,
    ) -> None:
        self._engine = engine
        self._database = database
        self._pieces = pieces
        self._evidence = evidence
        self._world = world
        self._retrying = Retrying(world, metrics, patience=_PATIENCE)
        self._under_way: dict[UUID, asyncio.Task[Answer]] = {}

    async def reprocess(self, lead_id: UUID, source: str, *, key: bytes = b"") -> Answer:
        """The answer of the new round, or `pending` when the source's deadline passes. `key` is the digest of
        an Idempotency-Key. Raises NotYours, Conflict, Unprocessable, NotDurable."""
        plan = self._engine.source(source)
        task = self._under_way.get(lead_id)
        if task is None:
            until = self._world.monotonic() + plan.deadline
            task = asyncio.create_task(self._run(lead_id, plan, key, until))
            self._under_way[lead_id] = task
            task.add_done_callback(lambda _: self._under_way.pop(lead_id, None))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        elif await self._owner(lead_id) != source:
            raise NotYours("there is no such lead")
        return await asyncio.shield(task)

    async def _owner(self, lead_id: UUID) -> str | None:
        async with self._database.promptly() as conn:
            lead = await rounds.standing(conn, lead_id)
        return lead.source if lead else None

    async def _run(self, lead_id: UUID, plan: SourcePlan, key: bytes, until: float) -> Answer:
        try:
            return await self._again(lead_id, plan, key, until)
        except Again:
            raise NotDurable("this lead changes at this moment; send it again") from None
        except Exception as error:
            if is_away(error) or is_ambiguous(error):
                raise NotDurable("the database does not answer; send it again") from error
            raise

    async def _again(self, lead_id: UUID, plan: SourcePlan, key: bytes, until: float) -> Answer:
        if await self.known(lead_id, plan.id, key):
            return (await self._engine.answers_of(lead_id, 1, until))[0]
        draft, before = await self._retrying.run(lambda _: self._draft(lead_id, plan))
        await self._evidence.look_up(draft, self._evidence.slow(draft))
        await self._retrying.run(lambda _: self._evidence.gather_again(draft, before))
        judge = draft.plan.campaign.judge
        draft.judged = judge.judge(draft.lead, draft.evidence, at=self._world.now(), took=draft.took)
        waits = plan.reply != "receipt"
        future = self._engine.waiting.wait(lead_id) if waits else None
        try:
            begun = await self._retrying.run(lambda again: self._attempt(draft, key, again))
            if begun is None:  # by another process, or by us with a commit in doubt
                await self._engine.adopt([lead_id])
                return (await self._engine.answers_of(lead_id, 1, until))[0]
            one, was = begun
            self._engine.begin(one)
            if future is None:
                return pending(lead_id, one.row.state)
            if was.outcome == "success":  # what was promised its source stands, whatever this round brings
                return bought(lead_id, one.row.state, was.price)
            return await self._answer(future, lead_id, plan.id, draft.round, until)
        finally:
            if future is not None:
                self._engine.waiting.forget([lead_id], [future])

    async def known(self, lead_id: UUID, source: str, key: bytes) -> bool:
        """Whether this very request came before; then it is answered as the lead stands."""
        if not key:
            return False
        async with self._database.promptly() as conn:
            lead = await rounds.standing(conn, lead_id)
            return lead is not None and lead.source == source and await rounds.known(conn, source, key)

    async def _answer(
        self, future: "asyncio.Future[Answer]", lead_id: UUID, source: str, round_: int, until: float
    ) -> Answer:
        left = until - self._world.monotonic()
        timer = asyncio.get_running_loop().call_later(
            left, self._engine.let_go, source, [lead_id], "delivering", round_
        )
        try:
            return await future
        finally:
            timer.cancel()

    async def _draft(self, lead_id: UUID, plan: SourcePlan) -> tuple[Draft, Lead]:
        """The lead as its source would send it today; and as it was judged last."""
        async with self._database.acquire() as conn:
            lead = await self._mine(conn, lead_id, plan)
            record = await self._pieces.record(conn, plan, lead_id, lead.submission_id, lead.position)
            submission = (await partials.submissions(conn, [lead.submission_id]))[lead.submission_id]
            context = (await leads.contexts(conn, [lead_id])).get(lead_id)
            if context is None:
                raise Conflict("this lead's fields were dropped by retention", code="dropped")
            work = Work(
                replace(submission, test=lead.test), [record], plan.reply, self._world.monotonic(), lead_id=lead_id
            )  # fmt: skip
            draft = self._engine.decider.draft(work)[0]
            draft.round = lead.round + 1
            if plan.campaign.auction.on == "post":
                draft.lapsed = await lapsed(conn, draft, self._world.now())
        before = replace(draft.lead, fields={name: Value(*told) for name, told in context.fields.items()})
        return draft, before

    async def _mine(self, conn: Any, lead_id: UUID, plan: SourcePlan, *, locked: bool = False) -> Standing:
        lead = await rounds.standing(conn, lead_id, locked=locked)
        if lead is None:
            await self._refuse_undecided(conn, lead_id, plan.id)
        if lead is None or lead.source != plan.id or lead.erased:
            raise NotYours("there is no such lead")
        if lead.campaign != plan.campaign.id:
            raise Conflict(
                "your source posts to another campaign by now; post it as a new lead", code="moved"
            )
        refuse_unless_open(lead.state)
        if await leads.is_stopped(conn, lead_id):
            raise Conflict("the person of this lead wants no more calls; it goes no further", code="stopped")
        if lead.round >= MOST_ROUNDS:
            raise Unprocessable(f"one lead goes at most {MOST_ROUNDS} rounds", code="rounds")
        return lead

    async def _refuse_undecided(self, conn: Any, lead_id: UUID, source: str) -> None:
        first = (await partials.submissions(conn, [lead_id])).get(lead_id)
        if first is not None and first.source == source and first.body:
            raise Conflict("this lead is not decided yet; its first round comes first", code="under_way")

    async def _attempt(self, draft: Draft, key: bytes, again: bool) -> tuple[Decided, Standing] | None:
        """The whole round in one transaction. None where somebody else has begun it.

        Locks: the lead, then dedupe keys, then counters, each kind sorted; then inserts.
        """
        try:
            async with self._database.acquire() as conn, conn.transaction():
                if again:
                    await marked(conn)
                return await self._transact(conn, draft, key)
        except decisions.MissingCounters as missing:
            await self._engine.decider.prepare(missing.keys)
            raise Again from None

    async def _transact(self, conn: Any, draft: Draft, key: bytes) -> tuple[Decided, Standing] | None:
        lead_id, plan = draft.lead.id, draft.plan
        now = await rounds.standing(conn, lead_id, locked=True)
        if now is not None and now.round >= draft.round:
            return None
        if key and not await rounds.once(conn, plan.id, key, lead_id):
            return None
        was = await self._mine(conn, lead_id, plan)
        holders = await rounds.holders(conn, lead_id)
        draft.tried = frozenset(contract for contract, _ in holders)
        draft.buyers = frozenset(buyer for _, buyer in holders)
        one = await self._engine.decider.again(conn, draft)
        await letting_go.forget(conn, lead_id)
        await rounds.renew(conn, one.row)
        process_id = self._engine.process_id()
        await decisions.insert_deliveries(conn, starting(one.jobs), process_id)
        await queue(conn, one.jobs, process_id)
        await callbacks.further(conn, lead_id, draft.round)
        tell = self._engine.decider.owed(one) if was.outcome != "success" else None
        await callbacks.owe(conn, [tell] if tell is not None else [])
        await leads.note(conn, lead_id, "reprocessed", None, f"source {plan.id}", _told(was, draft.round))
        return one, was


def _told(was: Standing, round_: int) -> dict[str, Any]:
    price = None if was.price is None else written(was.price)
    return {"round": round_, "was": was.state, "answered": was.outcome or "pending", "price": price}
