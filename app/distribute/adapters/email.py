"""A mail to the buyer: text and HTML by template, the lead attached as the buyer reads it, a proof that counts."""

import re
from collections.abc import Sequence

from pydantic import Field, PrivateAttr, model_validator

from app.distribute import bodies
from app.distribute.adapter import Adapter, Conversation, Handover, adapters
from app.distribute.attachments import Attachment
from app.distribute.batching import Bundle, File, Gathering, Laid, alone, standing_for
from app.distribute.letters import Letter, Part
from app.distribute.templates import Template, TemplateFailed, text_of
from app.model import TryLater

_INSIDE = re.compile(r"\{[{%](.*?)[%}]\}", re.DOTALL)
_OF_ONE = re.compile(r"\b(lead|raw|lead_id|confirm_url)\b")


class EmailSettings(Letter, Gathering):
    text: str | None = Field(None, description="The body by template; without one, a line per field.")
    html: str | None = Field(None, description="The same as HTML, its values escaped; beside the text.")
    attach: tuple[Attachment, ...] = Field((), max_length=5)

    _text: Template | None = PrivateAttr(None)
    _html: Template | None = PrivateAttr(None)

    @model_validator(mode="after")
    def _templates(self) -> "EmailSettings":
        self._text = Template(self.text, "plain") if self.text is not None else None
        self._html = Template(self.html, "xml") if self.html is not None else None
        if self.batch is not None:
            self._fit_many()
        return self

    def _fit_many(self) -> None:
        """A mail with many leads is of none of them, but for what is attached."""
        if len(self.attach) != 1:
            raise ValueError("with batch exactly one file is attached: that of the leads")
        written = [
            self.sender,
            *self.to,
            *self.cc,
            *self.bcc,
            self.reply_to,
            self.subject,
            self.text,
            self.html,
        ]
        if any(_OF_ONE.search(inside) for text in written if text for inside in _INSIDE.findall(text)):
            raise ValueError(
                "with batch no template (nor the subject) is of one lead; they see delivery_id (the file's), contract, campaign"
            )

    @property
    def gathers(self) -> bool:
        return self.batch is not None

    def name_of(self, bundle: Bundle) -> str:
        stem, dot, ending = self.attach[0].called(many=True).rpartition(".")
        return f"{stem}-{bundle.id}{dot}{ending}"

    def laid(self, bundle: Bundle, handovers: Sequence[Handover]) -> Laid:
        body, spoilt = self.attach[0].many(handovers)
        return Laid(File(self.name_of(bundle), body, self.attach[0].content_type), spoilt)

    def parts_of(self, bundle: Bundle, file: File) -> list[Part]:
        values = bodies.seen(standing_for(bundle))
        text = f"{file.name}\n" if self._text is None else self._text.render(values)
        parts = [Part(type="text/plain", body=text)]
        if self._html is not None:
            parts.append(Part(type="text/html", body=self._html.render(values)))
        return [*parts, Part(type=file.content_type.partition(";")[0], body=file.body, name=file.name)]

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
        {
            "sender": "leads@leadhouse.example",
            "to": ["leads@sunco.example"],
            "subject": "Leads of {{ campaign }}",
            "batch": {"at": ["07:00"], "zone": "Europe/Berlin"},
            "attach": [{"kind": "csv", "fields": {"Id": "delivery_id", "First": "first_name", "Phone": "phone"}}],
            "proof": "acknowledged",
            "acknowledge": {
                "mailbox": {"host": "imap.leadhouse.example", "user": "answers", "password": "example-password"},
                "from": ["*@sunco.example"], "name": "{{ stem }}*.csv",
                "key": "Id", "status": "Status", "words": {"OK": "accepted", "*": "rejected"},
            },
        },
    )  # fmt: skip

    def converse(self, handover: Handover, to: EmailSettings) -> Conversation:
        if to.batch is not None:
            laid = to.laid(alone(handover), [handover])
            return (yield from self.bundle(alone(handover), laid.file, to))
        try:
            mail = to.mail(handover, to.parts(handover))
        except TemplateFailed as failed:
            return TryLater(reason="unformattable", read=f"the mail can't be written: {failed}")
        return (yield from to.conversation(mail))

    def bundle(self, bundle: Bundle, file: File, to: EmailSettings) -> Conversation:
        try:
            mail = to.mail(standing_for(bundle), to.parts_of(bundle, file))
        except TemplateFailed as failed:
            return TryLater(reason="unformattable", read=f"the mail can't be written: {failed}")
        return (yield from to.conversation(mail))
