"""One HTTP request made of a lead's values, in JSON, form, XML or SOAP, and its reply read as a contract says."""

from collections.abc import Mapping
from functools import cached_property
from typing import Literal

from msgspec.structs import replace
from pydantic import Field, SecretStr, model_validator

from app.core.registry import Settings
from app.distribute import bodies
from app.distribute.adapter import Call, Conversation, Handover, Reply
from app.distribute.hmac_header import HmacHeader
from app.distribute.keyed import with_query
from app.distribute.posting import Posting
from app.distribute.rules import ReplySettings, Rules
from app.distribute.signing import Signer
from app.distribute.soap import Soap
from app.distribute.soap import fault as soap_fault
from app.distribute.templates import TemplateFailed
from app.model import Scalar, TryLater


class Sign(Settings):
    """Standard Webhooks signature. Several secrets while keys are rotated."""

    secrets: tuple[SecretStr, ...] = Field(min_length=1, description="whsec_… (HMAC) or whsk_… (Ed25519)")

    @model_validator(mode="after")
    def _readable(self) -> "Sign":
        Signer([s.get_secret_value() for s in self.secrets])
        return self


class RequestSettings(Posting, ReplySettings):
    """What a request is made of, and how its reply is read."""

    method: Literal["POST", "PUT", "PATCH", "GET"] = Field(
        "POST", description="With GET, fields go in the query."
    )
    body: bodies.Kind = "json"
    fields: Mapping[str, bodies.Filling] | None = Field(None, description="Their name → what fills it.")
    template: str | None = Field(None, description="The whole body, instead of fields.")
    envelope: str = Field("lead", description="The root element of an XML body; dots nest.")
    soap: Soap | None = Field(None, description="An XML body goes in a SOAP envelope.")
    sign: Sign | None = None
    hmac: HmacHeader | None = Field(None, description="A signature in the buyer's own way.")
    test: Mapping[str, Scalar] | None = Field(None, description="Fields that only test deliveries carry.")

    @cached_property  # a private attribute is asked for in Python each time, at 1 to 3 µs
    def plan(self) -> "_Plan":
        return _Plan(self)

    @model_validator(mode="after")
    def _compiled(self) -> "RequestSettings":
        if self.fields is not None and self.template is not None:
            raise ValueError("fields and template exclude each other")
        if self.template is not None and (self.secret.fields or self.test):
            raise ValueError("a template writes the whole body: secret.fields and test have no place in it")
        if self.method == "GET" and (
            self.template is not None or self.soap is not None or self.sign is not None
        ):
            raise ValueError("a GET has no body: template, soap and sign have no place in it")
        if self.method == "GET" and "body" in self.model_fields_set and self.body != "form":
            raise ValueError("a GET has no body: its fields go in the query")
        if self.method == "GET" and self.hmac is not None and "body" in self.hmac.signed:
            raise ValueError("a GET has no body to sign; say signed: '{{ query }}'")
        if self.soap is not None and self.body != "xml":
            raise ValueError("soap needs body: xml")
        kind = self.kind
        names = [*(self.fields or ()), *self.secret.fields, *(self.test or ())]
        bodies.refuse_unfit(names, kind, envelope=self.envelope)
        _ = self.plan  # what is wrong with it is said now
        return self

    @property
    def kind(self) -> bodies.Kind:
        return "form" if self.method == "GET" else self.body

    def secrets(self) -> tuple[str, ...]:
        return super().secrets() + (self.soap.secrets() if self.soap is not None else ())

    def converse(self, handover: Handover, *, hands_over: bool = True) -> Conversation:
        """One request, with whatever proves that it is ours, and what its reply means."""
        return self.plan.converse(handover, hands_over=hands_over)


class _Plan:
    """Everything that is the same for each delivery of one contract, made when its settings are read."""

    def __init__(self, to: RequestSettings) -> None:
        hidden = to.secret_fields()
        default_test: Mapping[str, Scalar] = {"test": True} if to.fields is None else {}
        self.write = (
            bodies.from_template(to.template, to.kind)
            if to.template is not None
            else bodies.from_fields(
                to.fields,
                hidden,
                to.test if to.test is not None else default_test,
                kind=to.kind,
                envelope=to.envelope,
            )
        )
        self.in_query = to.method == "GET"
        self.soap, self.ours = to.soap, to.template is None
        self.to = to
        self.url = with_query(to.url, to.secret_query())
        self.method = to.method
        self.timeout = to.timeout.seconds if to.timeout is not None else None
        self.secrets = to.secrets()
        self.headers = _type(to) | to.fixed_headers()
        self.hmac = to.hmac
        self.templates = to.header_templates()
        self.signer = Signer([s.get_secret_value() for s in to.sign.secrets]) if to.sign else None
        self.rules = Rules(to, fault=soap_fault if to.soap is not None else None)

    def converse(self, handover: Handover, *, hands_over: bool) -> Conversation:
        try:
            call = self._call(handover, hands_over=hands_over)
        except TemplateFailed as failed:
            return TryLater(reason="unformattable", read=f"the body can't be written: {failed}")
        reply = yield from self.to.handed(call, handover.at)
        return self.rules.outcome(reply, handover.at) if isinstance(reply, Reply) else reply

    def _call(self, handover: Handover, *, hands_over: bool) -> Call:
        body = self.write(handover)
        if self.soap is not None:
            body = self.soap.wrapped(body, ours=self.ours)
        delivery = str(handover.delivery_id)
        if self.signer is None:
            headers = {**self.headers, "webhook-id": delivery}
        else:
            headers = self.headers | self.signer.headers(delivery, int(handover.at.timestamp()), body)
        for name, template in self.templates.items():
            headers[name] = template.render(bodies.seen(handover))
        if handover.test:
            headers["x-leadgate-test"] = "true"
        call = Call(
            method=self.method,
            url=self.url,
            query=body.decode() if self.in_query else "",
            headers=headers,
            body=b"" if self.in_query else body,
            hands_over=hands_over,
            timeout=self.timeout,
            secrets=self.secrets,
        )
        if self.hmac is not None:
            call = replace(call, headers=headers | self.hmac.headers(call, handover))
        return call


def _type(to: RequestSettings) -> dict[str, str]:
    if to.soap is not None:
        return to.soap.headers()
    return {} if to.method == "GET" else {"content-type": bodies.CONTENT_TYPES[to.body]}
