"""A contact in HubSpot, against a server that answers as HubSpot's own reference says."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from app.distribute.adapter import adapters
from app.model import Accepted, Duplicate, Outcome, Rejected, TryLater, Unclear
from tests.buyer import reply as http
from tests.distribute.drive import ann, drive
from tests.distribute.scripted import Scripted, conversed, said

CONTACTS, CONTACT = "POST /crm/v3/objects/contacts", "PATCH /crm/v3/objects/contacts/2926551"
HUBSPOT = adapters.discover()["hubspot"]
CREATED = {"id": "512", "properties": {"email": "ann@example.com"}, "archived": False}
EXISTS = {
    "status": "error",
    "message": "Contact already exists. Existing ID: 2926551",
    "correlationId": "b6881283-187e-4088-a778-5c933a14547c",
    "category": "CONFLICT",
}


def settings(server: Scripted | None = None, **more: Any) -> dict[str, Any]:
    url = server.url("") if server else "https://api.hubapi.com"
    fields = {"firstname": "first_name", "email": "email"}
    return {"url": url, "token": "pat-hush", "fields": fields, "existing": "duplicate", **more}


def problem(category: str, message: str = "of ann@example.com", **more: Any) -> dict[str, Any]:
    return {"status": "error", "message": message, "category": category, **more}


async def answered(*answers: bytes, **more: Any) -> Outcome:
    async with Scripted({CONTACTS: answers[:1], CONTACT: answers[1:] or [http(404, b"")]}) as server:
        return (await conversed("hubspot", settings(server, **more))).outcome


async def test_a_contact_is_made_of_the_properties_that_the_contract_names() -> None:
    async with Scripted({CONTACTS: [said(201, CREATED)]}) as server:
        told = await conversed("hubspot", settings(server))
    assert told.outcome == Accepted(reference="512", read="status 201; reference: id")
    (asked,) = server.received
    assert json.loads(asked.body) == {"properties": {"firstname": "Ann", "email": "ann@example.com"}}
    assert asked.headers["authorization"] == "Bearer pat-hush"
    assert "pat-hush" not in repr(told)


async def test_who_is_known_there_is_a_duplicate_and_nothing_was_handed_over() -> None:
    async with Scripted({CONTACTS: [said(409, EXISTS)]}) as server:
        told = await conversed("hubspot", settings(server))
    assert told.outcome == Duplicate(reason="contact_exists", read="status 409")
    assert not told.handed_over


async def test_who_is_known_there_is_brought_up_to_date_if_the_contract_says_so() -> None:
    async with Scripted({CONTACTS: [said(409, EXISTS)], CONTACT: [said(200, {"id": "2926551"})]}) as server:
        told = await conversed("hubspot", settings(server, existing="update"))
    assert told.outcome == Accepted(reference="2926551", read="status 200; reference: id")
    assert server.received[1].body == server.received[0].body


async def test_a_409_that_names_nobody_is_a_duplicate_all_the_same() -> None:
    outcome = await answered(http(409, b"<html>conflict"), existing="update")
    assert outcome == Duplicate(reason="contact_exists", read="status 409")


async def test_an_update_that_comes_too_often_is_waited_for() -> None:
    outcome = await answered(
        said(409, EXISTS), said(429, problem("RATE_LIMITS"), "Retry-After: 5"), existing="update"
    )
    assert outcome == TryLater(reason="RATE_LIMITS", after=5.0, read="status 429 RATE_LIMITS")


@pytest.mark.parametrize(
    ("status", "document", "outcome"),
    [
        (400, problem("VALIDATION_ERROR", "Property values were not valid"), Rejected(reason="VALIDATION_ERROR", read="status 400 VALIDATION_ERROR")),
        (
            400,
            problem("VALIDATION_ERROR", 'Property values were not valid: [{"error":"PROPERTY_DOESNT_EXIST"}]'),
            TryLater(reason="PROPERTY_DOESNT_EXIST", read="status 400 VALIDATION_ERROR"),
        ),
        (401, problem("INVALID_AUTHENTICATION"), TryLater(reason="INVALID_AUTHENTICATION", read="status 401 INVALID_AUTHENTICATION")),
        (401, problem("EXPIRED_AUTHENTICATION"), TryLater(reason="EXPIRED_AUTHENTICATION", read="status 401 EXPIRED_AUTHENTICATION")),
        (403, problem("MISSING_SCOPES"), TryLater(reason="MISSING_SCOPES", read="status 403 MISSING_SCOPES")),
        (423, problem("LOCKED"), TryLater(reason="LOCKED", read="status 423 LOCKED")),
        (502, problem("BAD_GATEWAY"), Unclear(reason="http_502", read="status 502")),
        (503, "", TryLater(reason="http_503", read="status 503")),
        (201, {"id": ["512"]}, Unclear(reason="unreadable_reply", read="status 201, and no id")),
        (201, [], Unclear(reason="unreadable_reply", read="status 201, and no id")),
        (400, problem("ann@example.com"), Rejected(reason="http_400", read="status 400")),
    ],
)  # fmt: skip
async def test_each_answer_is_what_the_reference_says(status: int, document: Any, outcome: Outcome) -> None:
    assert await answered(said(status, document)) == outcome


async def test_a_limit_is_waited_for_as_long_as_it_says() -> None:
    limit = problem("RATE_LIMITS", policyName="TEN_SECONDLY_ROLLING")
    outcome = await answered(said(429, limit, "Retry-After: 7"))
    assert outcome == TryLater(reason="RATE_LIMITS", after=7.0, read="status 429 RATE_LIMITS")


def test_a_test_says_so_in_the_properties_that_the_contract_names() -> None:
    to = HUBSPOT.settings.model_validate(settings(test={"message": "A test"}))
    driven = drive(HUBSPOT.converse(ann(test=True), to))
    assert json.loads(driven.calls[0].body)["properties"]["message"] == "A test"


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": ""},
        {"existing": None},
        {"fields": {}},
        {"fields": {"First Name": "first_name"}},
        {"url": "x"},
    ],
)
def test_settings_that_can_not_work_are_refused_when_saved(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HUBSPOT.settings.model_validate(settings() | wrong)
