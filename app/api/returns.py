"""`/admin/v1/returns`: what buyers want to give back, looked at and decided by programs."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.api.app import id_of, json_of, key_of, parts_of
from app.core.errors import NotFound
from app.followup.later import view
from app.pipeline.returning import LONGEST_WHY
from app.store import returns as rows

router = APIRouter(prefix="/admin/v1/returns", tags=["returns"])

State = Literal["requested", "approved", "denied", "withdrawn"]
Why = Annotated[str, StringConstraints(max_length=LONGEST_WHY, pattern=r"^[^\x00]*$")]


class ReturnView(BaseModel):
    """`found` is what was looked up when it was asked for: calls, what bears it out or contradicts it, the cap."""

    id: str
    delivery: str
    lead: str
    campaign: str
    contract: str
    buyer: str
    source: str
    state: State
    reason: str
    sold_at: datetime
    requested_at: datetime
    price: str
    currency: str
    remedy: Literal["credit", "replace"]
    found: dict[str, Any]
    due_at: datetime | None = Field(None, description="When it is decided by itself, as `then` says.")
    then: Literal["approve", "deny"] | None = None
    appealed: bool
    evidence: int = Field(description="How often its buyer showed some; the thread has it.")
    decided_at: datetime | None = None
    decided_by: str | None = None
    message: str = ""
    credited: str | None = Field(None, description="What the buyer does not owe any more.")
    price_back: str | None = Field(None, description="What the source is not paid.")
    absorbed: bool = Field(description="The buyer has the price back, and the source is paid all the same.")
    replace_until: datetime | None = None
    replaced_by: str | None = None
    resale: str | None = None


class ReturnWord(BaseModel):
    at: datetime
    kind: str
    by_whom: str
    text: str
    evidence: str


class ReturnThread(ReturnView):
    """With what was said about it, in turn."""

    words: list[ReturnWord]


class Approval(BaseModel):
    model_config = ConfigDict(extra="forbid")

    message: Why = Field("", description="What the buyer is told.")


class Denial(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Why = Field(min_length=1, description="What the buyer is told.")


def _taking(model: type[BaseModel], *, required: bool) -> dict[str, Any]:
    schema = model.model_json_schema()
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


@router.get("", summary="Returns that wait, or were decided", response_model=list[ReturnView])
async def every_return(
    request: Request,
    state: State = "requested",
    contract: str | None = None,
    buyer: str | None = None,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
) -> list[dict[str, Any]]:
    """Those in this state, the oldest first."""
    key_of(request, "user")
    async with parts_of(request).database.promptly() as conn:
        found = await rows.listed(conn, [state], contract=contract, buyer=buyer, limit=limit)
    return [view(one) for one in found]


@router.get("/{id}", summary="A return, with all that was said about it", response_model=ReturnThread)
async def one_return(id: str, request: Request) -> dict[str, Any]:
    """`words` is the thread: what its buyer and the operators said, in turn."""
    key_of(request, "user")
    return_id = id_of(id)
    async with parts_of(request).database.promptly() as conn:
        found = await rows.find(conn, return_id)
        words = await rows.words(conn, return_id)
    if found is None:
        raise NotFound("there is no such return")
    return {**view(found), "words": words}


@router.post(
    "/{id}/approve",
    summary="Approve a return",
    response_model=ReturnView,
    openapi_extra=_taking(Approval, required=False),
)
async def approve(id: str, request: Request) -> dict[str, Any]:
    """The price goes back, or the next lead is free. Again is the same as once; one that was denied is a 409."""
    entry = key_of(request, "user")
    parts, return_id = parts_of(request), id_of(id)
    has_body = request.headers.get("content-length", "0") != "0"
    said = await json_of(Approval, request, parts) if has_body else Approval()
    return view(await parts.returns.approve(return_id, by=f"user {entry.owner}", why=said.message))


@router.post(
    "/{id}/deny",
    summary="Deny a return",
    response_model=ReturnView,
    openapi_extra=_taking(Denial, required=True),
)
async def deny(id: str, request: Request) -> dict[str, Any]:
    """Nothing moves; the buyer may appeal once. Again is the same as once; one that was approved is a 409."""
    entry = key_of(request, "user")
    parts, return_id = parts_of(request), id_of(id)
    said = await json_of(Denial, request, parts)
    return view(await parts.returns.deny(return_id, said.reason, by=f"user {entry.owner}"))
