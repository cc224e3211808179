"""One more round of a lead, decided: read under today's mapping, judged, claimed and routed in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from app.core.errors import Conflict, NotFound, NotYours, Unprocessable
from app.core.money import written
from app.core.world import World
from app.model import Lead, Value
from app.pipeline.amending import refuse_unless_open
from app.pipeline.answers import reasons_of
from app.pipeline.choosing import Again
from app.pipeline.decide import Decider
from app.pipeline.drafts import Decided, Draft
from app.pipeline.evidence import EvidenceDesk
from app.pipeline.faults import Retrying
from app.pipeline.hand_overs import queue, starting
from app.pipeline.pieces import Pieces
from app.pipeline.plans import SourcePlan
from app.pipeline.rehearsing import unasked
from app.pipeline.work import Work
from app.store import callbacks, decisions, leads, letting_go, partials, rounds
from app.store.database import Database, marked
from app.store.rounds import Standing
from app.store.trial import transaction

MOST_ROUNDS = 10


class Wish(Struct, frozen=True):
    """For which lead, under which source's plan, and whose wish it is: `by` stands in the lead's trail.

    `key` is the digest of an Idempotency-Key; what a `dry` one begins is taken back.
    """

    lead_id: UUID
    plan: SourcePlan
    by: str
    key: bytes = b""
    dry: bool = False


class Foretold(Struct, frozen=True):
    """What one more round would come to, as far as that is known before anybody is asked."""

    decided: Decided
    was: Standing
    not_asked: list[str]  # services whose word may change all of it

    def document(self) -> dict[str, Any]:
        """`asked` are the contracts that it would go to first."""
        row = self.decided.row
        return {
            "lead": str(row.id), "round": self.decided.draft.round, "was": self.was.state, "state": row.state,
            "reasons": list(self._reasons()), "asked": [job.contract.id for job in self.decided.jobs],
            "not_asked": self.not_asked, "dry_run": True,
        }  # fmt: skip

    def _reasons(self) -> Sequence[Mapping[str, str]]:
        """Whole: who operates the gate may know why, whatever its source is told."""
        verdict = self.decided.draft.verdict
        against = () if verdict is None or self.decided.row.state == "delivering" else verdict.against()
        return reasons_of(against, coarse=False) or self.decided.reasons


async def source_of(database: Database, lead_id: UUID) -> str:
    """Of a lead that is decided, or kept at least. Raises NotFound."""
    async with database.promptly() as conn:
        lead = await rounds.standing(conn, lead_id)
        if lead is not None:
            return lead.source
        first = (await partials.submissions(conn, [lead_id])).get(lead_id)
    if first is None:
        raise NotFound("there is no such lead")
    return first.source


class NextRound:
    """Contracts that have the lead, or may, from an earlier round don't get it again."""

    def __init__(
        self,
        database: Database,
        pieces: Pieces,
        evidence: EvidenceDesk,
        decider: Decider,
        world: World,
        retrying: Retrying,
        *,
        process_id: Callable[[], UUID],
    ) -> None:
        self._database = database
        self._pieces = pieces
        self._evidence = evidence
        self._decider = decider
        self._world = world
        self._retrying = retrying
        self._process_id = process_id

    async def drafted(self, wish: Wish) -> Draft:
        """The lead as its source would send it today, judged by what everybody who is asked says of it.
        Raises NotYours, Conflict, Unprocessable."""
        draft, before = await self._retrying.run(lambda _: self._draft(wish))
        await self._evidence.look_up(draft, self._evidence.slow(draft))
        await self._retrying.run(lambda _: self._evidence.gather_again(draft, before))
        return self._judged(draft)

    async def begun(self, draft: Draft, wish: Wish) -> tuple[Decided, Standing] | None:
        """The whole round in one transaction, and what was before it. None where somebody else has begun it.

        Locks: the lead, then dedupe keys, then counters, each kind sorted; then inserts.
        """
        return await self._retrying.run(lambda again: self._attempt(draft, wish, again))

    async def foretold(self, wish: Wish) -> Foretold:
        """Nothing of it stays, and no service is asked that costs. Raises as `drafted` does."""
        wish = replace(wish, dry=True)
        draft, before = await self._retrying.run(lambda _: self._draft(wish))
        await self._retrying.run(lambda _: self._evidence.foresee(draft, before))
        begun = await self.begun(self._judged(draft), wish)
        if begun is None:
            raise Conflict("this lead changes at this moment; ask again", code="under_way")
        return Foretold(*begun, unasked(draft))

    def _judged(self, draft: Draft) -> Draft:
        judge = draft.plan.campaign.judge
        draft.judged = judge.judge(draft.lead, draft.evidence, at=self._world.now(), took=draft.took)
        return draft

    async def _draft(self, wish: Wish) -> tuple[Draft, Lead]:
        """As its source would send it today; and as it was judged last."""
        plan, lead_id = wish.plan, wish.lead_id
        async with self._database.acquire() as conn:
            lead = await self._open(conn, wish)
            record = await self._pieces.record(conn, plan, lead_id, lead.submission_id, lead.position)
            submission = (await partials.submissions(conn, [lead.submission_id]))[lead.submission_id]
            context = (await leads.contexts(conn, [lead_id])).get(lead_id)
            if context is None:
                raise Conflict("this lead's fields were dropped by retention", code="dropped")
            work = Work(
                replace(submission, test=lead.test), [record], plan.reply, self._world.monotonic(), lead_id=lead_id
            )  # fmt: skip
            draft = self._decider.draft(work)[0]
            draft.round = lead.round + 1
        before = replace(draft.lead, fields={name: Value(*told) for name, told in context.fields.items()})
        return draft, before

    async def _open(self, conn: Any, wish: Wish, *, locked: bool = False) -> Standing:
        plan = wish.plan
        lead = await rounds.standing(conn, wish.lead_id, locked=locked)
        if lead is None:
            await self._refuse_undecided(conn, wish)
        if lead is None or lead.source != plan.id or lead.erased:
            raise NotYours("there is no such lead")
        if lead.campaign != plan.campaign.id:
            raise Conflict(
                f"source {plan.id} posts to another campaign by now; post it as a new lead", code="moved"
            )
        refuse_unless_open(lead.state)
        if await leads.is_stopped(conn, wish.lead_id):
            raise Conflict("the person of this lead wants no more calls; it goes no further", code="stopped")
        if lead.round >= MOST_ROUNDS:
            raise Unprocessable(f"one lead goes at most {MOST_ROUNDS} rounds", code="rounds")
        return lead

    async def _refuse_undecided(self, conn: Any, wish: Wish) -> None:
        first = (await partials.submissions(conn, [wish.lead_id])).get(wish.lead_id)
        if first is not None and first.source == wish.plan.id and first.body:
            raise Conflict("this lead is not decided yet; its first round comes first", code="under_way")

    async def _attempt(self, draft: Draft, wish: Wish, again: bool) -> tuple[Decided, Standing] | None:
        try:
            async with self._database.acquire() as conn, transaction(conn, dry=wish.dry):
                if again:
                    await marked(conn)
                return await self._transact(conn, draft, wish)
        except decisions.MissingCounters as missing:
            await self._decider.prepare(missing.keys)
            raise Again from None

    async def _transact(self, conn: Any, draft: Draft, wish: Wish) -> tuple[Decided, Standing] | None:
        lead_id = draft.lead.id
        now = await rounds.standing(conn, lead_id, locked=True)
        if now is not None and now.round >= draft.round:
            return None
        if wish.key and not await rounds.once(conn, wish.plan.id, wish.key, lead_id):
            return None
        was = await self._open(conn, wish)
        holders = await rounds.holders(conn, lead_id)
        draft.tried = frozenset(contract for contract, _ in holders)
        draft.buyers = frozenset(buyer for _, buyer in holders)
        one = await self._decider.again(conn, draft)
        await letting_go.forget(conn, lead_id)
        await rounds.renew(conn, one.row)
        process_id = self._process_id()
        await decisions.insert_deliveries(conn, starting(one.jobs), process_id)
        await queue(conn, one.jobs, process_id)
        await callbacks.further(conn, lead_id, draft.round)
        tell = self._decider.owed(one) if was.outcome != "success" else None
        await callbacks.owe(conn, [tell] if tell is not None else [])
        await leads.note(conn, lead_id, "reprocessed", None, wish.by, _told(was, draft.round))
        return one, was


def _told(was: Standing, round_: int) -> dict[str, Any]:
    price = None if was.price is None else written(was.price)
    return {"round": round_, "was": was.state, "answered": was.outcome or "pending", "price": price}
