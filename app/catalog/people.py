"""Who works for a buyer, and what of a pushed lead goes to the pool instead."""

import re
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from app.catalog.document import Document
from app.catalog.opening import Away, Hours
from app.core.duration import Duration

ALL = "all"
"""As a team: everybody of the buyer."""

_ID = re.compile(r"^[a-z0-9][a-z0-9_.-]{0,62}\Z")
_MAILBOX = re.compile(r"^[^@\s]{1,64}@[^@\s]{1,255}\Z")


def _one(text: str) -> str:
    if not _ID.match(text):
        raise ValueError("is no id; use lower case letters, digits, - _ . and at most 63 of them")
    return text


def _team(text: str) -> str:
    if _one(text) == ALL:
        raise ValueError("stands for everybody of the buyer; give the team a name of its own")
    return text


def _some(span: Duration) -> Duration:
    if span.seconds < 1:
        raise ValueError("must be a second or longer; 10m is usual")
    return span


PersonId = Annotated[str, AfterValidator(_one)]
TeamId = Annotated[str, AfterValidator(_team)]
Group = Annotated[str, AfterValidator(_one)]
"""A team, or `all`."""
Span = Annotated[Duration, AfterValidator(_some)]


class Quota(Document):
    """At most `leads` claims of one person per calendar period in `zone`."""

    per: Literal["hour", "day", "week", "month"]
    leads: int = Field(ge=0, le=1_000_000)
    zone: str = "UTC"


class PersonDoc(Document):
    """Somebody who works for a buyer, and claims leads of its pool with a key of its own."""

    id: PersonId
    name: str = Field("", max_length=200)
    email: str = Field("", max_length=320)
    team: TeamId | None = None
    capacity: int | None = Field(
        None, ge=0, le=100_000, description="Leads that it may have claimed at once."
    )
    quota: tuple[Quota, ...] = Field((), max_length=10, description="Claims per period, over all contracts.")
    hours: Hours | None = None
    away: tuple[Away, ...] = Field((), max_length=400, description="In the zone of its hours, or in UTC.")
    paused: bool = Field(False, description="It claims nothing, and leads are not kept for it.")

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.email and not _MAILBOX.match(self.email):
            raise ValueError("has an email that is no address; write dana@example.com, or leave it out")
        return self

    @property
    def called(self) -> str:
        """As colleagues call it."""
        return self.name or self.id


class PullAfter(Document):
    """When a lead that is pushed to people goes to the pool instead: `to` names the contract of the pool.

    Without `person` and `team` it is everybody of the buyer who is meant.
    """

    to: Annotated[str, AfterValidator(_one)]
    person: PersonId | None = None
    team: TeamId | None = None
    closed: bool = Field(False, description="At once, while nobody of them is there.")
    no_action: Span | None = Field(
        None, description="After so long, unless somebody confirmed it or said what became of it."
    )
    exclude: bool = Field(True, description="`person` does not get it back from the pool.")

    @model_validator(mode="after")
    def _says_when(self) -> Self:
        if not self.closed and self.no_action is None:
            raise ValueError("says nothing of when; give closed: true, or no_action: 30m")
        if self.person and self.team:
            raise ValueError("is for a person or for a team; leave one out")
        return self


def of_group(people: "tuple[PersonDoc, ...]", team: str | None, person: str | None = None) -> list[PersonDoc]:
    """Those who are meant; a paused one never is."""
    return [
        one for one in people
        if not one.paused and (team in (None, ALL) or one.team == team) and person in (None, one.id)
    ]  # fmt: skip
