"""What a delivery adapter is: a conversation with one kind of buyer, without the network."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID

from msgspec import Struct

from app.core.registry import Component, Registry, Settings
from app.distribute.filing import Filed, Put
from app.distribute.identity import Identity
from app.distribute.mailing import Mail, Sent
from app.distribute.offering import Offer, Offered
from app.model import Outcome, Scalar


class Handover(Struct, frozen=True, kw_only=True):
    """One lead on its way to one contract; all that an adapter may know."""

    delivery_id: UUID
    lead_id: UUID
    contract: str
    campaign: str
    source: str
    price: Decimal
    lead: Mapping[str, Scalar]  # normal values by field name
    raw: Mapping[str, Scalar] = {}  # as they came, by field name
    beside: frozenset[str] = (
        frozenset()
    )  # in `lead`, and sent only where they are named: known, and not the lead's own
    at: datetime  # when this attempt began, UTC
    attempt: int = 1
    test: bool = False
    link: Callable[[UUID], str] | None = None  # where a person confirms a delivery
    contact: Mapping[
        str, str
    ] = {}  # fields by which the person is known or reached → their kind; no ping has them
    ping_reference: str = ""  # the buyer's own name for the bid that won it this lead


class Call(Struct, frozen=True, kw_only=True):
    """One HTTP request, as a value. `secrets` are texts that must be hidden where the call is shown."""

    method: str
    url: str
    query: str = ""  # of a lead that goes in the URL: kept and shown as a body is
    headers: Mapping[str, str] = {}
    body: bytes = b""
    hands_over: bool = True  # once this is sent, the buyer may own the lead
    refusals: frozenset[int] = frozenset()  # statuses by which it says that it took nothing
    timeout: float | None = None  # seconds in all; None: the wire's own
    identity: Identity | None = None  # the certificate that the buyer knows us by
    secrets: tuple[str, ...] = ()
    bid: Decimal | None = None  # what its buyer has said to pay for it, in an earlier call


class Reply(Struct, frozen=True, kw_only=True):
    """One HTTP response, as a value; header names in lower case."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Token(Struct, frozen=True, kw_only=True):
    """What opens a buyer's door for a while."""

    text: str
    lasts: float | None = None  # seconds, as it was said
    kept: bool = False  # nobody was asked for it now


class Grant(Struct, frozen=True, kw_only=True):
    """A token is wanted. The wire keeps one for all grants of a `holder`, and fetches it by `call`, which hands nothing over.

    Where that exchanges a refresh token, `renew` does so with one that came later.
    """

    holder: str
    call: Callable[[], Call]
    renew: Callable[[str], Call] | None = None
    refused: str = ""  # a token that was not taken: another is wanted
    hands_over: ClassVar[bool] = False


Intent = Call | Mail | Put | Grant | Offer
Answer = Reply | Sent | Filed | Token | Offered
Conversation = Generator[Intent, Any, Outcome]
"""Each intent is answered in its own kind: a Call by a Reply, a Mail by a Sent, a Put by a Filed, a Grant by a Token,
or by the Reply that is none."""

S = TypeVar("S", bound=Settings)


class Adapter(Component, ABC, Generic[S]):
    """Speaks one buyer interface. Pure: it yields intents, is sent answers, and returns an Outcome.

    It never sees a network failure: `wire` ends the conversation and names the outcome by what was
    certainly, or perhaps, sent.
    """

    examples: ClassVar[tuple[Mapping[str, Any], ...]]
    """Settings that work as they stand, for the docs and the conformance tests."""

    bids: ClassVar[bool] = False
    """Whether its calls may say what the buyer has bid (`Call.bid`): that is kept before such a call hands a lead over."""

    @abstractmethod
    def converse(self, handover: Handover, to: S) -> Conversation: ...


adapters: Registry[Adapter[Any]] = Registry("app.distribute.adapters", "leadgate.adapters")
