"""TLS by name: the address is dialled, the certificate is asked for by the name in the URL."""

import ssl

import pytest

from app.distribute.adapter import Call
from app.distribute.wire import Limits, Wire
from app.model import Rejected, TryLater, Unclear
from tests.buyer import Buyer
from tests.selfsigned import self_signed

QUICK = Limits(dns=0.5, connect=0.5, total=1.0, longest=2.0)


async def here(name, port):
    return ["127.0.0.1"]


def post(url):
    reply = yield Call(method="POST", url=url, body=b"{}")
    return Rejected(reason=f"http_{reply.status}")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A file with a key and a certificate for buyer.example that signs itself."""
    return self_signed(tmp_path_factory.mktemp("tls"), "buyer.example")


@pytest.fixture
async def buyer(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    async with Buyer(context) as listening:
        yield listening


@pytest.fixture
async def wire(certificate):
    trusting = ssl.create_default_context(cafile=certificate)
    async with Wire(allow_private=True, limits=QUICK, resolve=here, tls=trusting) as sending:
        yield sending


async def test_a_certificate_for_the_name_is_taken_and_its_connection_kept(buyer, wire):
    for _ in range(3):
        conversed = await wire.converse(post(buyer.url("/ok", "buyer.example")))
        assert conversed.outcome == Rejected(reason="http_200")
    assert len({r.connection for r in buyer.received}) == 1


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
async def test_a_certificate_for_another_name_is_not(buyer, wire, host):
    conversed = await wire.converse(post(buyer.url("/ok", host)))
    assert conversed.outcome == TryLater(reason="tls_failed", read="tls_failed")
    assert (buyer.received, conversed.handed_over) == ([], False)


async def test_a_certificate_that_nobody_signed_is_not(buyer):
    async with Wire(allow_private=True, limits=QUICK, resolve=here) as strict:
        conversed = await strict.converse(post(buyer.url("/ok", "buyer.example")))
    assert conversed.outcome.reason == "tls_failed"
    assert buyer.received == []


async def test_a_server_that_speaks_no_tls_was_sent_nothing(wire):
    async with Buyer() as plain:
        url = plain.url("/ok", "buyer.example").replace("http:", "https:")
        conversed = await wire.converse(post(url))
    assert isinstance(conversed.outcome, TryLater)
    assert plain.received == []


@pytest.mark.parametrize("path", ["/reset-after-headers", "/hang-up", "/short"])
async def test_a_break_within_tls_is_unclear_too(buyer, wire, path):
    conversed = await wire.converse(post(buyer.url(path, "buyer.example")))
    assert conversed.outcome == Unclear(reason="broken", read="broken")
