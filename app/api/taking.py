"""Keeps a submission that a door has read and waits for its answers: the same steps for every door that is posted to."""

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

LONGEST_KEY = 255


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
        fingerprint: bytes = b"",
    ) -> list[Answer]:
        """The answers as the source wants them, one a record. `fingerprint` is what must be the same under one
        `idempotency`: the body's digest, unless a door knows better. Raises NotDurable, Unprocessable."""
        leased = plan.reply != "receipt" or not self._engine.crowded
        first = await self._keep(submission, idempotency, fingerprint, leased=leased)
        self._metrics.count("leadgate_submissions_total", (plan.id, "kept" if first is None else "repeated"))
        if first is not None:
            until = began if plan.reply == "receipt" else began + plan.deadline
            answers = await self._engine.answers_of(first, len(records), until)
        elif not leased and len(records) == 1:  # the inbox has it; nothing is kept in hand
            answers = [pending(submission.id, "received")]
        else:
            steps = {"durable": (self._world.monotonic() - began) * 1000}
            work = Work(submission, records, plan.reply, began, steps)
            if plan.reply != "receipt":
                answers = await self._engine.decided(work, until=began + plan.deadline)
            else:
                if leased:
                    self._engine.later([work])
                answers = [pending(lead_id, "received") for lead_id in work.lead_ids()]
        self.tell(submission, answers, began)
        return answers

    def note(self, refused: Refused, source: str, content_type: str, body: bytes) -> None:
        """Keep what a source that proved itself was refused with, for a person to see."""
        self._metrics.count("leadgate_submissions_total", (source, "refused"))
        refusal = Refusal.of(
            refused, id=self._world.new_id(), source=source, at=self._world.now(), content_type=content_type, body=body
        )  # fmt: skip
        self._engine.receiver.note_refusal(refusal)

    def tell(self, submission: Submission, answers: list[Answer], began: float) -> None:
        """That it was answered, and how."""
        took = self._world.monotonic() - began
        self._metrics.observe("leadgate_answer_seconds", (submission.source,), took)
        if events.detailed():
            _log(submission, answers, took)
        if not submission.test:
            for answer in answers:
                self._metrics.count("leadgate_answers_total", (submission.source, answer.outcome))

    async def _keep(
        self, submission: Submission, idempotency: bytes, fingerprint: bytes, *, leased: bool
    ) -> UUID | None:
        """Durable when it returns; the submission that came first where the key is known."""
        key = b""
        if idempotency:
            if len(idempotency) > LONGEST_KEY:
                raise Unprocessable(f"an Idempotency-Key has at most {LONGEST_KEY} bytes")
            key = hashlib.blake2b(idempotency, digest_size=16).digest()
            fingerprint = fingerprint or hashlib.blake2b(submission.body, digest_size=16).digest()
        kept = await self._engine.keep(
            Arrival(submission=submission, key=key, fingerprint=fingerprint, leased=leased)
        )
        if kept.first is not None and not kept.same_body:
            raise Unprocessable(
                "this Idempotency-Key came before with another body; use a new key for a new lead",
                code="idempotency_key_reused",
            )
        return kept.first


def _log(submission: Submission, answers: list[Answer], took: float) -> None:
    for answer in answers:
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
