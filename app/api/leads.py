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


class LaterState(BaseModel):
    """All of its buyers together, none of them named."""

    sold: int = Field(description="How many copies were sold.")
    returned: int = Field(description="How many of these were given back.")
    reached: int = Field(description="At how many buyers the person was spoken to.")
    best: Literal["attempted", "contacted", "qualified", "won"] | None = None
    reasons: list[str] = Field([], description="Codes of why it was given back, lost or bad.")
    final: bool = Field(description="Nothing more is expected to be told.")


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
    feedback: LaterState | None = Field(None, description="What became of it later, once anything is known.")
    forced: str | None = Field(None, description="The result that this test asked for, and got.")


@router.get(
    "/v1/leads/{id}",
    summary="One of your own leads: how it stands",
    response_model=LeadState,
    response_model_exclude_none=True,
)
async def lead_state(id: str, request: Request) -> dict[str, Any]:
    """The state of one of your own leads; another source's lead does not exist for you."""
    entry = key_of(request, "source")
    parts = parts_of(request)
    plan = parts.engine.plans().source(entry.owner)
    async with parts.database.promptly() as conn:
        view = await source_view(conn, id_of(id), entry.owner, coarse=plan is not None and plan.coarse)
    if view is None:
        raise NotYours("there is no such lead")
    return view
