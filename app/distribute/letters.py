"""The mail of a delivery: from whom, to whom, its head and parts, and what the server's answer means for the lead.

`proof` says what a yes is; there is no default. `taken`: the server's 250 to the whole mail. `confirmed`: nothing
but a later word of the buyer, so that the delivery waits as Unclear until then; `acknowledged`: that word comes as a file,
by mail.

    answered with                    the outcome
    250 to the whole mail            Accepted, or Unclear where `proof` is not `taken`
    4xx, wherever                    TryLater
    5xx to an address or the mail    Rejected
    5xx before that                  TryLater: it is about us (our name, our password), and not about the lead
    anything else to the whole mail  Unclear
    anything else                    TryLater
"""

import re
from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Annotated, Literal

from msgspec import Struct
from pydantic import Field, PrivateAttr, SecretStr, model_validator

from app.core.duration import Duration
from app.core.registry import Settings
from app.distribute import bodies
from app.distribute.acknowledging import AcknowledgeByMail
from app.distribute.adapter import Conversation, Handover
from app.distribute.addresses import MAIL_PORTS, refuse_port
from app.distribute.mailboxes import Filled, MailboxText, is_template, mailbox, printable
from app.distribute.mailing import Mail, MailServer, Said, Sent
from app.distribute.rules import without_persons
from app.distribute.templates import Template, TemplateFailed
from app.model import Accepted, Outcome, Rejected, TryLater, Unclear

_POLICY = SMTP.clone(cte_type="7bit")
_LONGEST_SUBJECT = 200
_LONGEST_READ = 400
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)")
_ABOUT_US = frozenset({"greeting", "ehlo", "starttls", "auth"})

Mailboxes = Annotated[tuple[MailboxText, ...], Field(max_length=50)]


class Part(Struct, frozen=True, kw_only=True):
    """`inline` parts are ways of showing the mail, the best last; the others are attached."""

    type: str
    body: bytes | str
    name: str = ""

    @property
    def inline(self) -> bool:
        return not self.name


class Server(Settings):
    """Which mail server takes the mail; without one, `LEADGATE_SMTP_RELAY` does."""

    host: str = Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9.:-]+$")
    port: int = Field(587, ge=1, le=65535)
    tls: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="`tls` from the first byte (465)."
    )
    user: str = Field("", max_length=200, pattern=r"^[^\x00\r\n]*$")
    password: SecretStr | None = None

    @model_validator(mode="after")
    def _fits(self) -> "Server":
        if refuse_port(self.port, usual=MAIL_PORTS) is not None:
            raise ValueError(
                "the port is not dialled; use 25, 465, 587, or one above 1023 of no other service"
            )
        if bool(self.user) != (self.password is not None):
            raise ValueError("user and password go together")
        if self.user and self.tls == "none":
            raise ValueError("a password is sent by TLS only")
        return self

    def known(self) -> MailServer:
        password = self.password.get_secret_value() if self.password else ""
        return MailServer(host=self.host, port=self.port, tls=self.tls, user=self.user, password=password)


class Letter(Settings):
    """What every delivery by mail can be told. Addresses and the subject may be templates."""

    server: Server | None = Field(None, description="Else LEADGATE_SMTP_RELAY.")
    sender: MailboxText = Field(description="`From`.")
    to: Mailboxes = Field(min_length=1, description="Each must be taken, or nothing is sent.")
    cc: Mailboxes = ()
    bcc: Mailboxes = ()
    reply_to: MailboxText | None = Field(None, description="Left out for a lead that makes it no address.")
    bounces: MailboxText | None = Field(None, description="Where reports of failure go; else the sender.")
    subject: str = Field("Lead {{ lead_id }}", max_length=2_000)
    proof: Literal["taken", "confirmed", "acknowledged"] = Field(
        description="What a yes is; there is no default."
    )
    acknowledge: AcknowledgeByMail | None = Field(
        None, description="The buyer's own file, which comes by mail and says what he took."
    )
    timeout: Duration | None = Field(None, description="For the whole conversation; 60s, at most 2m.")

    _plan: "_Plan" = PrivateAttr()

    @model_validator(mode="after")
    def _compiled(self) -> "Letter":
        if self.timeout is not None and not 0 < self.timeout.seconds <= 120:
            raise ValueError("timeout is more than 0 and at most 2m")
        if self.bounces is not None and is_template(self.bounces):
            raise ValueError("bounces is one address, for all leads")
        if (self.proof == "acknowledged") != (self.acknowledge is not None):
            raise ValueError("acknowledge and proof: acknowledged go together")
        if self.acknowledge is not None and self.acknowledge.of_many and not self.gathers:
            raise ValueError("a row, or a rest, is of a file of many: it needs batch")
        self._plan = _Plan(self)
        return self

    @property
    def gathers(self) -> bool:
        """Whether one mail has many leads."""
        return False

    @property
    def reports_to(self) -> str | None:
        """The one address that reports of failure come back to; None where each lead has its own."""
        text = self.bounces or self.sender
        return None if is_template(text) else mailbox(text).addr_spec.lower()

    def mail(self, handover: Handover, parts: Sequence[Part]) -> Mail:
        """The delivery as a mail; TemplateFailed for a lead of which none can be made."""
        return self._plan.mail(handover, parts)

    def conversation(self, mail: Mail) -> Conversation:
        sent: Sent = yield mail
        return outcome_of(sent, proof=self.proof)


def letter_of(settings: Settings) -> Letter | None:
    """What an adapter that sends mail is told, or one of the ways it may be told."""
    told = settings if isinstance(settings, Letter) else getattr(settings, "mail", None)
    return told if isinstance(told, Letter) else None


class _Plan:
    """Everything that is the same for each mail of one contract."""

    def __init__(self, to: Letter) -> None:
        self.server = to.server.known() if to.server is not None else None
        self.sender = Filled(to.sender)
        self.to, self.cc, self.bcc = ([Filled(text) for text in some] for some in (to.to, to.cc, to.bcc))
        self.reply_to = Filled(to.reply_to) if to.reply_to is not None else None
        self.bounces = Filled(to.bounces) if to.bounces is not None else self.sender
        self.subject = Template(to.subject, "header")
        self.timeout = to.timeout.seconds if to.timeout is not None else None
        self.secrets = (self.server.password,) if self.server and self.server.password else ()

    def mail(self, handover: Handover, parts: Sequence[Part]) -> Mail:
        values = bodies.seen(handover)
        sender, to = self.sender.of(values), [one.of(values) for one in self.to]
        cc, bcc = ([a for one in some if (a := one.maybe(values))] for some in (self.cc, self.bcc))
        message = _composed(parts)
        message["From"], message["To"] = sender, to
        if cc:
            message["Cc"] = cc
        if self.reply_to is not None and (reply_to := self.reply_to.maybe(values)) is not None:
            message["Reply-To"] = reply_to
        subject = printable(self.subject.render(values))[:_LONGEST_SUBJECT]
        message["Subject"] = f"TEST: {subject}" if handover.test else subject
        message["Date"] = format_datetime(handover.at)
        message["Message-ID"] = f"<{handover.delivery_id}@{sender.domain}>"
        message["Auto-Submitted"] = "auto-generated"  # whoever is away doesn't tell the sender so
        if handover.test:
            message["X-Leadgate-Test"] = "true"
        envelope = list(dict.fromkeys(one.addr_spec for one in to))
        copies = dict.fromkeys(one.addr_spec for one in (*cc, *bcc) if one.addr_spec not in envelope)
        return Mail(
            server=self.server,
            id=str(handover.delivery_id),
            sender=self.bounces.of(values).addr_spec,
            to=tuple(envelope),
            also=tuple(copies),
            message=_bytes(message, handover),
            timeout=self.timeout,
            secrets=self.secrets,
        )


def _composed(parts: Sequence[Part]) -> EmailMessage:
    """Without a head yet: the ways of showing it together, then what is attached."""
    message = EmailMessage(policy=_POLICY)
    shown = [part for part in parts if part.inline]
    try:
        message.set_content(str(shown[0].body), subtype=shown[0].type.partition("/")[2])
        for part in shown[1:]:
            message.add_alternative(str(part.body), subtype=part.type.partition("/")[2])
        for part in parts:
            if not part.inline:
                _attach(message, part)
    except ValueError:  # a lone surrogate
        raise TemplateFailed("no_text") from None
    return message


def _attach(message: EmailMessage, part: Part) -> None:
    body = part.body if isinstance(part.body, bytes) else part.body.encode()
    maintype, _, subtype = part.type.partition("/")
    message.add_attachment(body, maintype, subtype, filename=part.name)


def _bytes(message: EmailMessage, handover: Handover) -> bytes:
    """The same delivery is the same bytes: its boundaries are of its id, not of chance."""
    parts = [part for part in message.walk() if part.is_multipart()]
    for n, part in enumerate(parts):
        part.set_boundary(f"={n}_{handover.delivery_id.hex}=")
    try:
        return message.as_bytes()
    except ValueError:
        raise TemplateFailed("no_text") from None


def outcome_of(sent: Sent, *, proof: str) -> Outcome:
    """The table above."""
    last = sent.last
    read, reason = _shown(last), f"smtp_{last.code}"
    if last.step == "end":
        if last.code == 250:
            if proof == "taken":
                return Accepted(read=read)
            return Unclear(reason="awaits_confirmation", read=read)
        if not 400 <= last.code < 600:
            return Unclear(reason=reason, read=read)
    if 500 <= last.code < 600 and last.step not in _ABOUT_US:
        return Rejected(reason=reason, read=read)
    return TryLater(reason=reason, read=read)


def _shown(said: Said) -> str:
    """A reply without what may be a person's; its numbers are none."""
    code = _ENHANCED.match(said.text)
    number = f"{said.code} {code[0]}" if code else str(said.code)
    text = without_persons(said.text[code.end() :] if code else said.text)
    return f"{said.step}: {number} {text}".rstrip()[:_LONGEST_READ]
