"""Who waits for a place with a buyer is written down as not begun, and begins with his turn, whatever becomes of the process."""

import asyncio

from app.store.database import Database
from tests.buyer import Buyer, Stream, reply, says, way
from tests.pipeline.house import House, catalogue, contract, lead, opened, source
from tests.pipeline.test_pacing import DEAD, forgotten, leads, recover, stand, taken

ONE = "concurrency: 1"


def hangs(path: str) -> None:
    @way(path)
    async def hang(stream: Stream) -> None:
        await stream.reader.read()


def let_go(buyer: Buyer, path: str) -> asyncio.Event:
    """Whoever asks there waits for the event, and is told yes."""
    free = asyncio.Event()

    @way(path)
    async def answer(stream: Stream) -> None:
        await free.wait()
        await stream.send_all(reply())

    return free


def text(buyer: Buyer, path: str) -> str:
    return catalogue(source(reply="receipt"), contract("b1", buyer.url(path), more=ONE))


async def busy(house: House, n: int) -> None:
    """One is being spoken to, and `n` more wait, longer than a moment."""
    await taken(house, leads(1 + n))
    await stand(house, {"sending": 1, "in line": n})


async def test_who_waits_in_a_process_that_dies_was_not_sent(database: Database, buyer: Buyer) -> None:
    hangs("/lining-dies")
    async with opened(database, text(buyer, "/lining-dies")) as house:
        await busy(house, 4)
        assert await house.value("select count(*) from attempt") == 1
        assert await house.value("select sum(attempts)::int from delivery where state = 'waiting'") == 0
        await house.run("update delivery set lease_id = $1", DEAD)
        await recover(house)
        due = "select count(*) from delivery where state = 'waiting' and attempts = 0 and next_at <= now()"
        assert await house.value(due) == 4
        assert await house.value("select count(*) from delivery where state = 'unclear'") == 1


async def test_each_begins_with_his_turn_once(database: Database, buyer: Buyer) -> None:
    free = let_go(buyer, "/lining-turns")
    async with opened(database, text(buyer, "/lining-turns")) as house:
        await busy(house, 4)
        assert len(buyer.received) == 1
        free.set()
        await stand(house, {"accepted": 5})
        told = await house.rows(
            "select attempts, (select count(*) from attempt a where a.delivery_id = d.id) from delivery d"
        )
    assert [tuple(row) for row in told] == [(1, 1)] * 5
    assert len({got.headers["webhook-id"] for got in buyer.received}) == len(buyer.received) == 5


async def test_who_is_called_off_while_he_waits_is_not_sent(database: Database, buyer: Buyer) -> None:
    free = let_go(buyer, "/lining-off")
    async with opened(database, text(buyer, "/lining-off")) as house:
        await busy(house, 2)
        await house.run("update delivery set state = 'cancelled', lease_id = null where state = 'waiting'")
        free.set()

        async def at_rest() -> bool:
            return house.at_rest()

        await house.until(at_rest)
        await stand(house, {"accepted": 1, "cancelled": 2})
    assert len(buyer.received) == 1


async def test_at_the_end_of_a_process_who_waits_goes_back_unsent(database: Database, buyer: Buyer) -> None:
    free = let_go(buyer, "/lining-ends")
    async with opened(database, text(buyer, "/lining-ends")) as house:
        await busy(house, 3)
        house.engine.sender.abandon()
        await stand(house, {"sending": 1, "waiting": 3})
        free.set()
        await stand(house, {"accepted": 1, "waiting": 3})
        await forgotten(house)
        await house.due_now()
        await stand(house, {"accepted": 4})
    assert len(buyer.received) == 4


async def test_a_retry_that_waits_keeps_its_attempts(database: Database, buyer: Buyer) -> None:
    says("/lining-again", reply(503))
    async with opened(database, text(buyer, "/lining-again")) as house:
        await taken(house, [lead("bob@example.com")])

        async def refused() -> bool:
            return bool(await house.value("select attempts = 1 and state = 'waiting' from delivery"))

        await house.until(refused)
        free = let_go(buyer, "/lining-again")
        await taken(house, leads(1))
        await stand(house, {"waiting": 1, "sending": 1})
        await house.due_now()
        # It is left in the rows while there is a line, and there is none: so it is taken, and waits for the other.
        await stand(house, {"in line": 1, "sending": 1})
        assert await house.value("select attempts from delivery where state = 'waiting'") == 1
        free.set()
        await stand(house, {"accepted": 2})
        assert sorted(row[0] for row in await house.rows("select attempts from delivery")) == [1, 2]
        assert await house.value("select count(*) from attempt") == 3
