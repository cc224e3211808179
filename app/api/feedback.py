"""`POST /v1/feedback`: a buyer tells what became of its leads and gives some back, in our words or in documents of its own."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.app import key_of, parts_of
from app.api.bodies import Bodies
from app.catalog.hearing import FeedbackMapping
from app.core.errors import NoKey, NotFound, Unreadable
from app.core.money import Amount
from app.followup.feedback import Result
from app.followup.item import ItemKind
from app.pipeline.feedback_mapping import mapped
from app.pipeline.feedback_reading import MOST_ITEMS, TYPES, items_of

router = APIRouter(tags=["buyers"])

MOST_BYTES = 20_000_000


class FeedbackMatch(BaseModel):
    """A contact of the person, and the day on which the lead was sold to you, by your clock."""

    email: str | None = None
    phone: str | None = None
    sold_on: str = Field(examples=["2026-11-20"])


class FeedbackItem(BaseModel):
    """One thing about one delivery, which is meant by `delivery_id`, `lead_id`, `reference` or `match`."""

    model_config = ConfigDict(extra="forbid")

    delivery_id: str | None = Field(None, description="It came as `webhook-id`.")
    lead_id: str | None = Field(None, description="Our id of the lead, as it came to you.")
    reference: str | None = Field(None, description="Your own id of the lead, as you answered it.")
    match: FeedbackMatch | None = None
    type: ItemKind = "disposition"
    code: str | None = Field(None, description="What became of it, in our words or in yours.")
    reason: str | None = Field(None, description="Of a return: why.")
    occurred_at: str | None = Field(None, description="ISO 8601; without it now.")
    amount: Amount | None = None
    currency: str | None = Field(None, description="Else that of the lead's campaign.")
    promised_at: str | None = Field(None, description="When you promised the person to call.")
    external_id: str | None = Field(
        None, description="Your id of the event: the same one again is a duplicate."
    )
    evidence: str | None = Field(None, description="Of a return: what shows it; an appeal needs some.")
    note: str | None = None
    voids: str | None = Field(None, description="Of a correction: the event that it takes back.")


class FeedbackResult(BaseModel):
    index: int
    outcome: Literal["accepted", "duplicate", "pending", "rejected", "unmatched", "ambiguous"]
    id: str | None = Field(None, description="Of the event, or of the return.")
    code: str
    message: str = ""
    ids: list[str] = Field([], description="Where it is ambiguous: the deliveries that it may mean.")


class FeedbackResults(BaseModel):
    """In the order of the items."""

    results: list[FeedbackResult]


_REF = {"$ref": "#/components/schemas/FeedbackItem"}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"oneOf": [_REF, {"type": "array", "items": _REF, "maxItems": MOST_ITEMS}]}},
            **{kind: {"schema": {"type": "string"}} for kind in TYPES[1:]},
        },
    }
}  # fmt: skip
DryRun = Annotated[
    Literal["", "0", "1", "true", "false"],
    Query(description="Say what would become of it, and keep nothing."),
]

MappingId = Annotated[
    str, Query(max_length=63, description="Read the body as this mapping of yours says, and not as items.")
]
AddressKey = Annotated[
    str, Query(max_length=200, description="Your key, where that mapping lets it stand here.")
]
_ACKNOWLEDGED = (
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/">'
    '<soapenv:Body><notificationsResponse xmlns="http://soap.sforce.com/2005/09/outbound"><Ack>true</Ack>'
    "</notificationsResponse></soapenv:Body></soapenv:Envelope>"
)


@router.post(
    "/v1/feedback",
    summary="Tell what became of leads, or give some back",
    response_model=FeedbackResults,
    openapi_extra=_BODY,
)
async def feedback(
    request: Request, dry_run: DryRun = "", mapping: MappingId = "", key: AddressKey = ""
) -> Any:
    """What became of leads that you took: one item or up to 10,000. Each has its own result; only a body that can't be
    read is refused as a whole. The same item again is a `duplicate`, so a request may be repeated."""
    buyer, by_mapping = _whose(request, mapping, key)  # before the body: a stranger's is not even read
    parts = parts_of(request)
    bodies = Bodies(MOST_BYTES, parts.body_seconds, parts.world)
    body = await bodies.read(request.receive, request.headers.get("content-length", ""))
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Unreadable("send the body as it is, not packed", code="syntax")
    kind = request.headers.get("content-type", "")
    items = items_of(body, kind) if by_mapping is None else mapped(body, kind, by_mapping)
    results = await parts.feedback.take(items, buyer, by=f"buyer {buyer}", dry=dry_run in ("1", "true"))
    if by_mapping is not None and by_mapping.answer == "salesforce":
        return Response(_ACKNOWLEDGED, media_type="text/xml")
    return {"results": [_told(at, one) for at, one in enumerate(results)]}


def _whose(request: Request, mapping: str, shown: str) -> tuple[str, FeedbackMapping | None]:
    """The buyer, and how its own documents are read where it names that. Raises NoKey, NotFound."""
    engine = parts_of(request).engine
    entry = engine.key(shown)
    if entry is None or entry.kind != "buyer":
        entry = key_of(request, "buyer")
        shown = ""
    if not mapping and not shown:
        return entry.owner, None
    doc = engine.plans().snapshot.buyers.get(entry.owner)
    found = doc.feedback.mapping(mapping) if doc is not None else None
    if shown and (found is None or not found.key_in_address):
        raise NoKey(
            "a key stands in the address only where a mapping of its buyer says `key_in_address: true`"
        )
    if found is None:
        raise NotFound("your feedback has no mapping of that id")
    return entry.owner, found


def _told(index: int, one: Result) -> dict[str, Any]:
    return {
        "index": index, "outcome": one.outcome, "id": str(one.id) if one.id is not None else None, "code": one.code,
        "message": one.message, "ids": [str(id_) for id_ in one.ids],
    }  # fmt: skip
