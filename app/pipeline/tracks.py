"""A lead on its way through distribution, and one hand-over of it: what the pipeline keeps in hand."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from msgspec import Struct, field

from app.catalog.documents import ContractDoc, Retry
from app.catalog.paying import part_of
from app.catalog.snapshot import Contract
from app.core.conditions import facts_of
from app.core.registry import Settings
from app.distribute.aging import WHOLE, reduced
from app.distribute.auction import among
from app.distribute.owners import NOBODY, Owners
from app.distribute.priority import priority_of
from app.distribute.route import Match
from app.model import Scalar, Worth
from app.pipeline import answers
from app.store.rows import LeadChange

if TYPE_CHECKING:
    from app.pipeline.plans import SourcePlan


GONE = ""
"""The adapter of a contract that is no longer configured; nothing is sent there."""


def gone_contract(contract_id: str, buyer: str, campaign: str) -> Contract:
    """Stands for a contract that was removed while a delivery waited: the delivery is dead at its next turn."""
    doc = ContractDoc(id=contract_id, campaign=campaign, retry=Retry(schedule=()), deliver={})
    return Contract(id=contract_id, buyer=buyer, doc=doc, adapter=GONE, settings=Settings(), paused=True)


class Won(Struct, frozen=True):
    """What a bidder pays for a lead, and what he calls his bid."""

    pays: Decimal
    reference: str = ""


def won(bids: Iterable[Mapping[str, str]]) -> dict[str, Won]:
    """Contract → what it pays, the best bid first; `bids` as they are kept."""
    return {one["contract"]: Won(Decimal(one["pays"]), one["reference"]) for one in bids}


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
    owners: Owners = NOBODY  # who had its person; not known of a lead that is taken up again
    barred: frozenset[str] = frozenset()  # buyers who have its person already
    said: Sequence[Mapping[str, str]] = ()  # what its source hears with a yes
    factor: Decimal = WHOLE  # of every price: it has waited
    full: Sequence[
        tuple[str, str]
    ] = ()  # contracts that had no room, with the cap's key, when it was placed last
    bids: Mapping[str, Won] = {}  # of a lead that was auctioned: who bid, the best first; nobody else gets it

    def match(self, at: datetime) -> Match:
        """The contracts that want it at this moment."""
        facts, campaign = facts_of(self.normals, self.worth), self.plan.campaign
        match = campaign.match(facts, source=self.source, at=at, owners=self.owners)
        return among(match, self.bids) if self.bids else match

    def price_of(self, contract: Contract) -> Decimal:
        won = self.bids.get(contract.id)
        return reduced(contract.doc.price, self.factor) if won is None else won.pays

    @property
    def pays(self) -> dict[str, Decimal]:
        """Bidder → what it pays."""
        return {contract: won.pays for contract, won in self.bids.items()}

    @property
    def share(self) -> Decimal | None:
        """The percentage of each sale that its source has; None where it has a price, or nothing."""
        return self.plan.share if self.agreed is None else None

    def owes_for(self, paid: Sequence[Decimal]) -> Decimal | None:
        """What sales at these prices owe its source together: once a price, or its part of each."""
        if self.share is None:
            return self.owes(max(paid, default=None))
        return sum((part_of(one, self.share) for one in paid), answers.ZERO) if paid else None

    def owes(self, paid: Decimal | None) -> Decimal | None:
        """What a sale owes the source: as agreed, but of an auctioned lead no more than its buyer pays."""
        if not self.bids or self.agreed is None or paid is None:
            return self.agreed
        return min(self.agreed, paid)

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
    alone: bool | None = None  # where its lead is sold either way: to its only buyer, or as a copy

    @property
    def stands_in_line(self) -> bool:
        """Whether its attempt begins with its turn: nothing of what waits for a rate's was ever sent."""
        return self.contract.rate is not None

    @property
    def priority(self) -> float:
        """In a contract's line the least is next."""
        track = self.track
        doc = track.plan.campaign.doc.distribution.priority
        return priority_of(doc, track.worth, received_at=track.received_at, price=self.price).at


class Step(Struct, frozen=True):
    """What follows for one lead: its change (None: nothing to change) and the hand-overs that begin now."""

    track: Track
    state: str
    change: LeadChange | None
    jobs: tuple[Job, ...] = ()
