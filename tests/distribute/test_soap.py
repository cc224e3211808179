"""SOAP through the webhook and the real wire: the envelope, the action, and what faults say of the lead."""

from typing import Any

import pytest
from lxml import etree
from pydantic import ValidationError

from app.distribute.adapter import adapters
from app.model import Accepted, Duplicate, Outcome, Rejected, TryLater, Unclear
from tests.buyer import Received
from tests.buyer import reply as http
from tests.distribute.scripted import Scripted, conversed

WEBHOOK = adapters.discover()["webhook"]
E11, E12 = "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
LEADS = "http://buyer.example/leads"


def settings(server: Scripted | None = None, version: str = "1.1", **more: Any) -> dict[str, Any]:
    return {
        "url": server.url("/leads.asmx") if server else "https://buyer.example/leads.asmx",
        "body": "xml",
        "envelope": "AddLead",
        "fields": {"Name": "{{ lead.first_name }} <& Co>", "Home.State": "state"},
        "soap": {"version": version, "action": "http://buyer.example/AddLead", "namespace": LEADS},
        "accepted": 'reply.xml.Envelope.Body.AddLeadResponse.Result == "OK"',
        "reference": "//*[local-name()='Id']",
        **more,
    }


def envelope(inner: str, namespace: str = E11) -> bytes:
    return f'<?xml version="1.0"?><s:Envelope xmlns:s="{namespace}"><s:Body>{inner}</s:Body></s:Envelope>'.encode()


YES = envelope(f'<AddLeadResponse xmlns="{LEADS}"><Result>OK</Result><Id>77</Id></AddLeadResponse>')


async def asked(answer: bytes = b"", **more: Any) -> tuple[Outcome, Received]:
    async with Scripted({"POST /leads.asmx": [answer or http(200, YES, kind="text/xml")]}) as server:
        outcome = (await conversed("webhook", settings(server, **more))).outcome
    return outcome, server.received[0]


@pytest.mark.parametrize(
    ("version", "namespace", "headers"),
    [
        (
            "1.1",
            E11,
            {"content-type": "text/xml; charset=utf-8", "soapaction": '"http://buyer.example/AddLead"'},
        ),
        (
            "1.2",
            E12,
            {"content-type": 'application/soap+xml; charset=utf-8; action="http://buyer.example/AddLead"'},
        ),
    ],
)
async def test_the_body_goes_in_its_envelope_with_its_action(
    version: str, namespace: str, headers: dict[str, str]
) -> None:
    outcome, request = await asked(version=version)
    assert isinstance(outcome, Accepted)
    assert outcome.reference == "77"
    assert headers.items() <= request.headers.items()
    root = etree.fromstring(request.body)
    assert root.tag == f"{{{namespace}}}Envelope"
    (lead,) = root.find(f"{{{namespace}}}Body")
    assert lead.tag == f"{{{LEADS}}}AddLead"
    assert lead.findtext(f"{{{LEADS}}}Name") == "Ann <& Co>"
    assert lead.findtext(f"{{{LEADS}}}Home/{{{LEADS}}}State") == "TX"


async def test_a_template_writes_its_own_root_and_a_header_is_never_shown() -> None:
    header = '<w:Security xmlns:w="urn:wsse"><w:Password>hush-hush</w:Password></w:Security>'
    more: dict[str, Any] = {
        "fields": None,
        "template": '<?xml version="1.0"?>\n<l:Add xmlns:l="urn:l"><l:State>{{ lead.state }}</l:State></l:Add>',
        "soap": {"version": 1.2, "header": header},
    }
    async with Scripted({"POST /leads.asmx": [http(200, YES)]}) as server:
        told = await conversed("webhook", settings(server, **more))
    root = etree.fromstring(server.received[0].body)
    assert root.findtext(f"{{{E12}}}Body/{{urn:l}}Add/{{urn:l}}State") == "TX"
    assert root.findtext(".//{urn:wsse}Password") == "hush-hush"
    assert "hush-hush" not in repr(told)


def fault11(code: str, said: str = "Phone of ann@example.com is invalid") -> bytes:
    return envelope(f"<s:Fault><faultcode>{code}</faultcode><faultstring>{said}</faultstring></s:Fault>")


def fault12(code: str, sub: str = "", said: str = "Invalid phone") -> bytes:
    more = f"<s:Subcode><s:Value>{sub}</s:Value></s:Subcode>" if sub else ""
    reason = f'<s:Reason><s:Text xml:lang="en">{said}</s:Text></s:Reason>'
    return envelope(f"<s:Fault><s:Code><s:Value>{code}</s:Value>{more}</s:Code>{reason}</s:Fault>", E12)


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (fault11("s:Client"), Rejected(reason="Phone of … is invalid", read="SOAP fault Client")),
        (fault11("s:Client.Phone", ""), Rejected(reason="Client.Phone", read="SOAP fault Client.Phone")),
        (fault12("s:Sender"), Rejected(reason="Invalid phone", read="SOAP fault Sender")),
        (fault11("wsse:FailedAuthentication"), TryLater(reason="FailedAuthentication", read="SOAP fault FailedAuthentication")),
        (fault12("s:Sender", "wsse:InvalidSecurity"), TryLater(reason="InvalidSecurity", read="SOAP fault Sender")),
        (fault11("s:MustUnderstand"), TryLater(reason="MustUnderstand", read="SOAP fault MustUnderstand")),
        (fault11("s:Server", "Object reference not set"), Unclear(reason="Object reference not set", read="SOAP fault Server")),
        (fault12("s:Receiver", said=""), Unclear(reason="soap_fault", read="SOAP fault Receiver")),
        (fault11("ann@example.com", ""), Unclear(reason="soap_fault", read="SOAP fault")),
    ],
)  # fmt: skip
async def test_a_fault_says_whom_it_is_about(status: int, body: bytes, outcome: Outcome) -> None:
    told, _ = await asked(http(status, body, kind="text/xml"), accepted="true")
    assert told == outcome


async def test_the_contracts_rules_count_before_a_fault() -> None:
    rule = 'reply.text.contains("already exists")'
    told, _ = await asked(http(500, fault11("s:Server", "Lead already exists")), duplicate=rule)
    assert isinstance(told, Duplicate)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (
            http(503, fault11("s:Client"), "Retry-After: 4"),
            TryLater(reason="http_503", after=4.0, read="status 503"),
        ),
        (http(500, b"<html>"), Unclear(reason="http_500", read="status 500")),
        (http(500, b""), Unclear(reason="http_500", read="status 500")),
        (http(404, b"<a/>"), Rejected(reason="http_404", read="status 404")),
    ],
)
async def test_what_is_no_fault_is_what_it_always_is(answer: bytes, outcome: Outcome) -> None:
    assert (await asked(answer))[0] == outcome


@pytest.mark.parametrize(
    "wrong",
    [
        {"body": "json"},
        {"soap": {"version": "2"}},
        {"soap": {"action": 'a" b'}},
        {"soap": {"header": "<a>"}},
        {"soap": {"header": "<w:a/>"}},
        {"method": "GET"},
    ],
)
def test_settings_that_can_not_work_are_refused_when_saved(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WEBHOOK.settings.model_validate(settings() | wrong)
