"""In which ways a lead is sold, and where it goes when nobody took it: along a chain, and round after round."""

import re
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from app.catalog.document import Document
from app.core.duration import Duration
from app.core.money import Amount

_SELL = re.compile(r"^(exclusive|(shared|hybrid)\([1-9][0-9]?\))\Z")
SHORTEST, LONGEST = 60.0, 365 * 86_400.0


def _sell(text: str) -> str:
    if not _SELL.match(text):
        raise ValueError("is no way to sell; write exclusive, shared(2) or hybrid(2), up to 99")
    return text


def _every(span: Duration) -> Duration:
    if span.seconds < SHORTEST:
        raise ValueError("must be a minute or longer; 1h is usual")
    return span


def _lasting(span: Duration) -> Duration:
    if not SHORTEST <= span.seconds <= LONGEST:
        raise ValueError("must be between a minute and a year; 72h is usual")
    return span


def _exact(value: Any) -> Any:
    """A float would be a little more or less than what was written."""
    return Decimal(str(value)) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _hundredths(value: Decimal) -> Decimal:
    if value != value.quantize(Decimal("0.01")):
        raise ValueError("is finer than prices are lowered; write it with two places at most, as 0.5 or 0.33")
    return value


Sell = Annotated[
    str,
    AfterValidator(_sell),
    Field(json_schema_extra={"pattern": _SELL.pattern.replace("\\Z", "$")}),
]
SharedPrice = Annotated[
    Amount | None,
    Field(
        description="For one of several copies where the campaign sells hybrid; `price` is for the only one."
    ),
]
Sweeper = Annotated[
    bool, Field(description="Takes what nobody else of the campaign took; asked after all others.")
]


class Then(Document):
    """The next of a chain: the contracts of another campaign, or one contract that takes whatever is left."""

    campaign: str | None = Field(None, max_length=63)
    house: str | None = Field(None, max_length=63, description="A contract, asked without its filter.")

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.campaign is None) == (self.house is None):
            raise ValueError("names one: campaign: solar-aged, or house: own-desk")
        return self


class Aged(Document):
    """A lead that has waited for so long is offered at a part of each contract's price."""

    after: Duration
    factor: Annotated[
        Decimal,
        BeforeValidator(_exact),
        Field(gt=0, le=1),
        AfterValidator(_hundredths),
        PlainSerializer(lambda value: f"{value.normalize():f}", return_type=str),
    ]


class Requeue(Document):
    """How a lead that nobody took is offered again, each time in a round of its own."""

    model_config = ConfigDict(serialize_by_alias=True)  # as it was written

    every: Annotated[Duration, AfterValidator(_every)] = Duration("1h")
    lasting: Annotated[Duration, AfterValidator(_lasting)] = Field(
        alias="for", description="Counted from when nobody took it; then it is unsold for good."
    )
    on: tuple[Literal["cap_reset", "contract_change"], ...] = Field(
        (), description="Looked at at once, too, when a full cap begins anew, or contracts are changed."
    )
    price: Aged | None = Field(None, description="Without it the price stays.")
    then: Literal["expire"] = "expire"
