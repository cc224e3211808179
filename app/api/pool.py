"""`/v1/pool`: people see what is offered to them, claim it, release it, and say what became of it."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from app.api.app import id_of, json_of, key_entry, parts_of
from app.core.errors import NoKey, NotFound, Unprocessable
from app.model import Accepted, Rejected
from app.pipeline.pool_view import Card
from app.pipeline.pooling import Agent
from app.store.pool import Pooled

router = APIRouter(prefix="/v1/pool", tags=["pool"])

Person = Annotated[
    str | None,
    Field(
        None, max_length=130, alias="as",
        description="For whom, where the key is a buyer's (`dana`) or an operator's (`inside/dana`).",
    ),
]  # fmt: skip
Named = Annotated[str, Field(max_length=100, description="The lead's id, or its delivery's.")]
NO_NUL = r"^[^\x00]*$"


class _Said(BaseModel):
    model_config = ConfigDict(extra="forbid")

    person: Person


class Claim(_Said):
    """Without `lead` the next one."""

    lead: Named | None = None


class Renewal(_Said):
    lead: Named


class Release(_Said):
    lead: Named
    reason: str = Field("", max_length=200, pattern=NO_NUL, description="Why; it stands in the lead's story.")


class Closing(_Said):
    """`accepted` (or `worked`): it is taken, so its source is paid. `rejected`: it goes to the next contract."""

    lead: Named
    disposition: Literal["accepted", "worked", "rejected"]
    reference: str | None = Field(
        None, max_length=200, pattern=NO_NUL, description="Your own id of the lead."
    )
    reason: str = Field("", max_length=200, pattern=NO_NUL, description="Of what is rejected.")

    def told(self) -> Accepted | Rejected:
        if self.disposition != "rejected":
            return Accepted(reference=self.reference, read="closed in the pool")
        return Rejected(reason=self.reason or "rejected", read="closed in the pool")


class FreeLead(BaseModel):
    """What is known of a lead before it is claimed: as much as its contract's `view` shows."""

    lead: str
    delivery: str
    contract: str
    campaign: str
    team: str | None = Field(None, description="To whom it is offered; none: everybody.")
    name: str
    fields: dict[str, Any]
    score: int
    grade: str = ""
    test: bool = False
    pooled_at: str
    reachable_from: str | None = Field(None, description="When the person may be called; none: now.")


class ClaimedLead(FreeLead):
    """A lead that is yours until `until`."""

    until: str
    renewals_left: int


class PoolSeen(BaseModel):
    mine: list[ClaimedLead]
    leads: list[FreeLead] = Field(description="The next first. Pools that are claimed blindly show none.")
    free: int = Field(description="How many you may claim, up to 10,000.")
    why_not: str = Field(
        "", description="A problem's code, where you may claim nothing, or not from every pool."
    )


class Closed(BaseModel):
    lead: str
    state: str = Field(description="The lead's, by now.")


class Released(BaseModel):
    lead: str


def _taking(model: type[BaseModel]) -> dict[str, Any]:
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": model.model_json_schema()}},
        }
    }


def agent(request: Request, person: str | None) -> Agent:
    """Who acts: the person whose key it is, or whom a buyer or an operator names. Raises NoKey, Unprocessable."""
    entry = key_entry(request)
    desk = parts_of(request).pool
    if entry is None or entry.kind == "source":
        raise NoKey("send the key of a person, or of a buyer with `as`, as `Authorization: Bearer KEY`")
    buyer, slash, own = entry.owner.partition("/")
    if entry.kind == "user" and slash:
        if person not in (None, own, entry.owner):
            raise Unprocessable("this key is its own person's: leave `as` out", where="as")
        try:
            return desk.agent(buyer, own)
        except NotFound:
            raise NoKey("the person of this key is not configured any more") from None
    if not person:
        raise Unprocessable("say for whom, as `as`", where="as")
    if entry.kind == "buyer":
        return desk.agent(entry.owner, person.removeprefix(f"{entry.owner}/"))
    buyer, _, named = person.partition("/")
    return desk.agent(buyer, named)


@router.get("", summary="Leads that you have, and that you may claim", response_model=PoolSeen)
async def seen(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    campaign: Annotated[str | None, Query(max_length=63)] = None,
    person: Annotated[str | None, Query(max_length=130, alias="as", description="For whom.")] = None,
) -> dict[str, Any]:
    """Your own leads, and those that you may claim, the next first."""
    who = agent(request, person)
    view = await parts_of(request).pool_view.seen_by(who, limit=limit, campaign=campaign)
    return {
        "mine": [_claimed(card) for card in view.mine], "leads": [_free(card) for card in view.shown],
        "free": view.free, "why_not": view.why_not,
    }  # fmt: skip


@router.post("/claim", summary="Claim a lead", response_model=ClaimedLead, openapi_extra=_taking(Claim))
async def claim(request: Request) -> dict[str, Any]:
    """The next lead, or a certain one, whole: it is yours alone until `until`. Claimed twice it is the same claim."""
    agent_key(request)
    parts = parts_of(request)
    said = await json_of(Claim, request, parts)
    who = agent(request, said.person)
    row = await parts.pool.claim(who, id_of(said.lead) if said.lead else None)
    return await _whole(request, who, row)


@router.post(
    "/renew", summary="Keep a lead for longer", response_model=ClaimedLead, openapi_extra=_taking(Renewal)
)
async def renew(request: Request) -> dict[str, Any]:
    """Keep a lead for as long as a fresh claim holds, so often as its contract allows."""
    agent_key(request)
    parts = parts_of(request)
    said = await json_of(Renewal, request, parts)
    who = agent(request, said.person)
    return await _whole(request, who, await parts.pool.renew(who, id_of(said.lead)))


@router.post(
    "/release",
    summary="Give a lead back to the pool",
    response_model=Released,
    openapi_extra=_taking(Release),
)
async def release(request: Request) -> dict[str, Any]:
    """Give a lead back: it is offered to others."""
    agent_key(request)
    parts = parts_of(request)
    said = await json_of(Release, request, parts)
    row = await parts.pool.release(agent(request, said.person), id_of(said.lead), said.reason)
    return {"lead": str(row.lead_id)}


@router.post(
    "/close",
    summary="Say what became of a lead that you have",
    response_model=Closed,
    openapi_extra=_taking(Closing),
)
async def close(request: Request) -> dict[str, Any]:
    """Say what became of a lead that you have; with that it leaves the pool."""
    agent_key(request)
    parts = parts_of(request)
    said = await json_of(Closing, request, parts)
    step = await parts.pool.close(agent(request, said.person), id_of(said.lead), said.told())
    parts.engine.follow(step)
    return {"lead": str(step.track.lead_id), "state": step.state}


def agent_key(request: Request) -> None:
    """Before the body: a stranger's is not even read."""
    entry = key_entry(request)
    if entry is None or entry.kind == "source":
        agent(request, None)


async def _whole(request: Request, who: Agent, row: Pooled) -> dict[str, Any]:
    card = await parts_of(request).pool_view.card(who, row)
    if card is None:
        raise NotFound("this lead was deleted a moment ago")
    return _claimed(card)


def _free(card: Card) -> dict[str, Any]:
    row = card.row
    return {
        "lead": str(row.lead_id), "delivery": str(row.delivery_id), "contract": row.contract, "campaign": row.campaign,
        "team": row.team, "name": card.name, "fields": dict(card.fields), "score": card.score, "grade": card.grade,
        "test": row.test, "pooled_at": row.pooled_at.isoformat(),
        "reachable_from": card.reachable_from.isoformat() if card.reachable_from else None,
    }  # fmt: skip


def _claimed(card: Card) -> dict[str, Any]:
    until = card.row.expires_at
    return {
        **_free(card), "until": until.isoformat() if until else "", "renewals_left": card.renewals_left,
    }  # fmt: skip
