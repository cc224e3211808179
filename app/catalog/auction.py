"""How a campaign is auctioned: until when bids count, what the winner pays, and what of it the source is offered."""

from decimal import ROUND_DOWN, Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from app.catalog.document import Document
from app.core.duration import Duration
from app.core.money import Amount

_CENT = Decimal("0.01")


def _deadline(span: Duration) -> Duration:
    if not 0.01 <= span.seconds <= 30:
        raise ValueError("must be between 10ms and 30s; 800ms is usual")
    return span


def _expires(span: Duration) -> Duration:
    if not 1 <= span.seconds <= 86_400:
        raise ValueError("must be between 1s and 1d; 60s is usual")
    return span


def _not_negative(amount: Decimal) -> Decimal:
    if amount < 0:
        raise ValueError("must not be negative")
    return amount


def _percent(share: Decimal) -> Decimal:
    if not 0 <= share <= 100:
        raise ValueError("must be between 0 and 100")
    return share


Money = Annotated[Amount, AfterValidator(_not_negative)]
Percent = Annotated[Amount, AfterValidator(_percent)]


class Step(Document):
    """What is kept of a price from `from` on, up to but without `to`: an amount, or percent of the price."""

    model_config = ConfigDict(serialize_by_alias=True)  # as it was written

    from_: Money = Field(default=0, validate_default=True, alias="from")
    to: Money | None = None
    fixed: Money | None = None
    percent: Percent | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.fixed is None) is (self.percent is None):
            raise ValueError("keeps an amount or percent; write fixed or percent, one of them")
        if self.to is not None and self.to <= self.from_:
            raise ValueError("ends where it begins; to is more than from")
        return self


class MarginDoc(Document):
    """What the house keeps of what a buyer pays: always the same, a share, or by the price."""

    fixed: Money | None = None
    percent: Percent | None = None
    matrix: tuple[Step, ...] | None = Field(None, min_length=1, max_length=100)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(one is not None for one in (self.fixed, self.percent, self.matrix)) != 1:
            raise ValueError("is one kind; write fixed, percent or matrix")
        return self

    def of(self, price: Decimal) -> Decimal:
        """Nothing is kept of a price that no step of a matrix names."""
        fixed, percent = self.fixed, self.percent
        if self.matrix is not None:
            fits = (one for one in self.matrix if one.from_ <= price and (one.to is None or price < one.to))
            step = next(fits, None)
            fixed, percent = (None, None) if step is None else (step.fixed, step.percent)
        return fixed if fixed is not None else price * (percent or 0) / 100


class AuctionDoc(Document):
    """Who bids most for a lead gets it. Without an auction a ping is answered all the same, with these defaults."""

    on: Literal["ping", "post"] = Field(
        "ping", description="post: a lead that comes without a ping is auctioned too, before it is routed."
    )
    deadline: Annotated[Duration, AfterValidator(_deadline)] = Field(
        Duration("800ms"), description="A bid that comes later does not count."
    )
    price: Literal["first", "second"] = Field(
        "first",
        description="second: the next bid and 0.01, never more than one's own, never under the minimum.",
    )
    minimum: Money = Field(default=0, validate_default=True, description="Lower bids don't count.")
    margin: MarginDoc | None = Field(None, description="What the source is not offered of the price.")
    penalty: Literal["none", "returns"] = Field(
        "none", description="returns: a bid counts as much less as its buyer returns leads of that contract."
    )
    expires: Annotated[Duration, AfterValidator(_expires)] = Field(
        Duration("60s"), description="How long after the ping its lead may come."
    )

    @model_validator(mode="after")
    def _alone_pays_something(self) -> Self:
        if self.price == "second" and self.minimum <= 0:
            raise ValueError("a bidder who is alone pays the minimum; give one above 0 with price: second")
        return self

    def offered(self, pays: Decimal) -> Decimal:
        """What the source is offered of what the buyer pays, in whole cents; never more, never less than nothing."""
        left = pays if self.margin is None else pays - self.margin.of(pays)
        return max(Decimal(0), left).quantize(_CENT, ROUND_DOWN)
