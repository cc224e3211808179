"""What a check is, and what evidence it may ask for."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from msgspec import Struct
from pydantic import Field

from app.core.registry import Component, Registry, Settings
from app.model import Action, Finding, Lead, Value
from app.validate.remote import Remote


class CheckSettings(Settings):
    """What every check can be told beside its own settings."""

    action: Action = Field("reject", description="What a finding does: flag, hold or reject.")
    points: int = Field(0, ge=-1000, le=1000, description="Score points of each finding.")


class Seen(Struct, frozen=True):
    """Ask: how many submissions carried this `key` in the last `within` seconds, this one included.

    The key is opaque bytes (a digest). Answer: int.
    """

    key: bytes
    within: int


class Claim(Struct, frozen=True):
    """Ask: may this lead have `key` for `within` seconds? Answer: None (it is ours) or `Earlier`.

    Claims are settled last, only for leads that nothing else rejects, by a unique row: of any number
    of leads at the same moment, in any process, one gets it.
    """

    key: bytes
    within: int


class Near(Claim, frozen=True):
    """A claim that any number of leads hold at once: those that may be of one person. Answer: a tuple of `Neighbour`,
    newest first. Of two at the same moment, in any processes, the later one sees the other."""


class Having(Claim, frozen=True):
    """A claim that any number of leads hold at once, for what buyers have. Answer: a tuple of `Has`, one a buyer: who
    was handed such a lead in the last `within` seconds, or has `value` as `kind` on a list of its own."""

    kind: str = ""
    value: str = ""


class Offences(Struct, frozen=True):
    """Ask: how many leads that were found to be fraud (`bots`: sent by a program) carried this `key` in the last
    `within` seconds, this one left out? Answer: int.

    A lead that is found to be so itself is noted under each such key that it asked for.
    """

    key: bytes
    within: int
    bots: bool = False


class Mx(Struct, frozen=True):
    """Ask: does this mail domain take mail? Answer: True, False, or None when nobody could say in time."""

    domain: str


class Listed(Struct, frozen=True):
    """Ask: on which of these `lists` does a normal `value` of this `kind` stand (phone, email, domain, ip)?

    Lists of another kind are passed over. Answer: a tuple of `Entry`, in no order.
    """

    lists: tuple[str, ...]
    kind: str
    value: str


class Entry(Struct, frozen=True):
    """A list that a value stands on, and whether a source may know of it."""

    list: str
    tell: bool = True


class Locate(Struct, frozen=True):
    """Ask: where is this IP address, and whose is it? Answer: `Location`, or None where no database knows it."""

    address: str


class Blocked(Struct, frozen=True):
    """Ask: does the DNS list `zone` name this IP address? Answer: True, False, or None when nobody could say in time."""

    zone: str
    address: str


class Location(Struct, frozen=True, kw_only=True):
    """What databases say of an address. Empty is unknown: an address without `kinds` is not thereby a home's."""

    country: str = ""  # ISO 3166-1
    region: str = ""  # ISO 3166-2 without the country, or a name
    time_zone: str = ""
    asn: int = 0
    network: str = ""  # who announces it
    kinds: tuple[str, ...] = ()  # hosting, proxy, relay, tor, vpn


class Earlier(Struct, frozen=True):
    """The lead that holds a claimed key."""

    lead_id: UUID
    at: datetime
    source: str


class Neighbour(Struct, frozen=True):
    """A lead that was taken and holds the same key, with what it says of its person."""

    lead_id: UUID
    at: datetime
    source: str
    fields: Mapping[str, Value]


class Has(Struct, frozen=True):
    """A buyer who has this person: by a lead, or by a list."""

    buyer: str
    lead_id: UUID | None = None
    list: str = ""


Ask = Seen | Offences | Claim | Mx | Listed | Locate | Blocked | Remote
Evidence = Mapping[Ask, Any]
"""What was asked → its answer. Fetched once per batch and kind, never per lead."""

S = TypeVar("S", bound=CheckSettings)


class Check(Component, ABC, Generic[S]):
    """Looks at one lead and says everything it has to say. Pure: the same lead and evidence, the same findings.

    `order` is its place in the published order of checks (lower first). A finding takes its `action`
    and `points` from the settings unless the check has a reason to differ.
    """

    order: ClassVar[int]
    codes: ClassVar[Mapping[str, str]]
    """every code it can give → what it means (public, stable)."""
    claims: ClassVar[bool] = False
    """Its `asks` are Claims and nothing else; it runs after the checks that claim nothing have judged."""

    recalls: ClassVar[bool] = False
    """Whether there are Offences among its `asks`."""

    def asks(self, lead: Lead, to: S) -> Iterable[Ask]:
        """The evidence this lead needs; none by default."""
        return ()

    def codes_of(self, to: S) -> Mapping[str, str]:
        """The codes that it can give as it is told: its `codes`, unless a campaign may name its own."""
        return self.codes

    @abstractmethod
    def run(self, lead: Lead, to: S, evidence: Evidence) -> Iterable[Finding]: ...


checks: Registry[Check[Any]] = Registry("app.validate.checks", "leadgate.checks")
