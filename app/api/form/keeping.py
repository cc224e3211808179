"""A form's sending on the path of every lead: durable, decided, and told in the visitor's words."""

import hashlib
from collections.abc import Mapping

import orjson
from msgspec import Struct

from app.api.app import Parts
from app.api.form.token import Token
from app.ingest.format import formats
from app.model import Record, Submission
from app.pipeline.answers import Answer, pending
from app.pipeline.plans import SourcePlan
from app.pipeline.work import Work
from app.store.intake import Arrival, Kept


class Sending(Struct, frozen=True, kw_only=True):
    """`said` is what the visitor wrote, apart from the proof of it: the same again is the same lead."""

    record: Record
    evidence: Record
    said: Mapping[str, object]
    token: Token
    ip: str
    test: bool
    began: float


async def take(parts: Parts, plan: SourcePlan, sending: Sending) -> Answer:
    """Durable when it returns. Raises NotDurable, and what a database that is away raises.

    The token names the sending: once more with the same answers is the first lead; with other answers it is
    a new one, whose evidence says so.
    """
    fingerprint = _digest(sending.said)
    arrival, kept = await _keep(parts, plan, sending, sending.token.nonce, fingerprint)
    if kept.first is not None and not kept.same_body:
        again = _changed(sending)
        arrival, kept = await _keep(parts, plan, again, sending.token.nonce + fingerprint, fingerprint)
    engine, until = parts.engine, sending.began + plan.deadline
    parts.metrics.count("leadgate_submissions_total", (plan.id, "kept" if kept.first is None else "repeated"))
    if kept.first is not None:
        (answer,) = await engine.answers_of(
            kept.first, 1, sending.began if plan.reply == "receipt" else until
        )
    else:
        answer = await _decided(parts, plan, arrival, sending.began)
    parts.metrics.count("leadgate_answers_total", (plan.id, answer.outcome))
    parts.metrics.observe("leadgate_answer_seconds", (plan.id,), parts.world.monotonic() - sending.began)
    return answer


def _changed(sending: Sending) -> Sending:
    return Sending(
        record=sending.record, evidence={**sending.evidence, "form.reused": True}, said=sending.said,
        token=sending.token, ip=sending.ip, test=sending.test, began=sending.began,
    )  # fmt: skip


async def _keep(
    parts: Parts, plan: SourcePlan, sending: Sending, name: bytes, fingerprint: bytes
) -> tuple[Arrival, Kept]:
    submission = Submission(
        id=parts.world.new_id(),
        source=plan.id,
        received_at=parts.world.now(),
        content_type="application/json",
        body=orjson.dumps({**sending.record, **sending.evidence}),
        test=sending.test or plan.test,
        remote=sending.ip,
    )
    leased = plan.reply != "receipt" or not parts.engine.crowded
    key = _digest(["form", name.hex()])
    arrival = Arrival(submission=submission, key=key, fingerprint=fingerprint, leased=leased)
    return arrival, await parts.engine.keep(arrival)


async def _decided(parts: Parts, plan: SourcePlan, arrival: Arrival, began: float) -> Answer:
    engine, submission = parts.engine, arrival.submission
    if not arrival.leased:  # the inbox has it; nothing is kept in hand
        return pending(submission.id, "received")
    steps = {"durable": (parts.world.monotonic() - began) * 1000}
    records = formats["json"].read(submission.body, submission.content_type)  # as after a crash
    work = Work(submission, records, plan.reply, began, steps)
    if plan.reply == "receipt":
        engine.later([work])
        return pending(submission.id, "received")
    (answer,) = await engine.decided(work, until=began + plan.deadline)
    return answer


def _digest(what: object) -> bytes:
    return hashlib.blake2b(orjson.dumps(what, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
