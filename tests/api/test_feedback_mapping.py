"""A buyer's CRM posts its own documents: what they say of leads is found by the buyer's mapping, and nothing else is."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.catalog.hearing import WORDS
from app.followup.item import NAMES
from tests.api.conftest import serving
from tests.api.test_feedback import Told
from tests.buyer import Buyer
from tests.pipeline.house import catalogue, contract, source

MAPPINGS = """feedback:
      words: {closedwon: won, deal-lost: lost, Do not call: bad.dnc}
      mappings:
        - id: hubspot
          when: item.propertyName == "dealstage"
          item: {reference: item.objectId, code: item.propertyValue, occurred_at: item.occurredAt, external_id: item.eventId}
        - id: pipedrive
          item: {delivery_id: item.data.ref, type: 'item.data.status == "won" ? "revenue" : "disposition"', code: '"deal-" + item.data.status', amount: item.data.value, occurred_at: item.meta.timestamp}
        - id: salesforce
          each: Body.notifications.Notification
          item: {reference: item.sObject.Id, code: item.sObject.Status, external_id: item.Id}
          key_in_address: true
          answer: salesforce
        - {id: form, item: {reference: item.lead, code: item.state}}
    contracts:"""


@pytest.fixture
async def told(database_url: str, tmp_path: Path, buyer: Buyer) -> AsyncIterator[Told]:
    one = contract("b1", buyer.url("/ok")).replace("contracts:", MAPPINGS)
    house = catalogue(source(), one, contract("b2", buyer.url("/ok"), price="1.00"))
    async with serving(database_url, tmp_path, house) as api:
        api.__class__ = Told
        assert isinstance(api, Told)
        api.buyer, api.other = await api.key("buyer", "b1"), await api.key("buyer", "b2")
        yield api


async def kept(told: Told) -> list[str]:
    async with told.process.database.acquire() as conn:
        rows = await conn.fetch(
            "select code, coalesce(amount::text, '') from feedback order by received_at, id"
        )
    return [f"{row[0]} {row[1]}".strip() for row in rows]


def hubspot(**more: Any) -> dict[str, Any]:
    return {
        "eventId": 100, "subscriptionType": "deal.propertyChange", "propertyName": "dealstage",
        "propertyValue": "closedwon", "objectId": "SC-88213", **more,
    }  # fmt: skip


async def test_events_of_a_crm_are_feedback_and_its_others_are_passed_over(told: Told) -> None:
    await told.sold()
    now = int((await told.value("select extract(epoch from now())")) * 1000)
    events = [
        hubspot(propertyName="amount"),
        hubspot(occurredAt=now),
        hubspot(eventId=101, propertyValue="Odd"),
    ]
    results = await told.results(events, query="?mapping=hubspot")
    assert [(one["outcome"], one["code"]) for one in results] == [
        ("accepted", "won"),
        ("accepted", "unmapped"),
    ]
    (again,) = await told.results([hubspot(occurredAt=now)], query="?mapping=hubspot")
    assert (again["outcome"], again["id"]) == ("duplicate", results[0]["id"])
    assert (await told.results([{"other": 1}, None, 7, "x"], query="?mapping=hubspot")) == []
    assert sorted(await kept(told)) == ["unmapped", "won"]


async def test_an_expression_may_choose_and_a_number_is_an_amount(told: Told) -> None:
    delivery = await told.sold()
    body = {"meta": {}, "data": {"ref": delivery, "status": "won", "value": 1200.5}}
    (result,) = await told.results(body, query="?mapping=pipedrive&dry_run=1")
    assert result["outcome"] == "accepted"
    assert await kept(told) == []
    await told.results(body, query="?mapping=pipedrive")
    body["data"]["status"] = "lost"
    del body["data"]["value"]
    await told.results(body, query="?mapping=pipedrive")
    assert await kept(told) == ["revenue 1200.5", "lost"]


def message(*statuses: str) -> str:
    told = "".join(
        f'<Notification><Id>04l{n}</Id><sObject xsi:type="sf:Lead" xmlns:sf="urn:sobject.enterprise.soap.sforce.com">'
        f"<sf:Id>SC-88213</sf:Id><sf:Status>{status}</sf:Status></sObject></Notification>"
        for n, status in enumerate(statuses)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><notifications'
        f' xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>00D</OrganizationId>{told}</notifications>'
        "</soapenv:Body></soapenv:Envelope>"
    )


async def by_address(told: Told, key: str, mapping: str, body: str) -> httpx.Response:
    return await told.http.post(
        f"/v1/feedback?mapping={mapping}&key={key}", content=body, headers={"content-type": "text/xml"}
    )


async def test_an_outbound_message_is_acknowledged_as_it_waits_for_it(told: Told) -> None:
    await told.sold()
    for statuses in (("Contacted",), ("Contacted", "Do not call")):
        answer = await by_address(told, told.buyer, "salesforce", message(*statuses))
        assert answer.status_code == 200
        assert "<Ack>true</Ack>" in answer.text
        assert answer.headers["content-type"].startswith("text/xml")
    assert await kept(told) == ["contacted", "bad.dnc"]


async def test_a_key_in_the_address_opens_only_a_mapping_that_says_so(told: Told) -> None:
    for key, mapping in (
        (told.buyer, "hubspot"), (told.buyer, ""), (told.buyer, "none"), (told.other, "salesforce"),
        (told.acme, "salesforce"), ("", "salesforce"), ("nonsense", "salesforce"),
    ):  # fmt: skip
        answer = await by_address(told, key, mapping, message("Contacted"))
        assert answer.status_code == 401, mapping
        assert not key or key not in answer.text
    assert await kept(told) == []


async def test_a_mapping_is_its_buyers_own(told: Told) -> None:
    for key, mapping in ((told.buyer, "none"), (told.other, "hubspot")):
        answer = await told.tell([hubspot()], key=key, query=f"?mapping={mapping}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    (result,) = await told.results([{"reference": "none", "code": "won"}])  # without one all is as it was
    assert result["outcome"] == "unmatched"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("", "application/json", 400), ("{", "application/json", 400), ("<a>", "text/xml", 400),
        ("a,b", "text/csv", 415), ("{}", "", 415), ('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "text/xml", 400),
        ("[" * 5_000, "application/json", 400),
    ],
)  # fmt: skip
async def test_what_can_not_be_read_is_a_problem(told: Told, body: str, kind: str, status: int) -> None:
    answer = await told.tell(body.encode(), kind=kind, query="?mapping=hubspot")
    assert answer.status_code == status, answer.text


@pytest.mark.parametrize(
    ("event", "code"),
    [
         (hubspot(objectId={"a": 1}), "needs_delivery"),
        (hubspot(propertyValue=None), "needs_code"), (hubspot(occurredAt="long ago"), "bad_time"),
        (hubspot(occurredAt=99_999_999_999_999), "in_future"), (hubspot(propertyValue="x" * 201), "too_long"),
    ],
)  # fmt: skip
async def test_what_an_event_can_not_mean_is_refused_alone(
    told: Told, event: dict[str, Any], code: str
) -> None:
    await told.sold()
    first, second = await told.results([event, hubspot(eventId=7)], query="?mapping=hubspot")
    assert (first["outcome"], first["code"], second["outcome"]) == ("rejected", code, "accepted")


async def test_a_number_of_any_length_is_a_name(told: Told) -> None:
    await told.sold()
    (result,) = await told.results([hubspot(objectId=10**30)], query="?mapping=hubspot")
    assert result["outcome"] == "unmatched"


async def test_a_form_is_read_too(told: Told) -> None:
    await told.sold()
    kind = "application/x-www-form-urlencoded"
    (result,) = await told.results(b"lead=SC-88213&state=qualified", kind=kind, query="?mapping=form")
    assert (result["outcome"], result["code"]) == ("accepted", "qualified")


def test_a_mapping_knows_every_word_of_an_item() -> None:
    assert set(WORDS) == {name for name in NAMES if not name.startswith("match.")}
