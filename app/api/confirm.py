"""`POST /v1/deliveries/{id}/confirm`: a buyer says later what a delivery was."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from app.api.app import id_of, key_of, parts_of
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


@router.post("/v1/deliveries/{id}/confirm", response_model=Confirmed)
async def confirm(id: str, confirmation: Confirmation, request: Request) -> dict[str, Any]:
    """Say late, or again, how a delivery ended. Repeats are harmless; a contradiction is a 409."""
    entry = key_of(request, "buyer")
    parts = parts_of(request)
    delivery_id = id_of(id)
    step = await parts.settler.settle(
        delivery_id, confirmation.told(), by=f"buyer {entry.owner}", owns=lambda row: row.buyer == entry.owner
    )
    if step is not None:
        parts.engine.follow(step)
    return {"delivery": str(delivery_id), "outcome": confirmation.outcome, "repeated": step is None}
