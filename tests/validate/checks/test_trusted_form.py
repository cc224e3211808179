import json

import pytest
from pydantic import ValidationError

from app.validate.checks.trusted_form import TrustedForm, TrustedFormSettings
from app.validate.remote import Response, Unanswered
from tests.validate.checks.conftest import lead_of
from tests.validate.dialogue import held

URL = "https://cert.trustedform.com/0dafb5b5"
ANN = {
    "fields": {"email": "Ann@Example.com", "phone": {"number": "+14155550132", "line_type": "mobile"}},
    "extra": {"xxTrustedFormCertUrl": URL},
}


def test_the_golden_cases(agrees):
    assert agrees


def settings(**told) -> TrustedFormSettings:
    return TrustedFormSettings.model_validate({"key": "s3cret", **told})


def conversation(to: TrustedFormSettings, answer: Response, given: dict = ANN):
    lead, check = lead_of(given), TrustedForm()
    question = check.question(lead, to)
    assert question is not None
    return held(check.converse(question, to), answer)


def said(body: object, status: int = 200) -> Response:
    return Response(status=status, body=body if isinstance(body, bytes) else json.dumps(body).encode())


def test_everything_is_asked_in_one_request_of_the_service_and_nobody_else():
    to = settings(required=["Solar"], verify={"advertiser": "Solar Inc.", "min_font_size_px": 12})
    (asked,), value = conversation(
        to,
        said(
            {
                "outcome": "success", "reason": None,
                "match_lead": {"result": {"success": True, "email_match": True}, "email": "ann@example.com"},
                "retain": {"results": {"expires_at": "2031-01-01T00:00:00Z", "masked_cert_url": "https://x"}},
                "insights": {"properties": {"age_seconds": 3, "ip": "203.0.113.9", "bot_detected": False}},
            }
        ),
    )  # fmt: skip
    assert (asked.method, asked.url) == ("POST", URL)
    assert asked.headers["Api-Version"] == "4.0"
    assert "s3cret" in asked.secrets
    body = json.loads(asked.body)
    assert body["match_lead"] == {"email": "ann@example.com", "phone": "4155550132"}
    assert body["retain"] == {"reference": str(lead_of(ANN).id), "vendor": "acme"}
    assert body["insights"]["scans"] == {"required": ["Solar"]}
    assert body["verify"] == {"advertiser_name": "Solar Inc.", "min_font_size_px_required": 12}
    assert value == {
        "found": True, "outcome": "success", "match": True, "kept_until": "2031-01-01T00:00:00Z",
        "insights": {"age_seconds": 3, "bot_detected": False},
    }  # fmt: skip
    assert "203.0.113.9" not in json.dumps(value)


def test_of_a_test_lead_no_certificate_is_kept():
    (asked,), _ = conversation(settings(), said({"outcome": "success"}), {**ANN, "test": True})
    assert "retain" not in json.loads(asked.body)


def test_a_ping_asks_the_pings_address_and_matches_nobody():
    given = {"fields": ANN["fields"], "extra": {"xxTrustedFormPingUrl": "https://ping.trustedform.com/0.ab"}}
    (asked,), _ = conversation(settings(verify={"advertiser": "a"}), said({"outcome": "success"}), given)
    assert asked.url == "https://ping.trustedform.com/0.ab"
    assert list(json.loads(asked.body)) == ["insights"]


@pytest.mark.parametrize(
    ("answer", "reason", "fault"),
    [
        (said(b"<html>"), "not_json", True),
        (said(b""), "not_json", True),
        (said([]), "no_outcome", True),
        (said({"outcome": "error"}), "no_outcome", False),
        (said({}, 500), "http_500", True),
        (said({}, 401), "http_401", True),
        (said({}, 302), "http_302", False),
        (said({}, 422), "http_422", False),
    ],
)
def test_what_is_no_answer_is_none(answer, reason, fault):
    with pytest.raises(Unanswered) as caught:
        conversation(settings(), answer)
    assert (caught.value.reason, caught.value.fault) == (reason, fault)


@pytest.mark.parametrize("status", [404, 410])
def test_a_certificate_that_is_not_there_is_an_answer(status):
    assert conversation(settings(), said(b"", status))[1] == {"found": False}


@pytest.mark.parametrize(
    "url",
    [
        "http://cert.trustedform.com/abc", "https://cert.trustedform.com", "https://cert.trustedform.com/a/b",
        "https://cert.trustedform.com:444/abc", "https://u@cert.trustedform.com/abc", "ftp://cert.trustedform.com/a",
        "https://cert.trustedform.com/..", "https://cert.trustedform.com/a?b", "https://cert.trustedform.com/a%2fb",
        "https://cert.trustedform.com.evil.example/abc", "//cert.trustedform.com/abc", "abc", "https://[::1/abc",
        "https://cert.trustedform.com/" + "a" * 2_000, "https://cert.trustedform.com\\@evil.example/abc", "\x00",
    ],
)  # fmt: skip
def test_no_other_address_is_ever_asked(url):
    lead = lead_of({**ANN, "extra": {"trustedform_cert_url": url}})
    question = TrustedForm().question(lead, settings())
    if question is not None:
        assert url == "https://cert.trustedform.com/a?b"  # what stands behind the id is not used
        assert question.id == "a"


@pytest.mark.parametrize(
    "told",
    [
        {"match": False}, {"insights": False, "within": "1h"}, {"service": "https://cert.trustedform.com/x"},
        {"service": "cert.trustedform.com"}, {"service": "https://u@cert.trustedform.com"}, {"key": None},
    ],
)  # fmt: skip
def test_settings_that_contradict_each_other_are_refused(told):
    with pytest.raises(ValidationError):
        settings(**told)
