"""Takes leads out of a mailbox."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any, ClassVar

from msgspec import Struct
from pydantic import Field, model_validator

from app.core.duration import Duration
from app.core.errors import NotDurable, Refused, TooLarge
from app.core.registry import Settings
from app.ingest.channel import Channel, ChannelSettings, Door, Trouble, Visit, channels
from app.remote.account import ImapAccount, MailFolder
from app.remote.head import Head, head_of
from app.remote.line import Line, connected
from app.remote.mailbox import PATIENCE, Waiting

AT_ONCE = 100
"""Mails that are looked up together."""
MOST = 1_000
"""Mails of one visit; what is left is told by `more`."""
LONGEST_IDLE = 29 * 60
LOOK_AGAIN = 60.0
"""Seconds of one IDLE: a mail that came just before it is not told by every server."""
_SHORTEST_IDLE = 20.0
"""Who waits no longer, or is not let wait longer, comes again when the next visit is due, and not at once."""


class ImapSettings(ChannelSettings, ImapAccount):
    done: MailFolder = Field(
        "Leads done", description="Where taken mails go; empty: they stay, marked as seen."
    )
    failed: MailFolder = Field(
        "Leads failed", min_length=1, description="Where mails without a readable lead go."
    )
    unseen: bool = Field(True, description="Only mails that nobody has opened; false: all in the folder.")
    idle: Duration = Field(
        Duration("5m"), description="How long a visit waits for the next mail, where the server offers IDLE."
    )
    largest: int = Field(10_000_000, ge=10_000, le=10_000_000, description="Bytes of the largest mail.")

    @model_validator(mode="after")
    def _whole(self) -> "ImapSettings":
        if not self.done and not self.unseen:
            raise ValueError(
                "would take the same mails for ever: name a folder in done, or leave unseen true"
            )
        if self.folder in (self.done, self.failed) or self.done == self.failed:
            raise ValueError("needs three different folders")
        if self.idle.seconds > LONGEST_IDLE:
            raise ValueError("a server may end an idle after 29m; keep idle below")
        return self


class Came(Struct):
    """What a visit has brought so far."""

    kept: int = 0
    known: int = 0
    refused: int = 0

    def visit(self, *, more: bool) -> Visit:
        return Visit(kept=self.kept, known=self.known, refused=self.refused, more=more)


@channels.register
class Imap(Channel):
    """Every new mail of a folder is read as the format `mail` does. A mail that was taken is moved to `done`, one
    without a readable lead (or larger than `largest`) to `failed`, where a note beside it says why; both folders are made
    where they are missing. Where the server offers IDLE, a mail is taken within a second, else at the next visit.

    Each mail is taken once, also when leadgate is killed in between, when somebody moves it back, or when the server
    numbers its mails anew: it is told by its Message-ID and its content. Give leadgate a mailbox of its own: with
    `unseen`, a mail that a person opens first is left to that person.
    """

    name = "imap"
    settings: ClassVar[type[Settings]] = ImapSettings
    examples: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"host": "imap.example.com", "user": "leads@example.com", "password": "hunter2"},
        {
            "host": "127.0.0.1",
            "port": 1143,
            "tls": "starttls",
            "user": "leads",
            "password": "hunter2",
            "folder": "INBOX/portal",
            "done": "INBOX/portal/done",
            "failed": "INBOX/portal/failed",
            "unseen": False,
            "every": "1m",
        },
    )

    async def visit(self, settings: Any, door: Door) -> Visit:
        address = await door.reach(settings.host, settings.dialled)
        async with connected(settings, address, [settings.done, settings.failed]) as line:
            came = Came()
            if await _emptied(line, settings, door, came):
                return came.visit(more=True)
            waited = await _waited(line, settings, door, came)
            return came.visit(more=waited)


async def _emptied(line: Line, settings: ImapSettings, door: Door, came: Came) -> bool:
    """Take what is there; whether there is more."""
    seen: set[str] = set()  # a server that goes on to show what was moved away would keep us here for ever
    while len(seen) < MOST:
        waiting = await line.run(lambda: line.box.waiting(AT_ONCE, unseen=settings.unseen))
        fresh = [mail for mail in waiting if mail.uid not in seen]
        for mail in fresh:
            await _take(line, settings, door, came, mail)
        seen.update(mail.uid for mail in fresh)
        if not fresh:
            return False
    return True


async def _take(line: Line, settings: ImapSettings, door: Door, came: Came, mail: Waiting) -> None:
    """Kept first, moved then: a kill in between finds it known at the next visit."""
    body = await line.run(line.box.fetch, mail.uid, min(mail.size, settings.largest) + 1)
    if body is None:
        return
    head = head_of(body)
    name = f"mail {mail.uid}.eml"
    try:
        if max(mail.size, len(body)) > settings.largest:
            large = TooLarge(f"a mail of more than {settings.largest:,} bytes is not read")
            await door.refuse(large, identity=head.identity, name=name)
            raise large
        new = await door.keep(body, "message/rfc822", identity=head.identity, name=name)
    except NotDurable:
        raise
    except Refused as refused:
        came.refused += 1
        await line.run(line.box.move, mail.uid, settings.failed)
        with suppress(Trouble):
            await line.run(line.box.put, _note(refused, head), settings.failed)
        return
    came.kept, came.known = came.kept + new, came.known + (not new)
    await line.run(line.box.move, mail.uid, settings.done)


async def _waited(line: Line, settings: ImapSettings, door: Door, came: Came) -> bool:
    """Wait for mail, and take it, until `idle` is over; whether it is worth to begin again at once."""
    now = asyncio.get_running_loop().time
    began = now()
    ends = began + settings.idle.seconds
    while now() < ends and await _heard(line, min(ends - now(), LOOK_AGAIN)):
        if await _emptied(line, settings, door, came):
            return True
    return now() - began > _SHORTEST_IDLE


async def _heard(line: Line, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds + PATIENCE):
            return await line.run(line.box.wait, seconds)
    except TimeoutError:  # it says that it is still there, again and again, and nothing else
        line.cut()
        return False


def _note(refused: Refused, head: Head) -> bytes:
    """A mail that stands beside the other, and says why that is there."""
    note = EmailMessage(policy=SMTP)
    note["From"] = "leadgate <postmaster@localhost>"
    note["Subject"] = "Why no lead was taken from this mail"
    if head.message_id.isascii() and 0 < len(head.message_id) < 500:
        note["In-Reply-To"] = note["References"] = head.message_id
    note["Auto-Submitted"] = "auto-generated"
    where = f"\nat: {refused.where}" if refused.where else ""
    note.set_content(f"{refused.detail}\nproblem: {refused.reason}{where}\n")
    return note.as_bytes()
