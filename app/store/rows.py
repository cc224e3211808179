"""The rows that one batch writes, as values: what the pipeline hands to the store."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from msgspec import Struct


class NewLead(Struct, frozen=True, gc=False, kw_only=True):
    """A decided lead. JSON columns come encoded; `reasons` only where the source may read them."""

    id: UUID
    submission_id: UUID
    position: int
    source: str
    campaign: str
    received_at: datetime
    state: str
    copies: int
    test: bool
    outcome: str | None
    price: Decimal | None
    reasons: str | None
    score: int
    catalogue: int
    ended: bool
    fields: str
    extra: str
    findings: str
    routing: str
    steps: str
    agreed: Decimal | None
    currency: str


class NewDelivery(Struct, frozen=True, gc=False, kw_only=True):
    """One lead on its way to one contract, claimed by this process from its first moment.

    `reserved` is what a refusal gives back, as `core.reserved` writes it: joined by line feeds.
    """

    id: UUID
    lead_id: UUID
    round: int
    slot: int
    rank: int
    campaign: str
    contract: str
    buyer: str
    price: Decimal
    reserved: str
    test: bool
    priority: float  # the earliest goes first; seconds since 1970
    alone: bool | None  # where its lead is sold either way: to its only buyer, or as a copy


class AttemptEnd(Struct, frozen=True, gc=False, kw_only=True):
    """How attempt `n` of a delivery ended, and the delivery's state from now on."""

    delivery_id: UUID
    lead_id: UUID
    n: int
    state: str
    outcome: str
    reason: str
    reference: str | None
    price: Decimal | None
    next_in: float | None  # seconds from the database's now
    ms: float
    read: str
    exchanges: str


class LeadChange(Struct, frozen=True, gc=False, kw_only=True):
    """What an outcome makes of its lead; `revenue` is added. `outcome` None leaves the source's answer open."""

    id: UUID
    delivery_id: UUID
    state: str
    outcome: str | None
    price: Decimal | None
    reasons: str | None
    revenue: Decimal
    ended: bool


class Held(Struct, frozen=True):
    """Who holds a claimed key."""

    lead_id: UUID
    source: str
    at: datetime
    age: float = 0.0  # seconds, by the database's clock
