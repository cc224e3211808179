"""A house whose contracts send leads by mail, and the mailbox to which their buyers answer."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from typing import Any

from msgspec import Struct

from app.store.database import Database
from tests.ingest.channels.mailserver import PASSWORD, USER, MailServer, mail_server
from tests.mail_server import Outbox
from tests.pipeline.filehouse import bundled_by, desk, ended, is_due
from tests.pipeline.house import House, catalogue, lead, opened, source

BUYER = "acks@sunco.example"
TOLD = """key: Id, status: Status, words: {OK: accepted, DUP: duplicate, LATER: unclear, "*": rejected},
  reason: Why, reference: Ref, price: Pays, every: 10s"""
ATTACHED = "{kind: csv, name: leads.csv, fields: {Id: delivery_id, Email: email}}"


class Sent(Struct, kw_only=True):
    """Leads that have left by mail: their deliveries in the order of rows, what the attached file is called."""

    house: House
    box: MailServer
    smtp: int
    ids: list[str]
    name: str

    async def states(self) -> list[str]:
        found = {str(r[0]): r[1] for r in await self.house.rows("select id, state from delivery")}
        return [found[one] for one in self.ids]


def by_mail(
    smtp: int,
    imap: int,
    *,
    batch: str = "{every: 1h}",
    more: str = "",
    box: Mapping[str, Any] = {},
    id_: str = "files",
) -> str:
    """A buyer with one contract; `box` is what is told of the mailbox beyond, or else."""
    mailbox = {"host": "127.0.0.1", "port": imap, "tls": "none", "user": USER, "password": PASSWORD, **box}
    return bundled_by(
        f"""{{adapter: email, server: {{host: 127.0.0.1, port: {smtp}, tls: none}}, sender: us@leads.example,
            to: [in@sunco.example], subject: Leads, batch: {batch}, attach: [{ATTACHED}], proof: acknowledged,
            acknowledge: {{mailbox: {json.dumps(mailbox)}, from: ['{BUYER}'], {TOLD} {more}}}}}"""
    ).replace("id: files", f"id: {id_}")


@asynccontextmanager
async def sent(database: Database, n: int, **told: Any) -> AsyncIterator[Sent]:
    """So many leads have left in one mail, with one file."""
    outbox = Outbox()
    async with outbox.listening() as smtp, mail_server() as box:
        yaml = catalogue(source(), by_mail(smtp, box.port, **told))
        async with opened(database, yaml) as house:
            await house.post(*[lead(f"p{i}@example.com") for i in range(n)])
            await is_due(house)
            await desk(house).look()
            await ended(house, "unclear", n)
            ((name, lines),) = attached(outbox)
            ids = [line.partition(",")[0] for line in lines[1:]]
            yield Sent(house=house, box=box, smtp=smtp, ids=ids, name=name)


def attached(outbox: Outbox) -> list[tuple[str, list[str]]]:
    """name → lines, of each file in what has left."""
    found = []
    for one in outbox.got:
        assert isinstance(one.content, bytes)
        for part in message_from_bytes(one.content, policy=default).iter_attachments():
            found.append((str(part.get_filename()), part.get_content().splitlines()))
    return found


def answer(*files: tuple[str, bytes], sender: str = BUYER, id_: str = "1@sunco.example") -> bytes:
    """A mail of the buyer's with these files."""
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"], mail["Subject"] = sender, "acks@us.example", "Your leads"
    mail["Message-ID"], mail["Date"] = f"<{id_}>", "Fri, 20 Nov 2026 14:32:05 +0000"
    mail.set_content("See the file.\n")
    for name, body in files:
        mail.add_attachment(body, "application", "octet-stream", filename=name)
    return mail.as_bytes()
