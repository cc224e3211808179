"""Who goes first where leads wait in line: one moment for each lead, and the earliest is next."""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from app.catalog.worth import PriorityDoc
from app.model import Worth


class Priority(Struct, frozen=True):
    """When a hand-over is due, and what score and price are worth, in seconds of waiting.

    It grows with age for all leads alike, so their order never changes while they wait, and nobody is passed by
    a lead that came later than all head starts together: nobody starves.
    """

    received: float  # seconds since 1970
    within: float
    score: float
    price: float

    @property
    def at(self) -> float:
        """A moment, in seconds since 1970; whose is earlier goes first."""
        return self.received + self.within - self.score - self.price


def priority_of(doc: PriorityDoc, worth: Worth, *, received_at: datetime, price: Decimal) -> Priority:
    """Pure: f(score, age, SLA, price), age being what has gone by since its receipt."""
    within = doc.within
    if worth.sales_ready and doc.ready_within is not None:
        within = doc.ready_within
    dearness = min(1.0, max(0.0, float(price / doc.dear)))
    return Priority(
        received_at.timestamp(),
        within.seconds,
        doc.score.seconds * min(100, max(0, worth.score)) / 100,
        doc.price.seconds * dearness,
    )


def most_passed_by(doc: PriorityDoc) -> float:
    """Seconds: who came so much later can't go first, whatever it is worth."""
    spans = [doc.within.seconds, doc.within.seconds if doc.ready_within is None else doc.ready_within.seconds]
    return max(spans) - min(spans) + doc.score.seconds + doc.price.seconds
