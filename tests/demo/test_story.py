"""The stories that the README tells of the demo are those that its catalogue, its lines and its buyers make."""

import shlex
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest
from ruamel.yaml import YAML

from app.catalog.documents import Catalogue, ContractDoc
from app.demo import build_sink, catalogue, curl_lines
from app.distribute.adapter import Call, Handover, Reply, adapters
from app.ingest.fieldtype import fieldtypes
from app.ingest.format import formats
from app.ingest.mapping import FieldMap
from app.model import Accepted, Outcome, Rejected, TryLater

AT = datetime(2025, 11, 20, 14, 32, tzinfo=UTC)
DELIVERY = UUID("019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3")
KEY = "lg_src_0123456789abcdef"


@pytest.fixture
def demo() -> Catalogue:
    for registry in (formats, fieldtypes, adapters):
        registry.discover()
    return Catalogue.model_validate(YAML(typ="safe").load(catalogue("http://sink")))


@pytest.fixture
def http() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(build_sink(lambda line: None)))


def leads(demo: Catalogue) -> list[dict[str, Any]]:
    """Normal values of the three lines' leads; each must be valid throughout."""
    fields = FieldMap.compile(demo.campaigns[0], demo.sources[0], fieldtypes)
    found = []
    for line, name in zip(curl_lines("http://127.0.0.1:8000", KEY), ("json", "form", "xml"), strict=True):
        words = shlex.split(line)
        body = words[words.index("-d") + 1].encode()
        (record,) = formats[name].read(body, formats[name].content_types[0])
        values, extra = fields.apply(record)
        assert not extra
        assert all(value.valid for value in values.values())
        found.append({name: value.normal for name, value in values.items()})
    return found


def contract(demo: Catalogue, id_: str) -> ContractDoc:
    return next(c for buyer in demo.buyers for c in buyer.contracts if c.id == id_)


def wants(doc: ContractDoc, lead: dict[str, Any]) -> bool:
    return doc.when is not None and doc.when.holds({"lead": lead})


async def hand_over(http: httpx.AsyncClient, doc: ContractDoc, lead: dict[str, Any]) -> Outcome:
    """The adapter's conversation, its calls answered by the demo's buyers."""
    told = dict(doc.deliver)
    adapter = adapters[told.pop("adapter")]
    handover = Handover(
        delivery_id=DELIVERY, lead_id=DELIVERY, contract=doc.id, campaign="solar", source="acme",
        price=Decimal(doc.price), lead=lead, at=AT,
    )  # fmt: skip
    conversation = adapter.converse(handover, adapter.settings.model_validate(told))
    try:
        call = next(conversation)
        while True:
            call = conversation.send(await answer(http, call))
    except StopIteration as done:
        outcome: Outcome = done.value
        return outcome


async def answer(http: httpx.AsyncClient, call: Call) -> Reply:
    reply = await http.request(call.method, call.url, headers=dict(call.headers), content=call.body)
    return Reply(status=reply.status_code, headers=dict(reply.headers), body=reply.content)


async def test_the_first_lead_is_wanted_by_both_and_sunco_takes_it(
    demo: Catalogue, http: httpx.AsyncClient
) -> None:
    lead = leads(demo)[0]
    sunco, brightroof = contract(demo, "sunco-west"), contract(demo, "brightroof-us")
    assert wants(sunco, lead)
    assert wants(brightroof, lead)
    assert sunco.price > brightroof.price
    outcome = await hand_over(http, sunco, lead)
    assert isinstance(outcome, Accepted)
    assert outcome.reference is not None
    assert outcome.reference.startswith("SC-")


async def test_the_second_is_refused_by_sunco_and_taken_by_brightroof(
    demo: Catalogue, http: httpx.AsyncClient
) -> None:
    lead = leads(demo)[1]
    first = await hand_over(http, contract(demo, "sunco-west"), lead)
    assert isinstance(first, Rejected)
    assert first.reason == "state_not_licensed"
    second = await hand_over(http, contract(demo, "brightroof-us"), lead)
    assert isinstance(second, Accepted)
    assert second.price == Decimal("39.00")


async def test_the_third_finds_sunco_down_and_is_taken_at_the_second_try(
    demo: Catalogue, http: httpx.AsyncClient
) -> None:
    lead = leads(demo)[2]
    assert wants(contract(demo, "sunco-west"), lead)
    first = await hand_over(http, contract(demo, "sunco-west"), lead)
    assert isinstance(first, TryLater)
    assert first.after == 5
    assert isinstance(await hand_over(http, contract(demo, "sunco-west"), lead), Accepted)


async def test_its_source_is_answered_before_the_second_try(demo: Catalogue) -> None:
    assert demo.sources[0].deadline.seconds < contract(demo, "sunco-west").retry.schedule[0].seconds
