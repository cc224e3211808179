"""Under which terms a buyer may give a lead back, and when its source is then not paid for it."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from app.catalog.document import Document
from app.catalog.telling import Reason
from app.core.duration import Duration
from app.core.expressions import ReturnExpression

MOST_OPEN_DAYS = 60
REPLACED_WITHIN_DAYS = 30
_WEEK = 7 * 86_400.0


def _lasts(span: Duration) -> Duration:
    if span.seconds < 1:
        raise ValueError("must be a second or longer; 7d is usual")
    return span


Lasting = Annotated[Duration, AfterValidator(_lasts)]


class ReturnNeeds(Document):
    """What must have been told before: calls, on different days."""

    attempts: int = Field(ge=1, le=100)
    days: int = Field(1, ge=1, le=60)

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        if self.days > self.attempts:
            raise ValueError("wants calls on more days than calls; raise attempts")
        return self


class ReturnCap(Document):
    """Of the leads that were sold in a calendar period, so many in a hundred may be given back; `min` always may."""

    percent: int = Field(ge=0, le=100)
    of: Literal["sold_gross"] = "sold_gross"
    per: Literal["day", "week", "month"] = "month"
    min: int = Field(0, ge=0, le=100_000)


class AutoRule(Document):
    """The first whose `when` is true decides; `review` leaves it to a person."""

    when: ReturnExpression
    do: Literal["approve", "deny", "review"]


class ReturnsDoc(Document):
    """What a contract's buyer may give back. A contract without it takes nothing back."""

    window: Lasting = Field(Duration("7d"), description="From the hand-over, to the second.")
    open_days: int | None = Field(
        None, ge=1, le=MOST_OPEN_DAYS, description="Instead of `window`: days on which the contract is open."
    )
    reasons: tuple[Reason, ...] = Field((), description="Which are taken; empty: all.")
    needs: Mapping[Reason, ReturnNeeds] = {}
    cap: ReturnCap | None = None
    auto: tuple[AutoRule, ...] = Field((), max_length=50)
    review_within: Lasting | None = Field(
        None, description="Without it a request waits for a person for ever."
    )
    then: Literal["approve", "deny"] = Field("approve", description="What becomes of it when nobody came.")
    remedy: Literal["credit", "replace"] = Field(
        "credit",
        description="The price back, or the next lead for nothing; where none comes in 30 days, the price.",
    )
    resale: bool = Field(
        False, description="It is offered to others, where its data and consent are not what is wrong."
    )
    source: Literal["same", "own_policy", "never"] = Field(
        "same",
        description="Whether its source is not paid for it: as the buyer, by the source's own terms, or paid.",
    )
    after_won: Literal["refuse", "review"] = Field(
        "refuse", description="Where the buyer has told a sale of it."
    )
    refill: bool = Field(False, description="Caps and budgets of a period that still runs have room again.")

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if wrong := [one for one in self.needs if self.reasons and one not in self.reasons]:
            raise ValueError(f"needs something for {wrong[0]}, which is not among its reasons")
        if "then" in self.model_fields_set and self.review_within is None:
            raise ValueError("says what becomes of it then, and not when; add review_within: 2d")
        return self


class SourceReturns(Document):
    """When a source is not paid for a lead that buyers gave back."""

    window: Lasting | None = Field(None, description="From when it came; without it there is no end.")
    reasons: tuple[Reason, ...] = Field((), description="Which are its fault; empty: all.")
    when: Literal["all_buyers", "any_buyer"] = Field("all_buyers", description="Who must have given it back.")
    consent: bool = Field(
        False,
        description="A lead without consent is not paid for, whatever window and contract say, and whoever gave it back.",
    )


def returnable_for(terms: ReturnsDoc | None) -> float:
    """For how many seconds a sale may be given back, about; a week where no terms say it, as is usual."""
    if terms is None:
        return _WEEK
    return terms.window.seconds if terms.open_days is None else terms.open_days * _WEEK / 5
