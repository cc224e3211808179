"""A mail to be sent, and what the mail server said to each step of it, as values."""

from typing import Literal

from msgspec import Struct

Tls = Literal["starttls", "tls", "offered", "none"]
Step = Literal["greeting", "ehlo", "starttls", "auth", "mail", "rcpt", "data", "end"]


class MailServer(Struct, frozen=True, kw_only=True):
    """`starttls` and `tls` are asked for and checked: where they fail, nothing is sent. `offered`: TLS if there is."""

    host: str
    port: int = 587
    tls: Tls = "starttls"
    user: str = ""
    password: str = ""


class Mail(Struct, frozen=True, kw_only=True):
    """One mail in one conversation. `secrets` are texts that must be hidden where the mail is shown."""

    server: MailServer | None  # None: the operator's relay
    id: str  # comes back as the envelope id in a report of its delivery
    sender: str  # of the envelope, where such a report goes
    to: tuple[str, ...]  # each must be taken, or nothing is sent
    also: tuple[str, ...] = ()  # copies; the mail is sent even if the server refuses them
    message: bytes  # lines end with CR LF, all of it ASCII
    hands_over: bool = True  # once this is sent, the buyer may own the lead
    timeout: float | None = None  # seconds in all; None: the wire's own for mail
    secrets: tuple[str, ...] = ()


class Said(Struct, frozen=True):
    """One reply of the server. `end` is the one to the whole message."""

    step: Step
    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.step}: {self.code} {self.text}".rstrip()


class Sent(Struct, frozen=True, kw_only=True):
    """What a server said, in order; the conversation ended with the last. `whole`: the message had left."""

    said: tuple[Said, ...]
    whole: bool = False

    @property
    def last(self) -> Said:
        return self.said[-1]
