"""A form's sending on the path of every lead: durable, decided, and told in the visitor's words."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from msgspec import Struct, structs

from app.api.app import Parts
from app.api.form.token import Token
from app.api.taking import Taking
from app.core.errors import Conflict, Unprocessable
from app.ingest.format import formats
from app.model import Record, Submission
from app.pipeline.answers import Answer
from app.pipeline.plans import SourcePlan

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
    if not begun:
        return await _taken(parts, plan, sending)
    try:
        return await _completed(parts, plan, sending)
    except Conflict as ended:
        again = _changed(sending) if ended.reason == "completed" else sending
        return await _kept(parts, plan, again, sending.token.nonce + _digest(sending.said))


async def keep_part(parts: Parts, plan: SourcePlan, sending: Sending, *, last: bool = False) -> None:
    """What was filled in by who leaves now, or before the `last` part the proof of how it came: durable."""
    body = sending.evidence if last else {**sending.record, **sending.evidence}
    await parts.partials.keep(plan.id, orjson.dumps(body), _TYPE, **_named(sending))


async def _completed(parts: Parts, plan: SourcePlan, sending: Sending) -> Answer:
    """The answers come alone and last: the same again is then the same bytes."""
    await keep_part(parts, plan, sending, last=True)
    body = orjson.dumps(sending.record, option=orjson.OPT_SORT_KEYS)
    answer = await parts.partials.complete(plan.id, body, _TYPE, **_named(sending))
    _taking(parts).tell(_submission(parts, plan, sending, body), [answer], sending.began)
    return answer


def _named(sending: Sending) -> dict[str, Any]:
    return {"token": sending.token.nonce.hex(), "test": sending.test, "remote": sending.ip}


async def _taken(parts: Parts, plan: SourcePlan, sending: Sending) -> Answer:
    try:
        return await _kept(parts, plan, sending, sending.token.nonce)
    except Unprocessable as other:
        if other.reason != "idempotency_key_reused":
            raise
        return await _kept(parts, plan, _changed(sending), sending.token.nonce + _digest(sending.said))


def _changed(sending: Sending) -> Sending:
    return structs.replace(sending, evidence={**sending.evidence, "form.reused": True})


async def _kept(parts: Parts, plan: SourcePlan, sending: Sending, name: bytes) -> Answer:
    """Under that name, as at every other door; what was said tells it from another one of the same name."""
    body = orjson.dumps({**sending.record, **sending.evidence})
    (answer,) = await _taking(parts).take(
        _submission(parts, plan, sending, body), formats["json"].read(body, _TYPE), plan,
        idempotency=b"form " + name, fingerprint=_digest(sending.said), began=sending.began,
    )  # fmt: skip
    return answer


def _taking(parts: Parts) -> Taking:
    return Taking(parts.engine, parts.world, parts.metrics)


def _submission(parts: Parts, plan: SourcePlan, sending: Sending, body: bytes) -> Submission:
    return Submission(
        id=parts.world.new_id(), source=plan.id, received_at=parts.world.now(), content_type=_TYPE, body=body,
        test=sending.test or plan.test, remote=sending.ip,
    )  # fmt: skip


def _digest(what: object) -> bytes:
    return hashlib.blake2b(orjson.dumps(what, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
