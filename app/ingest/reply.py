"""What a reply dialect is: another lead system's way to be posted to, spoken at `/in/{dialect}/{source}`."""

from abc import ABC, abstractmethod
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from msgspec import Struct
from pydantic import BeforeValidator, Field, SecretStr, model_validator

from app.core.errors import Refused, Unprocessable
from app.core.registry import Component, Registry, Settings
from app.ingest.proofs import same
from app.model import Record

__all__ = [
    "YES",
    "Asked",
    "Identifier",
    "Offer",
    "Posted",
    "Reply",
    "ReplySettings",
    "Result",
    "Said",
    "last_step",
    "not_spoken",
    "replies",
    "type_of",
]

Identifier = Annotated[str, BeforeValidator(lambda told: str(told) if type(told) is int else told)]
"""An id that is no secret; YAML reads it as a number where it is written as one."""

Standing = Literal["accepted", "duplicate", "rejected", "no_buyer", "pending", "held"]
YES = frozenset(("1", "true", "yes", "on", "t", "y"))
_NO_CREDENTIALS = frozenset(("redirect_hosts", "response", "get"))
_SENT_AGAIN = frozenset((405, 408, 429))


def not_spoken(what: str) -> Unprocessable:
    return Unprocessable(f"{what} is not answered here; leads are taken", code="not_spoken")


class ReplySettings(Settings):
    """What every dialect may be told; each adds the credentials that it knows."""

    needs_secret: ClassVar[bool] = True

    redirect_hosts: tuple[str, ...] = Field(
        (), description="Hosts to which a request may have the person sent on; no other is redirected to."
    )

    @model_validator(mode="after")
    def _ids_alone_prove_nothing(self) -> Self:
        told = {name: getattr(self, name) for name in type(self).model_fields if name not in _NO_CREDENTIALS}
        given = [value for value in told.values() if value is not None]
        if self.needs_secret and given and not any(isinstance(value, SecretStr) for value in given):
            raise ValueError("ids alone prove nothing; say the key or password too")
        return self


class Asked(Struct, frozen=True, kw_only=True):
    """One request as it came: header names in lower case, `tail` the path below `/in/{dialect}/{source}/`."""

    method: str = "POST"
    tail: str = ""
    query: bytes = b""
    headers: Mapping[str, str] = {}
    body: bytes = b""
    at: str = ""  # when it came, ISO 8601 in UTC


class Posted(Struct, frozen=True, kw_only=True):
    """A request taken apart: who is in it (`records`), and what it says beside them (`words`, names in lower case).

    Nothing of `words` is kept. `settings` are those of the entry that proved it, once it is proved.
    """

    asked: Asked
    words: Mapping[str, str] = {}
    records: Sequence[Record] = ()
    settings: Any = None
    took: float = 0.0  # seconds until the answer was known

    def word(self, name: str) -> str:
        return self.words.get(name, "").strip()

    def says(self, name: str) -> bool:
        return self.word(name).lower() in YES


class Result(Struct, frozen=True, kw_only=True):
    """What became of one lead by now. `price` is written out, or nothing where none is known."""

    lead: UUID
    standing: Standing
    state: str = ""
    price: str = ""
    reasons: Sequence[Mapping[str, str]] = ()
    status_url: str = ""

    @property
    def taken(self) -> bool:
        """We have it: whoever sent it must not sell it elsewhere. What is still open counts as taken."""
        return self.standing in ("accepted", "pending", "held")

    @property
    def number(self) -> int:
        """The lead's id as a positive integer below 2^53, for systems whose ids are numbers; always the same."""
        return int.from_bytes(blake2b(self.lead.bytes, digest_size=8).digest(), "big") >> 11 or 1

    @property
    def why(self) -> str:
        """The first reason; nothing where there is none."""
        return str(self.reasons[0]["message"]) if self.reasons else ""

    @property
    def messages(self) -> list[str]:
        """Every reason, with its field where it has one."""
        return [f"{r['field']}: {r['message']}" if r.get("field") else r["message"] for r in self.reasons]


class Offer(Struct, frozen=True, kw_only=True):
    """What a ping is answered where somebody bids. `buyers` are those who may be named: `bid_id` and `name` of each."""

    ping_id: str
    price: str
    currency: str
    buyers: Sequence[Mapping[str, str]] = ()


class Said(Struct, frozen=True):
    """One whole answer in the dialect's words."""

    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = {}


class Reply(Component, ABC):
    """Pure, as formats are. One instance speaks for every source.

    What it declares is taken out of the lead before anything is kept: `credentials` (setting → word of the
    request) and every other of its control `words`. All names are compared in lower case.
    """

    settings: ClassVar[type[Settings]] = ReplySettings
    methods: ClassVar[tuple[str, ...]] = ("POST", "GET")
    credentials: ClassVar[Mapping[str, str]] = {}
    key_words: ClassVar[tuple[str, ...]] = ()
    """Words in whose place a key of ours is taken."""
    words: ClassVar[frozenset[str]] = frozenset()
    """What else is said to the system and is no fact of the person."""
    wraps: ClassVar[tuple[str, ...]] = ()
    """Names under which the lead may be nested; they are no part of its fields' names."""
    ping_words: ClassVar[Mapping[str, str]] = {}
    """How a post names its ping: `ping_id` and `bid_id` → the dialect's words."""
    redirect: ClassVar[str] = ""
    """The word that holds where the person is to be sent on."""
    strict: ClassVar[bool] = False
    """A body is what its Content-Type says; else what it looks like counts where the header is silent or wrong."""
    several: ClassVar[bool] = False
    """More than one lead a request."""
    http: ClassVar[bool] = False
    """The caller's faults are HTTP errors; else they are told with 200, in the body."""
    examples: ClassVar[Sequence[tuple[Asked, Mapping[str, Any], Mapping[str, Any], Record]]]
    """(request, settings as YAML gives them, words it says, the record it is kept as)."""

    @abstractmethod
    def answer(self, results: Sequence[Result], posted: Posted) -> Said:
        """To leads that are kept. One result unless `several`."""

    @abstractmethod
    def refuse(self, problem: Refused, posted: Posted) -> Said:
        """To a request of which nothing is kept. `posted` may hold little: what was read before it was refused."""

    def no_bid(self, posted: Posted) -> Said:
        """To a ping for which nobody bids."""
        raise NotImplementedError(f"{self.name} knows no ping")

    def bid(self, offer: Offer, posted: Posted) -> Said:
        """To a ping for which somebody does."""
        raise NotImplementedError(f"{self.name} knows no ping")

    def ping_of(self, posted: Posted) -> Record:
        """`ping_id` and `bid_id` as the post says them; nothing where it says none."""
        said = ((name, posted.word(word)) for name, word in self.ping_words.items())
        return {name: value for name, value in said if value}

    def pings(self, posted: Posted) -> bool:
        """Whether it asks for a bid instead of handing a lead over."""
        return False

    def refuse_other_calls(self, posted: Posted) -> None:
        """Raises (`not_spoken`) for what the system can be asked and this house can't: it must never become a lead."""

    def is_test(self, posted: Posted) -> bool:
        return False

    def forced(self, posted: Posted) -> str:
        """The result that a test asks for as the system knows it (`ingest.forced.RESULTS`); of no other lead is it asked."""
        return ""

    def asks_about(self, posted: Posted) -> UUID | None:
        """The lead whose standing is asked for, where the request asks for that only."""
        return None

    def said_by_path(self, tail: str) -> Mapping[str, str]:
        """Words that the path says."""
        return {}

    def content_type(self, posted: Posted) -> str:
        """What the body is to be read as."""
        return posted.asked.headers.get("content-type", "")

    def mended(self, body: bytes) -> bytes | None:
        """What to read instead of a body that can't be read; None where it can't be helped."""
        return None

    def renamed(self, record: Record) -> Record:
        """Names that the system itself changes."""
        return record

    def secrets(self, posted: Posted) -> list[str]:
        """Everything that was presented as a proof."""
        names = {*self.key_words, *self.credentials.values()}
        return [*_of_headers(posted.asked.headers), *(posted.word(name) for name in names)]

    def proves(self, posted: Posted, settings: Any) -> bool:
        """Whether the request has every credential that the source's entry names; never where it names none."""
        told = [
            (posted.word(word), getattr(settings, name))
            for name, word in self.credentials.items()
            if getattr(settings, name) is not None
        ]
        fits = [
            same(presented, _in_clear(secret)) for presented, secret in told
        ]  # all of them, whichever fails
        return bool(fits) and all(fits)

    def status(self, problem: Refused) -> int:
        """What is to be sent again is never a 2xx, whatever the system does."""
        told = self.http or problem.status >= 500 or problem.status in _SENT_AGAIN
        return problem.status if told else 200


def _in_clear(told: SecretStr | str) -> str:
    return told.get_secret_value() if isinstance(told, SecretStr) else told


def last_step(tail: str) -> str:
    """The last part of a path, in lower case."""
    return tail.rstrip("/").rpartition("/")[2].lower()


def _of_headers(headers: Mapping[str, str]) -> Iterator[str]:
    """What may be a key of ours: a bearer token, `X-API-Key`, either half of Basic."""
    kind, _, told = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        yield told.strip()
    elif kind.lower() == "basic":
        yield from _halves(told)
    yield headers.get("x-api-key", "").strip()


def _halves(told: str) -> Sequence[str]:
    try:
        user, _, password = b64decode(told.strip(), validate=True).decode().partition(":")
    except (NoBase64, ValueError):
        return ()
    return password, user


def type_of(dialect: str) -> str:
    """The content type under which a lead that came by a dialect is kept: its fields as JSON."""
    return f"application/vnd.leadgate.{dialect}+json"


replies: Registry[Reply] = Registry("app.ingest.replies", "leadgate.replies")
