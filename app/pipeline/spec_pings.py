"""What a source must know to ask for a price first: what a ping may carry, how its lead names it, samples of both."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, SecretStr

from app.catalog.auction import AuctionDoc
from app.catalog.contact import contact_fields
from app.catalog.documents import CampaignDoc, SourceDoc
from app.core.errors import Refused
from app.core.hashed import Hashed
from app.core.registry import Registry
from app.distribute.auction import Bid
from app.ingest.format import Format
from app.ingest.pinged import HASHES, PingSettings, contact_refused
from app.pipeline.binding import CODES
from app.pipeline.pinging import COARSE, FULL, NO_BID, Pinged, too_often
from app.pipeline.spec_answers import AnswerSample
from app.pipeline.spec_examples import Example
from app.pipeline.spec_ping_samples import ping_samples
from app.pipeline.spec_samples import Lead, Sample

_PING = UUID("01a20202-aefc-7ccb-9e6d-fd8cf1aed9d0")
_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
_SALT = "SALT"
_HASHED = {"phone": "+15125550100", "email": "ann.smith@example.com"}
_WHEN = {
    "contact_in_ping": "it has contact data; nobody was asked",
    "ping_rate": "you ping too often; Retry-After says when the next one may come",
}


class _Word(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class HashSpec(_Word):
    """How a contact is hashed that a ping may tell of."""

    name: str
    of: Literal["phone", "email"]
    algorithm: str
    salted: bool
    """Whether the salt that was agreed on is put before the contact."""
    hashed: str
    """The text of the example; SALT stands for the salt."""
    example: str


class ReasonSpec(_Word):
    """Why a lead does not get what its ping was promised."""

    code: str
    meaning: str


class PingSpec(_Word):
    """How to ask what a lead would be worth before it is handed over."""

    endpoint: str
    test_endpoint: str
    deadline_seconds: float
    """How long bids are waited for."""
    expires_seconds: float
    """How long after its ping a lead may come."""
    per_minute: int
    fields: tuple[str, ...]
    """What a ping may carry; the more of it, the more may bid."""
    without: tuple[str, ...]
    """What a ping must not carry, for somebody could be reached by it."""
    contact: Literal["refuse", "drop"]
    """What is done with a ping that has it all the same."""
    masked: tuple[str, ...] = ()
    """Telephone numbers that may come with hidden digits."""
    hashes: tuple[HashSpec, ...] = ()
    named_by: str = "ping_id"
    """By which field the lead names its ping."""
    chosen_by: str = "bid_id"
    """By which field it names the bidders who alone may have it, where the ping's answer named any."""
    otherwise: Literal["distribute", "refuse"]
    """What becomes of a lead whose ping does not hold."""
    reasons: tuple[ReasonSpec, ...] = ()
    answers: tuple[AnswerSample, ...] = ()
    samples: tuple[Sample, ...] = ()


class Named(Protocol):
    """A field as the source writes it."""

    @property
    def name(self) -> str: ...
    @property
    def field(self) -> str: ...
    @property
    def example(self) -> Example | None: ...


def ping_spec(
    campaign: CampaignDoc, source: SourceDoc, fields: Sequence[Named], base: str
) -> PingSpec | None:
    """What its source was agreed on, without answers and samples; None where nobody has spoken of pings."""
    if source.ping is None and campaign.auction is None:
        return None
    to, auction = _settings(source), campaign.auction or AuctionDoc()
    contact = contact_fields(campaign)
    reaching = [one for one in fields if one.field in contact]
    masked = tuple(
        one.name for one in reaching if (campaign.fields[one.field].model_extra or {}).get("masked")
    )
    coarse = source.reasons == "coarse"
    return PingSpec(
        endpoint=f"{base}/v1/ping", test_endpoint=f"{base}/v1/ping?test=1",
        deadline_seconds=auction.deadline.seconds, expires_seconds=auction.expires.seconds,
        per_minute=to.per_minute, fields=tuple(one.name for one in fields if one.field not in contact),
        without=tuple(one.name for one in reaching if one.name not in masked), masked=masked, contact=to.contact,
        hashes=tuple(_hashes(to, set(contact.values()))), otherwise=to.otherwise,
        reasons=() if coarse else tuple(ReasonSpec(code=code, meaning=said) for code, said in CODES.items()),
    )  # fmt: skip


def with_samples(
    spec: PingSpec, campaign: CampaignDoc, source: SourceDoc, lead: Lead, formats: Registry[Format],
    *, post: str, wait: int,
) -> PingSpec:  # fmt: skip
    """`lead` is what the samples post to `post` once they have pinged what a ping may have of it."""
    facts = {name: value for name, value in lead.items() if name in spec.fields}
    made = ping_samples(facts, lead, formats, ping=spec.test_endpoint, post=post, wait=wait)
    return spec.model_copy(update={"answers": tuple(_answers(spec, campaign, source)), "samples": made})


def _settings(source: SourceDoc) -> PingSettings:
    """Without the salt: it is nobody's business here."""
    told = dict(source.ping or {})
    salted = told.pop("salt", None) is not None
    return PingSettings.model_validate(told | ({"salt": SecretStr(_SALT)} if salted else {}))


def _hashes(to: Hashed, kinds: set[str]) -> Iterator[HashSpec]:
    before = "" if to.salt is None else _SALT
    for name, kind in HASHES.items():
        if kind in kinds:
            yield HashSpec(
                name=name, of="phone" if kind == "phone" else "email", algorithm=to.hash, salted=to.salt is not None,
                hashed=before + _HASHED[kind], example=to.of(_HASHED[kind]),
            )  # fmt: skip


def _answers(spec: PingSpec, campaign: CampaignDoc, source: SourceDoc) -> Iterator[AnswerSample]:
    """Each made by the code that makes the real ones."""
    price = max(Decimal("10.00"), (campaign.auction or AuctionDoc()).minimum)
    bid = Bid(contract="a", buyer="a", price=price, offered=price)
    until = _AT + timedelta(seconds=spec.expires_seconds)
    yes = Pinged(_PING, price, campaign.currency, until, [bid], {"a": "A buyer"}, ())
    no = Pinged(
        _PING, None, campaign.currency, None, (), {}, [COARSE if source.reasons == "coarse" else NO_BID]
    )
    yield _answer("bid", "somebody bids; price is what you are paid if a bidder takes the lead", yes)
    yield _answer("no bid", "nobody bids", no)
    if source.caps and source.reasons != "coarse":
        full = Pinged(_PING, None, campaign.currency, None, (), {}, [FULL])
        yield _answer("no more", "you have brought as many as are taken of you; nobody was asked", full)
    if spec.without and spec.contact == "refuse":
        yield _problem(contact_refused(tuple(contact_fields(campaign))))
    yield _problem(too_often(spec.per_minute, 1))


def _answer(outcome: str, when: str, pinged: Pinged) -> AnswerSample:
    return AnswerSample(
        outcome=outcome, when=when, request="POST /v1/ping", status=200, body=pinged.document()
    )


def _problem(problem: Refused) -> AnswerSample:
    return AnswerSample(
        outcome="error", when=_WHEN[problem.reason], request="POST /v1/ping", status=problem.status,
        content_type="application/problem+json", body=problem.problem(),
    )  # fmt: skip
