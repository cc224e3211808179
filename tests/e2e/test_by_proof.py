"""Every proof that a buyer gives later, to the real service: each ends its own delivery, also after a kill; silence ends it as agreed."""

import asyncio
import smtplib
from email import message_from_bytes
from typing import Any

import pytest

from tests.api.mail.test_reports import report
from tests.buyer import reply as http
from tests.distribute.scripted import Scripted, said
from tests.e2e.books import Books, until
from tests.e2e.catalogues import catalogue, source
from tests.e2e.catalogues import contract as webhook
from tests.e2e.conftest import Make
from tests.e2e.counting import CountingBuyer
from tests.e2e.service import Service
from tests.e2e.source import Answer, Source, lead
from tests.e2e.test_mail import place
from tests.mail_server import Outbox

pytestmark = pytest.mark.e2e

FORM, SLOW, PING, POST = "/servlet/servlet.WebToLead", "/slow", "/ping", "/post"
BACK = "bounces@leads.example"
OURS = "https://gate.example"


def contract(id_: str, deliver: str, *, bill: int, more: str = "") -> str:
    return f"""
  - id: {id_}
    contracts:
      - id: {id_}
        campaign: solar
        price: "90.00"
        when: lead.bill == {bill}.0
        retry: {{schedule: [1s, 1s], until: 60s}}
        {more}
        deliver: {{{deliver}}}
"""


def contracts(mail: int, url: str) -> list[str]:
    server = (
        f"server: {{host: 127.0.0.1, port: {mail}, tls: none}}, sender: leads@leads.example, bounces: {BACK}"
    )
    form = f'adapter: salesforce_web, url: "{url}{FORM}", oid: 00D5g000000AbCd, fields: {{email: email}}'
    slow = 'unclear: reply.json.status == "received", accepted: reply.json.status == "accepted", reference: reply.json.id'
    ping = f'{{url: "{url}{PING}", fields: {{state: state, email: email}}, accepted: reply.json.bid > 0.0, price: reply.json.bid, reference: reply.json.token}}'
    post = f'{{url: "{url}{POST}", fields: {{email: email, token: ping_reference}}, accepted: reply.status == 200, reference: reply.json.id}}'
    return [
        contract("by-mail", f'adapter: email, {server}, to: [sales@sunco.example], text: "{{{{ confirm_url }}}}", proof: confirmed', bill=1),
        contract("by-id", f'adapter: webhook, url: "{url}{SLOW}", body: json, fields: {{email: email}}, {slow}', bill=2),
        contract("silent", f"{form}, proof: confirmed", bill=3, more="confirm: {within: 2s, then: reroute}"),
        contract("at-once", f"{form}, proof: processed", bill=4),
        contract("asked-first", f"adapter: ping_post, ping: {ping}, post: {post}", bill=5),
    ]  # fmt: skip


def link(envelope: Any) -> str:
    """The path of the link in this mail."""
    body = message_from_bytes(envelope.content).get_payload(decode=True)
    assert isinstance(body, bytes)
    return body.decode().strip().removeprefix(OURS)


def bounce(service: Service, delivery: str) -> int:
    """The service's answer to a mail server that reports of this delivery."""
    with smtplib.SMTP(*place(service, "smtp"), timeout=20) as client:
        client.ehlo_or_helo_if_needed()
        client.mail("")
        client.rcpt(BACK)
        return client.data(report(delivery))[0]


async def test_each_proof_ends_its_own_delivery_and_silence_as_agreed(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    outbox = Outbox()
    says = {
        f"POST {FORM}": [http(200, b"", "Is-Processed: true")],
        f"POST {SLOW}": [said(200, {"status": "received", "id": "SC-88213"})],
        f"POST {PING}": [http(200, b"<html>back soon</html>"), said(200, {"bid": 21.5, "token": "t-1"})],
        f"POST {POST}": [said(200, {"id": "L-1"})],
    }
    async with outbox.listening() as port, Scripted(says) as server:
        service = services(database_url=database_url, smtp_listen="127.0.0.1:0", public_url=OURS)
        next_ = webhook("next", buyer.url("next"), price="10.00")
        await service.configure(catalogue(source(deadline="2s"), next_, *contracts(port, server.url(""))))
        theirs, key = await service.key("source", "acme"), await service.key("buyer", "by-id")
        await service.start()
        async with Source(service.url, theirs) as acme, Books(database_url) as books:
            sent = [
                await acme.post({**lead(n), "bill": str(bill)}) for n, bill in enumerate((1, 1, 2, 3, 4, 5))
            ]
            linked, bounced, by_id, _, at_once, asked_first = sent

            async def are(state: str, *answers: Answer) -> None:
                async def all_are() -> bool:
                    return set((await books.states(one.lead for one in answers)).values()) == {state}

                await until(all_are, what=f"{state}: {[one.lead for one in answers]}")

            await are("sold", at_once, asked_first)
            await are("unclear", linked, bounced, by_id)
            service.kill()
            await service.start()

        async with (
            Source(service.url, theirs) as acme,
            Source(service.url, key) as by,
            Books(database_url) as books,
        ):
            press = link(outbox.got[0])
            assert (await acme.send("GET", press, None, {})).status == 200
            await are_unclear(books, linked)
            assert (await acme.send("POST", press, b"", {})).status == 200
            (undelivered,) = await books.deliveries(bounced.lead)
            assert await asyncio.to_thread(bounce, service, str(undelivered["id"])) == 250
            word = b'{"reference": "SC-88213", "outcome": "accepted", "price": "41.00"}'
            kind = {"Content-Type": "application/json"}
            told = await by.send("POST", "/v1/deliveries/confirm", word, kind)
            assert (told.status, told.document["repeated"]) == (200, False)
            await books.settled()

            async def all_sold() -> bool:
                return set((await books.states(one.lead for one in sent)).values()) == {"sold"}

            await until(all_sold)
            rows = await books.conn.fetch(
                "select contract, state, reason, reference, trim_scale(price)::text from delivery"
            )
            assert await books.counters_leak() == {}
            revenue, prices = await books.money()
        assert await service.stop() == 0
    assert {tuple(row) for row in rows if row["contract"] != "next"} == {
        ("by-mail", "accepted", "", None, "90"),
        ("by-mail", "rejected", "bounced_5.1.1", None, "90"),
        ("by-id", "accepted", "", "SC-88213", "41"),
        ("silent", "dead", "not_confirmed", None, "90"),
        ("at-once", "accepted", "", None, "90"),
        ("asked-first", "accepted", "", "L-1", "21.5"),
    }
    assert {one.delivery.email for one in buyer.answered} == {"ann1@example.com", "ann3@example.com"}
    assert [one.partition(" ")[2] for one in server.asked if one in (f"POST {PING}", f"POST {POST}")] == [
        PING,
        PING,
        POST,
    ]
    assert not any(b"example.com" in one.body for one in server.received if one.path == PING)
    assert revenue == prices
    assert "example.com" not in service.log()


async def are_unclear(books: Books, *answers: Answer) -> None:
    assert set((await books.states(one.lead for one in answers)).values()) == {"unclear"}
