"""Leads by mail through the real service: what was answered 250 is sold, whoever is killed."""

import asyncio
import re
import smtplib

import pytest

from tests.e2e.books import Books, until
from tests.e2e.catalogues import catalogue, contract
from tests.e2e.conftest import Make
from tests.e2e.counting import CountingBuyer
from tests.e2e.service import Service
from tests.ingest.channels.mailserver import PASSWORD, USER, MailServer, mail_server

pytestmark = pytest.mark.e2e

ACME = "\n  - {id: acme, campaign: solar, mail: {addresses: [acme@leads.example]}}\n"


def portal(port: int) -> str:
    """A source whose leads lie in a mailbox."""
    told = f"channel: imap, host: 127.0.0.1, port: {port}, tls: none, user: {USER}, password: {PASSWORD}, every: 1s"
    return f"\n  - {{id: portal, campaign: solar, channels: [{{{told}}}]}}\n"


def mail(n: int) -> bytes:
    head = f"From: form@portal.example\r\nMessage-ID: <{n}@portal.example>\r\n\r\n"
    return f"{head}First Name: Ann\r\nEmail: ann{n}@example.com\r\nState: CA\r\nBill: 120\r\n".encode()


def place(service: Service, door: str) -> tuple[str, int]:
    """Where it says that it listens."""
    found = re.findall(rf"{door} +on ([\d.]+):(\d+)", service.log())
    return found[-1][0], int(found[-1][1])


def send(service: Service, mails: list[bytes], kind: type[smtplib.SMTP] = smtplib.SMTP) -> list[int]:
    """The answer to each, as another mail server hears it."""
    said = []
    with kind(*place(service, kind.__name__.lower()), timeout=20) as client:
        for one in mails:
            client.ehlo_or_helo_if_needed()
            client.mail("form@portal.example")
            client.rcpt("acme@leads.example")
            said.append(client.data(one)[0])
    return said


async def test_what_was_answered_250_or_lies_in_a_mailbox_is_sold_once_after_kill_9(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    service = services(
        database_url=database_url,
        processes=2,
        hasty=True,
        smtp_listen="127.0.0.1:0",
        lmtp_listen="127.0.0.1:0",
    )
    async with mail_server() as mailbox:
        await service.configure(
            catalogue(ACME, portal(mailbox.port), contract("b", buyer.url("b"), more="idempotent: true"))
        )
        await mailbox.put(mail(100))
        await service.start()
        said = await asyncio.gather(
            *(asyncio.to_thread(send, service, [mail(n) for n in range(k, k + 10)]) for k in (0, 10, 20)),
            asyncio.to_thread(send, service, [mail(n) for n in range(25, 35)], smtplib.LMTP),
        )
        assert said == [[250] * 10] * 4
        service.kill()
        await mailbox.put(mail(101))
        await service.start()
        assert await asyncio.to_thread(send, service, [mail(0), mail(35)]) == [250, 250]
        async with Books(database_url) as books:
            await until(lambda: _at_least(books, 38), what="all of them sold")
            await until(lambda: _moved(mailbox), what="what was taken is moved")
            assert await books.one("select count(*) from submission") == 38
            assert await books.one("select count(*) from lead") == 38
        assert await service.stop() == 0
    assert "portal.example" not in service.log()


async def _at_least(books: Books, sold: int) -> bool:
    return bool(await books.one("select count(*) >= $1 from lead where state = 'sold'", sold))


async def _moved(mailbox: MailServer) -> bool:
    return len(await mailbox.folder("Leads done")) == 2
