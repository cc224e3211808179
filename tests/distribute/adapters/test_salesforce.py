"""A record in Salesforce, against a server that answers as Salesforce's own reference says."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pydantic import ValidationError

from app.distribute.adapter import adapters
from app.distribute.wire import Wire
from app.model import Accepted, Duplicate, Outcome, Rejected, TryLater, Unclear
from tests.buyer import reply as http
from tests.distribute.drive import ANN, TOKEN, ann, drive
from tests.distribute.scripted import QUICK, Scripted, conversed, form, said, token

LOGIN, LEAD = "POST /services/oauth2/token", "POST /services/data/v62.0/sobjects/Lead"
UPSERT = f"PATCH /services/data/v62.0/sobjects/Lead/Leadgate__c/{ANN.delivery_id}"
CREATED = {"id": "00Q5g00000AbCdEEAV", "success": True, "errors": []}
KNOWN = {"client_id": "3MVG9example", "client_secret": "hush-hush"}
FIELDS = {"FirstName": "first_name", "LastName": "last_name", "Company": {"value": "Private"}}
SALESFORCE = adapters.discover()["salesforce"]


def settings(server: Scripted | None = None, **more: Any) -> dict[str, Any]:
    url = f"http://127.0.0.1:{server.port}" if server else "https://sunco.my.salesforce.com"
    return {"url": url, "client": KNOWN, "fields": FIELDS, **more}


def error(code: str, *fields: str, message: str = "of ann@example.com") -> list[dict[str, Any]]:
    return [{"message": message, "errorCode": code, "fields": list(fields)}]


async def answered(status: int, document: Any, *headers: str) -> Outcome:
    async with Scripted({LOGIN: [token("tok-1")], LEAD: [said(status, document, *headers)]}) as server:
        return (await conversed("salesforce", settings(server))).outcome


async def test_a_lead_is_written_with_a_token_of_the_client() -> None:
    async with Scripted({LOGIN: [token("tok-1")], LEAD: [said(201, CREATED)]}) as server:
        told = await conversed("salesforce", settings(server))
    assert told.outcome == Accepted(reference="00Q5g00000AbCdEEAV", read="success: true; reference: id")
    login, lead = server.received
    assert form(login) == {"grant_type": "client_credentials", **KNOWN}
    assert json.loads(lead.body) == {"FirstName": "Ann", "LastName": "O'Hara", "Company": "Private"}
    assert lead.headers["authorization"] == "Bearer tok-1"
    assert lead.headers["sforce-duplicate-rule-header"] == "allowSave=false"
    assert lead.headers["sforce-auto-assign"] == "TRUE"
    assert not any(secret in repr(told) for secret in ("tok-1", "hush-hush"))


async def test_many_leads_share_one_token() -> None:
    says = {LOGIN: [token("tok-1")], LEAD: [said(201, CREATED)]}
    async with Scripted(says) as server, Wire(allow_private=True, limits=QUICK) as wire:
        for _ in range(5):
            told = await conversed("salesforce", settings(server), wire=wire)
            assert isinstance(told.outcome, Accepted)
    assert server.asked == [LOGIN, *[LEAD] * 5]


async def test_a_session_that_has_expired_is_renewed_once() -> None:
    over = said(401, error("INVALID_SESSION_ID", message="Session expired or invalid"))
    async with Scripted({LOGIN: [token("old"), token("new")], LEAD: [over, said(201, CREATED)]}) as server:
        told = await conversed("salesforce", settings(server))
    assert isinstance(told.outcome, Accepted)
    assert server.asked == [LOGIN, LEAD, LOGIN, LEAD]
    assert [one.headers.get("authorization") for one in server.received] == [
        None,
        "Bearer old",
        None,
        "Bearer new",
    ]


async def test_a_session_that_is_never_good_is_about_us() -> None:
    over = said(401, error("INVALID_SESSION_ID"))
    async with Scripted({LOGIN: [token("old"), token("new")], LEAD: [over]}) as server:
        told = await conversed("salesforce", settings(server))
    assert told.outcome == TryLater(reason="INVALID_SESSION_ID", read="status 401 INVALID_SESSION_ID")
    assert not told.handed_over


async def test_a_client_that_is_not_known_there_hands_nothing_over() -> None:
    refused = said(400, {"error": "invalid_client", "error_description": "invalid client credentials"})
    async with Scripted({LOGIN: [refused]}) as server:
        told = await conversed("salesforce", settings(server))
    assert told.outcome == TryLater(reason="no_token", read="no token: it was answered with 400")
    assert server.asked == [LOGIN]
    assert not told.handed_over


@pytest.mark.parametrize(
    ("status", "document", "outcome"),
    [
        (400, error("DUPLICATES_DETECTED"), Duplicate(reason="DUPLICATES_DETECTED", read="status 400 DUPLICATES_DETECTED")),
        (
            400,
            error("REQUIRED_FIELD_MISSING", "Company"),
            Rejected(reason="REQUIRED_FIELD_MISSING", read="status 400 REQUIRED_FIELD_MISSING (Company)"),
        ),
        (
            400,
            error("INVALID_EMAIL_ADDRESS", "Email"),
            Rejected(reason="INVALID_EMAIL_ADDRESS", read="status 400 INVALID_EMAIL_ADDRESS (Email)"),
        ),
        (403, error("REQUEST_LIMIT_EXCEEDED"), TryLater(reason="REQUEST_LIMIT_EXCEEDED", read="status 403 REQUEST_LIMIT_EXCEEDED")),
        (400, error("UNABLE_TO_LOCK_ROW"), TryLater(reason="UNABLE_TO_LOCK_ROW", read="status 400 UNABLE_TO_LOCK_ROW")),
        (400, error("INVALID_FIELD"), TryLater(reason="INVALID_FIELD", read="status 400 INVALID_FIELD")),
        (404, error("NOT_FOUND"), TryLater(reason="NOT_FOUND", read="status 404 NOT_FOUND")),
        (503, error("SERVER_UNAVAILABLE"), TryLater(reason="SERVER_UNAVAILABLE", read="status 503 SERVER_UNAVAILABLE")),
        (500, error("UNKNOWN_EXCEPTION"), Unclear(reason="http_500", read="status 500")),
        (200, {"success": True}, Unclear(reason="unreadable_reply", read="status 200, and no success with an id")),
        (201, {"success": False, "id": "x"}, Unclear(reason="unreadable_reply", read="status 201, and no success with an id")),
        (400, "nonsense", Rejected(reason="http_400", read="status 400")),
        (400, error("Ann O'Hara", "ann@example.com"), Rejected(reason="http_400", read="status 400")),
    ],
)  # fmt: skip
async def test_each_answer_is_what_the_reference_says(status: int, document: Any, outcome: Outcome) -> None:
    assert await answered(status, document) == outcome


async def test_a_page_instead_of_a_record_is_unclear() -> None:
    async with Scripted(
        {LOGIN: [token("tok-1")], LEAD: [http(200, b"<html>maintenance", kind="text/html")]}
    ) as server:
        assert isinstance((await conversed("salesforce", settings(server))).outcome, Unclear)


async def test_a_silence_before_the_token_is_later_and_after_it_unclear() -> None:
    async with Scripted({LOGIN: [b""]}) as server:
        told = await conversed("salesforce", settings(server), wire=None)
    assert isinstance(told.outcome, TryLater)
    async with Scripted({LOGIN: [token("tok-1")], LEAD: [b"garbage\r\n\r\n"]}) as server:
        told = await conversed("salesforce", settings(server))
    assert isinstance(told.outcome, Unclear)


@pytest.mark.parametrize(
    ("answer", "reference"), [(said(201, CREATED), CREATED["id"]), (said(200, CREATED), CREATED["id"]), (http(204, b""), None)]
)  # fmt: skip
async def test_with_an_external_id_a_further_try_finds_the_record(
    answer: bytes, reference: str | None
) -> None:
    async with Scripted({LOGIN: [token("tok-1")], UPSERT: [answer]}) as server:
        told = await conversed("salesforce", settings(server, external_id="Leadgate__c"))
    assert isinstance(told.outcome, Accepted)
    assert told.outcome.reference == reference
    assert "Leadgate__c" not in json.loads(server.received[-1].body)


async def test_a_claim_signed_with_our_key_gives_a_token_too() -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    known = {"client_id": "3MVG9example", "user": "leads@sunco.example", "key": pem}
    async with Scripted({LOGIN: [token("tok-1")], LEAD: [said(201, CREATED)]}) as server:
        told = await conversed("salesforce", settings(server, client=None, jwt=known))
    assert isinstance(told.outcome, Accepted)
    asked = form(server.received[0])
    assert asked["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    head, claims, signature = asked["assertion"].split(".")
    key.public_key().verify(
        _bytes(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256()
    )
    assert json.loads(_bytes(claims)) == {
        "iss": "3MVG9example",
        "sub": "leads@sunco.example",
        "aud": "https://login.salesforce.com",
        "exp": int(ANN.at.timestamp()) + 180,
    }
    assert asked["assertion"] not in repr(told)


def test_a_test_says_so_in_the_fields_that_the_contract_names() -> None:
    to = SALESFORCE.settings.model_validate(settings(test={"Description": "A test"}))
    driven = drive(SALESFORCE.converse(ann(test=True), to), TOKEN)
    assert json.loads(driven.calls[-1].body)["Description"] == "A test"


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "https://sunco.my.salesforce.com/services"},
        {"client": None},
        {"jwt": {"client_id": "a", "user": "u@x.example", "key": "none"}},
        {"fields": {}},
        {"fields": {"Last Name": "last_name"}},
        {"object": "Lead/../User"},
        {"external_id": "FirstName"},
        {"version": "latest"},
        {"timeout": "5m"},
    ],
)
def test_settings_that_can_not_work_are_refused_when_saved(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as refused:
        SALESFORCE.settings.model_validate(settings() | wrong)
    assert "hush-hush" not in str(refused.value)


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
