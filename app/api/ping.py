"""`POST /v1/ping`: what a lead with these facts would be worth, before anybody knows whose it is."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field

from app.api.app import key_of, parts_of
from app.api.replies import wants_xml
from app.core.errors import Unprocessable
from app.ingest.forced import asked
from app.ingest.wording import as_xml
from app.pipeline.pinging import Pinged

router = APIRouter(tags=["intake"])

_EXAMPLE = {"state": "CA", "postal_code": "94107", "bill": 180}
_BODY = {
    "requestBody": {
        "required": True,
        "description": "One lead without its contacts, in any format that `POST /v1/leads` takes.",
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/Lead"}, "example": _EXAMPLE},
            "application/x-www-form-urlencoded": {"schema": {"$ref": "#/components/schemas/Lead"}},
            "application/xml": {"schema": {"type": "string"}},
        },
    }
}
_XML = {200: {"content": {"application/xml": {"schema": {"type": "string"}}}}}


class NamedBuyer(BaseModel):
    """A bidder whom the person may be told of."""

    bid_id: str = Field(description="What to post as `bid_id`, so that only this buyer gets the lead.")
    name: str


class PingReason(BaseModel):
    code: str
    field: str
    message: str


class PingAnswer(BaseModel):
    """There is no lead yet, so there is no lead's id."""

    outcome: Literal["success", "failure"]
    ping_id: str = Field(description="What to post with the lead.")
    price: str = Field(description="What you are paid if a bidder takes the lead, as an exact decimal.")
    currency: str
    expires_at: str | None = Field(None, description="Until then the lead must be here.")
    buyers: list[NamedBuyer] | None = Field(
        None, description="Bidders that may be named, in the order in which they would be asked."
    )
    reason: str | None = None
    reasons: list[PingReason] | None = None
    test: bool | None = None


@router.post(
    "/v1/ping",
    summary="Ask for bids before you post",
    response_model=PingAnswer,
    response_model_exclude_none=True,
    openapi_extra=_BODY,
    responses=_XML,  # type: ignore[arg-type]  # a dict of ints is one of ints and texts
)
async def ping(request: Request) -> Response:
    """Ask for bids. Nothing of it is a lead: names, phones, e-mails and streets are refused.

    Post the lead with the `ping_id` before `expires_at`: the bidders are asked in the order of their bids, and you
    are paid the price. `Accept: application/xml` answers in XML.
    """
    entry, parts = key_of(request, "source"), parts_of(request)
    plan = parts.engine.source(entry.owner)
    await parts.pinger.admit(plan)
    told = asked(request.headers.get("x-leadgate-test", ""), "header.X-Leadgate-Test")
    also = asked(request.query_params.get("test", ""), "query.test")
    body = await parts.bodies.read(request.receive, request.headers.get("content-length", ""))
    kind = request.headers.get("content-type", "")
    records = parts.reader.read(body, parts.reader.by_look(kind, body) if plan.sniff else kind)
    if len(records) > 1:
        raise Unprocessable("a ping is of one lead; send them one by one", code="several")
    test = entry.test or plan.test or told.test or also.test
    return _answered(request, await parts.pinger.ping(plan, records[0], test=test))


def _answered(request: Request, answer: Pinged) -> Response:
    document = answer.document()
    if wants_xml(request.headers.get("accept", "").encode("latin-1")):
        said = as_xml("result", _tree(document))
        return Response(said.body, 200, media_type=said.content_type)
    return JSONResponse(document)


def _tree(document: dict[str, Any]) -> dict[str, Any]:
    """What is a list stands under its own name, each entry in an element."""
    buyers, reasons = document.get("buyers"), document.get("reasons")
    wrapped = {
        name: {one: each}
        for name, one, each in (("buyers", "buyer", buyers), ("reasons", "reason", reasons))
        if each
    }
    return {**document, **wrapped}
