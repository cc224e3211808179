"""`POST /v1/deliveries/{id}/confirm`: a buyer says later what a delivery was."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.api.app import id_of, invalid, key_of, parts_of, small_body
from app.core.money import Amount
from app.model import Accepted, Duplicate, Outcome, Rejected

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


class Confirmed(BaseModel):
    delivery: str
    outcome: str
    repeated: bool = Field(description="It was known already; nothing changed.")


def _read(body: bytes) -> Confirmation:
    try:
        return Confirmation.model_validate_json(body)
    except ValidationError as error:
        raise invalid(error.errors(include_input=False, include_url=False)) from None


_BODY = {"required": True, "content": {"application/json": {"schema": Confirmation.model_json_schema()}}}


@router.post("/v1/deliveries/{id}/confirm", response_model=Confirmed, openapi_extra={"requestBody": _BODY})
async def confirm(id: str, request: Request) -> dict[str, Any]:
    """Say late, or again, how a delivery ended. Repeats are harmless; a contradiction is a 409."""
    entry = key_of(request, "buyer")  # before the body: a stranger's is not even read
    parts = parts_of(request)
    delivery_id = id_of(id)
    confirmation = _read(await small_body(request))
    step = await parts.settler.settle(
        delivery_id, confirmation.told(), by=f"buyer {entry.owner}", owns=lambda row: row.buyer == entry.owner
    )
    if step is not None:
        parts.engine.follow(step)
    return {"delivery": str(delivery_id), "outcome": confirmation.outcome, "repeated": step is None}
