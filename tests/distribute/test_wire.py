"""The wire against buyers that misbehave over real sockets; nothing here is ever a sale by accident."""

import asyncio
import logging

import pytest

from app.distribute.adapter import Call, adapters
from app.distribute.faults import NotSent, PerhapsSent, WireFault
from app.distribute.wire import Conversed, Limits, Wire, outcome_of
from app.model import Accepted, Duplicate, Rejected, TryLater, Unclear
from tests.buyer import OWN, Buyer
from tests.distribute.drive import ANN

QUICK = Limits(dns=0.3, connect=0.3, total=0.3, longest=1.0, reply_bytes=65_536)


@pytest.fixture
async def buyer():
    async with Buyer() as listening:
        yield listening


@pytest.fixture
async def wire():
    async with Wire(allow_private=True, limits=QUICK) as sending:
        yield sending


@pytest.fixture
async def patient():
    async with Wire(allow_private=True) as sending:
        yield sending


def webhook(url, **settings):
    adapter = adapters.discover()["webhook"]
    rules = {"accepted": 'reply.json.status == "accepted"', "reference": "reply.json.id"}
    rules["duplicate"] = 'reply.json.status == "duplicate"'
    rules["reason"] = "reply.json.reason"
    return adapter.converse(ANN, adapter.settings.model_validate({"url": url, **rules, **settings}))


def once(url, *, hands_over=True, **more):
    reply = yield Call(method="POST", url=url, body=b"{}", hands_over=hands_over, **more)
    return Rejected(reason=f"http_{reply.status}")


SOLD = {"/ok", "/closes", "/1xx", "/gzip", "/until-close", "/chunked", "/ok-then-gone", "/ok-then-chatter"}
ENDS = {
    "/reject": Rejected(reason="outside territory", read='accepted: reply.json.status == "accepted" → false'),
    "/duplicate": Duplicate(reason="duplicate", read='duplicate: reply.json.status == "duplicate" → true'),
    "/429": TryLater(reason="http_429", after=7.0, read="status 429"),
    "/gibberish": Unclear(
        reason="unreadable_reply", read='accepted: reply.json.status == "accepted" → no value in this reply'
    ),
    "/empty": Unclear(
        reason="empty_reply", read='accepted: reply.json.status == "accepted" → the reply is empty'
    ),
    "/bomb": Unclear(reason="too_large", read="too_large"),
    "/endless": Unclear(reason="too_large", read="too_large"),
    "/endless-1xx": Unclear(reason="too_large", read="too_large"),
    "/headers": Unclear(reason="too_large", read="too_large"),
    "/half-gzip": Unclear(reason="undecodable", read="undecodable"),
    "/brotli": Unclear(reason="undecodable", read="undecodable"),
    "/short": Unclear(reason="broken", read="broken"),
    "/reset": Unclear(reason="broken", read="broken"),
    "/reset-after-headers": Unclear(reason="broken", read="broken"),
    "/hang-up": Unclear(reason="broken", read="broken"),
    "/long": Unclear(reason="not_http", read="not_http"),
    "/two-lengths": Unclear(reason="not_http", read="not_http"),
    "/two-replies": Unclear(reason="not_http", read="not_http"),
    "/ssh": Unclear(reason="not_http", read="not_http"),
    "/upgrade": Unclear(reason="not_http", read="not_http"),
    "/black-hole": Unclear(reason="timed_out", read="timed_out"),
    "/drip": Unclear(reason="timed_out", read="timed_out"),
    "/echo-secret": Rejected(reason="not_accepted", read='accepted: reply.json.status == "accepted" → false'),
    **{
        f"/{status}": Rejected(reason=f"http_{status}", read=f"status {status}")
        for status in (301, 307, 400, 401, 404, 409, 410, 422)
    },
    **{
        f"/{status}": TryLater(reason=f"http_{status}", read=f"status {status}") for status in (408, 425, 503)
    },
    **{
        f"/{status}": Unclear(reason=f"http_{status}", read=f"status {status}")
        for status in (302, 303, 500, 502, 504)
    },
}
SAID_YES = {"/301", "/302", "/303", "/307"}  # their body says accepted, and their status that it isn't


def test_every_way_of_the_buyer_is_judged_here():
    assert SOLD | set(ENDS) == OWN


@pytest.mark.parametrize("path", sorted(set(ENDS) - SAID_YES))
async def test_a_misbehaving_buyer_never_gets_a_sale(buyer, wire, path):
    conversed = await wire.converse(webhook(buyer.url(path)))
    assert conversed.outcome == ENDS[path]
    assert conversed.handed_over
    assert len(conversed.exchanges) == len(buyer.received) == 1


@pytest.mark.parametrize("path", sorted(SAID_YES))
async def test_a_redirect_is_not_followed(buyer, wire, path):
    conversed = await wire.converse(webhook(buyer.url(path), accepted="reply.status == 200"))
    assert conversed.outcome == ENDS[path]
    assert len(conversed.exchanges) == len(buyer.received) == 1


@pytest.mark.parametrize("path", sorted(SOLD))
async def test_a_yes_in_any_lawful_writing_is_a_sale(buyer, wire, path):
    conversed = await wire.converse(webhook(buyer.url(path)))
    read = 'accepted: reply.json.status == "accepted" → true; reference: reply.json.id'
    assert conversed.outcome == Accepted(reference="SC-88213", read=read)


@pytest.mark.parametrize(
    "path", sorted(p for p, end in ENDS.items() if isinstance(end, Unclear) and len(p) != 4)
)
async def test_a_broken_ping_may_be_asked_again(buyer, wire, path):
    conversed = await wire.converse(once(buyer.url(path), hands_over=False))
    assert isinstance(conversed.outcome, TryLater | Rejected)
    assert not conversed.handed_over


async def test_the_time_for_all_bounds_a_drip(buyer, wire):
    """It comes to its end, and would be a sale, after two seconds and a half."""
    conversed = await wire.converse(webhook(buyer.url("/drip"), timeout="60s"), total=0.1)
    assert conversed.outcome == Unclear(reason="timed_out", read="timed_out")


async def test_a_contract_may_ask_for_its_own_time(buyer):
    async with Wire(allow_private=True, limits=Limits(total=3600, longest=3600)) as wire, asyncio.timeout(60):
        conversed = await wire.converse(once(buyer.url("/black-hole"), timeout=0.05))
    assert conversed.outcome == Unclear(reason="timed_out", read="timed_out")


async def test_a_connection_is_used_again(buyer, wire):
    for _ in range(3):
        await wire.converse(webhook(buyer.url("/ok")))
    assert [r.connection for r in buyer.received] == [1, 1, 1]


@pytest.mark.parametrize("path", ["/closes", "/ok-then-gone", "/until-close"])
async def test_a_connection_that_its_buyer_closed_is_not_written_to(buyer, wire, path):
    for _ in range(5):
        conversed = await wire.converse(webhook(buyer.url(path)))
        await asyncio.sleep(0)
        assert isinstance(conversed.outcome, Accepted)
    assert [r.connection for r in buyer.received] == [1, 2, 3, 4, 5]


async def test_a_reply_that_nobody_asked_for_is_not_taken_for_the_next_one(buyer, wire):
    await wire.converse(webhook(buyer.url("/ok-then-chatter")))
    async with asyncio.timeout(60):
        while buyer.open_connections:  # until the wire has heard it, and hung up
            await asyncio.sleep(0)
    conversed = await wire.converse(webhook(buyer.url("/ok")))
    assert conversed.outcome.reference == "SC-88213"
    assert [r.connection for r in buyer.received] == [1, 2]


async def test_a_failed_conversation_leaves_no_connection_behind(buyer, wire):
    await wire.converse(webhook(buyer.url("/ssh")))
    await wire.converse(webhook(buyer.url("/ok")))
    assert [r.connection for r in buyer.received] == [1, 2]


async def test_a_hand_over_that_meets_a_closing_connection_is_not_repeated(buyer, wire):
    await wire.converse(webhook(buyer.url("/ok")))
    conversed = await wire.converse(webhook(buyer.url("/hang-up")))
    assert conversed.outcome == Unclear(reason="broken", read="broken")
    assert [r.connection for r in buyer.received] == [1, 1]


async def test_a_ping_that_meets_a_closing_connection_is_asked_on_a_new_one(buyer, wire):
    await wire.converse(webhook(buyer.url("/ok")))
    await wire.converse(once(buyer.url("/hang-up"), hands_over=False))
    assert [r.connection for r in buyer.received] == [1, 1, 2]


async def test_many_at_once_get_their_own_replies(buyer, patient):
    paths = ["/ok", "/reject", "/duplicate", "/429", "/500"] * 20
    ended = await asyncio.gather(*(patient.converse(webhook(buyer.url(p))) for p in paths))
    assert [type(c.outcome).__name__ for c in ended] == [
        "Accepted",
        "Rejected",
        "Duplicate",
        "TryLater",
        "Unclear",
    ] * 20


async def test_what_is_crowded_out_was_not_sent(buyer):
    async with Wire(allow_private=True, limits=QUICK, at_once=1) as wire:
        first = asyncio.ensure_future(wire.converse(webhook(buyer.url("/black-hole"))))
        await asyncio.sleep(0)
        second = await wire.converse(webhook(buyer.url("/ok")), total=0.1)
        assert second.outcome == TryLater(reason="crowded", read="crowded")
        assert not second.handed_over
        assert isinstance((await first).outcome, Unclear)


async def test_a_cancelled_conversation_closes_its_connection_and_gives_its_place_back(buyer):
    async with Wire(allow_private=True, limits=QUICK, at_once=1) as wire:
        task = asyncio.ensure_future(wire.converse(webhook(buyer.url("/black-hole"))))
        while not buyer.received:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert isinstance((await wire.converse(webhook(buyer.url("/ok")))).outcome, Accepted)
    assert [r.connection for r in buyer.received] == [1, 2]


# what never left


async def test_nobody_listening_is_tried_later(wire, unused_tcp_port):
    conversed = await wire.converse(webhook(f"http://127.0.0.1:{unused_tcp_port}/"))
    assert conversed.outcome == TryLater(
        reason="connect_failed", read="connect_failed: ConnectionRefusedError"
    )
    assert not conversed.handed_over
    assert conversed.exchanges[0].error == "connect_failed"


@pytest.mark.parametrize(
    ("host", "why"),
    [
        ("127.0.0.1", "loopback"),
        ("2130706433", "loopback"),
        ("0x7f000001", "loopback"),
        ("0177.0.0.1", "loopback"),
        ("127.1", "loopback"),
        ("localhost", "loopback"),
        ("[::1]", "loopback"),
        ("[::ffff:127.0.0.1]", "loopback"),
        ("[64:ff9b::7f00:1]", "loopback"),
        ("[2002:7f00:1::1]", "6to4"),
        ("[fe80::1]", "not_global"),
        ("169.254.169.254", "link_local"),
        ("0", "this_network"),
    ],
)
async def test_an_inner_address_is_refused_in_every_disguise(buyer, host, why, caplog):
    async with Wire(allow_private=False, limits=QUICK) as wire:
        conversed = await wire.converse(webhook(buyer.url("/ok", host)))
    assert conversed.outcome == TryLater(reason="address_refused", read=f"address_refused: {why}")
    assert (buyer.connections, conversed.handed_over) == (0, False)
    assert "the address of a buyer is refused" in caplog.text


async def test_one_inner_address_among_several_refuses_the_name(buyer):
    async def resolve(name, port):
        return ["93.184.216.34", "10.0.0.7"]

    async with Wire(allow_private=False, limits=QUICK, resolve=resolve) as wire:
        conversed = await wire.converse(webhook("http://buyer.example/"))
    assert conversed.outcome == TryLater(reason="address_refused", read="address_refused: private")


async def test_the_address_that_was_checked_is_the_one_that_is_dialled(buyer):
    asked = []

    async def resolve(name, port):
        asked.append(name)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    async with Wire(allow_private=True, limits=QUICK, resolve=resolve) as wire:
        conversed = await wire.converse(webhook(buyer.url("/ok", "rebinding.example")))
    assert isinstance(conversed.outcome, Accepted)
    assert asked == ["rebinding.example"]
    assert buyer.received[0].headers["host"] == f"rebinding.example:{buyer.port}"


async def test_the_next_address_is_dialled_where_the_first_is_dead(buyer):
    async def resolve(name, port):
        return ["::1", "127.0.0.1"]

    async with Wire(allow_private=True, limits=QUICK, resolve=resolve) as wire:
        conversed = await wire.converse(webhook(buyer.url("/ok", "twice.example")))
    assert isinstance(conversed.outcome, Accepted)


@pytest.mark.parametrize("fails", [OSError("no such name"), None])
async def test_a_name_that_nobody_knows_is_tried_later(fails):
    async def resolve(name, port):
        if fails is not None:
            raise fails
        return await asyncio.Event().wait()

    async with Wire(allow_private=True, limits=QUICK, resolve=resolve) as wire:
        conversed = await wire.converse(webhook("http://nobody.example/"))
    assert isinstance(conversed.outcome, TryLater)
    assert conversed.outcome.reason == "name_unknown"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://buyer.example/",
        "http:///x",
        "http://user:pass@buyer.example/",
        "http://buyer.example\\@127.0.0.1/",
        "http://buyer.example/a b",
        "http://buyer.example/\r\nX: 1",
        "http://buyer.example:99999/",
        "http://buyer.example:22/",
        "file:///etc/passwd",
        "",
    ],
)
async def test_a_url_that_leads_nowhere_good_is_not_sent(wire, url):
    conversed = await wire.converse(once(url))
    assert isinstance(conversed.outcome, TryLater)
    assert conversed.outcome.reason in ("bad_call", "address_refused")


@pytest.mark.parametrize(
    "headers",
    [
        {"x": "a\r\nX-Evil: 1"},
        {"x\n": "1"},
        {"x": "a\0b"},
        {"Host": "other"},
        {"content-length": "0"},
        {"x:": "y"},
    ],
)
async def test_a_header_can_not_smuggle_another_request(buyer, wire, headers):
    conversed = await wire.converse(once(buyer.url("/ok"), headers=headers))
    assert conversed.outcome.reason == "bad_call"
    assert buyer.received == []


# conversations


async def test_a_fault_after_a_hand_over_is_unclear_whatever_fails_later(buyer, wire):
    def twice():
        yield Call(method="POST", url=buyer.url("/ok"))
        yield Call(method="GET", url=buyer.url("/black-hole"), hands_over=False)

    conversed = await wire.converse(twice())
    assert conversed.outcome == Unclear(reason="timed_out", read="timed_out")
    assert [e.status for e in conversed.exchanges] == [200, None]


@pytest.mark.parametrize(
    ("hands_over", "ended"),
    [
        (True, Unclear(reason="adapter_failed", read="the adapter failed; see the log")),
        (False, TryLater(reason="adapter_failed", read="the adapter failed; see the log")),
    ],
)
async def test_an_adapter_that_fails_is_a_bug_and_no_crash(buyer, wire, hands_over, ended, caplog):
    def fails():
        yield Call(method="POST", url=buyer.url("/ok"), hands_over=hands_over)
        raise KeyError("ann@example.com")

    assert (await wire.converse(fails())).outcome == ended
    assert "KeyError" in caplog.text
    assert "ann@example.com" not in caplog.text


async def test_an_adapter_that_returns_nothing_is_a_bug_too(buyer, wire):
    def forgets():
        yield Call(method="POST", url=buyer.url("/ok"))

    assert (await wire.converse(forgets())).outcome.reason == "adapter_failed"


async def test_an_adapter_that_never_ends_is_ended(buyer, wire):
    def talks():
        while True:
            yield Call(method="POST", url=buyer.url("/ok"))

    conversed = await wire.converse(talks())
    assert isinstance(conversed.outcome, Unclear)
    assert len(conversed.exchanges) == len(buyer.received) == 8


async def test_an_adapter_may_end_without_a_call(wire):
    def never():
        return TryLater(reason="unformattable")
        yield

    assert await wire.converse(never()) == Conversed(outcome=TryLater(reason="unformattable"))


# what is kept for the trace


async def test_what_was_said_is_kept_without_its_secrets(buyer, wire, caplog):
    caplog.set_level(logging.DEBUG)
    url = buyer.url("/echo-secret")
    secret = {
        "headers": {"X-Key": "s3cret-key"},
        "fields": {"lp_key": "s3cret-key"},
        "query": {"k": "s3cret-key"},
    }
    conversed = await wire.converse(webhook(url, secret=secret, auth={"bearer": "b3arer"}, body="form"))
    assert b"lp_key=s3cret-key" in buyer.received[0].body
    assert buyer.received[0].headers["authorization"] == "Bearer b3arer"
    exchange = conversed.exchanges[0]
    assert (exchange.method, exchange.url, exchange.status) == ("POST", f"{url}?k=***", 200)
    assert (exchange.sent_headers["x-key"], exchange.sent_headers["authorization"]) == ("***", "***")
    assert exchange.received_headers["x-echo"] == "***"
    assert exchange.received == b'{"status": "no", "you_sent": "***"}'
    assert not any(word in f"{conversed!r}{caplog.text}" for word in ("s3cret", "b3arer"))


async def test_what_came_before_a_break_is_kept(buyer, wire):
    exchange = (await wire.converse(webhook(buyer.url("/reset-after-headers")))).exchanges[0]
    assert (exchange.status, exchange.error) == (200, "broken")
    assert exchange.received_headers["content-type"] == "application/json"


async def test_long_bodies_are_cut_for_the_trace(buyer, wire):
    def long():
        reply = yield Call(method="POST", url=buyer.url("/ok"), body=b"x" * 100_000)
        return Rejected(reason=str(reply.status))

    exchange = (await wire.converse(long())).exchanges[0]
    assert (len(exchange.sent), exchange.cut) == (65_536, True)
    assert len(buyer.received[0].body) == 100_000


async def test_the_request_says_who_asks_and_offers_nothing_else(buyer, wire):
    await wire.converse(once(buyer.url("/ok")))
    assert buyer.received[0].headers == {
        "host": f"127.0.0.1:{buyer.port}",
        "user-agent": "leadgate/0.1",
        "accept": "*/*",
        "accept-encoding": "identity",
        "content-length": "2",
    }


def leaves(cls):
    below = cls.__subclasses__()
    return set().union(*map(leaves, below)) if below else {cls}


def test_every_fault_says_whether_something_left():
    assert leaves(WireFault) == leaves(NotSent) | leaves(PerhapsSent)
    assert len({fault.code for fault in leaves(WireFault)}) == len(leaves(WireFault))


@pytest.mark.parametrize("fault", sorted(leaves(WireFault), key=lambda f: f.code))
def test_only_what_handed_nothing_over_is_tried_again(fault):
    assert isinstance(outcome_of(fault(), handed_over=False), TryLater)
    assert isinstance(outcome_of(fault(), handed_over=True), Unclear)
