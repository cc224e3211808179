"""`GET /v1/leads/{id}`: a source looks at its own lead."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from app.api.app import id_of, key_of, parts_of
from app.core.errors import NotYours
from app.pipeline.story import source_view

router = APIRouter(tags=["intake"])


State = Literal[
    "partial", "received", "held", "rejected", "delivering", "unclear", "sold", "unsold", "pooled", "returned",
]  # fmt: skip


class Reason(BaseModel):
    code: str
    field: str = ""
    message: str
    lead: str | None = Field(None, description="Your own earlier lead that this one repeats.")


class Moment(BaseModel):
    at: str = Field(description="ISO 8601, UTC")
    what: str


class LeadState(BaseModel):
    """`outcome` is the answer of the round that answered, or `pending`: the first, or after a refusal the one that
    was begun anew; a `success` stands. `price` is what is owed to the source."""

    id: str
    state: State = Field(
        description="`partial` is begun and not whole; `rejected`, `sold`, `unsold` and `returned` end a round."
    )
    outcome: str
    price: str | None = None
    reasons: list[Reason] = []
    timeline: list[Moment] = []
    test: bool = False
    forced: str | None = Field(None, description="The result that this test asked for, and got.")


@router.get("/v1/leads/{id}", response_model=LeadState, response_model_exclude_none=True)
async def lead_state(id: str, request: Request) -> dict[str, Any]:
    """The state of one of your own leads; another source's lead does not exist for you."""
    entry = key_of(request, "source")
    async with parts_of(request).database.promptly() as conn:
        view = await source_view(conn, id_of(id), entry.owner)
    if view is None:
        raise NotYours("there is no such lead")
    return view
