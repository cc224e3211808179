"""A buyer whose account gives another refresh token with each exchange, several processes, and kill -9: nobody is shut out."""

import asyncio

import pytest

from app.store.database import Database
from tests.buyer import Received
from tests.buyer import reply as http
from tests.distribute.scripted import Scripted, form, said
from tests.e2e.books import Books
from tests.e2e.catalogues import catalogue, source
from tests.e2e.conftest import Make
from tests.e2e.source import Source, lead

pytestmark = pytest.mark.e2e

CONTRACT = """
  - id: by-token
    contracts:
      - id: by-token
        campaign: solar
        price: "42.00"
        retry: {{schedule: [1s, 1s, 1s, 1s, 1s], until: 60s}}
        deliver:
          adapter: webhook
          url: {url}/leads
          body: json
          fields: {{email: email}}
          auth: {{oauth2: {{token_url: "{url}/token", client_id: gate, client_secret: hush, refresh_token: r0}}}}
          accepted: reply.json.status == "accepted"
"""


class Account:
    """One that takes a second use of a refresh token for theft, and one token at a time."""

    def __init__(self) -> None:
        self.count, self.thief, self.ended = 0, False, False

    def token(self, asked: Received) -> bytes:
        if self.thief or form(asked)["refresh_token"] != f"r{self.count}":
            self.thief = True
            return said(400, {"error": "invalid_grant"})
        self.count, self.ended = self.count + 1, False
        more = {"refresh_token": f"r{self.count}", "expires_in": 3600}
        return said(200, {"access_token": f"a{self.count}", **more})

    def leads(self, asked: Received) -> bytes:
        if self.ended or asked.headers["authorization"] != f"Bearer a{self.count}":
            return http(401, b"")
        return http(200, b'{"status": "accepted"}')


async def test_what_an_exchange_gave_outlives_all_processes(
    services: Make, database_url: str, database: Database
) -> None:
    account = Account()
    async with Scripted({"POST /token": account.token, "POST /leads": account.leads}) as server:
        service = services(database_url=database_url, processes="2", wire_seconds="2", lease_seconds="5")
        await service.configure(catalogue(source(), CONTRACT.format(url=server.url(""))))
        key = await service.key("source", "acme")
        for life in range(2):
            await service.start()
            async with (
                Source(service.url, key, connections=8, fresh=True) as acme,
                Books(database_url) as books,
            ):
                told = await asyncio.gather(*(acme.post(lead(f"{life}{n}")) for n in range(8)))
                assert {one.outcome for one in told} <= {"success", "pending"}
                await books.settled()
            account.ended = True
            service.kill()
        assert (account.thief, account.count) == (False, 2)
        async with database.acquire() as conn:
            assert await conn.fetchval("select count(*) from lead where state = 'sold'") == 16
            kept = await conn.fetchrow("select refresh, access from refresh_token")
        assert all(text.startswith("sealed:v1:") for text in kept)
