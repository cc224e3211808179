"""A refresh token that changes with each use: one process exchanges it, the newest is kept, and nobody reads it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from app.catalog.sealing import Sealer
from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.exchange import Conversed
from app.distribute.wire import Wire
from app.model import Accepted, TryLater
from app.pipeline.refreshing import RefreshTokens
from app.store import processes
from app.store.database import Database
from tests.buyer import Received
from tests.buyer import reply as http
from tests.distribute.scripted import QUICK, Scripted, conversed, form, said

TOKEN, LEADS = "POST /token", "POST /leads"
WORLD = World()


class Account:
    """Gives another refresh token with each exchange; one that is exchanged a second time shuts everybody out."""

    def __init__(self, **more: Any) -> None:
        self.newest, self.exchanged, self.shut, self.more = "r0", 0, False, more
        self.good: set[str] = set()

    def token(self, asked: Received) -> bytes:
        if self.shut or form(asked)["refresh_token"] != self.newest:
            self.shut = True
            return said(400, {"error": "invalid_grant", "error_description": form(asked)["refresh_token"]})
        self.exchanged += 1
        self.newest, text = f"r{self.exchanged}", f"a{self.exchanged}"
        self.good = {text}
        return said(
            200, {"access_token": text, "refresh_token": self.newest, "expires_in": 3600, **self.more}
        )

    def leads(self, asked: Received) -> bytes:
        known = asked.headers["authorization"].removeprefix("Bearer ") in self.good
        return http(200, b'{"status": "accepted"}') if known else http(401, b"")


class House:
    """Processes on one database, each with wires of its own, and the account that they share."""

    def __init__(self, database: Database, open_: AsyncExitStack) -> None:
        self.database, self._open = database, open_
        self.account = Account()
        self.sealer = Sealer(bytes(32))

    async def start(self) -> None:
        says = {
            TOKEN: lambda asked: self.account.token(asked),
            LEADS: lambda asked: self.account.leads(asked),
        }
        self.server = await self._open.enter_async_context(Scripted(says))

    async def process(self) -> Wire:
        me = WORLD.new_id()
        async with self.database.acquire() as conn:
            await processes.hello(conn, me, "serve", "test", 1)
        keeper = RefreshTokens(
            self.database, self.sealer, WORLD, Metrics(), process_id=lambda: me, lease_seconds=10
        )
        wire = Wire(allow_private=True, limits=QUICK, keeper=keeper)
        return await self._open.enter_async_context(wire)

    async def sends(self, wire: Wire) -> Conversed:
        known = {
            "token_url": self.server.url("/token"), "client_id": "gate", "client_secret": "hush",
            "refresh_token": "r0",
        }  # fmt: skip
        told = {
            "url": self.server.url("/leads"), "body": "json", "fields": {"email": "email"}, "auth": {"oauth2": known},
            "accepted": 'reply.json.status == "accepted"',
        }  # fmt: skip
        return await conversed("webhook", told, wire=wire)

    async def row(self) -> Any:
        async with self.database.acquire() as conn:
            return await conn.fetchrow("select * from refresh_token")


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with AsyncExitStack() as opened:
        made = House(database, opened)
        await made.start()
        yield made


async def test_the_newest_is_exchanged_by_whoever_comes_next(house: House) -> None:
    first = await house.sends(await house.process())
    house.account.good = set()  # it ends there
    second = await house.sends(await house.process())
    assert (type(first.outcome), type(second.outcome)) == (Accepted, Accepted)
    asked = [form(one)["refresh_token"] for one in house.server.received if one.path == "/token"]
    assert asked == ["r0", "r1"]


async def test_many_processes_at_once_exchange_it_once_and_use_one_token(house: House) -> None:
    wires = [await house.process() for _ in range(4)]
    told = await asyncio.gather(*(house.sends(wire) for wire in wires for _ in range(5)))
    assert {type(one.outcome) for one in told} == {Accepted}
    assert house.account.exchanged == 1


async def test_a_token_that_was_refused_is_exchanged_anew_once_for_all(house: House) -> None:
    wires = [await house.process() for _ in range(4)]
    await asyncio.gather(*(house.sends(wire) for wire in wires))
    house.account.good = set()
    told = await asyncio.gather(*(house.sends(wire) for wire in wires for _ in range(5)))
    assert {type(one.outcome) for one in told} == {Accepted}
    assert house.account.exchanged == 2


async def test_where_no_other_is_given_the_old_one_stays(house: House) -> None:
    house.account.more = {"refresh_token": None}
    house.account.newest = "r0"
    await house.sends(await house.process())
    house.account.newest, house.account.good = "r0", set()
    assert isinstance((await house.sends(await house.process())).outcome, Accepted)


async def test_what_stands_in_the_database_is_sealed_and_what_is_shown_hides_it(house: House) -> None:
    told = await house.sends(await house.process())
    row = await house.row()
    assert house.sealer.open(row["refresh"]) == "r1"
    assert row["refresh"].startswith("sealed:v1:")
    assert row["access"].startswith("sealed:v1:")
    house.account.shut, house.account.good = True, set()
    again = await house.sends(await house.process())
    assert isinstance(again.outcome, TryLater)
    assert '"r1"' not in repr([told.exchanges, again.exchanges])


async def test_whoever_died_at_it_leaves_the_turn_to_the_next(house: House) -> None:
    await house.sends(await house.process())
    async with house.database.acquire() as conn:
        await conn.execute(
            "update refresh_token set process_id = $1, claimed_until = now() + interval '1 hour'",
            WORLD.new_id(),
        )
    house.account.good = set()
    assert isinstance((await house.sends(await house.process())).outcome, Accepted)


async def test_an_exchange_that_has_begun_is_heard_out_when_the_process_ends(house: House) -> None:
    wire = await house.process()
    sending = asyncio.create_task(house.sends(wire))
    while not house.server.received:
        await asyncio.sleep(0)
    sending.cancel()
    await wire.rest()
    assert house.sealer.open((await house.row())["refresh"]) == house.account.newest == "r1"


async def test_a_refusal_leaves_the_turn_at_once(house: House) -> None:
    house.account.shut = True
    told = await house.sends(await house.process())
    assert (type(told.outcome), told.outcome.reason) == (TryLater, "no_token")  # type: ignore[union-attr]  # just said
    assert (await house.row())["process_id"] is None


async def test_without_the_database_nothing_is_exchanged_and_the_lead_waits(house: House) -> None:
    wire = await house.process()
    await house.database.close()
    told = await house.sends(wire)
    assert isinstance(told.outcome, TryLater)
    assert house.account.exchanged == 0
