"""A lead that its platform wants deleted: nothing of the person stays, and nobody gets it who has not got it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from app.core.errors import Conflict
from app.pipeline.replaying import Replayer
from app.store.database import Database
from tests.buyer import Buyer, Stream, says, way
from tests.pipeline.house import contract
from tests.pipeline.platform_server import PlatformServer, lead
from tests.pipeline.test_fetching import DEAD, Desk, desk, meta

CAPPED = "caps: [{per: total, leads: 5}]"


@pytest.fixture
async def server() -> AsyncIterator[PlatformServer]:
    async with PlatformServer() as running:
        yield running


async def fetched(one: Desk) -> UUID:
    await one.name("77")
    await one.round()

    async def decided() -> Any:
        return await one.house.value("select id from lead")

    found: UUID = await one.house.until(decided)
    return found


async def delete(one: Desk) -> tuple[str, str, str]:
    await one.name(delete=("77",))
    await one.later()
    return await one.row()


async def traces(one: Desk) -> str:
    """Everything that tells of a person, in one text."""
    queries = (
        "select string_agg(encode(body, 'escape') || remote, '') from submission",
        "select string_agg(d::text, '') from lead_detail d",
        "select string_agg(e.exchanges::text || e.read, '') from attempt_end e",
        "select string_agg(d::text, '') from delivery d",
    )
    return "".join([str(await one.house.value(query)) for query in queries])


async def ended(one: Desk, state: str) -> None:
    async def there() -> bool:
        return [row[0] for row in await one.house.rows("select state from delivery")] == [state]

    await one.house.until(there)


async def test_of_a_sold_lead_only_the_books_remain(
    database: Database, server: PlatformServer, buyer: Buyer
) -> None:
    async with desk(database, server, contract("b1", buyer.url("/ok"))) as one:
        lead_id = await fetched(one)
        await one.decided("sold")
        assert "ann77@example.com" in await traces(one)
        assert await delete(one) == ("delete", "done", "")
        told = await traces(one)
        assert "ann77" not in told
        assert "Ann" not in told
        row = await one.house.rows("select state, revenue, price, erased_at is not null from lead")
        assert [(r[0], str(r[1]), str(r[2]), r[3]) for r in row] == [("sold", "42.00", "12.50", True)]
        events = await one.house.rows("select lead_id, kind, by_whom from lead_event")
        assert [tuple(event) for event in events] == [(lead_id, "erased", "platform:meta")]
        assert await delete(one) == ("delete", "done", "")


async def test_a_lead_that_waits_for_its_buyer_is_not_handed_over(
    database: Database, server: PlatformServer, buyer: Buyer
) -> None:
    async with desk(database, server, contract("b1", buyer.url("/503"), more=CAPPED)) as one:
        await fetched(one)
        await ended(one, "waiting")
        assert list((await one.house.counters()).values()) == [1]
        assert await delete(one) == ("delete", "done", "")
        assert await one.house.value("select state from delivery") == "cancelled"
        assert list((await one.house.counters()).values()) == [0]
        asked = len(buyer.received)
        await one.house.due_now()
        await one.house.upkeep.recover()
        assert len(buyer.received) == asked
        row = await one.house.rows(
            "select state, outcome, price, reasons::text, ended_at is not null from lead"
        )
        assert (row[0][0], row[0][1], row[0][2], row[0][4]) == ("rejected", "failure", 0, True)
        assert '"erased"' in row[0][3]


async def test_a_lead_in_conversation_goes_no_further_than_that(
    database: Database, server: PlatformServer, buyer: Buyer
) -> None:
    go, came = asyncio.Event(), asyncio.Event()

    @way("/slow-no")
    async def slow(stream: Stream) -> None:
        came.set()
        await go.wait()
        body = b'{"status": "rejected"}'
        stream.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
            + body
        )

    first = contract("b1", buyer.url("/slow-no"), price="50.00")
    async with desk(database, server, first, contract("b2", buyer.url("/ok"))) as one:
        await one.name("77")
        await one.round()
        async with asyncio.timeout(10):
            await came.wait()
        assert await delete(one) == ("delete", "waiting", "")
        assert await one.house.value("select erased_at is not null from lead")
        go.set()
        await ended(one, "rejected")
        await one.later()
        assert await one.row() == ("delete", "done", "")
        assert "ann77" not in await traces(one)
        assert await one.house.rows("select contract from delivery where contract = 'b2'") == []
        assert await one.house.value("select state from lead") == "unsold"
        assert await one.house.value("select count(*) from lead_event") == 1


async def test_an_unclear_delivery_stays_for_a_person_and_is_not_sent_again(
    database: Database, server: PlatformServer, buyer: Buyer
) -> None:
    async with desk(database, server, contract("b1", buyer.url("/503"))) as one:
        lead_id = await fetched(one)
        await ended(one, "waiting")
        await one.house.run("update delivery set state = 'unclear', next_at = null")
        assert await delete(one) == ("delete", "done", "")
        assert await one.house.state(lead_id) == "unclear"
        engine = one.house.engine
        replayer = Replayer(
            database, one.house.world, engine.recorder._chooser, engine.recorder._retrying, engine.plans
        )
        delivery_id = await one.house.value("select id from delivery")
        with pytest.raises(Conflict, match="deleted at the request"):
            await replayer.ask(delivery_id, by="test", even_unclear=True)


async def test_an_attempt_that_its_process_died_in_is_not_made_again_with_an_empty_lead(
    database: Database, server: PlatformServer, buyer: Buyer
) -> None:
    says("/again", b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n")
    async with desk(database, server, contract("b1", buyer.url("/again"), more="idempotent: true")) as one:
        await fetched(one)
        await ended(one, "waiting")
        await one.house.run("update delivery set state = 'sending', lease_id = $1, next_at = null", DEAD)
        assert await delete(one) == ("delete", "waiting", "")
        one.house.upkeep._seen_since -= 1_000
        await one.house.upkeep.recover()
        asked = len(buyer.received)
        await one.house.upkeep.due()
        await ended(one, "dead")
        assert len(buyer.received) == asked
        await one.later()
        assert await one.row() == ("delete", "done", "")


async def test_a_lead_that_nobody_has_decided_never_is(database: Database, server: PlatformServer) -> None:
    async with desk(database, server) as one:
        one.house.engine.later = lambda works, **_: None  # type: ignore[method-assign]
        await one.name("77")
        await one.round()
        assert await delete(one) == ("delete", "waiting", "")  # this process has it in hand
        await one.house.run("update inbox set lease_id = null")
        await one.later()
        assert await one.row() == ("delete", "done", "")
        assert await one.house.value("select count(*) from inbox") == 0
        assert "ann77" not in await traces(one)
        await one.house.upkeep.inbox()
        assert await one.house.value("select count(*) from lead") == 0


async def test_a_deletion_cancels_a_fetch_that_has_not_begun_or_was_not_even_asked_for(
    database: Database, server: PlatformServer
) -> None:
    async with desk(database, server) as one:
        await one.name("77")
        await one.name(delete=("77", "78"))
        await one.round()
        assert await one.row() == ("delete", "done", "unknown")
        assert not await one.name("77", "78")
        await one.round()
        assert server.asked == []


async def test_a_deletion_in_the_middle_of_a_fetch_deletes_what_was_fetched(
    database: Database, server: PlatformServer
) -> None:
    async with desk(database, server) as one:
        server.open.clear()
        await one.name("77")
        await one.fetcher.due()
        await one.name(delete=("77",))
        assert await one.fetcher.due() == 0
        server.open.set()
        await one.fetcher.settled()
        assert await one.row() == ("delete", "waiting", "")
        await one.decided()
        await one.later()
        assert await one.row() == ("delete", "done", "")
        assert "ann77" not in await traces(one)
        assert not await one.name("77")


async def test_the_deletion_of_a_lead_that_its_webhook_brought_finds_it_by_its_identity(
    database: Database, server: PlatformServer
) -> None:
    async with desk(database, server) as one:
        plan = one.house.plans.source("acme")
        assert plan is not None
        body = lead("77").body
        assert isinstance(body, bytes)
        await one.door.keep(meta(), plan, body, "77")
        await one.decided()
        assert await delete(one) == ("delete", "done", "")
        assert "ann77" not in await traces(one)
