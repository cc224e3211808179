"""The configuration vocabulary: what the YAML, the API and the console say, and nothing else.

`deliver` and each entry of `checks` and `fields` are read further by the component they name; see
`catalog.reading`. Every model is frozen and refuses unknown keys.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from phonenumbers import country_code_for_region
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.catalog.addresses import mailbox, origin, page, sender
from app.catalog.auction import AuctionDoc
from app.catalog.compliance import ConsentTexts, ConsumerHours, RetentionDoc
from app.catalog.confirming import BreakerDoc, ConfirmDoc
from app.catalog.document import Document
from app.catalog.limits import Cap, Concurrency, Endpoint, Money, Rate
from app.catalog.opening import Hours
from app.catalog.paying import RevenueShare
from app.catalog.people import PersonDoc, PullAfter
from app.catalog.returning import ReturnsDoc, SourceReturns
from app.catalog.review import ReviewDoc
from app.catalog.routing import AreaTerm, CapacityTerm, FromScoreTerm, PercentTerm, RankWord, Territories
from app.catalog.selling import Requeue, Sell, SharedPrice, Sweeper, Then
from app.catalog.telling import BuyerWords
from app.catalog.worth import FraudDoc, PriorityDoc, ScoreDoc
from app.core.duration import Duration
from app.core.expressions import WorthExpression
from app.core.money import Amount

_ID = re.compile(r"^[a-z0-9][a-z0-9_.-]{0,62}$")
_CURRENCY = re.compile(r"^[A-Z]{3}$")
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}$")


def _id(text: str) -> str:
    if not _ID.match(text):
        raise ValueError("is no id; use lower case letters, digits, - _ . and at most 63 of them")
    return text


def _name(text: str) -> str:
    if not _NAME.match(text):
        raise ValueError("is no field name; use lower case letters, digits and _, a letter first")
    return text


def _currency(text: str) -> str:
    if not _CURRENCY.match(text):
        raise ValueError("is no currency; write three capitals, as USD")
    return text


_REGION = re.compile(r"^[A-Z]{2}\Z")


def _region(text: str) -> str:
    if not _REGION.match(text) or not country_code_for_region(text):
        raise ValueError("is no country with telephone numbers; write two capitals, as US")
    return text


class _FieldMarker:
    """Says of a text in a component's settings that it names a field of the campaign; `apply` checks it."""


FieldMarker = _FieldMarker()


class _ListMarker:
    """Says of a text in a component's settings that it names a list; `apply` checks it."""


ListMarker = _ListMarker()

Id = Annotated[str, AfterValidator(_id)]
FieldName = Annotated[str, AfterValidator(_name), FieldMarker]
ListName = Annotated[str, AfterValidator(_id), ListMarker]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class ListDoc(Document):
    """A suppression list: what stands on it and how. Its entries are data, and loaded apart (`leadgate list`)."""

    id: Id
    name: str = Field("", max_length=200)
    of: Literal["phone", "email", "domain", "ip"]
    hashed: Literal["md5", "sha1", "sha256"] | None = Field(
        None, description="Its entries come as hexadecimal hashes; what comes plain is hashed so."
    )
    written: tuple[Literal["e164", "digits", "national", "lower", "google"], ...] = Field(
        (), description="The forms that those hashes may have been made of; empty: any usual one."
    )
    country: Annotated[str, AfterValidator(_region)] = Field(
        "US", description="Whose telephone numbers are meant where no country code is written."
    )
    tell: bool = Field(True, description="Whether a source may know that it was this list.")
    buyer: Id | None = Field(
        None, description="Whose people are on it: a duplicate rule by buyer leaves this buyer out for them."
    )
    feedback: bool = Field(False, description="Whom buyers report as never to be called is put on it.")

    @model_validator(mode="after")
    def _written_as_hashed(self) -> Self:
        fits = {"phone": ("e164", "digits", "national"), "email": ("lower", "google")}.get(self.of, ())
        if self.written and not self.hashed:
            raise ValueError(
                "says how hashes are written, and is not hashed; give hashed, or leave written out"
            )
        if wrong := [form for form in self.written if form not in fits]:
            raise ValueError(
                f"{self.of} is not written {wrong[0]}; it may be: {', '.join(fits) or 'nothing'}"
            )
        return self


class FieldDoc(BaseModel):
    """One field of a campaign. Keys beside these are the field type's own settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    required: bool = False
    label: str = ""


class CheckDoc(BaseModel):
    """One check of a campaign. Keys beside `check` are the check's own settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    check: str


class Distribution(Document):
    """How an accepted lead is sold. `sell` is `exclusive`, `shared(n)`, or `hybrid(n)`: whichever earns more."""

    sell: Sell = "exclusive"
    rank: tuple[RankWord, ...] = ("price", "priority", "round_robin")
    territories: Territories = Field({}, description="Areas that contracts may name.")
    priority: PriorityDoc = PriorityDoc()
    caps: tuple[Cap, ...] = Field((), description="Over all contracts of the campaign together.")
    then: tuple[Then, ...] = Field((), max_length=20, description="Who is asked where nobody took a lead.")
    requeue: Requeue | None = Field(None, description="Without it a lead that nobody took is unsold at once.")

    @property
    def copies(self) -> int:
        """How many buyers may accept one lead."""
        return 1 if self.sell == "exclusive" else int(self.sell[7:-1])

    @property
    def hybrid(self) -> bool:
        """Whether it is either sold to one or shared, whichever earns more."""
        return self.sell.startswith("hybrid")


class EnricherDoc(Document):
    """Where fields of a lead are looked up. Keys in `ask` beside `enricher` are the enricher's own settings."""

    id: Id
    ask: Mapping[str, Any]


class CampaignDoc(Document):
    id: Id
    name: str = ""
    fields: Mapping[FieldName, FieldDoc]
    enrich: tuple[Id, ...] = Field((), max_length=20, description="Enrichers, in the order of their turn.")
    checks: tuple[CheckDoc, ...] = ()
    consent: ConsentTexts = Field({}, description="What the check `consent` holds leads against.")
    retention: RetentionDoc | None = Field(None, description="Without it only days of history are dropped.")
    score: ScoreDoc = ScoreDoc()
    fraud: FraudDoc | None = Field(None, description="Without it nothing is summed up.")
    review: ReviewDoc | None = Field(None, description="Without it a held lead waits for a person for ever.")
    distribution: Distribution = Distribution()
    auction: AuctionDoc | None = None
    currency: Annotated[str, AfterValidator(_currency)] = Field(
        "USD", json_schema_extra={"pattern": _CURRENCY.pattern}
    )


class MapTo(Document):
    """Where one name of the source goes: a field of ours, its values translated, a default when absent."""

    field: FieldName
    values: Mapping[str, str] = {}
    default: str | None = None


class ChannelDoc(BaseModel):
    """Where leads of a source are fetched from. Keys beside `channel` are the channel's own settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    channel: str


class PlatformDoc(BaseModel):
    """A platform that posts to `/in/{platform}/{source}`. Keys beside `platform` are its own settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    platform: str


class ReplyDoc(BaseModel):
    """A reply dialect of `/in/{reply}/{source}`. Keys beside `reply` are its own settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    reply: str


class MailDoc(Document):
    """The addresses whose mail is leads of a source (LEADGATE_SMTP_LISTEN, LEADGATE_LMTP_LISTEN).

    `senders`: whose mail is taken there, by envelope or From; empty: anybody's. A sender can be forged.
    """

    addresses: tuple[Annotated[str, AfterValidator(mailbox)], ...] = Field(min_length=1, max_length=100)
    senders: tuple[Annotated[str, AfterValidator(sender)], ...] = ()


class FormStep(Document):
    """One page of a form that has several: what is asked together."""

    title: str = Field(min_length=1, max_length=200)
    fields: tuple[FieldName, ...] = Field(min_length=1)


class Consent(Document):
    """What the visitor agrees to by a tick. `[words](https://…)` is a link. A changed text is a new `version`.

    What is kept as evidence is this text as it was shown, its version and its digest.
    """

    text: str = Field(min_length=1, max_length=10_000)
    version: str = Field(min_length=1, max_length=100)
    field: FieldName | None = Field(None, description="The field that is true where it was ticked.")
    required: bool = True


class Thanks(Document):
    """What is shown once the request is kept: a text, or another page."""

    title: str = Field("Thank you", min_length=1, max_length=200)
    text: str = Field("We have your request.", max_length=10_000)
    url: Annotated[str, AfterValidator(page)] | None = None


class FormDoc(Document):
    """The hosted form of a source, at `/f/{campaign}`. Without `fields` or `steps` it asks every field of
    the campaign that nothing else fills."""

    title: str = Field("", max_length=200)
    intro: str = Field("", max_length=2_000)
    fields: tuple[FieldName, ...] = ()
    steps: tuple[FormStep, ...] = ()
    labels: Mapping[FieldName, str] = {}
    hints: Mapping[FieldName, str] = {}
    options: Mapping[FieldName, Mapping[str, str]] = Field({}, description="A choice's value → its words.")
    consent: Consent | None = None
    button: str = Field("Send", min_length=1, max_length=100)
    help: str = Field("", max_length=1_000, description="Whom to ask; the same line on every step.")
    thanks: Thanks = Thanks()
    origins: tuple[Annotated[str, AfterValidator(origin)], ...] = Field(
        (), max_length=100, description="Sites (https://www.example.com) that may show the form."
    )
    colour: str = Field("#1d4fc4", pattern=r"^#[0-9a-fA-F]{6}$")
    language: str = Field("en", pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    partial: bool = Field(False, description="Keep what was filled in by who leaves before the end.")

    @property
    def named(self) -> tuple[str, ...]:
        """The fields that it names, in the order in which they are asked."""
        return self.fields or tuple(name for step in self.steps for name in step.fields)


class PartialDoc(Document):
    """What becomes of a lead that its source began and did not complete in time."""

    after: Duration = Field(Duration("1d"), description="How long it is waited for, from its last part on.")
    then: Literal["reject", "distribute"] = "reject"


class SourceDoc(Document):
    """Who hands leads over. `mapping` is their name (dotted path) → our field, or a MapTo.

    Names that are ours already need no mapping. `defaults` fill fields that did not come.
    """

    id: Id
    campaign: Id
    name: str = ""
    reply: Literal["receipt", "verdict", "sold"] = "sold"
    deadline: Duration = Field(Duration("30s"), description="When a reply is due, whatever is known by then.")
    price: Amount | None = None
    revenue_share: RevenueShare = None
    mapping: Mapping[str, FieldName | MapTo] = {}
    defaults: Mapping[FieldName, str] = {}
    reasons: Literal["helpful", "coarse"] = "helpful"
    silence: Literal["auto", "off"] | Duration = Field(
        "auto", description="When its silence is told: against its habit, never, or after a fixed time."
    )
    channels: tuple[ChannelDoc, ...] = ()
    platforms: tuple[PlatformDoc, ...] = ()
    replies: tuple[ReplyDoc, ...] = ()
    partial: PartialDoc = PartialDoc()
    callback: Mapping[str, Any] | None = None
    returns: SourceReturns = SourceReturns()
    ping: Mapping[str, Any] | None = None
    form: FormDoc | None = None
    mail: MailDoc | None = None
    sniff: bool = Field(
        False, description="Read a body by its look where its Content-Type says nothing, or another kind."
    )
    query: bool = Field(
        False,
        description="Fields of a lead may stand in the address, of POST and of GET. Logs show addresses.",
    )
    caps: tuple[Cap, ...] = Field((), description="How many of its leads are taken; the next is refused.")
    test: bool = Field(False, description="Every lead of this source is a test.")
    paused: bool = False


class Retry(Document):
    """When a delivery that certainly did not arrive is tried again: the waits, then the last one until `until`."""

    schedule: tuple[Duration, ...] = tuple(Duration(t) for t in ("5s", "5m", "30m", "2h", "5h", "10h"))
    until: Duration = Duration("8d")


class ContractDoc(Document):
    """One standing order of a buyer. Without `when` it takes every lead of its campaign."""

    id: Id
    campaign: Id
    when: WorthExpression | None = Field(
        None, description="CEL over lead, source, and score, grade, sales_ready, probability."
    )
    price: Amount = Field(default=0, validate_default=True)
    shared_price: SharedPrice = None
    sweeper: Sweeper = False
    priority: int = Field(0, ge=-1000, le=1000)
    weight: int = Field(1, ge=1, le=10_000)
    percent: PercentTerm = None
    capacity: CapacityTerm = None
    from_score: FromScoreTerm = None
    area: AreaTerm = None
    caps: tuple[Cap, ...] = ()
    hours: Hours | None = None
    consumer_hours: ConsumerHours | None = Field(None, description="When the person may be called.")
    endpoint: Id | None = Field(None, description="Whose `rate` and `concurrency` it shares.")
    concurrency: Concurrency = None
    rate: Rate | None = Field(
        None, description="How many conversations begin per second or minute; the rest waits."
    )
    sources: tuple[Id, ...] = Field((), description="Only leads of these sources; empty: of any.")
    except_sources: tuple[Id, ...] = Field((), description="Leads of any source but these.")
    retry: Retry = Retry()
    idempotent: bool = Field(
        False, description="The buyer ignores repeats of a delivery id: an Unclear may be asked again."
    )
    confirm: ConfirmDoc | None = Field(None, description="By when an unclear hand-over must be proved.")
    breaker: BreakerDoc | None = Field(BreakerDoc(), description="When it rests; null: never.")
    pull_after: PullAfter | None = Field(None, description="When a lead goes to the pool instead.")
    paused: bool = False
    returns: ReturnsDoc | None = Field(None, description="Without it nothing is taken back.")
    postback: Mapping[str, Any] | None = None
    bid: Mapping[str, Any] | None = Field(None, description="Without it a contract bids its price.")
    deliver: Mapping[str, Any]


class BuyerDoc(Document):
    id: Id
    name: str = ""
    feedback: BuyerWords = BuyerWords()
    people: tuple[PersonDoc, ...] = Field((), max_length=10_000, description="Who claims leads of its pool.")
    contracts: tuple[ContractDoc, ...] = ()
    caps: tuple[Cap, ...] = Field((), description="Over all its contracts together.")
    money: Money | None = Field(None, description="How it pays; without it what it owes has no limit.")
    endpoints: Mapping[Id, Endpoint] = Field({}, description="What several contracts hand over to.")
    paused: bool = False


def _listed(value: Any) -> Any:
    return () if value is None else value


class Catalogue(Document):
    """Everything that is configured. Ids are unique by kind; contract ids across buyers."""

    lists: Annotated[tuple[ListDoc, ...], BeforeValidator(_listed)] = ()
    enrichers: Annotated[tuple[EnricherDoc, ...], BeforeValidator(_listed)] = ()
    campaigns: Annotated[tuple[CampaignDoc, ...], BeforeValidator(_listed)] = ()
    sources: Annotated[tuple[SourceDoc, ...], BeforeValidator(_listed)] = ()
    buyers: Annotated[tuple[BuyerDoc, ...], BeforeValidator(_listed)] = ()
