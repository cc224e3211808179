"""Every format through the real server: each golden body's leads are sold, each once, to a real buyer."""

from collections import Counter

import httpx
import pytest

from app.model import Record
from tests.e2e.books import Books, until
from tests.e2e.catalogues import catalogue, contract, source
from tests.e2e.conftest import Make
from tests.e2e.counting import CountingBuyer
from tests.ingest.formats.golden import goldens

pytestmark = pytest.mark.e2e

NOBODY = "nobody@example.com"
ADDRESSES = ("email", "e_mail", "E-Mail", "Email", "contact.email", "Customer.Email")
MAPPING = "{" + ", ".join(f'"{name}": email' for name in ADDRESSES) + "}"


def yaml(url: str) -> str:
    """A campaign that takes whoever comes: what is asked here is only that nobody is lost or doubled."""
    lax = f"    mapping: {MAPPING}\n    defaults: {{email: {NOBODY}}}\n"
    written = catalogue(source("acme") + lax, contract("best", url))
    checked = "    checks:\n      - {check: duplicate, on: [email], within: 30d}\n"
    assert checked in written
    return written.replace(checked, "").replace(", required: true", "")


def address(record: Record) -> str:
    return next((str(record[name]) for name in ADDRESSES if record.get(name)), NOBODY)


async def test_every_lead_of_every_format_is_sold_once(services: Make, buyer: CountingBuyer) -> None:
    service = services()
    await service.configure(yaml(buyer.url("best")))
    await service.start()
    key = await service.key("source", "acme")
    people: list[str] = []
    async with httpx.AsyncClient(headers={"x-api-key": key}, base_url=service.url) as http:
        await until(lambda: _known(http))
        for golden in goldens():
            headers = {"content-type": golden.content_type}
            answer = await http.post("/v1/leads", content=golden.body, headers=headers)
            assert answer.status_code == 201, (golden.format, golden.name, answer.text)
            told = answer.json()
            outcomes = [one["outcome"] for one in told.get("results", [told])]
            assert outcomes == ["success"] * len(golden.records), (golden.format, golden.name, told)
            people += map(address, golden.records)
    assert Counter(one.delivery.email for one in buyer.answered if one.accepted) == Counter(people)
    assert len({one.delivery.id for one in buyer.answered}) == len(people)
    async with Books(service.dsn) as books:
        await books.settled()
        assert await books.one("select count(*) from lead") == len(people)


async def _known(http: httpx.AsyncClient) -> bool:
    """Keys are read every now and then."""
    return (await http.get("/v1/leads/00000000-0000-0000-0000-000000000000")).status_code == 404
