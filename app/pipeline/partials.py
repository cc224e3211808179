"""Leads that their source begins now and completes later, under one id: the form that is filled in page by page."""

from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Any, TypeVar
from uuid import UUID

from app.core.errors import Conflict, NotDurable, NotYours, Unprocessable
from app.core.metrics import Metrics
from app.core.world import World
from app.model import Submission
from app.pipeline.answers import Answer, pending
from app.pipeline.choosing import Again
from app.pipeline.engine import Engine
from app.pipeline.faults import Retrying
from app.pipeline.pieces import Pieces
from app.pipeline.plans import SourcePlan
from app.pipeline.work import Work
from app.store import partials
from app.store.database import Database, is_ambiguous, is_away, marked
from app.store.partials import Partial

T = TypeVar("T")
MOST_PARTS = 100
_BATCH = 100
_PATIENCE = 1.5  # seconds that a write is tried again before its source is told 503


def digest(text: bytes | str) -> bytes:
    return blake2b(text.encode() if isinstance(text, str) else text, digest_size=16).digest()


class Partials:
    """`keep` and `complete` are durable when they return; nothing is checked or sold before `complete`."""

    def __init__(
        self, engine: Engine, database: Database, pieces: Pieces, world: World, metrics: Metrics
    ) -> None:
        self._engine = engine
        self._database = database
        self._pieces = pieces
        self._world = world
        self._metrics = metrics
        self._retrying = Retrying(world, metrics, patience=_PATIENCE)

    async def keep(
        self,
        source: str,
        body: bytes,
        content_type: str,
        *,
        token: str = "",
        test: bool = False,
        forced: str = "",
        remote: str = "",
        key_hint: str = "",
    ) -> UUID:
        """Begin a lead; the same `token` (a form's own mark of one visitor) goes on with the lead it began.

        What comes after the lead was completed changes nothing: a page may say goodbye late. Raises
        NotDurable, what the format raises, and Unprocessable for several leads at once.
        """
        plan = self._engine.source(source)
        part = self._submission(
            plan, body, content_type, test=test, forced=forced, remote=remote, key_hint=key_hint
        )
        self._one(part)
        mark = digest(token) if token else None

        async def attempt(conn: Any) -> UUID:
            row = await partials.begin(
                conn, part.id, source, token=mark, state="open", test=part.test,
                seconds=plan.partial.after.seconds,
            )  # fmt: skip
            if row.lead_id == part.id:
                await partials.keep(conn, part)
            elif row.state == "open":
                await self.amend(conn, row, part, "partial", seconds=plan.partial.after.seconds)
            return row.lead_id

        return await self._durably(attempt)

    async def complete(
        self,
        source: str,
        body: bytes,
        content_type: str,
        *,
        lead_id: UUID | None = None,
        token: str = "",
        test: bool = False,
        forced: str = "",
        remote: str = "",
        key_hint: str = "",
    ) -> Answer:
        """Make a begun lead whole, by its id or by the token that began it: later values win, then the
        ordinary path. A token that began nothing is an ordinary lead.

        The same body again gets the first one's answer. Raises NotYours where there is no such partial lead,
        Conflict where it was completed otherwise, NotDurable, and what the format raises.
        """
        plan = self._engine.source(source)
        began = self._world.monotonic()
        last = self._submission(
            plan, body, content_type, test=test, forced=forced, remote=remote, key_hint=key_hint
        )
        self._one(last)
        self._engine.in_hand.add(last.id)
        try:
            work, first = await self._durably(
                lambda conn: self._complete(conn, plan, last, lead_id, digest(token) if token else None)
            )
        except BaseException:
            self._engine.in_hand.discard(last.id)
            raise
        until = began + (0 if plan.reply == "receipt" else plan.deadline)
        if work is None:
            self._engine.in_hand.discard(last.id)
            return (await self._engine.answers_of(first, 1, until))[0]
        if plan.reply == "receipt":
            self._engine.later([work])
            return pending(first, "received")
        return (await self._engine.decided(work, until))[0]

    async def _complete(
        self, conn: Any, plan: SourcePlan, last: Submission, lead_id: UUID | None, token: bytes | None
    ) -> tuple[Work | None, UUID]:
        """(the work, or None where it is done already; the lead)"""
        row = await self._row(conn, plan, last, lead_id, token)
        fingerprint = digest(last.body)
        if row.completed_by == last.id:  # our own, by a commit in doubt
            pass
        elif row.state != "open":
            if row.fingerprint != fingerprint:
                late = row.state in ("abandoned", "distributed")
                raise Conflict(
                    f"this lead is {row.state} already; PATCH /v1/leads/{row.lead_id} corrects it",
                    code="too_late" if late else "completed",
                )
            return None, row.lead_id
        elif row.lead_id == last.id:  # a token that began nothing
            await partials.keep(conn, last)
        else:
            await self.amend(conn, row, last, "completes")
        await partials.end(conn, row.lead_id, "completed", last.id, fingerprint)
        await partials.to_inbox(conn, last.id, self._engine.process_id())
        if row.lead_id == last.id:
            return Work(last, self._pieces.read(last), plan.reply, self._world.monotonic()), last.id
        parts = [one.submission_id for one in await partials.amendments(conn, [row.lead_id])]
        bodies = await partials.submissions(conn, [row.lead_id, *parts])
        work = self._pieces.work(
            last, bodies[row.lead_id], [bodies[part] for part in parts], reply=plan.reply
        )
        return work, row.lead_id

    async def _row(
        self, conn: Any, plan: SourcePlan, last: Submission, lead_id: UUID | None, token: bytes | None
    ) -> Partial:
        if lead_id is None:
            return await partials.begin(
                conn, last.id, plan.id, token=token, state="open", test=last.test,
                seconds=plan.partial.after.seconds,
            )  # fmt: skip
        row = await partials.find(conn, lead_id, plan.id)
        if row is None:
            raise NotYours("there is no such partial lead")
        return row

    async def amend(
        self, conn: Any, row: Partial, part: Submission, kind: str, *, seconds: float | None = None
    ) -> None:
        """One more part of an open partial lead, whose row the caller has locked; its time runs anew."""
        n, fingerprint = await partials.last(conn, row.lead_id)
        same = digest(part.body)
        if kind != "completes" and n and fingerprint == same:
            return
        if n >= MOST_PARTS and kind != "completes":
            raise Unprocessable(f"one lead comes in at most {MOST_PARTS} parts", code="parts")
        await partials.keep(conn, part)
        await partials.amend(conn, row.lead_id, part.id, kind, same)
        if seconds is not None:
            await partials.later(conn, row.lead_id, seconds)

    async def end_overdue(self) -> bool:
        """Leads that were not completed in time come to their end, or are sold as they are, as their source says."""
        async with self._database.acquire() as conn, conn.transaction():
            found = await partials.overdue(conn, _BATCH)
            for lead_id, source in found:
                plan = self._engine.plans().source(source)
                sold = plan is not None and plan.partial.then == "distribute"
                await partials.end(conn, lead_id, "distributed" if sold else "abandoned")
                await partials.to_inbox(conn, lead_id, None)
        return len(found) == _BATCH

    def _submission(
        self,
        plan: SourcePlan,
        body: bytes,
        content_type: str,
        *,
        test: bool,
        forced: str,
        remote: str,
        key_hint: str,
    ) -> Submission:
        return Submission(
            id=self._world.new_id(), source=plan.id, received_at=self._world.now(),
            content_type=self._pieces.kind(plan, content_type, body),
            body=body, test=test or plan.test, forced=forced, remote=remote, key_hint=key_hint,
        )  # fmt: skip

    def _one(self, part: Submission) -> None:
        if len(self._pieces.read(part)) != 1:
            raise Unprocessable("a lead that comes in parts comes alone", code="several")

    async def _durably(self, work: Callable[[Any], Awaitable[T]]) -> T:
        return await durably(self._database, self._retrying, work)


async def durably(database: Database, retrying: Retrying, work: Callable[[Any], Awaitable[T]]) -> T:
    """`work` in one transaction, again where it must be; NotDurable where the database stays away."""

    async def attempt(again: bool) -> T:
        async with database.acquire() as conn, conn.transaction():
            if again:
                await marked(conn)
            return await work(conn)

    try:
        return await retrying.run(attempt)
    except Again:
        raise NotDurable("this lead is being decided at this moment; send it again") from None
    except Exception as error:
        if is_away(error) or is_ambiguous(error):
            raise NotDurable("the database does not answer; send it again") from error
        raise
