"""Leads that leave by mail, from the real service: sold by the server's word, never sent twice where it said nothing."""

import asyncio
from email import message_from_bytes

import pytest

from tests.e2e.books import Books
from tests.e2e.catalogues import catalogue, source
from tests.e2e.conftest import Make
from tests.e2e.source import Source, lead
from tests.mail_server import Outbox, Scripted

pytestmark = pytest.mark.e2e


def contract(id_: str, deliver: str, *, price: str = "42.00", when: str = "lead.bill > 0.0") -> str:
    return f"""
  - id: {id_}
    contracts:
      - id: {id_}
        campaign: solar
        price: "{price}"
        when: {when}
        retry: {{schedule: [1s], until: 60s}}
        deliver: {deliver}
"""


RELAYED = "{adapter: email, sender: leads@us.example, to: [sales@sunco.example], proof: taken}"


def silent(port: int) -> str:
    server = f"{{host: 127.0.0.1, port: {port}, tls: none}}"
    mail = (
        f"{{server: {server}, sender: leads@us.example, to: [adf@dealer.example], proof: taken, timeout: 1s}}"
    )
    return f"{{adapter: adf, mail: {mail}}}"


async def test_the_relay_takes_what_has_no_server_and_silence_after_the_dot_is_never_sent_again(
    services: Make, database_url: str
) -> None:
    outbox, mute = Outbox(), Scripted(dot=b"")
    async with outbox.listening() as relay, mute.listening() as port:
        service = services(
            database_url=database_url, smtp_relay=f"127.0.0.1:{relay}", smtp_hostname="us.example"
        )
        await service.configure(
            catalogue(
                source(),
                contract("dealer", silent(port), price="90.00", when="lead.bill == 7.0"),
                contract("sunco", RELAYED),
            )
        )
        key = await service.key("source", "acme")
        await service.start()
        async with Source(service.url, key) as acme, Books(database_url) as books:
            sold, unclear = await asyncio.gather(acme.post(lead(1)), acme.post({**lead(2), "bill": "7"}))
            assert (sold.outcome, unclear.outcome) == ("success", "pending")
            await books.settled()
            service.kill()
            await service.start()
            await books.settled()
            assert await books.states([sold.lead, unclear.lead]) == {
                sold.lead: "sold",
                unclear.lead: "unclear",
            }
        assert await service.stop() == 0
    (mail,) = outbox.got
    assert mail.rcpt_tos == ["sales@sunco.example"]
    assert isinstance(mail.content, bytes)
    assert "email: ann1@example.com" in message_from_bytes(mail.content).get_payload()
    assert len(mute.messages) == 1
    *_, document = message_from_bytes(mute.messages[0]).walk()
    assert b"<email>ann2@example.com</email>" in document.get_payload(decode=True)
    assert b"EHLO us.example" in mute.heard
    assert "example.com" not in service.log()
