"""Web-to-Lead, against a server that answers 200 to whatever comes, as Salesforce does."""

from typing import Any

import pytest
from pydantic import ValidationError

from app.distribute.adapter import adapters
from app.model import Accepted, Outcome, Rejected, TryLater, Unclear
from tests.buyer import reply as http
from tests.distribute.drive import ANN
from tests.distribute.scripted import Scripted, conversed, form

PLACE = "POST /servlet/servlet.WebToLead"
OID = "00D5g000000AbCd"
WEB = adapters.discover()["salesforce_web"]


def settings(server: Scripted | None = None, **more: Any) -> dict[str, Any]:
    told = {
        "oid": OID,
        "fields": {"last_name": "last_name", "00N5g000000AbCd": "delivery_id"},
        "proof": "processed",
    }
    return {**told, **({"url": server.url("/servlet/servlet.WebToLead")} if server else {}), **more}


async def answered(answer: bytes, **more: Any) -> Outcome:
    async with Scripted({PLACE: [answer]}) as server:
        return (await conversed("salesforce_web", settings(server, **more))).outcome


async def test_the_form_is_posted_as_a_browser_would() -> None:
    async with Scripted({PLACE: [http(200, b"", "Is-Processed: true")]}) as server:
        told = await conversed("salesforce_web", settings(server))
    assert told.outcome == Accepted(read="Is-Processed: true")
    assert server.received[0].path == f"/servlet/servlet.WebToLead?encoding=UTF-8&orgId={OID}"
    assert form(server.received[0]) == {
        "last_name": "O'Hara",
        "00N5g000000AbCd": str(ANN.delivery_id),
        "oid": OID,
        "encoding": "UTF-8",
    }


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (
            http(200, b"", "Is-Processed: true Exception:common.exception.SalesforceGenericException"),
            Unclear(reason="not_processed", read="Is-Processed: SalesforceGenericException"),
        ),
        (
            http(200, b"", "Is-Processed: false"),
            Unclear(reason="not_processed", read="Is-Processed is not true"),
        ),
        (http(200, b"<html>Thank you"), Unclear(reason="not_processed", read="no word of Is-Processed")),
        (http(302, b"", "Location: https://thanks.example/"), Unclear(reason="http_302", read="status 302")),
        (http(404, b""), Rejected(reason="http_404", read="status 404")),
        (http(503, b"", "Retry-After: 30"), TryLater(reason="http_503", after=30.0, read="status 503")),
        (http(500, b"", "Is-Processed: true"), Unclear(reason="http_500", read="status 500")),
    ],
)
async def test_a_200_alone_is_no_sale(answer: bytes, outcome: Outcome) -> None:
    assert await answered(answer) == outcome


async def test_a_contract_may_want_more_than_the_header() -> None:
    outcome = await answered(http(200, b"", "Is-Processed: true"), proof="confirmed")
    assert outcome == Unclear(reason="unconfirmed", read="Is-Processed: true; the buyer's own word decides")


@pytest.mark.parametrize(
    "wrong",
    [
        {"oid": "005000000000001"},
        {"proof": None},
        {"fields": {}},
        {"fields": {"retURL": "source"}},
        {"test": {"oid": 1}},
    ],
)
def test_settings_that_can_not_work_are_refused_when_saved(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WEB.settings.model_validate(settings() | wrong)
