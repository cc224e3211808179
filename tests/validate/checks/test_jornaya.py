import json
from urllib.parse import parse_qs

import pytest
from pydantic import ValidationError

from app.validate.checks.jornaya import Jornaya, JornayaSettings
from app.validate.remote import Response, Unanswered
from tests.validate.checks.conftest import lead_of
from tests.validate.dialogue import held

TOKEN = "93A35D34-F4C0-F6A6-E9B8-F46B4CD3BEE4"
ANN = {
    "fields": {"email": "Ann@Example.com", "phone": {"number": "+14155550132", "line_type": "mobile"}},
    "extra": {"universal_leadid": TOKEN.lower()},
}


def test_the_golden_cases(agrees):
    assert agrees


def conversation(body: object, status: int = 200):
    to = JornayaSettings.model_validate({"account": "acc0unt", "key": "s3cret"})
    lead, check = lead_of(ANN), Jornaya()
    question = check.question(lead, to)
    assert question is not None
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return held(check.converse(question, to), Response(status=status, body=raw))


def test_nothing_of_the_person_and_no_secret_stands_in_the_address():
    (asked,), value = conversation(
        {
            "audit": {
                "authentic": "1", "age": "2", "duration": 5, "data_integrity": "1", "device_hour": 3,
                "age_rule": 3, "url_rule": "2", "reg_rule": 1, "fields": {"email": "ann@example.com"},
                "market": {"leadid": {"tcpa": {"disclosure": "1", "raw_response": {"label": "I agree"}}}},
            }
        }
    )  # fmt: skip
    assert (asked.method, asked.url) == ("POST", "https://api.leadid.com/SingleQuery")
    assert set(asked.secrets) == {"acc0unt", "s3cret"}
    assert parse_qs(asked.body.decode()) == {
        "lac": ["acc0unt"], "lak": ["s3cret"], "id": [TOKEN], "lpc": ["acme"], "format": ["json"],
        "data": ["email;ann@example.com|phone1;4155550132"],
    }  # fmt: skip
    assert {name: told for name, told in value.items() if told is not None} == {
        "authentic": 1, "age": 2, "duration": 5, "data_integrity": 1, "device_hour": 3, "disclosure": 1,
        "red": ["age"], "yellow": ["url"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "status", "reason", "fault"),
    [
        (b"<xml/>", 200, "not_json", True),
        ({"error": "no such account"}, 200, "no_audit", True),
        ({"audit": {"authentic": "perhaps"}}, 200, "no_audit", True),
        ({"audit": []}, 200, "no_audit", True),
        ([], 200, "no_audit", True),
        ({}, 503, "http_503", True),
        ({}, 400, "http_400", False),
    ],
)
def test_what_is_no_answer_is_none(body, status, reason, fault):
    with pytest.raises(Unanswered) as caught:
        conversation(body, status)
    assert (caught.value.reason, caught.value.fault) == (reason, fault)


@pytest.mark.parametrize("token", ["", "93A35D34", f"{TOKEN}0", "\u0661" * 36, f"{TOKEN[:-1]}Z", None, 12])
def test_what_is_no_leadid_is_not_asked_for(token):
    to = JornayaSettings.model_validate({"account": "a", "key": "k"})
    assert Jornaya().question(lead_of({**ANN, "extra": {"universal_leadid": token}}), to) is None


@pytest.mark.parametrize("told", [{"oldest": 11}, {"service": "https://api.leadid.com/x"}, {"account": None}])
def test_settings_that_mean_nothing_are_refused(told):
    with pytest.raises(ValidationError):
        JornayaSettings.model_validate({"account": "a", "key": "k", **told})
