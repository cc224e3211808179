"""Two requests: what the buyer is asked before, and what he gets only where he wants it."""

import json
from decimal import Decimal

from app.distribute.adapters.ping_post import PingPost
from app.model import Accepted, Rejected, TryLater
from tests.distribute.drive import ann, drive, reply

ADAPTER = PingPost()
ANN = ann(contact={"first_name": "name", "last_name": "name", "email": "email", "phone": "phone"})
TO = ADAPTER.settings.model_validate(
    {
        "ping": {
            "url": "https://buyer.example/ping",
            "template": '{"state": "{{ lead.state }}", "mail": "{{ lead.email }}", "raw": "{{ raw.phone }}",'
            ' "hash": "{{ lead.email_hash }}"}',
            "hashes": {"hash": "md5", "salt": "pepper"},
            "accepted": "reply.json.bid > 0.0",
            "price": "reply.json.bid",
            "reference": "reply.json.token",
            "reason": "reply.json.why",
        },
        "post": {
            "url": "https://buyer.example/post",
            "fields": {"email": "email", "token": "ping_reference", "price": "price"},
            "accepted": 'reply.json.status == "ok"',
            "reference": "reply.json.id",
        },
        "minimum": "5.00",
    }
)
BID = reply(200, '{"bid": 7.5, "token": "t-1"}')
OK = reply(200, '{"status": "ok", "id": "L1"}')


def test_the_ping_hands_nothing_over_and_has_no_contact_whatever_its_template_names() -> None:
    (ping,) = drive(ADAPTER.converse(ANN, TO)).calls
    assert ping.hands_over is False
    assert json.loads(ping.body) == {
        "state": "TX", "mail": "", "raw": "", "hash": "fbad0672399da48a23727233e3d9e061",
    }  # fmt: skip


def test_the_lead_goes_with_the_bids_own_name_at_its_price() -> None:
    driven = drive(ADAPTER.converse(ANN, TO), BID, OK)
    post = driven.calls[1]
    assert post.hands_over is True
    assert json.loads(post.body) == {"email": "ann@example.com", "token": "t-1", "price": "7.50"}
    assert isinstance(driven.outcome, Accepted)
    assert (driven.outcome.reference, driven.outcome.price) == ("L1", Decimal("7.5"))


def test_a_no_to_the_ping_ends_it_before_the_lead_is_shown() -> None:
    driven = drive(ADAPTER.converse(ANN, TO), reply(200, '{"bid": 0, "why": "no appetite"}'))
    assert isinstance(driven.outcome, Rejected)
    assert (driven.outcome.reason, len(driven.calls)) == ("no appetite", 1)


def test_a_bid_under_the_minimum_is_not_posted() -> None:
    driven = drive(ADAPTER.converse(ANN, TO), reply(200, '{"bid": 4.99, "token": "t-1"}'))
    assert isinstance(driven.outcome, Rejected)
    assert (driven.outcome.reason, len(driven.calls)) == ("bid_too_low", 1)


def test_a_bid_without_a_price_is_the_contracts() -> None:
    to = ADAPTER.settings.model_validate(
        {"ping": {"url": "https://b.example/p", "accepted": "true"}, "post": {"url": "https://b.example/l", "accepted": "true"}}
    )  # fmt: skip
    driven = drive(ADAPTER.converse(ANN, to), reply(200, "{}"), reply(200, "{}"))
    assert isinstance(driven.outcome, Accepted)
    assert driven.outcome.price == Decimal("42.00")


def test_a_ping_that_may_come_later_is_asked_again_later() -> None:
    driven = drive(ADAPTER.converse(ANN, TO), reply(429, "", retry_after="7"))
    assert isinstance(driven.outcome, TryLater)
    assert driven.outcome.after == 7


def test_an_unreadable_ping_hands_nothing_over_so_it_may_be_asked_again() -> None:
    driven = drive(ADAPTER.converse(ANN, TO), reply(500, "oops"))
    assert isinstance(driven.outcome, TryLater)
