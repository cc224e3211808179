"""A signature in the buyer's own way, by the ways of those who have documented theirs."""

import hmac
from base64 import b64encode, urlsafe_b64encode
from typing import Any

import pytest
from pydantic import ValidationError

from app.distribute.adapter import adapters
from tests.distribute.drive import ANN, drive

WEBHOOK = adapters.discover()["webhook"]
BODY = b'{"state":"TX"}'
AT = str(int(ANN.at.timestamp()))


def call(sign: dict[str, Any], **more: Any) -> Any:
    told = {
        "url": "https://buyer.example/leads?v=2",
        "accepted": "reply.status == 200",
        "fields": {"state": "state"},
    }
    to = WEBHOOK.settings.model_validate(told | {"hmac": {"secret": "key", **sign}} | more)
    return drive(WEBHOOK.converse(ANN, to)).calls[0]


def digest(text: bytes, key: bytes = b"key", algorithm: str = "sha256") -> bytes:
    return hmac.digest(key, text, algorithm)


def test_the_body_as_hexadecimal_behind_the_algorithms_name() -> None:
    made = call({"header": "X-Hub-Signature-256", "value": "sha256={{ signature }}"})
    assert made.headers["x-hub-signature-256"] == f"sha256={digest(BODY).hex()}"
    assert made.body == BODY


def test_time_and_body_in_one_header() -> None:
    made = call(
        {
            "header": "Signature",
            "signed": "{{ timestamp }}.{{ body }}",
            "value": "t={{ timestamp }},v1={{ signature }}",
        }
    )
    assert made.headers["signature"] == f"t={AT},v1={digest(AT.encode() + b'.' + BODY).hex()}"


def test_method_and_path_with_a_time_of_its_own() -> None:
    made = call(
        {
            "header": "X-Signature", "algorithm": "sha512", "encoding": "base64", "timestamp": "X-Time",
            "signed": "{{ method }}\n{{ path }}\n{{ delivery_id }}",
        }
    )  # fmt: skip
    text = f"POST\n/leads?v=2\n{ANN.delivery_id}".encode()
    assert made.headers["x-signature"] == b64encode(digest(text, algorithm="sha512")).decode()
    assert made.headers["x-time"] == AT


def test_a_get_signs_its_query() -> None:
    made = call({"header": "X-Signature", "signed": "{{ query }}", "encoding": "base64url"}, method="GET")
    assert made.headers["x-signature"] == urlsafe_b64encode(digest(b"state=TX")).decode().rstrip("=")
    assert (made.url, made.query, made.body) == ("https://buyer.example/leads?v=2", "state=TX", b"")


@pytest.mark.parametrize(("key", "secret"), [("hex", "6b6579"), ("base64", "a2V5")])
def test_a_key_may_be_written_in_another_way(key: str, secret: str) -> None:
    assert call({"header": "X-S", "key": key, "secret": secret}).headers["x-s"] == digest(BODY).hex()


def test_what_stands_in_a_lead_signs_as_it_is_sent() -> None:
    made = call({"header": "X-S"}, fields={"name": "{{ lead.last_name }}\u00e9 {{ '{{' }}"}, body="xml")
    assert made.headers["x-s"] == digest(made.body).hex()


@pytest.mark.parametrize(
    "wrong",
    [
        {"header": "Content-Length"},
        {"header": "a b"},
        {"header": "X-S", "secret": ""},
        {"header": "X-S", "key": "hex", "secret": "xyz-hush"},
        {"header": "X-S", "key": "base64", "secret": "%%-hush"},
        {"header": "X-S", "algorithm": "md5"},
        {"header": "X-S", "signed": "{{ body"},
        {"header": "X-S", "timestamp": "Host"},
    ],
)
def test_settings_that_can_not_work_are_refused_when_saved(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        call(wrong)
    assert "hush" not in str(refused.value)
