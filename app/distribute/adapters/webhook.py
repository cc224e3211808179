"""One HTTP request to the buyer's own address, in JSON, form or XML, read as its contract says."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, PrivateAttr, SecretStr, model_validator

from app.core.duration import Duration
from app.core.registry import Settings
from app.distribute import bodies
from app.distribute.adapter import Adapter, Call, Conversation, Handover, adapters
from app.distribute.keyed import Keyed, with_query
from app.distribute.rules import ReplySettings, Rules
from app.distribute.signing import Signer
from app.distribute.targets import WebAddress
from app.distribute.templates import TemplateFailed
from app.model import Scalar, TryLater


class Sign(Settings):
    """Standard Webhooks signature. Several secrets while keys are rotated."""

    secrets: tuple[SecretStr, ...] = Field(min_length=1, description="whsec_… (HMAC) or whsk_… (Ed25519)")

    @model_validator(mode="after")
    def _readable(self) -> "Sign":
        Signer([s.get_secret_value() for s in self.secrets])
        return self


class WebhookSettings(Keyed, ReplySettings):
    url: WebAddress = Field(description="Where the buyer listens.")
    method: Literal["POST", "PUT"] = "POST"
    body: bodies.Kind = "json"
    fields: Mapping[str, bodies.Filling] | None = Field(None, description="Their name → what fills it.")
    template: str | None = Field(None, description="The whole body, instead of fields.")
    envelope: str = Field("lead", description="The root element of an XML body; dots nest.")
    sign: Sign | None = None
    timeout: Duration | None = Field(None, description="For the whole request; at most 2m.")
    test: Mapping[str, Scalar] | None = Field(None, description="Fields that only test deliveries carry.")

    _plan: "_Plan" = PrivateAttr()

    @model_validator(mode="after")
    def _compiled(self) -> "WebhookSettings":
        if self.fields is not None and self.template is not None:
            raise ValueError("fields and template exclude each other")
        if self.template is not None and (self.secret.fields or self.test):
            raise ValueError("a template writes the whole body: secret.fields and test have no place in it")
        if self.timeout is not None and not 0 < self.timeout.seconds <= 120:
            raise ValueError("timeout is more than 0 and at most 2m")
        names = [*(self.fields or ()), *self.secret.fields, *(self.test or ())]
        bodies.refuse_unfit(names, self.body, envelope=self.envelope)
        self._plan = _Plan(self)
        return self

    @property
    def plan(self) -> "_Plan":
        return self._plan


class _Plan:
    """Everything that is the same for each delivery of one contract, made when its settings are read."""

    def __init__(self, to: WebhookSettings) -> None:
        hidden = to.secret_fields()
        default_test: Mapping[str, Scalar] = {"test": True} if to.fields is None else {}
        self.write = (
            bodies.from_template(to.template, to.body)
            if to.template is not None
            else bodies.from_fields(
                to.fields,
                hidden,
                to.test if to.test is not None else default_test,
                kind=to.body,
                envelope=to.envelope,
            )
        )
        self.url = with_query(to.url, to.secret_query())
        self.method = to.method
        self.timeout = to.timeout.seconds if to.timeout is not None else None
        self.secrets = to.secrets()
        self.headers = {"content-type": bodies.CONTENT_TYPES[to.body]} | to.fixed_headers()
        self.templates = to.header_templates()
        self.signer = Signer([s.get_secret_value() for s in to.sign.secrets]) if to.sign else None
        self.rules = Rules(to)

    def call(self, handover: Handover) -> Call:
        body = self.write(handover)
        delivery = str(handover.delivery_id)
        if self.signer is None:
            headers = {**self.headers, "webhook-id": delivery}
        else:
            headers = self.headers | self.signer.headers(delivery, int(handover.at.timestamp()), body)
        for name, template in self.templates.items():
            headers[name] = template.render(bodies.seen(handover))
        if handover.test:
            headers["x-leadgate-test"] = "true"
        return Call(
            method=self.method,
            url=self.url,
            headers=headers,
            body=body,
            timeout=self.timeout,
            secrets=self.secrets,
        )


@adapters.register
class Webhook(Adapter[WebhookSettings]):
    """A request to the buyer's URL, and the contract's own rules for reading the reply."""

    name = "webhook"
    settings = WebhookSettings
    examples = (
        {
            "url": "https://buyer.example/leads",
            "body": "json",
            "accepted": 'reply.json.status == "accepted"',
            "reference": "reply.json.id",
        },
        {
            "url": "https://buyer.example/post.do",
            "body": "form",
            "fields": {"fname": "first_name", "lname": "last_name", "zip": "postal_code", "lp_s1": "source"},
            "secret": {"fields": {"lp_campaign_key": "example-key"}},
            "test": {"lp_test": "1"},
            "accepted": 'reply.xml.response.result == "success"',
            "duplicate": 'reply.text.contains("Duplicate")',
            "reason": "/response/msg",
            "reference": "//lead_id",
            "price": "response.price",
        },
        {
            "url": "https://buyer.example/crm/leads",
            "method": "PUT",
            "body": "xml",
            "envelope": "leads.lead",
            "fields": {"name": "{{ lead.first_name }} {{ lead.last_name }}", "contact.email": "email"},
            "auth": {"basic": {"user": "leadgate", "password": "example-password"}},
            "sign": {"secrets": ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]},
            "timeout": "20s",
            "accepted": "reply.status == 201",
            "reference": "regex:ID=(\\d+)",
        },
    )

    def converse(self, handover: Handover, to: WebhookSettings) -> Conversation:
        plan = to.plan
        try:
            call = plan.call(handover)
        except TemplateFailed as failed:
            return TryLater(reason="unformattable", read=f"the body can't be written: {failed}")
        reply = yield call
        return plan.rules.outcome(reply, handover.at)
