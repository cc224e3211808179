"""Keeps a submission that a door has read and waits for its answers: intake's steps, for the doors beside it."""

import hashlib
from uuid import UUID

from app.core import events
from app.core.errors import Refused, Unprocessable
from app.core.metrics import Metrics
from app.core.world import World
from app.model import Record, Submission
from app.pipeline.answers import Answer, pending
from app.pipeline.engine import Engine
from app.pipeline.plans import SourcePlan
from app.pipeline.work import Work
from app.store.intake import Arrival, Refusal

_KEPT_OF_A_REFUSED_BODY = 65_536
_LONGEST_KEY = 255


class Taking:
    """Nothing is answered before it is durable."""

    def __init__(self, engine: Engine, world: World, metrics: Metrics) -> None:
        self._engine = engine
        self._world = world
        self._metrics = metrics

    async def take(
        self,
        submission: Submission,
        records: list[Record],
        plan: SourcePlan,
        *,
        idempotency: bytes,
        began: float,
    ) -> list[Answer]:
        """The answers as the source wants them, one a record. Raises NotDurable, Unprocessable."""
        leased = plan.reply != "receipt" or not self._engine.crowded
        first = await self._keep(submission, idempotency, leased=leased)
        self._metrics.count("leadgate_submissions_total", (plan.id, "kept" if first is None else "repeated"))
        if first is not None:
            until = began if plan.reply == "receipt" else began + plan.deadline
            answers = await self._engine.answers_of(first, len(records), until)
        else:
            answers = await self._decided(submission, records, plan, began, leased=leased)
        self._tell(submission, answers, self._world.monotonic() - began)
        return answers

    def note(self, refused: Refused, source: str, content_type: str, body: bytes) -> None:
        """Keep what a source that proved itself was refused with, for a person to see."""
        self._metrics.count("leadgate_submissions_total", (source, "refused"))
        self._engine.receiver.note_refusal(
            Refusal(
                id=self._world.new_id(),
                source=source,
                at=self._world.now(),
                code=refused.reason,
                detail=refused.detail.replace("\0", ""),
                content_type=content_type[:200].replace("\0", ""),
                body=body[:_KEPT_OF_A_REFUSED_BODY],
            )
        )

    async def _decided(
        self, submission: Submission, records: list[Record], plan: SourcePlan, began: float, *, leased: bool
    ) -> list[Answer]:
        steps = {"durable": (self._world.monotonic() - began) * 1000}
        work = Work(submission, records, plan.reply, began, steps)
        if plan.reply != "receipt":
            return await self._engine.decided(work, until=began + plan.deadline)
        if leased:
            self._engine.later([work])
        return [pending(lead_id, "received") for lead_id in work.lead_ids()]

    async def _keep(self, submission: Submission, idempotency: bytes, *, leased: bool) -> UUID | None:
        key = fingerprint = b""
        if idempotency:
            if len(idempotency) > _LONGEST_KEY:
                raise Unprocessable(f"an Idempotency-Key has at most {_LONGEST_KEY} bytes")
            key = hashlib.blake2b(idempotency, digest_size=16).digest()
            fingerprint = hashlib.blake2b(submission.body, digest_size=16).digest()
        kept = await self._engine.keep(
            Arrival(submission=submission, key=key, fingerprint=fingerprint, leased=leased)
        )
        if kept.first is not None and not kept.same_body:
            raise Unprocessable(
                "this Idempotency-Key came before with another body; use a new key for a new lead",
                code="idempotency_key_reused",
            )
        return kept.first

    def _tell(self, submission: Submission, answers: list[Answer], took: float) -> None:
        self._metrics.observe("leadgate_answer_seconds", (submission.source,), took)
        for answer in answers:
            if not submission.test:
                self._metrics.count("leadgate_answers_total", (submission.source, answer.outcome))
            if events.detailed():
                events.emit(
                    events.Answered(
                        submission=submission.id,
                        source=events.Id(submission.source),
                        outcome=events.Code(answer.outcome),
                        status=202 if answer.outcome == "pending" else 201,
                        lead=answer.lead_id,
                        ms=took * 1000,
                    )
                )
