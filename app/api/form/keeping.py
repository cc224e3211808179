"""A form's sending on the path of every lead: durable, decided, and told in the visitor's words."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from msgspec import Struct, structs

from app.api.app import Parts
from app.api.form.token import Token
from app.core.errors import Conflict
from app.ingest.format import formats
from app.model import Record, Submission
from app.pipeline.answers import Answer, pending
from app.pipeline.plans import SourcePlan
from app.pipeline.work import Work
from app.store.intake import Arrival, Kept

_TYPE = "application/json"


class Sending(Struct, frozen=True, kw_only=True):
    """`said` is what the visitor wrote, apart from the proof of it: the same again is the same lead."""

    record: Record
    evidence: Record
    said: Mapping[str, object]
    token: Token
    ip: str
    test: bool
    began: float


async def take(parts: Parts, plan: SourcePlan, sending: Sending, *, begun: bool = False) -> Answer:
    """Durable when it returns. Raises NotDurable, and what a database that is away raises.

    The token names the sending: once more with the same answers is the first lead; with other answers it is
    a new one, whose evidence says so. `begun`: parts of it may have been kept before.
    """
    answer = await (_completed if begun else _taken)(parts, plan, sending)
    if not (sending.test or plan.test):
        parts.metrics.count("leadgate_answers_total", (plan.id, answer.outcome))
    parts.metrics.observe("leadgate_answer_seconds", (plan.id,), parts.world.monotonic() - sending.began)
    return answer


async def keep_part(parts: Parts, plan: SourcePlan, sending: Sending, *, last: bool = False) -> None:
    """What was filled in by who leaves now, or before the `last` part the proof of how it came: durable."""
    body = sending.evidence if last else {**sending.record, **sending.evidence}
    await parts.partials.keep(plan.id, orjson.dumps(body), _TYPE, **_named(sending))


async def _completed(parts: Parts, plan: SourcePlan, sending: Sending) -> Answer:
    """The answers come alone and last: the same again is then the same bytes."""
    try:
        await keep_part(parts, plan, sending, last=True)
        body = orjson.dumps(sending.record, option=orjson.OPT_SORT_KEYS)
        return await parts.partials.complete(plan.id, body, _TYPE, **_named(sending))
    except Conflict as ended:
        again = _changed(sending) if ended.reason == "completed" else sending
        name = sending.token.nonce + _digest(sending.said)
        arrival, kept = await _keep(parts, plan, again, name, _digest(sending.said))
        return await _answered(parts, plan, arrival, kept, sending.began)


def _named(sending: Sending) -> dict[str, Any]:
    return {"token": sending.token.nonce.hex(), "test": sending.test, "remote": sending.ip}


async def _taken(parts: Parts, plan: SourcePlan, sending: Sending) -> Answer:
    fingerprint = _digest(sending.said)
    arrival, kept = await _keep(parts, plan, sending, sending.token.nonce, fingerprint)
    if kept.first is not None and not kept.same_body:
        name = sending.token.nonce + fingerprint
        arrival, kept = await _keep(parts, plan, _changed(sending), name, fingerprint)
    return await _answered(parts, plan, arrival, kept, sending.began)


async def _answered(parts: Parts, plan: SourcePlan, arrival: Arrival, kept: Kept, began: float) -> Answer:
    word = "kept" if kept.first is None else "repeated"
    parts.metrics.count("leadgate_submissions_total", (plan.id, word))
    if kept.first is None:
        return await _decided(parts, plan, arrival, began)
    until = began if plan.reply == "receipt" else began + plan.deadline
    (answer,) = await parts.engine.answers_of(kept.first, 1, until)
    return answer


def _changed(sending: Sending) -> Sending:
    return structs.replace(sending, evidence={**sending.evidence, "form.reused": True})


async def _keep(
    parts: Parts, plan: SourcePlan, sending: Sending, name: bytes, fingerprint: bytes
) -> tuple[Arrival, Kept]:
    submission = Submission(
        id=parts.world.new_id(),
        source=plan.id,
        received_at=parts.world.now(),
        content_type=_TYPE,
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
