"""Contracts that docs/adapters shows to be copied, as they stand there, against servers that answer as is documented publicly."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from app.distribute.exchange import Conversed
from app.model import Accepted, Duplicate, Outcome, Rejected, TryLater, Unclear
from tests.buyer import Received
from tests.buyer import reply as http
from tests.distribute.drive import ANN
from tests.distribute.scripted import Answers, Scripted, conversed, form, said, token

PAGES = Path(__file__).parents[2] / "docs/adapters"
BLOCK = re.compile(r"^```yaml\n(campaigns:\n.*?)^```$", re.MULTILINE | re.DOTALL)


def preset(id_: str) -> str:
    """What stands under `deliver`, in the words of the page."""
    for page in ("crm", "dialers", "gateways"):
        for block in BLOCK.findall((PAGES / f"{page}.md").read_text("utf-8")):
            for contract in YAML(typ="safe").load(block)["buyers"][0]["contracts"]:
                if contract["id"] == id_:
                    return json.dumps(contract["deliver"])
    raise AssertionError(f"no page has {id_}")


async def sent(id_: str, place: str, says: Answers, **more: Answers) -> tuple[Conversed, list[Received]]:
    async with Scripted({place: says, **more}) as server:
        told = json.loads(re.sub(r"https://[a-z0-9.]+", server.url(""), preset(id_)))
        del told["adapter"]
        return await conversed("webhook", told), server.received


async def outcome_of(id_: str, place: str, answer: bytes, **more: Answers) -> Outcome:
    return (await sent(id_, place, [answer], **more))[0].outcome


PIPEDRIVE = "POST /api/v2/persons"
ZOHO, ZOHO_TOKEN = "POST /crm/v8/Leads", {"POST /oauth/v2/token": [token("tok-1", expires_in=3600)]}
CONVOSO = "POST /v1/leads/insert"
FIVE9 = "POST /web2campaign/AddToList"
VICI = "GET /vicidial/non_agent_api.php"
SMS = "POST /2010-04-01/Accounts/AC0000/Messages.json"
FAX = "POST /outbound/faxes"


def zoho(code: str, message: str, **details: Any) -> dict[str, Any]:
    status = "success" if code == "SUCCESS" else "error"
    return {"data": [{"code": code, "details": details, "message": message, "status": status}]}


def convoso(code: int, text: str) -> bytes:
    return said(200, {"success": False, "code": code, "text": text})


def five9(code: str, said: str) -> bytes:
    page = (
        "<HTML><BODY><FORM><h1>Result:</h1><TABLE><TR><TD>Error Code:</TD><TD>"
        f'<INPUT readonly id="F9errCode" name="F9errCode" value="{code}" size="10"></TD></TR><TR><TD>'
        f'<INPUT readonly id="F9errDesc" name="F9errDesc" value="{said}" size="38"></TD></TR></TABLE></FORM></BODY></HTML>'
    )
    return http(200, page.encode(), kind="text/html")


def plain(text: str) -> bytes:
    return http(200, text.encode(), kind="text/html; charset=utf-8")


def kind(outcome: Outcome) -> tuple[type, str | None]:
    return type(outcome), outcome.reference if isinstance(outcome, Accepted) else outcome.reason


@pytest.mark.parametrize(
    ("id_", "place", "answer", "ends"),
    [
        ("sunco-pipedrive", PIPEDRIVE, said(201, {"success": True, "data": {"id": 7}}), (Accepted, "7")),
        ("sunco-pipedrive", PIPEDRIVE, said(400, {"success": False, "error": "Name must be given."}), (Rejected, "Name must be given.")),
        ("sunco-pipedrive", PIPEDRIVE, said(401, {"success": False, "error": "unauthorized access"}), (TryLater, "unauthorized access")),
        ("sunco-pipedrive", PIPEDRIVE, said(429, {"success": False, "error": "request over limit"}, "Retry-After: 2"), (TryLater, "http_429")),
        ("sunco-pipedrive", PIPEDRIVE, said(200, {"data": None}), (Unclear, "unreadable_reply")),
        ("sunco-zoho", ZOHO, said(201, zoho("SUCCESS", "record added", id="5545974000000455001")), (Accepted, "5545974000000455001")),
        ("sunco-zoho", ZOHO, said(202, zoho("DUPLICATE_DATA", "duplicate data", api_name="Email")), (Duplicate, "duplicate data")),
        ("sunco-zoho", ZOHO, said(400, zoho("INVALID_DATA", "invalid data", api_name="Email")), (Rejected, "invalid data")),
        ("sunco-zoho", ZOHO, said(400, zoho("MANDATORY_NOT_FOUND", "required field not found")), (Rejected, "required field not found")),
        ("sunco-zoho", ZOHO, said(401, {"code": "INVALID_TOKEN", "message": "invalid oauth token"}), (TryLater, "later")),
        ("sunco-zoho", ZOHO, said(429, {"code": "TOO_MANY_REQUESTS"}), (TryLater, "http_429")),
        ("sunco-zoho", ZOHO, said(200, zoho("SOMETHING_NEW", "?")), (Unclear, "unknown_word")),
        ("sunco-convoso", CONVOSO, said(200, {"success": True, "data": {"lead_id": 10050}}), (Accepted, "10050")),
        ("sunco-convoso", CONVOSO, convoso(6009, "The phone number already exists"), (Duplicate, "The phone number already exists")),
        ("sunco-convoso", CONVOSO, convoso(6008, "The phone number is invalid"), (Rejected, "The phone number is invalid")),
        ("sunco-convoso", CONVOSO, convoso(6079, "Invalid Email(s)"), (Rejected, "Invalid Email(s)")),
        ("sunco-convoso", CONVOSO, convoso(6002, "No such List"), (TryLater, "No such List")),
        ("sunco-convoso", CONVOSO, convoso(5001, "Auth token is invalid"), (TryLater, "Auth token is invalid")),
        ("sunco-convoso", CONVOSO, convoso(403, "Forbidden"), (TryLater, "Forbidden")),
        ("sunco-convoso", CONVOSO, said(401, {"success": False, "text": "No such token"}), (TryLater, "No such token")),
        ("sunco-convoso", CONVOSO, http(200, b"<html>"), (Unclear, "unreadable_reply")),
        ("sunco-five9", FIVE9, five9("0", "The request was successfully processed"), (Accepted, None)),
        ("sunco-five9", FIVE9, five9("602", "Record existed, added"), (Unclear, "Record existed, added")),
        ("sunco-five9", FIVE9, five9("603", "Record exists in list"), (Duplicate, "Record exists in list")),
        ("sunco-five9", FIVE9, five9("600", "No such field"), (TryLater, "No such field")),
        ("sunco-five9", FIVE9, five9("711", "Invalid time to dial"), (TryLater, "Invalid time to dial")),
        ("sunco-five9", FIVE9, five9("715", "Too many requests"), (TryLater, "Too many requests")),
        ("sunco-five9", FIVE9, five9("718", "Domain not found"), (TryLater, "Domain not found")),
        ("sunco-five9", FIVE9, five9("714", "Incorrect field format"), (Rejected, "Incorrect field format")),
        ("sunco-five9", FIVE9, five9("721", "Phone number is incorrect"), (Rejected, "Phone number is incorrect")),
        ("sunco-five9", FIVE9, http(401, b""), (TryLater, "later")),
        ("sunco-five9", FIVE9, plain("<html>Welcome to Five9"), (Unclear, "unreadable_reply")),
        ("sunco-vicidial", VICI, plain("SUCCESS: add_lead LEAD HAS BEEN ADDED - 5125550123|6666|101|193715|-6\n"), (Accepted, "193715")),
        (
            "sunco-vicidial",
            VICI,
            plain("ERROR: add_lead DUPLICATE PHONE NUMBER IN LIST - 5125550123|101|8765444\n"),
            (Duplicate, "add_lead DUPLICATE PHONE NUMBER IN LIST"),
        ),
        (
            "sunco-vicidial",
            VICI,
            plain("ERROR: add_lead INVALID PHONE NUMBER LENGTH - 72755|6666\n"),
            (Rejected, "add_lead INVALID PHONE NUMBER LENGTH"),
        ),
        (
            "sunco-vicidial",
            VICI,
            plain("ERROR: add_lead USER DOES NOT HAVE PERMISSION TO ADD LEADS TO THE SYSTEM - 6666|0\n"),
            (TryLater, "add_lead USER DOES NOT HAVE PERMISSION TO ADD LEADS TO THE SYSTEM"),
        ),
        ("sunco-vicidial", VICI, plain("ERROR: Login incorrect, please try again: |||BAD|"), (TryLater, "Login incorrect")),
        ("sunco-vicidial", VICI, plain("<html>It works!"), (Unclear, "unknown_word")),
        ("sunco-sms", SMS, said(201, {"sid": "SM123", "status": "queued"}), (Accepted, "SM123")),
        ("sunco-sms", SMS, said(400, {"code": 21211, "message": "The 'To' number is not valid"}), (TryLater, "The 'To' number is not valid")),
        ("sunco-sms", SMS, said(429, {"code": 20429, "message": "Too Many Requests"}), (TryLater, "Too Many Requests")),
        ("sunco-sms", SMS, said(500, {}), (Unclear, "http_500")),
        ("sunco-fax", FAX, http(201, b"", "Location: https://rest.interfax.net/outbound/faxes/854759652"), (Accepted, "https://rest.interfax.net/outbound/faxes/854759652")),
        ("sunco-fax", FAX, said(400, {"code": -112, "message": "FaxNumber parameter is invalid"}), (TryLater, "FaxNumber parameter is invalid")),
        ("sunco-fax", FAX, http(401, b""), (TryLater, "later")),
    ],
)  # fmt: skip
async def test_each_documented_answer_is_what_the_page_says(
    id_: str, place: str, answer: bytes, ends: tuple[type, str | None]
) -> None:
    more = ZOHO_TOKEN if id_ == "sunco-zoho" else {}
    assert kind(await outcome_of(id_, place, answer, **more)) == ends


async def test_pipedrive_gets_a_person() -> None:
    _, (asked,) = await sent("sunco-pipedrive", PIPEDRIVE, [http()])
    assert json.loads(asked.body) == {
        "name": "Ann O'Hara",
        "emails": [{"value": "ann@example.com", "primary": True, "label": "home"}],
        "phones": [{"value": "+15125550123", "primary": True, "label": "home"}],
    }
    assert asked.headers["x-api-token"] == "example-token"


async def test_zoho_gets_a_lead_with_a_token_of_the_organisation() -> None:
    told, (login, asked) = await sent("sunco-zoho", ZOHO, [http()], **ZOHO_TOKEN)
    assert form(login) == {
        "grant_type": "client_credentials",
        "scope": "ZohoCRM.modules.leads.CREATE",
        "client_id": "1000.EXAMPLE",
        "client_secret": "example-secret",
        "soid": "ZohoCRM.123456789",
    }
    assert asked.headers["authorization"] == "Zoho-oauthtoken tok-1"
    assert json.loads(asked.body)["data"][0]["Last_Name"] == "O'Hara"
    assert "example-secret" not in repr(told)


async def test_dialers_get_the_digits_of_a_number() -> None:
    for id_, place, name in (("sunco-convoso", CONVOSO, "phone_number"), ("sunco-five9", FIVE9, "number1")):
        _, (asked,) = await sent(id_, place, [http()])
        assert form(asked)[name] == "5125550123"


async def test_vicidial_gets_a_query_and_no_address_shows_it() -> None:
    told, (asked,) = await sent("sunco-vicidial", VICI, [http()])
    assert asked.path.startswith(
        "/vicidial/non_agent_api.php?user=api&pass=example-password&function=add_lead&"
    )
    assert "phone_number=5125550123" in asked.path
    assert f"vendor_lead_code={str(ANN.lead_id)[-12:]}" in asked.path
    (shown,) = told.exchanges
    assert "ann" not in shown.url.lower()
    assert "5125550123" not in shown.url
    assert b"phone_number=5125550123" in shown.sent
    assert "example-password" not in repr(told)


async def test_a_fax_is_a_page_that_nothing_in_a_lead_can_break() -> None:
    _, (asked,) = await sent("sunco-fax", FAX, [http(201, b"")])
    assert asked.path == "/outbound/faxes?faxNumber=%2B15125550100"
    assert asked.headers["content-type"] == "text/html; charset=utf-8"
    assert b"<p>Ann O&#39;Hara, +15125550123, ann@example.com</p>" in asked.body
