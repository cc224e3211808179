import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks.webhooks import Webhook

from app.distribute.signing import sign, verify

OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
NOW = datetime(2026, 11, 20, 14, 32, 5, tzinfo=UTC)
AT = int(NOW.timestamp())
BODY = '{"name": "Zoë"}'.encode()


def test_what_we_sign_the_reference_implementation_verifies():
    now = int(datetime.now(UTC).timestamp())
    headers = sign([NEW, OLD], "msg_1", now, BODY)
    for secret in (OLD, NEW):
        assert Webhook(secret).verify(BODY, headers) == {"name": "Zoë"}


def test_a_signature_is_the_one_of_the_reference_implementation():
    headers = sign([OLD], "msg_1", AT, BODY)
    assert headers == {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(AT),
        "webhook-signature": Webhook(OLD).sign("msg_1", NOW, BODY.decode()),
    }


def test_each_secret_of_a_rotation_signs():
    signature = sign([NEW, OLD], "msg_1", AT, BODY)["webhook-signature"]
    assert [part[:3] for part in signature.split(" ")] == ["v1,", "v1,"]


@pytest.mark.parametrize("secrets", [[OLD], [NEW], [NEW, OLD]])
def test_any_of_the_secrets_verifies(secrets):
    headers = sign([NEW, OLD], "msg_1", AT, BODY)
    assert verify(secrets, headers, BODY, now=NOW)


GOOD = sign([OLD], "msg_1", AT, BODY)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        GOOD | {"webhook-id": "msg_2"},
        GOOD | {"webhook-id": ""},
        GOOD | {"webhook-timestamp": str(AT + 1)},
        GOOD | {"webhook-timestamp": "soon"},
        GOOD | {"webhook-timestamp": "9" * 400},
        GOOD | {"webhook-timestamp": "²"},
        GOOD | {"webhook-signature": ""},
        GOOD | {"webhook-signature": "v1"},
        GOOD | {"webhook-signature": "v1,%%%"},
        GOOD | {"webhook-signature": "v1,é"},
        GOOD | {"webhook-signature": GOOD["webhook-signature"].replace("v1,", "v2,")},
        GOOD | {"webhook-signature": GOOD["webhook-signature"].replace("v1,", "v1a,")},
    ],
)
def test_a_forged_header_does_not_verify(headers):
    assert not verify([OLD], headers, BODY, now=NOW)


def test_another_body_or_secret_does_not_verify():
    assert not verify([OLD], GOOD, BODY + b" ", now=NOW)
    assert not verify([NEW], GOOD, BODY, now=NOW)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_or_future_message_does_not_verify(minutes):
    assert verify([OLD], GOOD, BODY, now=NOW + timedelta(minutes=minutes / 2))
    assert not verify([OLD], GOOD, BODY, now=NOW + timedelta(minutes=minutes))


def test_ed25519_verifies_with_the_public_key_alone():
    private = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    secret = "whsk_" + base64.b64encode(bytes(range(32))).decode()
    public = "whpk_" + base64.b64encode(private.public_key().public_bytes_raw()).decode()
    headers = sign([secret], "msg_1", AT, BODY)
    assert headers["webhook-signature"].startswith("v1a,")
    assert verify([public], headers, BODY, now=NOW)
    assert not verify([public], headers, BODY + b" ", now=NOW)
    assert not verify([public], GOOD, BODY, now=NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%%", "whsec_c2hvcnQ=", "whsk_c2hvcnQ="])
def test_a_bad_secret_is_refused_without_being_shown(secret):
    with pytest.raises(ValueError) as refused:
        sign([secret], "msg_1", AT, BODY)
    assert "c2hvcnQ" not in str(refused.value)


def test_no_secret_at_all_is_refused():
    with pytest.raises(ValueError):
        sign([], "msg_1", AT, BODY)
