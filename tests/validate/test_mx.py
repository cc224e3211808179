"""Asked of a real little DNS server on loopback."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from app.validate.mx import MxResolver

ZONE = {
    ("mail.example", "MX"): ["10 mx1.mail.example.", "20 mx2.mail.example."],
    ("null.example", "MX"): ["0 ."],
    ("web.example", "A"): ["192.0.2.7"],
    ("six.example", "AAAA"): ["2001:db8::7"],
    ("text.example", "TXT"): ['"no mail here"'],
    ("alias.example", "CNAME"): ["web.example."],
    ("xn--mller-kva.example", "MX"): ["10 mx1.mail.example."],
}
NAMES = {name for name, _ in ZONE}


class Server(asyncio.DatagramProtocol):
    """Answers from ZONE; says SERVFAIL for broken.*, nothing for silent.*, NXDOMAIN for the rest."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.port = 0

    def connection_made(self, transport):
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data, address):
        query = dns.message.from_wire(data)
        (question,) = query.question
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked[f"{name} {kind}"] += 1
        if name.startswith("silent."):
            return
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        if name.startswith("broken."):
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif (name, kind) in ZONE:
            reply.answer.append(dns.rrset.from_text(question.name, 0, "IN", kind, *ZONE[name, kind]))
        elif (name, "CNAME") in ZONE:
            reply.answer.append(dns.rrset.from_text(question.name, 0, "IN", "CNAME", *ZONE[name, "CNAME"]))
            if target := ZONE.get(("web.example", kind)):
                reply.answer.append(dns.rrset.from_text("web.example.", 0, "IN", kind, *target))
        elif name not in NAMES:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        self.transport.sendto(reply.to_wire(), address)


class Clock:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@asynccontextmanager
async def resolving(**more) -> AsyncIterator[tuple[MxResolver, Server, Clock]]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", 0))
    clock = Clock()
    resolver = MxResolver(clock, nameservers=["127.0.0.1"], port=server.port, **more)
    try:
        yield resolver, server, clock
    finally:
        await resolver.close()
        transport.close()


@pytest.mark.parametrize(
    ("domain", "answer"),
    [
        ("mail.example", True),
        ("MAIL.example.", True),
        ("xn--mller-kva.example", True),
        ("null.example", False),
        ("web.example", True),
        ("six.example", True),
        ("alias.example", True),
        ("text.example", False),
        ("nowhere.example", False),
        ("broken.example", None),
        ("müller.example", True),
        ("a" * 64 + ".example", None),
        ("a..b", None),
        ("", None),
        ("nul\x00.example", None),
        ("\ud800.example", None),
    ],
)
async def test_a_domain_takes_mail_by_its_mx_or_else_by_its_address(domain, answer):
    async with resolving() as (resolver, _, _):
        assert await resolver.takes_mail(domain) is answer


async def test_silence_is_no_answer_and_ends_in_time():
    async with resolving(total=0.2) as (resolver, _, _), asyncio.timeout(5):
        assert await resolver.takes_mail("silent.example") is None


async def test_waiters_for_one_domain_share_one_question():
    async with resolving() as (resolver, server, _):
        several = ["mail.example"] * 20 + ["null.example"]
        answers = await asyncio.gather(*map(resolver.takes_mail, several))
        assert answers == [True] * 20 + [False]
        assert server.asked["mail.example MX"] == 1


async def test_a_cancelled_waiter_does_not_take_the_answer_from_the_others():
    async with resolving() as (resolver, server, _):
        first = asyncio.ensure_future(resolver.takes_mail("mail.example"))
        second = asyncio.ensure_future(resolver.takes_mail("mail.example"))
        await asyncio.sleep(0)
        first.cancel()
        assert await second is True
        assert server.asked["mail.example MX"] == 1


async def test_an_answer_is_believed_for_its_time_and_then_asked_again():
    async with resolving(known_for=100.0) as (resolver, server, clock):
        await resolver.takes_mail("mail.example")
        clock.at = 99.0
        await resolver.takes_mail("mail.example")
        assert server.asked["mail.example MX"] == 1
        clock.at = 100.0
        await resolver.takes_mail("mail.example")
        assert server.asked["mail.example MX"] == 2


async def test_a_domain_that_nobody_could_answer_for_is_asked_again_soon():
    async with resolving(known_for=1000.0) as (resolver, server, clock):
        await resolver.takes_mail("broken.example")
        before = server.asked["broken.example MX"]
        clock.at = 31.0
        await resolver.takes_mail("broken.example")
        assert server.asked["broken.example MX"] > before


async def test_no_more_domains_are_remembered_than_allowed():
    async with resolving(remembered=2) as (resolver, server, _):
        for domain in ("mail.example", "null.example", "web.example", "mail.example"):
            await resolver.takes_mail(domain)
        assert server.asked["mail.example MX"] == 2
        assert server.asked["null.example MX"] == 1
