"""A lead as ADF 1.0, the XML in which the car trade hands over prospects: posted by HTTP, or as a mail."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, PrivateAttr, model_validator

from app.core.registry import Settings
from app.distribute.adapter import Adapter, Call, Conversation, Handover, Reply, adapters
from app.distribute.adf import Adf
from app.distribute.bodies import Filling, seen
from app.distribute.keyed import with_query
from app.distribute.letters import Letter, Part
from app.distribute.mailing import Mail
from app.distribute.posting import Posting
from app.distribute.rules import ReplySettings, Rules
from app.distribute.templates import TemplateFailed
from app.model import TryLater

_SAID = "A lead is attached to this mail as ADF (application/xml).\n"


class AdfHttp(Posting, ReplySettings):
    """The document as the body of a POST; replies are read as a webhook's."""

    type: Literal["application/x-adf+xml", "application/xml", "text/xml"] = "application/x-adf+xml"

    _rules: Rules = PrivateAttr()

    @model_validator(mode="after")
    def _compiled(self) -> "AdfHttp":
        if self.secret.fields:
            raise ValueError("secret.fields has no place in a document; use secret.headers or secret.query")
        self._rules = Rules(self)
        return self

    def conversation(self, handover: Handover, document: bytes) -> Conversation:
        headers = {"content-type": f"{self.type}; charset=utf-8", **self.fixed_headers()}
        headers["webhook-id"] = str(handover.delivery_id)
        for name, template in self.header_templates().items():
            headers[name] = template.render(seen(handover))
        if handover.test:
            headers["x-leadgate-test"] = "true"
        call = Call(
            method="POST",
            url=with_query(self.url, self.secret_query()),
            headers=headers,
            body=document,
            timeout=self.timeout.seconds if self.timeout is not None else None,
            secrets=self.secrets(),
        )
        reply = yield from self.handed(call, handover.at)
        return self._rules.outcome(reply, handover.at) if isinstance(reply, Reply) else reply


class AdfMail(Letter):
    """The document as one part of a mail, beside a line of text for people."""

    subject: str = Field("ADF lead {{ lead_id }}", max_length=2_000)

    def written(self, handover: Handover, document: bytes) -> Mail:
        document_part = Part(type="application/xml", body=document, name="lead.xml")
        return self.mail(handover, [Part(type="text/plain", body=_SAID), document_part])


class AdfSettings(Settings):
    http: AdfHttp | None = Field(None, description="Either this")
    mail: AdfMail | None = Field(None, description="or this.")
    fields: Mapping[str, Filling] | None = Field(
        None, description="Place in ADF → what fills it; before what is known by name."
    )
    rest: Literal["comments", "left_out"] = Field(
        "comments", description="Where fields go that have no place: a line each in the comments, or nowhere."
    )

    _document: Adf = PrivateAttr()

    @model_validator(mode="after")
    def _compiled(self) -> "AdfSettings":
        if (self.http is None) == (self.mail is None):
            raise ValueError("an ADF goes either by http or by mail")
        self._document = Adf(self.fields, rest=self.rest == "comments")
        return self

    def document(self, handover: Handover) -> bytes:
        return self._document.write(handover)


@adapters.register
class AdfByHttpOrMail(Adapter[AdfSettings]):
    """One prospect, valid by the DTD, in the places that a lead's fields have by their names."""

    name = "adf"
    settings = AdfSettings
    examples = (
        {
            "http": {
                "url": "https://crm.dealer.example/adf",
                "secret": {"headers": {"x-api-key": "example-key"}},
                "accepted": "reply.status == 200 || reply.status == 201",
                "reference": "//leadid",
            },
            "fields": {
                "vendor.vendorname": {"value": "Downtown Honda"},
                "vehicle@status": {"value": "new"},
                "provider.name": {"value": "Lead House"},
            },
        },
        {
            "mail": {
                "server": {"host": "smtp.leadhouse.example", "user": "leads", "password": "example-password"},
                "sender": "leads@leadhouse.example",
                "to": ["adf@crm.dealer.example"],
                "proof": "taken",
            },
            "rest": "left_out",
        },
    )

    def converse(self, handover: Handover, to: AdfSettings) -> Conversation:
        try:
            document = to.document(handover)
            if to.http is not None:
                return (yield from to.http.conversation(handover, document))
            assert to.mail is not None
            mail = to.mail.written(handover, document)
        except (TemplateFailed, UnicodeEncodeError) as failed:
            why = failed if isinstance(failed, TemplateFailed) else "no_text"
            return TryLater(reason="unformattable", read=f"the document can't be written: {why}")
        return (yield from to.mail.conversation(mail))
