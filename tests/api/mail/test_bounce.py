"""A mail without a lead is reported to its sender, where there is a server that sends the report on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import Message

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from app.api.mail.bounce import Failed, may_bounce
from app.core.errors import Unreadable
from app.remote.head import head_of
from app.store.database import Database
from tests.api.mail.conftest import Post, listening
from tests.api.mail.letters import NEWSLETTER

WHY = "there is no data part, no table and no `label: value` line in the mail"
REFUSED = f"554 5.6.0 No lead could be read: {WHY} [empty]"


class Outbox:
    """A mail server that sends nothing on."""

    def __init__(self) -> None:
        self.got: list[tuple[str | None, list[str], Message]] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.got.append((envelope.mail_from, envelope.rcpt_tos, message_from_bytes(envelope.content)))
        return "250 OK"


@asynccontextmanager
async def reporting(database: Database) -> AsyncIterator[tuple[Post, Outbox]]:
    outbox, loop = Outbox(), asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(outbox, hostname="relay", loop=loop), "127.0.0.1", 0)
    relay = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with listening(database, relay=relay) as post:
        yield post, outbox
    server.close()


async def test_the_report_says_what_is_wrong_in_words_and_for_machines(database: Database) -> None:
    async with reporting(database) as (post, outbox):
        said = await post.send(mail=NEWSLETTER)
        assert said.startswith("250 2.0.0 No lead could be read; reported as ")
        assert post.counted() == {("smtp", "acme", "bounced"): 1}
    (sender, recipients, report) = outbox.got[0]
    assert (sender, recipients) == ("<>", ["form@portal.example"])
    assert report["Auto-Submitted"] == "auto-replied"
    assert report["In-Reply-To"] == "<4@portal.example>"
    assert (report.get_content_type(), report.get_param("report-type")) == (
        "multipart/report",
        "delivery-status",
    )
    text, status, head = report.get_payload()
    words = text.get_payload()
    assert "The mail that you sent to acme@leads.example holds no lead that can be read," in words
    assert f"  {WHY}\n  (problem `empty`)" in words.replace("\r\n", "\n")
    assert "What can be read: an ADF document" in words
    whole, one = status.get_payload()
    assert whole["Reporting-MTA"] == "dns; leads.example"
    assert (one["Action"], one["Status"]) == ("failed", "5.6.0")
    assert one["Final-Recipient"] == "rfc822; acme@leads.example"
    assert " ".join(one["Diagnostic-Code"].split()) == f"smtp; {REFUSED}"
    assert head.get_content_type() == "text/rfc822-headers"
    assert "Subject: New lead" in head.get_payload()
    assert "sale" not in report.as_string()


@pytest.mark.parametrize(
    ("sender", "header"),
    [
        ("", b""),
        ("MAILER-DAEMON@portal.example", b""),
        ("form@portal.example", b"Auto-Submitted: auto-replied\r\n"),
        ("form@portal.example", b"Precedence: bulk\r\n"),
        ("form@portal.example", b"List-Id: <sale.portal.example>\r\n"),
    ],
    ids=["nobody", "machine", "answer", "bulk", "list"],
)
def test_nobody_is_reported_to_who_would_answer_or_can_not(sender: str, header: bytes) -> None:
    failed = Failed(
        sender=sender or "<>", recipient="acme@leads.example", refused=Unreadable("x"), line=REFUSED,
        head=head_of(header + NEWSLETTER),
    )  # fmt: skip
    assert may_bounce(failed) is False


async def test_where_there_is_no_report_it_is_refused(database: Database) -> None:
    async with reporting(database) as (post, outbox):
        assert await post.send(mail=NEWSLETTER, sender="") == REFUSED
        assert await post.send(mail=NEWSLETTER, sender="portal@leads.example") == REFUSED
        assert await post.send(mail=b"Auto-Submitted: auto-replied\r\n" + NEWSLETTER) == REFUSED
        assert outbox.got == []


async def test_a_relay_that_is_away_leaves_the_report_to_the_senders_server(database: Database) -> None:
    async with listening(database, relay="127.0.0.1:1") as post:
        assert await post.send(mail=NEWSLETTER) == REFUSED


async def test_a_stranger_to_the_source_is_not_reported_to(database: Database) -> None:
    """Else anybody could have us write to anybody."""
    async with reporting(database) as (post, outbox):
        spam = NEWSLETTER.replace(b"form@portal.example", b"spam@other.example")
        said = await post.send("portal@leads.example", mail=spam, sender="victim@other.example")
        assert said.startswith("550 5.7.1")
        assert outbox.got == []
