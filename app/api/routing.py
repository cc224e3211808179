"""`POST /admin/v1/route/explain`: what would become of a lead, and what its buyers would be sent, without sending it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from msgspec.structs import asdict
from pydantic import BaseModel, Field

from app.api.app import key_of, parts_of
from app.core.money import written
from app.distribute.reasons import spoken
from app.distribute.ties import ties
from app.model import word_of
from app.pipeline.details import shown_bytes
from app.pipeline.foretelling import Waits
from app.pipeline.rehearsing import Opening, Rehearsed

router = APIRouter(prefix="/admin/v1/route", tags=["routing"])


class FoundOut(BaseModel):
    check: str
    code: str
    message: str
    field: str | None = None
    action: str
    points: int


class LeftOut(BaseModel):
    """A contract that would not get it: the rule as it says it, and the value that was against it."""

    contract: str
    cause: str
    rule: str
    value: str


class FirstRequest(BaseModel):
    """As it would leave, secrets hidden. A body that is no text stands as its bytes in hexadecimal."""

    method: str
    url: str
    headers: dict[str, str]
    body: str | dict[str, str]


class WouldSend(BaseModel):
    """The first hand-over to a contract. Without a `request` it would end by itself, as `outcome` says."""

    contract: str
    buyer: str
    price: str
    request: FirstRequest | None = None
    outcome: str | None = None
    begins_at: datetime | None = Field(
        None, description="Where that is not at once: when the person may be called, or its turn comes."
    )


class TakesLater(BaseModel):
    """A contract that would take it some time."""

    contract: str
    buyer: str
    at: datetime | None = Field(None, description="From when on; missing where nobody can say.")
    because: list[str] = Field(description="What stands against it until then: hours, cap per day …")


class Waiting(BaseModel):
    """Nobody takes it now."""

    offered_again: bool = Field(description="False: it would be unsold at once.")
    every: str | None = None
    until: datetime | None = Field(None, description="When it is unsold for good.")
    later: list[TakesLater]


class Ranked(BaseModel):
    contract: str
    price: str
    why: list[str] | None = Field(None, description="What else the words of the ranking saw of it.")


class Level(BaseModel):
    """Contracts that stand level in the ranking."""

    contracts: list[str]
    level_in: list[str] = Field(description="The words that leave them equal; empty: the first word counts.")
    by: str = Field(description="What tells them apart for this lead; `id` where no word does.")


class Copies(BaseModel):
    """Who takes one of several copies."""

    of: int
    eligible: int
    ranked: list[Ranked]


class Earns(BaseModel):
    alone: str
    shared: str


class Leg(BaseModel):
    """One part of the way that a lead goes where nobody takes it before."""

    leg: str
    of: int
    eligible: int
    ranked: list[Ranked]
    copies: Copies | None = Field(None, description="Only where it is sold either way.")
    took: Literal["alone", "shared"] | None = Field(None, description="Where it would be sold, and how.")
    earns: Earns | None = Field(None, description="What both ways would bring.")


class Limits(BaseModel):
    """How full each limit is that counts for a contract which wants the lead."""

    contract: str
    limits: list[str]


class ExplainedLead(BaseModel):
    verdict: Literal["accepted", "held", "rejected"]
    state: str = Field(description="What it would be in right after its decision.")
    outcome: str | None = Field(None, description="What its source would hear, if that is settled by then.")
    score: int
    findings: list[FoundOut]
    fields: dict[str, Any] = Field(description="Normal values, as contracts and buyers see them.")
    contracts: int = Field(description="How many its campaign has.")
    eligible: int
    ranked: list[Ranked] = Field(description="The eligible ones in order, the first twenty.")
    level: list[Level] = Field(description="Who of them stands level, and what tells them apart.")
    left_out: list[LeftOut]
    chain: list[Leg] = Field(
        description="Where a campaign has sweepers, a chain or two ways of selling: its whole way."
    )
    limits: list[Limits]
    would_send: list[WouldSend]
    waits: Waiting | None = Field(None, description="Only where nobody takes it now.")
    not_asked: list[str] = Field(
        description="Services that are asked of a lead that comes, and may cost, and `bidders` where it is auctioned: what they say may change all of it."
    )


class Explained(BaseModel):
    """One for each lead of the body, in its order."""

    leads: list[ExplainedLead]


Source = Annotated[str, Query(max_length=200, description="As whose lead.")]
Remote = Annotated[str, Query(max_length=64, description="From which address it would come.")]
_BODY = {
    "requestBody": {
        "required": True,
        "description": "In any format that `POST /v1/leads` takes; the body's look decides where the type says nothing.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Lead"}}},
    }
}


@router.post(
    "/explain",
    summary="What would become of a lead, without sending it",
    response_model=Explained,
    response_model_exclude_none=True,
    openapi_extra=_BODY,
)
async def explain(request: Request, source: Source, remote: Remote = "") -> dict[str, Any]:
    """Checks, ranking, who is left out and why, and the bytes that would leave first. Nothing is kept, counted or sent."""
    key_of(request, "user")
    parts = parts_of(request)
    body = await parts.bodies.read(request.receive, request.headers.get("content-length", ""))
    kind = request.headers.get("content-type", "")
    return {
        "leads": [_lead(one) for one in await parts.rehearser.rehearse(body, kind, source, remote=remote)]
    }


def _lead(one: Rehearsed) -> dict[str, Any]:
    decided, routing = one.decided, (one.story.detail or {}).get("routing", {})
    row, lead = decided.row, decided.draft.lead
    return {
        "verdict": decided.verdict, "state": row.state, "outcome": row.outcome, "score": row.score,
        "findings": [
            {
                "check": f.check, "code": f.code, "message": f.message, "field": f.field,
                "action": f.action, "points": f.points,
            }
            for f in decided.findings
        ],
        "fields": lead.normals(),
        "contracts": len(decided.draft.plan.campaign.index.contracts), "eligible": routing.get("eligible", 0),
        "ranked": [
            {"contract": name, "price": price, "why": spoken(name, routing.get("why", {})) or None}
            for name, price in routing.get("ranked", ())
        ],
        "level": _level(one, routing),
        "left_out": [
            {"contract": out.contract, "cause": out.cause, "rule": out.rule, "value": out.value}
            for out in one.left_out
        ],
        "chain": [_leg(leg) for leg in routing.get("chain", ())],
        "limits": [{"contract": contract, "limits": told} for contract, told in one.limits],
        "would_send": [_opening(opening) for opening in one.openings],
        "waits": None if one.waits is None else _waiting(one.waits),
        "not_asked": one.unasked,
    }  # fmt: skip


def _leg(leg: dict[str, Any]) -> dict[str, Any]:
    told = {**leg, "ranked": _priced(leg["ranked"])}
    if "copies" in leg:
        told["copies"] = {**leg["copies"], "ranked": _priced(leg["copies"]["ranked"])}
    return told


def _priced(ranked: Sequence[Sequence[str]]) -> list[dict[str, str]]:
    return [{"contract": contract, "price": price} for contract, price in ranked]


def _waiting(one: Waits) -> dict[str, Any]:
    return {
        "offered_again": one.until is not None, "every": one.every, "until": one.until,
        "later": [asdict(each) for each in one.later],
    }  # fmt: skip


def _level(one: Rehearsed, routing: dict[str, Any]) -> list[dict[str, Any]]:
    rank = one.decided.draft.plan.campaign.doc.distribution.rank
    found = [] if "bids" in routing else ties(routing.get("ranked", ()), routing.get("why", {}), rank)
    return [asdict(tie) for tie in found]


def _opening(one: Opening) -> dict[str, Any]:
    told: dict[str, Any] = {
        "contract": one.job.contract.id, "buyer": one.job.contract.buyer, "price": written(one.job.price),
    }  # fmt: skip
    if one.begins_at is not None:
        told["begins_at"] = one.begins_at
    if one.exchange is not None:
        sent = one.exchange
        told["request"] = {
            "method": sent.method, "url": sent.url, "headers": dict(sent.sent_headers),
            "body": shown_bytes(sent.sent),
        }  # fmt: skip
    elif one.outcome is not None:
        told["outcome"] = word_of(one.outcome)
    return told
