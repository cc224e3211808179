"""A mail to the buyer: text and HTML by template, the lead attached as the buyer reads it, a proof that counts."""

from pydantic import Field, PrivateAttr, model_validator

from app.distribute import bodies
from app.distribute.adapter import Adapter, Conversation, Handover, adapters
from app.distribute.attachments import Attachment
from app.distribute.letters import Letter, Part
from app.distribute.templates import Template, TemplateFailed, text_of
from app.model import TryLater


class EmailSettings(Letter):
    text: str | None = Field(None, description="The body by template; without one, a line per field.")
    html: str | None = Field(None, description="The same as HTML, its values escaped; beside the text.")
    attach: tuple[Attachment, ...] = Field((), max_length=5)

    _text: Template | None = PrivateAttr(None)
    _html: Template | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _templates(self) -> "EmailSettings":
        self._text = Template(self.text, "plain") if self.text is not None else None
        self._html = Template(self.html, "xml") if self.html is not None else None
        return self

    def parts(self, handover: Handover) -> list[Part]:
        values = bodies.seen(handover)
        text = listing(handover) if self._text is None else self._text.render(values)
        parts = [Part(type="text/plain", body=text)]
        if self._html is not None:
            parts.append(Part(type="text/html", body=self._html.render(values)))
        return [*parts, *(one.part(handover) for one in self.attach)]


def listing(handover: Handover) -> str:
    """One `name: value` a line, as people and our own reader of mails read it."""
    named = {name: value for name, value in handover.lead.items() if value not in (None, "")}
    lines = [f"{name}: {' '.join(text_of(value).split())}" for name, value in named.items()]
    return "\n".join([*lines, "", f"lead_id: {handover.lead_id}", ""])


@adapters.register
class Email(Adapter[EmailSettings]):
    """One mail, handed to the contract's own mail server or to the operator's relay."""

    name = "email"
    settings = EmailSettings
    examples = (
        {
            "server": {
                "host": "smtp.sunco.example", "port": 587, "tls": "starttls",
                "user": "leads@sunco.example", "password": "example-password",
            },
            "sender": "Leads <leads@leadhouse.example>",
            "to": ["sales@sunco.example"],
            "reply_to": "{{ lead.email }}",
            "subject": "New lead: {{ lead.first_name }} {{ lead.last_name }}",
            "text": "{{ lead.first_name }} {{ lead.last_name }}, {{ lead.phone }}\n",
            "html": "<p><b>{{ lead.first_name }}</b> {{ lead.last_name }}, {{ lead.phone }}</p>",
            "proof": "taken",
        },
        {
            "sender": "leads@leadhouse.example",
            "bounces": "bounces@leadhouse.example",
            "to": ["leads@crm.sunco.example"],
            "bcc": ["archive@leadhouse.example"],
            "attach": [
                {"kind": "csv", "fields": {"First": "first_name", "Phone": "phone", "Source": "campaign"}},
                {"kind": "adf", "name": "lead.adf"},
            ],
            "proof": "confirmed",
        },
    )  # fmt: skip

    def converse(self, handover: Handover, to: EmailSettings) -> Conversation:
        try:
            mail = to.mail(handover, to.parts(handover))
        except TemplateFailed as failed:
            return TryLater(reason="unformattable", read=f"the mail can't be written: {failed}")
        return (yield from to.conversation(mail))
