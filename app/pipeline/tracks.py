"""A lead on its way through distribution, and one hand-over of it: what the pipeline keeps in hand."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from msgspec import Struct, field

from app.catalog.documents import ContractDoc, Retry
from app.catalog.snapshot import Contract
from app.core.registry import Settings
from app.distribute.priority import priority_of
from app.model import Scalar, Worth
from app.pipeline import answers

if TYPE_CHECKING:
    from app.pipeline.plans import SourcePlan


GONE = ""
"""The adapter of a contract that is no longer configured; nothing is sent there."""


def gone_contract(contract_id: str, buyer: str, campaign: str) -> Contract:
    """Stands for a contract that was removed while a delivery waited: the delivery is dead at its next turn."""
    doc = ContractDoc(id=contract_id, campaign=campaign, retry=Retry(schedule=()), deliver={})
    return Contract(id=contract_id, buyer=buyer, doc=doc, adapter=GONE, settings=Settings(), paused=True)


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
    agreed: Decimal | None  # the source's price when the lead was decided: what a sale owes it
    round: int = 1
    tried: set[str] = field(default_factory=set)
    worth: Worth = Worth()
    ranks: int = 0  # deliveries made so far; numbers the next one
    barred: frozenset[str] = frozenset()  # buyers who have its person already
    said: Sequence[Mapping[str, str]] = ()  # what its source hears with a yes

    def unsold(self) -> Sequence[Mapping[str, str]]:
        """What it hears where nobody took it."""
        return (*answers.unsold_reasons(coarse=self.plan.coarse), *self.said)


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
    not_before: datetime | None = None  # it waits in the database until then, for whoever is alive

    @property
    def priority(self) -> float:
        """In a contract's line the least is next."""
        track = self.track
        doc = track.plan.campaign.doc.distribution.priority
        return priority_of(doc, track.worth, received_at=track.received_at, price=self.price).at
