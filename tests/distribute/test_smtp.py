"""Mail over real sockets: what was certainly not sent may be sent again, what perhaps was is never."""

import asyncio
import ssl
from email import message_from_bytes

import pytest
from msgspec.structs import replace

from app.distribute.letters import outcome_of
from app.distribute.mailing import Mail
from app.distribute.wire import Limits, Wire
from app.model import Accepted, Rejected, TryLater, Unclear
from tests.mail_server import PASSWORD, USER, Outbox, Scripted, at
from tests.selfsigned import self_signed

QUICK = Limits(dns=0.5, connect=0.5, total=1.0, longest=2.0)
MESSAGE = b"From: a@us.example\r\nSubject: Ann\r\n\r\n.one\r\n..two\r\n.\r\nQUIT\r\n"
MAIL = Mail(
    server=None, id="019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3", sender="bounces@us.example",
    to=("sales@sunco.example",), message=MESSAGE, timeout=1.0, secrets=(PASSWORD,),
)  # fmt: skip


def by_mail(mail):
    sent = yield mail
    return outcome_of(sent, proof="taken")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
async def wire(certificate):
    trusting = ssl.create_default_context(cafile=str(certificate))
    async with Wire(allow_private=True, limits=QUICK, tls=trusting, hostname="us.example") as sending:
        yield sending


async def sent(wire, port, mail=MAIL, **server):
    return await wire.converse(by_mail(replace(mail, server=at(port, **server))))


# a server that takes it


async def test_a_mail_arrives_as_it_was_written(wire) -> None:
    outbox = Outbox()
    async with outbox.listening() as port:
        conversed = await sent(wire, port)
    (envelope,) = outbox.got
    assert (envelope.mail_from, envelope.rcpt_tos) == ("bounces@us.example", ["sales@sunco.example"])
    assert envelope.content == MESSAGE
    assert conversed.outcome == Accepted(read="end: 250 2.0.0 queued as 4F1")
    assert conversed.handed_over
    (exchange,) = conversed.exchanges
    assert (exchange.method, exchange.url, exchange.status) == ("MAIL", f"smtp://127.0.0.1:{port}", 250)
    assert exchange.sent_headers == {"mail from": "bounces@us.example", "rcpt to": "sales@sunco.example"}
    assert exchange.received.decode().splitlines()[-1] == "end: 250 2.0.0 queued as 4F1"


@pytest.mark.parametrize("mode", ["starttls", "tls"])
@pytest.mark.parametrize("exclude", [[], ["PLAIN"]])
async def test_a_password_goes_by_tls_and_is_never_shown(wire, tls, mode, exclude) -> None:
    outbox = Outbox()
    async with outbox.listening(
        tls=tls, implicit=mode == "tls", login=True, auth_exclude_mechanism=exclude,
        auth_require_tls=mode == "starttls",  # where all is TLS, this server doesn't see that it is
    ) as port:  # fmt: skip
        conversed = await sent(wire, port, tls=mode, user=USER, password=PASSWORD)
    assert isinstance(conversed.outcome, Accepted)
    assert outbox.secured == [mode == "starttls"]
    assert PASSWORD not in str(conversed)


async def test_a_wrong_password_is_our_fault_and_not_the_leads(wire, tls) -> None:
    outbox = Outbox()
    async with outbox.listening(tls=tls, login=True) as port:
        conversed = await sent(wire, port, tls="starttls", user=USER, password="wrong")
    assert conversed.outcome.reason == "smtp_535"
    assert isinstance(conversed.outcome, TryLater)
    assert not conversed.handed_over


async def test_a_certificate_that_is_not_trusted_gets_nothing(tls) -> None:
    outbox = Outbox()
    async with Wire(allow_private=True, limits=QUICK) as strict:
        async with outbox.listening(tls=tls) as port:
            conversed = await sent(strict, port, tls="starttls")
        async with outbox.listening(tls=tls, implicit=True) as port:
            both = [conversed, await sent(strict, port, tls="tls")]
    assert [one.outcome for one in both] == [TryLater(reason="tls_failed", read="tls_failed")] * 2
    assert outbox.got == []


async def test_tls_that_is_not_offered_is_not_done_without(wire) -> None:
    outbox = Outbox()
    async with outbox.listening() as port:
        asked = await sent(wire, port, tls="starttls")
        login = await sent(wire, port, user=USER, password=PASSWORD)
    assert asked.outcome == TryLater(reason="not_offered", read="not_offered: starttls")
    assert login.outcome == TryLater(reason="not_offered", read="not_offered: auth")
    assert outbox.got == []


async def test_the_relay_is_the_operators_and_needs_no_permission(tls) -> None:
    outbox = Outbox()
    async with outbox.listening(tls=tls) as port:
        relay = at(port, tls="offered")
        async with Wire(allow_private=False, limits=QUICK, relay=relay) as guarded:
            conversed = await guarded.converse(by_mail(MAIL))
            refused = await guarded.converse(by_mail(replace(MAIL, server=at(port))))
    assert isinstance(conversed.outcome, Accepted)
    assert outbox.secured == [True]
    assert refused.outcome == TryLater(reason="address_refused", read="address_refused: loopback")


async def test_without_any_server_nothing_is_lost() -> None:
    async with Wire(allow_private=True, limits=QUICK) as wire:
        conversed = await wire.converse(by_mail(MAIL))
    assert conversed.outcome.reason == "bad_call"
    assert isinstance(conversed.outcome, TryLater)


async def test_a_report_is_asked_for_where_the_server_can_write_one(wire) -> None:
    script = Scripted(EHLO=b"250-mx\r\n250-DSN\r\n250 SIZE 100000\r\n")
    async with script.listening() as port:
        await sent(wire, port)
    assert script.heard[:3] == [
        b"EHLO us.example",
        b"MAIL FROM:<bounces@us.example> SIZE=%d RET=HDRS ENVID=%s" % (len(MESSAGE), MAIL.id.encode()),
        b"RCPT TO:<sales@sunco.example> NOTIFY=FAILURE",
    ]


async def test_a_server_of_old_is_spoken_to_in_its_own_words(wire) -> None:
    script = Scripted(EHLO=b"500 what\r\n", HELO=b"250 mx\r\n")
    async with script.listening() as port:
        conversed = await sent(wire, port)
    assert isinstance(conversed.outcome, Accepted)


# a server that refuses it


@pytest.mark.parametrize(
    ("refuse", "outcome"),
    [
        ({"mail": "451 later"}, TryLater(reason="smtp_451", read="mail: 451 later")),
        ({"mail": "550 no"}, Rejected(reason="smtp_550", read="mail: 550 no")),
        ({"sales@sunco.example": "450 greylisted"}, TryLater(reason="smtp_450", read="rcpt: 450 greylisted")),
        ({"sales@sunco.example": "550 unknown"}, Rejected(reason="smtp_550", read="rcpt: 550 unknown")),
        ({"data": "452 full"}, TryLater(reason="smtp_452", read="end: 452 full")),
        ({"data": "554 spam"}, Rejected(reason="smtp_554", read="end: 554 spam")),
    ],
)
async def test_a_refusal_is_an_answer_wherever_it_comes(wire, refuse, outcome) -> None:
    outbox = Outbox(refuse)
    async with outbox.listening() as port:
        conversed = await sent(wire, port)
    assert conversed.outcome == outcome
    assert conversed.handed_over is ("data" in refuse)
    assert outbox.got == []


async def test_every_recipient_must_be_taken_but_copies_need_not(wire) -> None:
    outbox = Outbox({"two@sunco.example": "550 unknown"})
    async with outbox.listening() as port:
        must = await sent(wire, port, replace(MAIL, to=("one@sunco.example", "two@sunco.example")))
        may = await sent(wire, port, replace(MAIL, also=("two@sunco.example", "three@sunco.example")))
    assert isinstance(must.outcome, Rejected)
    assert isinstance(may.outcome, Accepted)
    assert [one.rcpt_tos for one in outbox.got] == [["sales@sunco.example", "three@sunco.example"]]
    assert b"rcpt: 550 unknown" in may.exchanges[0].received


# a server that dies, lags or lies


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ({"greeting": None}, TryLater(reason="hung_up", read="hung_up")),
        ({"MAIL": None}, TryLater(reason="hung_up", read="hung_up")),
        ({"DATA": None}, TryLater(reason="hung_up", read="hung_up")),
        ({"dot": None}, Unclear(reason="broken", read="broken")),
        ({"greeting": b""}, TryLater(reason="no_answer", read="no_answer")),
        ({"RCPT": b"250-"}, TryLater(reason="no_answer", read="no_answer")),
        ({"DATA": b""}, TryLater(reason="no_answer", read="no_answer")),
        ({"dot": b""}, Unclear(reason="timed_out", read="timed_out")),
        ({"dot": b"250-queued\r\n"}, Unclear(reason="timed_out", read="timed_out")),
        ({"greeting": b"SSH-2.0-x\r\n"}, TryLater(reason="not_understood", read="not_understood")),
        ({"greeting": b"220-a\r\n221 b\r\n"}, TryLater(reason="not_understood", read="not_understood")),
        ({"EHLO": b"250-" + b"x" * 70_000}, TryLater(reason="not_understood", read="not_understood")),
        ({"EHLO": b"250-x\r\n" * 9_000}, TryLater(reason="not_understood", read="not_understood")),
        ({"MAIL": b"250 OK\r\n250 OK\r\n"}, TryLater(reason="not_understood", read="not_understood")),
        ({"DATA": b"354 go\r\n250 queued\r\n"}, TryLater(reason="not_understood", read="not_understood")),
        ({"dot": b"HTTP/1.1 200 OK\r\n"}, Unclear(reason="not_smtp", read="not_smtp")),
        ({"dot": b"\xff\xfe\x00\r\n"}, Unclear(reason="not_smtp", read="not_smtp")),
        ({"dot": b"99 ok\r\n"}, Unclear(reason="not_smtp", read="not_smtp")),
        ({"dot": b"250\r\n"}, Accepted(read="end: 250")),
        ({"dot": b"250 ok\n"}, Accepted(read="end: 250 ok")),
    ],
)  # fmt: skip
async def test_what_may_have_arrived_is_unclear_and_nothing_else_is(wire, script, outcome) -> None:
    server = Scripted(**script)
    async with server.listening() as port:
        conversed = await sent(wire, port, replace(MAIL, timeout=0.3))
    assert conversed.outcome == outcome
    assert conversed.handed_over is (not isinstance(outcome, TryLater))
    (exchange,) = conversed.exchanges
    assert exchange.error == (None if isinstance(outcome, Accepted) else outcome.reason)


async def test_what_was_said_before_a_silence_is_shown(wire) -> None:
    server = Scripted(dot=b"")
    async with server.listening() as port:
        conversed = await sent(wire, port, replace(MAIL, timeout=0.3))
    said = conversed.exchanges[0].received.decode().splitlines()
    assert (said[0], said[-1]) == ("greeting: 220 mx.example", "data: 354 go")


async def test_words_slipped_in_before_tls_are_not_taken_for_the_servers(wire) -> None:
    server = Scripted(
        EHLO=b"250-mx\r\n250 STARTTLS\r\n", STARTTLS=b"220 go\r\n250-evil\r\n250 AUTH PLAIN\r\n"
    )
    async with server.listening() as port:
        conversed = await sent(wire, port, tls="starttls", user=USER, password=PASSWORD)
    assert conversed.outcome == TryLater(reason="not_understood", read="not_understood")


async def test_a_dot_in_the_text_does_not_end_the_mail(wire) -> None:
    server = Scripted()
    async with server.listening() as port:
        await sent(wire, port)
    assert server.messages == [
        b"From: a@us.example\r\nSubject: Ann\r\n\r\n..one\r\n...two\r\n..\r\nQUIT\r\n.\r\n"
    ]
    assert message_from_bytes(server.messages[0])["subject"] == "Ann"


@pytest.mark.parametrize(
    "wrong", [{"to": ()}, {"to": ("a@b.example>\r\nDATA",)}, {"sender": "a b"}, {"also": ("é@b.example",)}]
)
async def test_an_address_that_would_end_its_line_is_never_written(wire, wrong) -> None:
    server = Scripted()
    async with server.listening() as port:
        conversed = await sent(wire, port, replace(MAIL, **wrong))
    assert conversed.outcome.reason == "bad_call"
    assert server.heard == []


async def test_nobody_there_is_tried_later(wire) -> None:
    async with Scripted().listening() as port:
        pass
    conversed = await sent(wire, port)
    assert conversed.outcome == TryLater(
        reason="connect_failed", read="connect_failed: ConnectionRefusedError"
    )


@pytest.mark.parametrize("port", [80, 22, 3306])
async def test_a_port_of_another_service_is_not_dialled(wire, port) -> None:
    conversed = await sent(wire, port)
    assert conversed.outcome == TryLater(reason="address_refused", read="address_refused: port")


async def test_who_stops_waiting_leaves_no_connection_behind(wire) -> None:
    server = Scripted(dot=b"")
    async with server.listening() as port:
        task = asyncio.create_task(sent(wire, port))
        async with asyncio.timeout(2):
            while not server.messages:
                await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
