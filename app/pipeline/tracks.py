"""A lead on its way through distribution, and one hand-over of it: what the pipeline keeps in hand."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from msgspec import Struct, field

from app.catalog.snapshot import Contract
from app.model import Scalar

if TYPE_CHECKING:
    from app.pipeline.plans import SourcePlan


class Track(Struct, kw_only=True):
    """One accepted lead. `tried` are the contracts that had it in this round; they don't get it again."""

    lead_id: UUID
    plan: "SourcePlan"
    source: str
    received_at: datetime
    test: bool
    normals: dict[str, Scalar]
    raws: dict[str, Scalar]
    copies: int
    round: int = 1
    tried: set[str] = field(default_factory=set)
    ranks: int = 0  # deliveries made so far; numbers the next one


class Job(Struct, frozen=True, kw_only=True):
    """One attempt of one delivery that this process has claimed."""

    delivery_id: UUID
    track: Track
    contract: Contract
    slot: int
    attempt: int
    rank: int
    price: Decimal
    reserved: tuple[str, ...]
    created_at: datetime
