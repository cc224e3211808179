"""What a slow, remote, perhaps paid look-up is: a question as a value, asked by the pipeline and nobody else."""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Self

from msgspec import Struct
from pydantic import Field, model_validator

from app.core.duration import Duration
from app.core.expressions import Expression
from app.core.money import Amount
from app.core.registry import Settings

Became = Literal[
    "answered", "cached", "failed", "late", "resting", "abandoned", "budget", "share", "unsellable", "condition"
]  # fmt: skip
BECAME: Mapping[Became, str] = {
    "answered": "The service said something.",
    "cached": "It had said it before, and that still holds.",
    "failed": "It could not be reached, or what it said could not be read.",
    "late": "It did not answer within its deadline.",
    "resting": "It did not answer others of late and is left alone for a while.",
    "abandoned": "Two processes ended while they asked; it is not asked a third time.",
    "budget": "The day's budget is used up.",
    "share": "The lead is not in the share of leads that are looked up.",
    "unsellable": "Other checks reject the lead already.",
    "condition": "Its condition does not hold for the lead.",
}
"""How a look-up ended → what that means."""


class LookUp(Settings):
    """What every look-up over the network can be told. The defaults ask once per lead, for nothing."""

    deadline: Duration = Field(Duration("3s"), description="How long a lead waits for it; at most 60s.")
    cache: Duration = Field(
        Duration("0s"), description="How long an answer holds for everybody who asks the same; 0s: never."
    )
    cost: Amount = Field(default=0, validate_default=True, description="Of one question that is asked.")
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$", description="Of cost and budget.")
    budget: Amount | None = Field(None, description="What questions may cost in a day (UTC); none: no limit.")
    share: float = Field(
        1.0, ge=0, le=1, description="Of which share of leads it is asked; a lead is in it or not for good."
    )
    when: Expression | None = Field(None, description="It is asked only where this holds: CEL over lead.")
    sellable: bool = Field(True, description="It is not asked of leads that other checks reject already.")
    failures: int = Field(1, ge=1, le=100, description="After so many failures in a row it is left to rest.")
    rest: Duration = Field(Duration("30s"), description="For how long; then one lead tries again.")
    concurrency: int = Field(64, ge=1, le=1000, description="Questions at once, per process.")

    @model_validator(mode="after")
    def _can_be_kept(self) -> Self:
        if not 0 < self.deadline.seconds <= 60:
            raise ValueError("deadline is more than 0 and at most 60s")
        if self.rest.seconds < 1:
            raise ValueError("rest is at least 1s")
        if self.cost < 0 or (self.budget is not None and self.budget < 0):
            raise ValueError("cost and budget are not negative")
        if self.budget is not None and not self.cost:
            raise ValueError("a budget needs the cost of a question; write cost: 0.05 beside it")
        return self


class Request(Struct, frozen=True, kw_only=True):
    """One HTTP request, as a value. `secrets` are texts that are hidden wherever it is shown."""

    method: str = "GET"
    url: str
    headers: Mapping[str, str] = {}
    body: bytes = b""
    secrets: tuple[str, ...] = ()


class Response(Struct, frozen=True, kw_only=True):
    """Its answer; header names in lower case. Redirects are not followed."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Unanswered(Exception):
    """Nothing came of it. `reason` is a word of ours (`http_500`, `not_json`), never the service's text.

    `fault`: the service is at fault, so it counts for leaving it to rest; not where only this question was wrong.
    """

    def __init__(self, reason: str, *, fault: bool = True) -> None:
        super().__init__(reason)
        self.reason, self.fault = reason, fault


Asking = Generator[Request, Response, Any]
"""`response = yield Request(...)`, then `return value`: JSON values only, since it is kept as JSON. Raises Unanswered."""


class Told(Struct, frozen=True, kw_only=True):
    """The answer to a Remote. `value` is what its generator returned, where `known`; `cost` what this lead's
    question cost (nothing where it was known already), `ms` how long this lead waited for it."""

    became: Became
    value: Any = None
    why: str = ""  # a code, where it is not known
    cost: Decimal = Decimal(0)
    currency: str = "USD"
    ms: float = 0.0
    at: datetime | None = None  # when the service said it

    @property
    def known(self) -> bool:
        return self.became in ("answered", "cached")


@dataclass(frozen=True, slots=True)
class Remote:
    """Ask: a question to a service over the network. Answer: `Told`, always; the wait for it is bounded.

    Two are the same where `service` and `key` are. `key` is a digest of everything that the answer depends
    on, so that nothing of the lead can be told from it; the pipeline keys it once more before it is stored.
    """

    service: str
    """For metrics, and for whom to leave to rest: a check's name, an enricher's id."""
    key: bytes
    to: LookUp = field(compare=False)
    purse: str = field(compare=False)
    """Whose budget of the day it is."""
    converse: Callable[[], Asking] = field(compare=False, repr=False)
