"""How much a contract, a buyer, a campaign or a source takes: caps, money, pace."""

from typing import Annotated, Literal, Self

from msgspec import Struct
from pydantic import AfterValidator, Field, model_validator

from app.catalog.document import Document
from app.core.expressions import Expression
from app.core.money import UNIT, Amount


def _whole(value: Amount) -> Amount:
    if value % UNIT:
        raise ValueError("has more places than are counted; at most four, as 0.0125")
    return value


Sum = Annotated[Amount, AfterValidator(_whole), Field(ge=0)]
"""An amount that counters can hold."""


class Cap(Document):
    """At most `leads`, or leads worth `amount` together, per period in `zone`; `when` counts only some leads.

    `calendar`: from midnight to midnight, from Monday, from the first. `rolling`: in any 60 minutes, 24 hours,
    7 days or 30 days, however they lie.
    """

    per: Literal["hour", "day", "week", "month", "total"]
    leads: int | None = Field(None, ge=0, le=10**9)
    amount: Sum | None = Field(None, description="Sums up prices instead of counting leads.")
    window: Literal["calendar", "rolling"] = "calendar"
    zone: str | None = None
    when: Expression | None = None

    @model_validator(mode="after")
    def _counts_one_thing(self) -> Self:
        if (self.leads is None) == (self.amount is None):
            raise ValueError('says leads, or amount, and not both; write leads: 200, or amount: "5000.00"')
        if self.window == "rolling" and self.per == "total":
            raise ValueError("rolls over no total; leave window out")
        if self.window == "rolling" and self.zone is not None:
            raise ValueError("is the same in every zone while it rolls; leave zone out")
        return self


class Money(Document):
    """How a buyer pays. It is offered a lead only while what it owes, with that lead's price, stays within
    `credit_limit`; of who pays beforehand, within what was deposited."""

    terms: Literal["prepaid", "credit"]
    credit_limit: Sum | None = Field(None, description="Only of credit: how much it may owe.")
    low_balance: Sum | None = Field(
        None, description="Less than that is left: nothing more is offered until something is paid in."
    )
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$")

    @model_validator(mode="after")
    def _limited_by_terms(self) -> Self:
        if self.terms == "credit" and self.credit_limit is None:
            raise ValueError('gives credit without an end; say credit_limit: "10000"')
        if self.terms == "prepaid" and self.credit_limit is not None:
            raise ValueError(
                "is paid beforehand and has no credit; leave credit_limit out, or say terms: credit"
            )
        return self


class Rate(Document):
    """At most `n` hand-overs begin in any second or minute of the database's clock, over all processes."""

    per: Literal["second", "minute"]
    n: int = Field(ge=1, le=100_000)

    @property
    def seconds(self) -> int:
        return 1 if self.per == "second" else 60


Concurrency = Annotated[
    int | None,
    Field(ge=1, le=1000, description="Hand-overs at once, over all processes; usually 32 in each process."),
]


class Endpoint(Document):
    """A buyer's address that bears so much, whichever of its contracts hand over there."""

    rate: Rate | None = None
    concurrency: Concurrency = None

    @model_validator(mode="after")
    def _bears_something(self) -> Self:
        if self.rate is None and self.concurrency is None:
            raise ValueError("says how much it bears: rate, concurrency, or both")
        return self


class Account(Struct, frozen=True):
    """What holds for all contracts of a buyer together."""

    caps: tuple[Cap, ...] = ()
    money: Money | None = None


FREE = Account()
