"""What a buyer is asked before he gets a lead: a request that never has a contact datum in it, and how his bid is read."""

from collections.abc import Mapping
from hashlib import new as hasher
from typing import Literal

from msgspec.structs import replace
from pydantic import Field, PrivateAttr, SecretStr, model_validator

from app.core.registry import Settings
from app.distribute import bodies
from app.distribute.adapter import Call, Conversation, Handover, Reply
from app.distribute.keyed import with_query
from app.distribute.posting import Posting
from app.distribute.rules import ReplySettings, Rules
from app.distribute.templates import TemplateFailed
from app.model import Scalar, TryLater

Hash = Literal["md5", "sha1", "sha256"]


class Hashed(Settings):
    """How contacts are shown to one partner: hashed, so that both know whom they have already and nobody else."""

    hash: Hash = "sha256"
    salt: SecretStr | None = Field(None, description="What both put before the contact. A secret of the two.")

    def of(self, contact: str) -> str:
        """Of a phone in E.164 or an e-mail in lower case."""
        salt = self.salt.get_secret_value() if self.salt is not None else ""
        return hasher(self.hash, f"{salt}{contact.lower()}".encode(), usedforsecurity=False).hexdigest()


class PingRequest(Posting, ReplySettings):
    """As a webhook's request. Contact fields are left out of it whatever it names; `hashes` shows them hashed."""

    method: Literal["POST", "PUT"] = "POST"
    body: bodies.Kind = "json"
    fields: Mapping[str, bodies.Filling] | None = Field(None, description="His name → what fills it.")
    template: str | None = Field(None, description="The whole body, instead of fields.")
    envelope: str = Field("ping", description="The root element of an XML body; dots nest.")
    hashes: Hashed | None = Field(None, description="Adds lead.phone_hash and lead.email_hash.")

    _plan: "_Plan" = PrivateAttr()

    @model_validator(mode="after")
    def _compiled(self) -> "PingRequest":
        if self.fields is not None and self.template is not None:
            raise ValueError("fields and template exclude each other")
        if self.template is not None and self.secret.fields:
            raise ValueError("a template writes the whole body: secret.fields has no place in it")
        bodies.refuse_unfit([*(self.fields or ()), *self.secret.fields], self.body, envelope=self.envelope)
        self._plan = _Plan(self)
        return self

    def converse(self, handover: Handover) -> Conversation:
        """Accepted is a bid: its price, or the contract's where it says none, and what the buyer calls it."""
        return self._plan.converse(handover)


class _Plan:
    """Everything that is the same for each ping of one contract, made when its settings are read."""

    def __init__(self, to: PingRequest) -> None:
        self.write = (
            bodies.from_template(to.template, to.body)
            if to.template is not None
            else bodies.from_fields(to.fields, to.secret_fields(), {}, kind=to.body, envelope=to.envelope)
        )
        self.to = to
        self.url = with_query(to.url, to.secret_query())
        self.timeout = to.timeout.seconds if to.timeout is not None else None
        self.secrets = to.secrets()
        self.headers = {"content-type": bodies.CONTENT_TYPES[to.body]} | to.fixed_headers()
        self.templates = to.header_templates()
        self.rules = Rules(to)

    def converse(self, handover: Handover) -> Conversation:
        try:
            call = self._call(without_contact(handover, self.to.hashes))
        except TemplateFailed as failed:
            return TryLater(reason="unformattable", read=f"the ping can't be written: {failed}")
        reply = yield from self.to.handed(call, handover.at)
        return self.rules.outcome(reply, handover.at) if isinstance(reply, Reply) else reply

    def _call(self, bare: Handover) -> Call:
        headers = {**self.headers, "webhook-id": str(bare.delivery_id)}
        for name, template in self.templates.items():
            headers[name] = template.render(bodies.seen(bare))
        if bare.test:
            headers["x-leadgate-test"] = "true"
        return Call(
            method=self.to.method, url=self.url, headers=headers, body=self.write(bare), hands_over=False,
            timeout=self.timeout, secrets=self.secrets,
        )  # fmt: skip


def without_contact(handover: Handover, hashes: Hashed | None = None) -> Handover:
    """Nobody can be reached by what is left. `contact` is field → which kind it is."""
    lead: dict[str, Scalar] = {
        name: value for name, value in handover.lead.items() if name not in handover.contact
    }
    if hashes is not None:
        for name, kind in handover.contact.items():
            value = handover.lead.get(name)
            if kind in ("phone", "email") and isinstance(value, str):
                lead.setdefault(f"{kind}_hash", hashes.of(value))
    raw = {name: value for name, value in handover.raw.items() if name not in handover.contact}
    return replace(handover, lead=lead, raw=raw, link=None)
