"""A source corrects its own lead: kept as a submission of its own beside the first, never written over it."""

from typing import Any
from uuid import UUID

from app.core.errors import Conflict, NotYours, Unprocessable
from app.core.metrics import Metrics
from app.core.world import World
from app.model import Submission
from app.pipeline.choosing import Again
from app.pipeline.engine import Engine
from app.pipeline.faults import Retrying
from app.pipeline.partials import MOST_PARTS, Partials, digest, durably
from app.pipeline.pieces import Pieces
from app.pipeline.plans import SourcePlan
from app.pipeline.story import brought_with
from app.pipeline.work import Work
from app.store import leads, partials, rounds
from app.store.database import Database

AMENDABLE = ("held", "rejected", "unsold")
_PATIENCE = 1.5
_WHY_NOT = {
    "sold": ("sold", "this lead is sold: what was handed over can't be corrected from here"),
    "returned": ("sold", "this lead was sold and returned: post it as a new lead"),
    "delivering": ("under_way", "this lead is being handed over; ask again when that has ended"),
    "unclear": ("under_way", "a buyer may have this lead; ask again when that is known"),
    "pooled": ("under_way", "this lead stands in a pool, where somebody may have it in hand"),
}


def refuse_unless_open(state: str) -> None:
    """Conflict for a lead that has gone out of our hands, or may have."""
    if state in AMENDABLE:
        return
    code, why = _WHY_NOT.get(state, ("under_way", f"this lead is {state}"))
    raise Conflict(why, code=code)


class Amender:
    """`amend` is durable when it returns. What it says holds from the next decision on: that of the lead
    itself where it is not decided yet, else that of the next round."""

    def __init__(
        self,
        engine: Engine,
        database: Database,
        pieces: Pieces,
        begun: Partials,
        world: World,
        metrics: Metrics,
    ) -> None:
        self._engine = engine
        self._database = database
        self._pieces = pieces
        self._begun = begun
        self._world = world
        self._retrying = Retrying(world, metrics, patience=_PATIENCE)

    async def amend(
        self,
        lead_id: UUID,
        source: str,
        body: bytes,
        content_type: str,
        *,
        remote: str = "",
        key_hint: str = "",
    ) -> None:
        """Raises NotYours, Conflict (it is out of our hands), NotDurable, and what the format raises."""
        plan = self._engine.source(source)
        part = Submission(
            id=self._world.new_id(), source=source, received_at=self._world.now(),
            content_type=self._pieces.kind(plan, content_type, body),
            body=body, test=plan.test, remote=remote, key_hint=key_hint,
        )  # fmt: skip
        if len(self._pieces.read(part)) != 1:
            raise Unprocessable("a lead is corrected alone", code="several")
        self._engine.in_hand.add(part.id)
        work: Work | None = None
        try:
            work = await durably(
                self._database, self._retrying, lambda conn: self._amend(conn, plan, lead_id, part)
            )
        finally:
            if work is None:
                self._engine.in_hand.discard(part.id)
        if work is not None:
            self._decide(work, lead_id)

    def _decide(self, work: Work, lead_id: UUID) -> None:
        if self._engine.waiting.waits(lead_id):
            self._engine.deciding.now(work)
        else:
            self._engine.later([work])

    async def _amend(self, conn: Any, plan: SourcePlan, lead_id: UUID, part: Submission) -> Work | None:
        """The work of the whole lead where this moment's decision has to be made anew."""
        lead = await rounds.standing(conn, lead_id, locked=True)
        if lead is None:
            return await self._undecided(conn, plan, lead_id, part)
        if lead.source != plan.id or lead.erased:
            raise NotYours("there is no such lead")
        refuse_unless_open(lead.state)
        if await self._add(conn, lead_id, part):
            await leads.note(conn, lead_id, "amended", None, f"source {plan.id}", self._named(plan, part))
        return None

    async def _undecided(self, conn: Any, plan: SourcePlan, lead_id: UUID, part: Submission) -> Work | None:
        partial = await partials.find(conn, lead_id, plan.id)
        if partial is not None and partial.state == "open":
            await self._begun.amend(conn, partial, part, "patch", seconds=plan.partial.after.seconds)
            return None
        first = (await partials.submissions(conn, [lead_id])).get(lead_id)
        if first is None or first.source != plan.id or not first.body:  # erased before anybody decided it
            if await brought_with(conn, lead_id, plan.id):
                raise _not_yet()
            raise NotYours("there is no such lead")
        if len(self._pieces.read(first)) != 1:
            raise _not_yet()
        if not await partials.withdraw(conn, lead_id):
            await self._refuse_parked(conn, lead_id)
            raise Again  # somebody has decided it since it was looked for
        await self._add(conn, lead_id, part)
        await partials.to_inbox(conn, part.id, self._engine.process_id())
        parts = [one.submission_id for one in await partials.amendments(conn, [lead_id])]
        bodies = await partials.submissions(conn, parts)
        abandoned = partial is not None and partial.state == "abandoned"
        return self._pieces.work(part, first, [bodies[one] for one in parts], abandoned=abandoned)

    async def _refuse_parked(self, conn: Any, lead_id: UUID) -> None:
        submission = await leads.submission(conn, lead_id)
        if submission is not None and submission["parked"] is not None:
            raise Conflict("this lead was put aside for a person", code="under_way")

    async def _add(self, conn: Any, lead_id: UUID, part: Submission) -> bool:
        """False for what was said last already."""
        n, fingerprint = await partials.last(conn, lead_id)
        same = digest(part.body)
        withdrawn = await rounds.standing(conn, lead_id) is None
        if n and fingerprint == same and not withdrawn:
            return False
        if n >= MOST_PARTS:
            raise Unprocessable(f"one lead comes in at most {MOST_PARTS} parts", code="parts")
        await partials.keep(conn, part)
        await partials.amend(conn, lead_id, part.id, "patch", same)
        return True

    def _named(self, plan: SourcePlan, part: Submission) -> dict[str, Any]:
        """Which of our fields it speaks of; a source's own names may hold anything."""
        fields, _ = plan.fields.apply({name: raw or "-" for name, raw in self._pieces.read(part)[0].items()})
        return {"fields": list(fields)}


def _not_yet() -> Conflict:
    return Conflict(
        "this lead came with others and is not decided yet; ask again in a second", code="under_way",
        headers={"Retry-After": "1"},
    )  # fmt: skip
