"""How a source is told of an outcome that it did not wait for: our own signed document, or its own postback."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

import orjson
from msgspec import Struct
from pydantic import AfterValidator, Field, PrivateAttr, SecretStr, model_validator

from app.catalog.documents import Retry
from app.core.duration import Duration
from app.core.money import written
from app.core.registry import Settings
from app.distribute.adapter import Call, Conversation, Reply
from app.distribute.bodies import CONTENT_TYPES
from app.distribute.keyed import settable
from app.distribute.replies import retry_after
from app.distribute.request import Sign
from app.distribute.signing import Signer
from app.distribute.targets import templated_address
from app.distribute.templates import Template, TemplateFailed
from app.model import Accepted, Outcome, Raw, Rejected, TryLater

Told = Literal["success", "failure"]
Later = Literal["returned", "won", "revenue", "dnc"]
GONE = "gone"
KEPT_BACK_DAYS = 30
"""So long may `delay: final` keep something back: buyers who never say how it ended are not waited for."""
_PERSONAL = frozenset(("name", "email", "phone", "date", "postal_code", "address", "ip"))


class Telling(Struct, frozen=True, kw_only=True):
    """What one source is to be told of one round of one of its leads. `id` is the same at every try.

    `sent` is what the source called its own values; `personal` are those names of it that a URL must not have.
    """

    id: UUID
    lead_id: UUID
    round: int
    outcome: Told
    price: Decimal | None
    reasons: Sequence[Mapping[str, str]]
    state: str
    source: str
    campaign: str
    test: bool
    received_at: datetime
    sent: Mapping[str, Raw] = {}
    personal: frozenset[str] = frozenset()

    def document(self) -> dict[str, Any]:
        """The answer that it would have had, and what it is about."""
        doc: dict[str, Any] = {
            "outcome": self.outcome,
            "lead": {"id": str(self.lead_id)},
            "state": self.state,
        }
        if self.price is not None:
            doc["price"] = written(self.price)
        if self.reasons:
            doc["reason"] = self.reasons[0]["message"]
            doc["reasons"] = list(self.reasons)
        if self.round > 1:
            doc["round"] = self.round
        if self.test:
            doc["test"] = True
        return doc

    def seen(self) -> dict[str, Any]:
        """What a template sees."""
        first: Mapping[str, str] = self.reasons[0] if self.reasons else {}
        return {
            "lead_id": str(self.lead_id), "callback_id": str(self.id), "round": self.round,
            "outcome": self.outcome, "state": self.state, "price": None if self.price is None else written(self.price),
            "reason": first.get("message", ""), "code": first.get("code", ""), "reasons": list(self.reasons),
            "source": self.source, "campaign": self.campaign, "test": self.test,
            "received_at": self.received_at.isoformat(), "sent": self.sent,
        }  # fmt: skip


def personal_names(types: Mapping[str, str], mapping: Mapping[str, str]) -> frozenset[str]:
    """Names, ours and the source's, of fields that hold somebody's data. `types` is field → its type."""
    fields = {field for field, kind in types.items() if kind in _PERSONAL}
    return frozenset(fields | {name for name, field in mapping.items() if field in fields})


class Hidden(Settings):
    """What is sent and never shown."""

    headers: Annotated[Mapping[str, SecretStr], AfterValidator(settable)] = {}
    query: Mapping[str, SecretStr] = {}


class CallbackSettings(Settings):
    """Where a source hears of outcomes; without `template` the body is our own JSON document."""

    url: Annotated[str, AfterValidator(templated_address)] = Field(
        description="Where the source listens; `{{ sent.subid }}` and the like are filled in, percent-encoded."
    )
    method: Literal["POST", "GET", "PUT"] = "POST"
    body: Literal["json", "form", "xml"] = Field("json", description="What `template` writes.")
    template: str | None = Field(None, description="The whole body, instead of our own document.")
    headers: Annotated[Mapping[str, str], AfterValidator(settable)] = {}
    secret: Hidden = Hidden()
    sign: Sign | None = Field(None, description="Standard Webhooks signature.")
    outcomes: tuple[Told, ...] = ("success", "failure")
    only_late: bool = Field(True, description="Only outcomes that the source was not answered with.")
    retry: Retry = Retry()
    timeout: Duration | None = Field(None, description="For the whole request; at most 2m.")
    notices: bool = Field(
        False,
        description="Tell there, too, when the posting instructions change, in a JSON document of our own.",
    )

    feedback: tuple[Later, ...] = Field(
        (), description="What is told there, too, of what became of a lead, in a JSON document of our own."
    )

    delay: Literal["live", "final"] = Field(
        "live",
        description="`final`: what became of it is told once all of its buyers have said how it ended.",
    )

    _plan: "_Plan" = PrivateAttr()

    @model_validator(mode="after")
    def _compiled(self) -> "CallbackSettings":
        if not self.outcomes:
            raise ValueError("outcomes names at least one of success, failure")
        if self.method == "GET" and self.template is not None:
            raise ValueError("a GET has no body: put the values into the URL")
        if self.body != "json" and self.template is None:
            raise ValueError(f"our own document is JSON; write a template for {self.body}")
        if (self.notices or self.feedback) and (self.method == "GET" or "{" in self.url):
            word = "notices need" if self.notices else "feedback needs"
            raise ValueError(f"{word} an address that takes a body, without {{{{ }}}}")
        if self.delay == "final" and not self.feedback:
            raise ValueError("delay is of feedback; say of what, as feedback: [returned, won]")
        if self.timeout is not None and not 0 < self.timeout.seconds <= 120:
            raise ValueError("timeout is more than 0 and at most 2m")
        self._plan = _Plan(self)
        return self

    @property
    def plan(self) -> "_Plan":
        return self._plan


class _Plan:
    """What is the same for each callback of one source, made when its settings are read."""

    def __init__(self, to: CallbackSettings) -> None:
        self.method = to.method
        self.timeout = to.timeout.seconds if to.timeout is not None else None
        self.url = Template(to.url, "form")
        self.query = urlencode({k: v.get_secret_value() for k, v in to.secret.query.items()})
        self.body = Template(to.template, to.body) if to.template is not None else None
        self.headers = {k.lower(): Template(v, "header") for k, v in to.headers.items()}
        self.fixed = {k.lower(): v.get_secret_value() for k, v in to.secret.headers.items()}
        if to.method != "GET":
            self.fixed = {"content-type": CONTENT_TYPES[to.body]} | self.fixed
        self.signer = Signer([s.get_secret_value() for s in to.sign.secrets]) if to.sign else None
        hidden = [*to.secret.headers.values(), *to.secret.query.values()]
        self.secrets = tuple(secret.get_secret_value() for secret in hidden)

    def call(self, telling: Telling, at: datetime) -> Call:
        """Raises TemplateFailed."""
        seen = telling.seen()
        body, message_id = self._written(telling, seen), str(telling.id)
        headers = dict(self.fixed)
        headers |= {name: template.render(seen) for name, template in self.headers.items()}
        if self.signer is not None:
            headers |= self.signer.headers(message_id, int(at.timestamp()), body)
        headers["webhook-id"] = message_id
        return Call(
            method=self.method, url=self._addressed(telling, seen), headers=headers, body=body, hands_over=False,
            timeout=self.timeout, secrets=self.secrets,
        )  # fmt: skip

    def _written(self, telling: Telling, seen: Mapping[str, Any]) -> bytes:
        if self.method == "GET":
            return b""
        return orjson.dumps(telling.document()) if self.body is None else self.body.render(seen).encode()

    def _addressed(self, telling: Telling, seen: Mapping[str, Any]) -> str:
        """Nobody's data stands in a URL: proxies and servers keep those in their logs."""
        kept = {name: raw for name, raw in telling.sent.items() if name not in telling.personal}
        url = self.url.render({**seen, "sent": kept})
        return url + (("&" if "?" in url else "?") + self.query if self.query else "")


def tell(telling: Telling, to: CallbackSettings, at: datetime) -> Conversation:
    """Accepted for any 2xx, Rejected where the address is gone for good, TryLater for all else: who is told
    twice of the same id has lost nothing, who is never told has."""
    try:
        call = to.plan.call(telling, at)
    except TemplateFailed as failed:
        return TryLater(reason="unformattable", read=f"it can't be written: {failed}")
    reply = yield call
    return read(reply, at)


def read(reply: Reply, at: datetime) -> Outcome:
    """How a source has heard what it was told."""
    how = f"status {reply.status}"
    if 200 <= reply.status < 300:
        return Accepted(read=how)
    if reply.status == 410:
        return Rejected(reason=GONE, read=how)
    return TryLater(reason=f"http_{reply.status}", after=retry_after(reply, at), read=how)
