"""What a buyer who wants a token would be sent is told without asking for one, and without what proves us."""

import json
from pathlib import Path
from uuid import UUID

from tests.api.conftest import serving
from tests.api.test_routing import ANN, explain
from tests.pipeline.house import catalogue, source

_CRM = """
  - id: crm
    contracts:
      - id: crm
        campaign: solar
        price: "42.00"
        deliver:
          adapter: salesforce
          url: https://sunco.my.salesforce.com
          client: {client_id: gate, client_secret: hush-hush}
          fields: {LastName: first_name, Email: email}
          external_id: Leadgate__c
"""


async def test_the_record_is_told_and_nobody_is_asked_for_a_token(database_url: str, tmp_path: Path) -> None:
    async with serving(database_url, tmp_path, catalogue(source(), _CRM)) as api:
        answer = await explain(api, ANN)
    (lead,) = answer.json()["leads"]
    request = lead["would_send"][0]["request"]
    there, _, delivery = request["url"].rpartition("/")
    assert (request["method"], there) == (
        "PATCH",
        "https://sunco.my.salesforce.com/services/data/v62.0/sobjects/Lead/Leadgate__c",
    )
    assert UUID(delivery)
    assert json.loads(request["body"]) == {"LastName": "Ann", "Email": "ann@example.com"}
    assert request["headers"]["authorization"] == "***"
    assert "hush-hush" not in answer.text
