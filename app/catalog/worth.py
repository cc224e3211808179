"""How a campaign says what a lead is worth to it, and what it makes of signs of fraud."""

from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from app.catalog.document import Document
from app.catalog.modelling import ModelDoc
from app.core.duration import Duration
from app.core.expressions import Expression, ScoredExpression
from app.core.money import Amount

RECEIVED = "received"


def _passes(span: Duration) -> Duration:
    if span.seconds <= 0:
        raise ValueError("must be longer than nothing; 7d is usual")
    return span


class Decay(Document):
    """Points are halved with each `half_life` that has gone by, up to the verdict, since a date of the lead."""

    half_life: Annotated[Duration, AfterValidator(_passes)]
    since: str = Field(
        RECEIVED,
        pattern=r"^(received|lead\.[a-z][a-z0-9_]{0,62})$",
        description="`received`, or a date of the lead: `lead.visited_on`.",
    )

    @property
    def field(self) -> str:
        """The lead's field; empty: its receipt."""
        return "" if self.since == RECEIVED else self.since.removeprefix("lead.")


class ScoreRule(Document):
    """Counts where `when` is true; where it has no value (a field is missing) it says nothing."""

    when: Expression
    points: int = Field(ge=-1000, le=1000)
    why: str = Field(min_length=1, max_length=200, description="The finding's words.")
    decay: Decay | None = None


class SalesReady(Document):
    """Which leads the sales team wants to hear of at once. A changed definition is a new `version`."""

    score: int = Field(ge=0, le=100, description="From this score on.")
    when: ScoredExpression | None = Field(
        None, description="And only where this is true: CEL over lead, score, grade."
    )
    version: int = Field(1, ge=1)
    reviewed: date | None = Field(None, description="When people last looked whether it still holds.")


class ScoreDoc(Document):
    """`start`, plus the points of all findings and rules, between 0 and 100. `grades` is letter → from which score on."""

    start: int = Field(50, ge=0, le=100)
    rules: tuple[ScoreRule, ...] = Field((), max_length=200)
    grades: Mapping[
        Annotated[str, Field(min_length=1, max_length=20)], Annotated[int, Field(ge=0, le=100)]
    ] = {}
    sales_ready: SalesReady | None = None
    model: ModelDoc | None = Field(None, description="What is learned from outcomes, beside the points.")

    @model_validator(mode="after")
    def _grades_differ(self) -> Self:
        if len(set(self.grades.values())) < len(self.grades):
            raise ValueError("has two grades that begin at one score; give each its own")
        return self


def _within_a_month(span: Duration) -> Duration:
    if span.seconds > 30 * 86_400:
        raise ValueError("must be a month at most; 10m is usual")
    return span


_HeadStart = Annotated[Duration, AfterValidator(_within_a_month)]


class PriorityDoc(Document):
    """Who goes first where leads wait in line: whose hand-over is due first, after what score and price are
    worth in waiting. Age lifts everybody alike, so nobody is passed for longer than these add up to."""

    within: _HeadStart = Field(Duration("15m"), description="When a hand-over is due, after its receipt.")
    ready_within: _HeadStart | None = Field(None, description="The same for leads that are sales-ready.")
    score: _HeadStart = Field(Duration("10m"), description="The head start of a score of 100.")
    price: _HeadStart = Field(Duration("5m"), description="The head start of a price of `dear` and more.")
    dear: Annotated[Amount, Field(gt=0)] = Field(default=100, validate_default=True)


class FraudDoc(Document):
    """Sums the weights of what was found. From `flag`, `hold`, `reject` on it does that; `null`: never."""

    weights: Mapping[str, Annotated[int, Field(ge=-100, le=100)]] = Field(
        {},
        description="`check.code`, or `check` for any of its codes → points; beside the usual ones. 0: none.",
    )
    flag: int | None = Field(30, ge=1, le=100)
    hold: int | None = Field(60, ge=1, le=100)
    reject: int | None = Field(90, ge=1, le=100)

    @model_validator(mode="after")
    def _grows_stronger(self) -> Self:
        said = [one for one in (self.flag, self.hold, self.reject) if one is not None]
        if any(a >= b for a, b in pairwise(said)):
            raise ValueError("must grow from flag over hold to reject; write flag: 30, hold: 60, reject: 90")
        return self
