"""A source goes on with a lead of its own: completes it, corrects it, asks for another round."""

from typing import Annotated, Any
from urllib.parse import parse_qs
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from app.api.app import Parts, id_of, key_of, parts_of
from app.api.leads import LeadState
from app.api.replies import XML, as_xml, wants_xml
from app.core.errors import Conflict, NotYours, Unprocessable
from app.ingest.forced import Asked, asked
from app.pipeline.answers import Answer, pending
from app.pipeline.partials import digest
from app.pipeline.story import source_view
from app.store.keys import KeyEntry

router = APIRouter(tags=["intake"])

_TRUE = frozenset(("1", "true", "yes", "on", "t", "y"))
_KEY_BYTES = 255
_BODY = {
    "required": True,
    "content": {
        kind: {"schema": {"$ref": "#/components/schemas/Lead"}}
        for kind in ("application/json", "application/x-www-form-urlencoded")
    },
}
_ANSWER = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}}
ANSWERS: dict[int | str, dict[str, Any]] = {
    201: {"description": "The outcome of the new round.", **_ANSWER},
    202: {"description": "The new round is kept; its outcome is still open.", **_ANSWER},
}


def in_parts(query: bytes) -> bool:
    """Whether a `POST /v1/leads` begins or completes a lead rather than bring one."""
    if b"partial" not in query and b"completes" not in query:
        return False
    told = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    return "completes" in told or any(word.lower() in _TRUE for word in told.get("partial", ()))


@router.post("/v1/leads", include_in_schema=False)
async def in_part(request: Request) -> Response:
    """`?partial=1` begins a lead, `?completes=ID` makes it whole; described with the posting of leads."""
    entry, parts = key_of(request, "source"), parts_of(request)
    begun = request.query_params.get("completes")
    told = _told_test(request)
    test, forced = entry.test or told.test, told.result
    body, kind = await _body(request), request.headers.get("content-type", "")
    remote, hint = _remote(request), entry.last4
    if begun is None:
        token = _idempotency(request).decode("latin-1")
        lead_id = await parts.partials.keep(
            entry.owner, body, kind, token=token, test=test, forced=forced, remote=remote, key_hint=hint
        )
        return _answered(request, entry, pending(lead_id, "partial"))
    lead_id = id_of(begun)
    try:
        answer = await parts.partials.complete(
            entry.owner, body, kind, lead_id=lead_id, test=test, forced=forced, remote=remote, key_hint=hint
        )
    except Conflict as late:
        if late.reason != "too_late":
            raise
        await parts.amender.amend(lead_id, entry.owner, body, kind, remote=remote, key_hint=hint)
        answer = await parts.reprocessor.reprocess(lead_id, entry.owner)
    return _answered(request, entry, answer)


@router.patch(
    "/v1/leads/{id}",
    summary="Correct one of your own leads",
    response_model=LeadState,
    response_model_exclude_none=True,
    openapi_extra={"requestBody": _BODY},
    responses=ANSWERS,
)
async def amend(
    id: str,
    request: Request,
    reprocess: Annotated[str, Query(description="`1`: a new round at once, and its answer.")] = "",
) -> Any:
    """Correct one of your own leads: your names, later values win, null takes a value away.

    It holds from the next decision on. A lead that is sold, or may be, is a 409.
    """
    entry, parts, lead_id = key_of(request, "source"), parts_of(request), id_of(id)
    body, kind = await _body(request), _kind(request)
    again = reprocess.lower() in _TRUE
    if not (again and await parts.reprocessor.known(lead_id, entry.owner, mark_of(request, lead_id))):
        hint = entry.last4
        await parts.amender.amend(lead_id, entry.owner, body, kind, remote=_remote(request), key_hint=hint)
    if again:
        return _answered(request, entry, await _again(request, parts, entry, lead_id))
    async with parts.database.promptly() as conn:
        view = await source_view(conn, lead_id, entry.owner)
    if view is None:
        raise NotYours("there is no such lead")
    return view


@router.post(
    "/v1/leads/{id}/reprocess",
    summary="One more round of one of your own leads",
    response_class=Response,
    responses=ANSWERS,
    status_code=201,
)
async def reprocess(id: str, request: Request) -> Response:
    """One more round of a lead that is held, rejected or unsold: mapped, checked and routed as if it came today."""
    entry, parts = key_of(request, "source"), parts_of(request)
    return _answered(request, entry, await _again(request, parts, entry, id_of(id)))


async def _again(request: Request, parts: Parts, entry: KeyEntry, lead_id: UUID) -> Answer:
    return await parts.reprocessor.reprocess(lead_id, entry.owner, key=mark_of(request, lead_id))


def mark_of(request: Request, lead_id: UUID, *, by: str = "") -> bytes:
    """Of the Idempotency-Key, for this lead alone, and where it is not its source who asks, for whoever does;
    nothing where there is none."""
    key = _idempotency(request)
    return digest(b"reprocess " + lead_id.bytes + by.encode() + key) if key else b""


def _idempotency(request: Request) -> bytes:
    key = request.headers.get("idempotency-key", "").strip().encode("latin-1")
    if len(key) > _KEY_BYTES:
        raise Unprocessable(f"an Idempotency-Key has at most {_KEY_BYTES} bytes")
    return key


async def _body(request: Request) -> bytes:
    return await parts_of(request).bodies.read(request.receive, request.headers.get("content-length", ""))


def _kind(request: Request) -> str:
    """RFC 7396 is what a JSON body means here, whether it says so or not."""
    kind = request.headers.get("content-type", "")
    return (
        "application/json"
        if kind.partition(";")[0].strip().lower() == "application/merge-patch+json"
        else kind
    )


def _remote(request: Request) -> str:
    return request.client.host if request.client else ""


def _told_test(request: Request) -> Asked:
    """By header or by query, as `POST /v1/leads` reads it."""
    header = asked(request.headers.get("x-leadgate-test", ""), "header.X-Leadgate-Test")
    query = asked(request.query_params.get("test", ""), "query.test")
    return Asked(header.test or query.test, header.result or query.result)


def _answered(request: Request, entry: KeyEntry, answer: Answer) -> Response:
    """As the posting of leads answers: 201 with the outcome, 202 where it is still open; XML by Accept."""
    parts = parts_of(request)
    parts.metrics.count("leadgate_answers_total", (entry.owner, answer.outcome))
    status = 202 if answer.outcome == "pending" else 201
    document = answer.document(parts.public_url(request.scope))
    if wants_xml(request.headers.get("accept", "").encode("latin-1")):
        return Response(as_xml([document], several=False), status, media_type=XML.decode())
    return JSONResponse(document, status)
