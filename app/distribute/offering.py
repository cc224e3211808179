"""How a lead is offered to people: to which group first, to which then, and where it goes when nobody claims it."""

from typing import Annotated, ClassVar, Literal, Protocol, Self
from uuid import UUID

from msgspec import Struct
from pydantic import Field, model_validator

from app.catalog.people import ALL, Group, PersonDoc, PersonId, Quota, Span, of_group
from app.core.duration import Duration
from app.core.registry import Settings

NEXT = "next"
"""As the end of an offer: the next contract in rank order."""

EVERYBODY = 32_767
"""As many former owners as there may be."""


class Offer(Struct, frozen=True, kw_only=True):
    """An intent: into the pool with it. Nobody owns the lead by that. `steps` are for people to read."""

    delivery_id: UUID
    contract: str
    steps: tuple[str, ...]
    hands_over: ClassVar[bool] = False


class Offered(Struct, frozen=True):
    """The answer to it."""


class Step(Struct, frozen=True):
    """`team` None: everybody of the buyer. `seconds` None: for as long as it takes."""

    team: str | None = None
    seconds: float | None = None


class ToGroup(Settings):
    team: Group = Field(description="A team of the buyer's people, or `all`.")
    lasts: Span | None = Field(None, alias="for", description="Without it: until somebody claims it.")


class Onward(Settings):
    to: PersonId = Field(description="A contract of the same campaign, or `next`.")


class OfferSettings(ToGroup):
    """One group after another; where the last one's time ends, `to`."""

    then: tuple[ToGroup | Onward, ...] = Field((), max_length=20)

    @model_validator(mode="after")
    def _leads_on(self) -> Self:
        steps = (self, *self.then)
        for step in steps[:-1]:
            if isinstance(step, Onward):
                raise ValueError("goes on after `to`; write it last")
            if step.lasts is None:
                raise ValueError("goes on after a group without `for`; say for how long it is offered to it")
        return self


class InternalSettings(Settings):
    """What people see, for how long a claim holds, and to whom a lead is offered."""

    view: Literal["blind_next", "preview", "open"] = Field(
        "preview",
        description="`blind_next`: only how many there are, and the next is claimed; `preview`: each without contact"
        " data; `open`: each as it is.",
    )
    hold: Span = Field(Duration("15m"), description="How long a claim holds, and by how much it is renewed.")
    renewals: int = Field(3, ge=0, le=1_000, description="How often.")
    quota: tuple[Quota, ...] = Field((), max_length=10, description="Claims of each person per period.")
    offer: OfferSettings | None = Field(
        None, description="Without it everybody of the buyer, until it is claimed."
    )
    exclude: Literal["all", "nobody"] | Annotated[int, Field(ge=1, le=1_000)] = Field(
        "all",
        description="Who had it before does not get it again: all of them, nobody, or the last so many.",
    )

    @property
    def steps(self) -> tuple[Step, ...]:
        if self.offer is None:
            return (Step(),)
        groups = [one for one in (self.offer, *self.offer.then) if isinstance(one, ToGroup)]
        return tuple(
            Step(None if one.team == ALL else one.team, one.lasts.seconds if one.lasts else None)
            for one in groups
        )

    @property
    def onward(self) -> str:
        """The contract that gets what nobody claimed, or NEXT."""
        last = self.offer.then[-1] if self.offer is not None and self.offer.then else None
        return last.to if isinstance(last, Onward) else NEXT

    @property
    def excluded(self) -> int:
        """How many of the last owners."""
        words = {"all": EVERYBODY, "nobody": 0}
        return words[self.exclude] if isinstance(self.exclude, str) else self.exclude

    def told(self) -> tuple[str, ...]:
        """The steps as people read them."""
        lines = []
        for one in self.steps:
            whom = f"team {one.team}" if one.team else "everybody of the buyer"
            lines.append(f"{whom} for {_span(one.seconds)}" if one.seconds else f"{whom} until it is claimed")
        if self.steps[-1].seconds:
            lines.append("the next contract" if self.onward == NEXT else f"contract {self.onward}")
        return tuple(lines)


class Pooling(Protocol):
    """What of a contract its pool goes by."""

    @property
    def settings(self) -> Settings: ...


def settings_of(contract: Pooling) -> InternalSettings:
    assert isinstance(contract.settings, InternalSettings), "asked of contracts that pool"
    return contract.settings


def left(
    people: tuple[PersonDoc, ...], owners: list[str] | tuple[str, ...], excluded: int, step: Step
) -> bool:
    """Whether anybody of a step's group may still have a lead that `owners` had before."""
    former = set(owners[-excluded:]) if excluded else set()
    return any(one.id not in former for one in of_group(people, step.team))


def _span(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:g}s"
