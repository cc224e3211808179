import base64

import orjson
import pytest
from pydantic import ValidationError
from standardwebhooks.webhooks import Webhook as Oracle

from app.distribute.adapter import adapters
from app.model import Accepted, TryLater
from tests.distribute.drive import ANN, ann, drive, reply

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MINIMAL = {"url": "https://buyer.example/leads", "accepted": "reply.status == 200"}
WEBHOOK = adapters.discover()["webhook"]


def settings(**other):
    return WEBHOOK.settings.model_validate(MINIMAL | other)


def call(handover=ANN, **other):
    return drive(WEBHOOK.converse(handover, settings(**other))).calls[0]


def test_the_face_of_the_design_works_as_it_stands():
    to = settings(body="json", accepted='reply.json.status == "accepted"', reference="reply.json.id")
    driven = drive(WEBHOOK.converse(ANN, to), reply(200, '{"status": "accepted", "id": "SC-88213"}'))
    assert orjson.loads(driven.calls[0].body)["email"] == "ann@example.com"
    assert driven.outcome == Accepted(
        reference="SC-88213",
        read='accepted: reply.json.status == "accepted" → true; reference: reply.json.id',
    )


def test_a_contract_must_say_what_a_yes_looks_like():
    with pytest.raises(ValidationError, match="accepted"):
        WEBHOOK.settings.model_validate({"url": "https://buyer.example/"})


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("json", "application/json"),
        ("form", "application/x-www-form-urlencoded"),
        ("xml", "application/xml; charset=utf-8"),
    ],
)
def test_the_content_type_is_that_of_the_body(body, kind):
    assert call(body=body).headers["content-type"] == kind


def test_a_hand_over_is_a_hand_over_and_carries_its_delivery_id():
    made = call()
    assert made.hands_over
    assert (made.method, made.url) == ("POST", "https://buyer.example/leads")
    assert made.headers["webhook-id"] == "019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3"
    assert "x-leadgate-test" not in made.headers


def test_a_test_delivery_says_so():
    made = call(ann(test=True))
    assert made.headers["x-leadgate-test"] == "true"
    assert orjson.loads(made.body)["test"] is True
    assert call(ann(test=True), fields={"s": "state"}).body == b'{"s":"TX"}'
    assert call(ann(test=True), fields={"s": "state"}, test={"lp_test": 1}).body == b'{"s":"TX","lp_test":1}'
    assert call(fields={"s": "state"}, test={"lp_test": 1}).body == b'{"s":"TX"}'


def test_a_signed_delivery_verifies():
    made = call(ann(at=ANN.at.now(ANN.at.tzinfo)), sign={"secrets": [SECRET]})
    assert Oracle(SECRET).verify(made.body, dict(made.headers))["first_name"] == "Ann"


def test_headers_are_fixed_templates_or_secret():
    made = call(
        headers={"X-Campaign": "{{ campaign }}/{{ lead.state }}", "Accept": "application/json"},
        secret={"headers": {"X-API-Key": "k-1"}},
    )
    assert made.headers["x-campaign"] == "solar/TX"
    assert made.headers["accept"] == "application/json"
    assert made.headers["x-api-key"] == "k-1"
    assert made.secrets == ("k-1",)


def test_a_leads_value_can_not_add_a_header():
    made = call(ann(lead={"state": "TX\r\nX-Evil: 1"}), headers={"X-State": "{{ lead.state }}"})
    assert made.headers["x-state"] == "TX X-Evil: 1"


@pytest.mark.parametrize(
    ("auth", "header", "secret"),
    [
        ({"bearer": "tok"}, "Bearer tok", "tok"),
        (
            {"basic": {"user": "u", "password": "pä:ss"}},
            "Basic " + base64.b64encode("u:pä:ss".encode()).decode(),
            "pä:ss",
        ),
    ],
)
def test_auth(auth, header, secret):
    made = call(auth=auth)
    assert made.headers["authorization"] == header
    assert made.secrets == (secret,)


def test_secrets_of_the_body_and_the_query():
    made = call(
        body="form", fields={"s": "state"}, secret={"fields": {"lp_key": "f&1"}, "query": {"k": "q&1"}}
    )
    assert made.body == b"s=TX&lp_key=f%261"
    assert made.url == "https://buyer.example/leads?k=q%261"
    assert made.secrets == ("f&1", "q&1")
    assert (
        call(url="https://b.example/?a=1", secret={"query": {"k": "1"}}).url == "https://b.example/?a=1&k=1"
    )


def test_settings_show_no_secret():
    to = settings(
        auth={"bearer": "hush"},
        sign={"secrets": [SECRET]},
        secret={"fields": {"a": "hush"}, "query": {"b": "hush"}},
    )
    assert "hush" not in f"{to!r}{to.model_dump_json()}"
    assert SECRET not in f"{to!r}{to.model_dump_json()}"


def test_a_body_that_can_not_be_written_is_a_visible_attempt_and_nothing_sent():
    driven = drive(WEBHOOK.converse(ANN, settings(template='{"a": {{ lead.first_name }}}')))
    assert driven.calls == []
    assert driven.outcome == TryLater(reason="unformattable", read="the body can't be written: no_json")


def test_put_and_timeout():
    made = call(method="PUT", timeout="20s")
    assert (made.method, made.timeout) == ("PUT", 20.0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "ftp://b.example/"},
        {"url": "https://user:pw@b.example/"},
        {"url": "https://b.example:25/"},
        {"url": "not a url"},
        {"method": "DELETE"},
        {"method": "GET", "template": "a={{ lead.state }}"},
        {"method": "GET", "body": "xml"},
        {"method": "GET", "hmac": {"header": "X-S", "secret": "key"}},
        {"soap": {"version": "1.1"}},
        {"tls": {"certificate": "none", "key": "none"}},
        {"body": "yaml"},
        {"accepted": "reply.json.(("},
        {"fields": {"a": "lead."}},
        {"fields": {"a": "state", "a.b": "state"}},
        {"fields": {"1a": "state"}, "body": "xml"},
        {"envelope": "a b", "body": "xml"},
        {"fields": {"a": "state"}, "template": "{}"},
        {"template": "{{ lead"},
        {"template": "{}", "secret": {"fields": {"k": "v"}}},
        {"template": "{}", "test": {"t": 1}},
        {"headers": {"Content-Length": "1"}},
        {"headers": {"webhook-id": "1"}},
        {"headers": {"a b": "1"}},
        {"headers": {"x": "{{ lead"}},
        {"secret": {"headers": {"Host": "x"}}},
        {"auth": {}},
        {"auth": {"bearer": "a", "basic": {"user": "u", "password": "p"}}},
        {"sign": {"secrets": []}},
        {"sign": {"secrets": ["whsec_%%%"]}},
        {"timeout": "0s"},
        {"timeout": "10m"},
        {"reference": "//["},
        {"price": "regex:(a+)+"},
        {"surprise": 1},
    ],
)
def test_settings_that_can_not_work_are_refused_when_saved(wrong):
    with pytest.raises(ValidationError):
        settings(**wrong)


def test_a_refused_secret_is_not_repeated():
    with pytest.raises(ValidationError) as refused:
        settings(sign={"secrets": ["whsec_c2hvcnQ="]})
    assert "c2hvcnQ" not in str(refused.value)


def test_a_port_that_is_never_dialled_is_refused_in_words():
    with pytest.raises(ValidationError, match="port is not dialled; use 80, 443"):
        settings(url="https://buyer.example:25/")
