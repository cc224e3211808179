"""What form builders and pages post to a real service is sold to a real buyer, each lead once."""

from collections import Counter

import httpx
import pytest

from tests.api.test_inbound_forms import EXPECTED, SOURCES
from tests.e2e.books import Books
from tests.e2e.catalogues import catalogue, contract
from tests.e2e.conftest import Make
from tests.e2e.counting import CountingBuyer
from tests.ingest.platforms.golden import case

pytestmark = pytest.mark.e2e
CHECKS = "checks:\n      - {check: duplicate, on: [email], within: 30d}"


async def test_every_golden_post_is_sold_once(
    services: Make, buyer: CountingBuyer, database_url: str
) -> None:
    service = services(database_url=database_url)
    yaml = catalogue(SOURCES, contract("b1", buyer.url("b1"))).replace(CHECKS, "checks: []")
    await service.configure(
        yaml.replace("state:      {type: state, country: US}", "phone: {type: phone, country: US}")
    )
    await service.start()
    async with httpx.AsyncClient(base_url=service.url) as http:
        for platform, (name, _) in [*EXPECTED.items(), *EXPECTED.items()]:
            given = case(platform, name)
            answer = await http.post(
                f"/in/{platform}/{platform}",
                params=given.get("query", {}),
                headers=given.get("headers", {}),
                content=given["body"],
            )
            assert answer.status_code in (200, 303), (platform, answer.text)
    async with Books(database_url) as books:
        await books.settled()
    complete = [lead for _, leads in EXPECTED.values() for lead in leads if "first_name" in lead]
    assert Counter(one.delivery.email for one in buyer.answered) == Counter(
        lead["email"] for lead in complete
    )
    assert "example-token-0001" not in service.log()
