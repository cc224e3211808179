"""`POST /v1/deliveries/{id}/confirm`: a buyer says later what a delivery was."""

from typing import Any, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.api.app import Parts, id_of, invalid, key_of, parts_of, small_body
from app.core.errors import Conflict, NotFound
from app.core.money import Amount
from app.model import Accepted, Duplicate, Outcome, Rejected
from app.store import feedback

router = APIRouter(tags=["buyers"])


class Confirmation(BaseModel):
    """What became of the delivery whose id came as `webhook-id`."""

    model_config = ConfigDict(extra="forbid")

    outcome: Literal["accepted", "rejected", "duplicate"]
    reference: str | None = Field(
        None, max_length=200, pattern=r"^[^\x00]*$", description="Your own id of the lead."
    )
    price: Amount | None = Field(None, ge=0, description="What you pay, where it differs from the contract.")
    reason: str = Field("", max_length=500, pattern=r"^[^\x00]*$")

    def told(self) -> Outcome:
        if self.outcome == "accepted":
            return Accepted(reference=self.reference, price=self.price, read="confirmed by the buyer")
        kind = Rejected if self.outcome == "rejected" else Duplicate
        return kind(reason=self.reason or self.outcome, read="confirmed by the buyer")


class ConfirmationByReference(Confirmation):
    """The same for a delivery that you know by an id of your own."""

    reference: str = Field(
        max_length=200,
        pattern=r"^[^\x00]+$",
        description="Your own id, as your reply to the delivery had it.",
    )


class Confirmed(BaseModel):
    delivery: str
    outcome: str
    repeated: bool = Field(description="It was known already; nothing changed.")


C = TypeVar("C", bound=Confirmation)


def _read(kind: type[C], body: bytes) -> C:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error.errors(include_input=False, include_url=False)) from None


def _body(kind: type[Confirmation]) -> dict[str, Any]:
    schema = {"schema": kind.model_json_schema()}
    return {"requestBody": {"required": True, "content": {"application/json": schema}}}


@router.post(
    "/v1/deliveries/{id}/confirm",
    summary="Say how a delivery ended",
    response_model=Confirmed,
    openapi_extra=_body(Confirmation),
)
async def confirm(id: str, request: Request) -> dict[str, Any]:
    """Say late, or again, how a delivery ended. Repeats are harmless; a contradiction is a 409."""
    entry = key_of(request, "buyer")  # before the body: a stranger's is not even read
    parts = parts_of(request)
    delivery_id = id_of(id)
    confirmation = _read(Confirmation, await small_body(request))
    return await _settled(parts, delivery_id, confirmation, entry.owner)


@router.post(
    "/v1/deliveries/confirm",
    summary="Say how a delivery ended, by your own id of it",
    response_model=Confirmed,
    openapi_extra=_body(ConfirmationByReference),
)
async def confirm_by_reference(request: Request) -> dict[str, Any]:
    """The same by your own id. 404 where it is none of yours, 409 where several deliveries have it."""
    entry = key_of(request, "buyer")
    parts = parts_of(request)
    confirmation = _read(ConfirmationByReference, await small_body(request))
    async with parts.database.acquire() as conn:
        known = await feedback.by_reference(conn, entry.owner, [confirmation.reference])
    found = known.get(confirmation.reference, [])
    if not found:
        raise NotFound("there is no delivery of yours with this reference")
    if len(found) > 1:
        raise Conflict("several deliveries have this reference; confirm each by its own id", code="ambiguous")
    return await _settled(parts, found[0], confirmation, entry.owner)


async def _settled(parts: Parts, delivery_id: UUID, told: Confirmation, buyer: str) -> dict[str, Any]:
    step = await parts.settler.settle(
        delivery_id, told.told(), by=f"buyer {buyer}", owns=lambda row: row.buyer == buyer
    )
    if step is not None:
        parts.engine.follow(step)
    return {"delivery": str(delivery_id), "outcome": told.outcome, "repeated": step is None}
