"""Contracts of one buyer that hand over to the same endpoint share its rate and its places, in the order in which leads came."""

import json
from collections.abc import AsyncIterator
from functools import partial

import pytest

from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import House, catalogue, contract, lead, opened, source
from tests.pipeline.test_pacing import forgotten, stand, taken
from tests.slow import Slow

FULL = "insert into pace values ('endpoint:sunco/api', now() + interval '1 hour', 0)"


@pytest.fixture
async def slow() -> AsyncIterator[Slow]:
    async with Slow() as listening:
        yield listening
        listening.go.set()


def sunco(buyer: Buyer, endpoint: str) -> str:
    """Two contracts, each for the leads of one person's name, at one address."""
    one, other = (
        contract(
            id_,
            buyer.url("/ok"),
            more=f"endpoint: api\n        when: lead.first_name == {name!r}".replace("'", '"'),
        )
        for id_, name in (("ann", "Ann"), ("bob", "Bob"))
    )
    both = one + other[other.index("      - id: bob") :]
    return catalogue(
        source(reply="receipt"),
        both.replace("  - id: ann\n", f"  - id: sunco\n    endpoints: {{api: {endpoint}}}\n", 1),
    )


def of(name: str, n: int) -> list[dict[str, str]]:
    return [{**lead(f"{name}{i}@example.com"), "first_name": name} for i in range(n)]


async def rows(house: House) -> dict[str, int]:
    return {row[0]: row[1] for row in await house.rows("select contract, held from lane")}


async def test_no_more_conversations_are_held_at_once_than_the_endpoint_bears(
    database: Database, slow: Slow
) -> None:
    async with opened(database, sunco(slow, "{concurrency: 2}")) as house:
        await taken(house, [*of("Ann", 3), *of("Bob", 3)])
        await slow.has(2)
        assert await rows(house) == {"endpoint:sunco/api": 2}
        assert set(house.engine.sender.full()) == {"ann", "bob"}
        slow.go.set()
        await stand(house, {"accepted": 6})
        assert slow.most == 2
        bought = await house.rows("select contract, count(*) from delivery group by 1 order by 1")
        assert [tuple(row) for row in bought] == [("ann", 3), ("bob", 3)]


async def test_no_more_begin_in_a_minute_than_the_endpoint_says(database: Database, buyer: Buyer) -> None:
    async with opened(database, sunco(buyer, "{rate: {per: minute, n: 3}}")) as house:
        await house.run(FULL)
        await taken(house, [*of("Ann", 2), *of("Bob", 3)])
        await stand(house, {"accepted": 3, "waiting": 2})
        assert len(buyer.received) == 3
        await forgotten(house)
        await house.run("delete from pace")
        await house.due_now()
        await stand(house, {"accepted": 5})


async def test_whose_turn_it_is_at_an_endpoint_is_told_by_when_they_came(
    database: Database, slow: Slow
) -> None:
    came = [("Ann", "first"), ("Bob", "second"), ("Ann", "third"), ("Bob", "fourth")]
    async with opened(database, sunco(slow, "{concurrency: 1}")) as house:
        for n, (name, mailbox) in enumerate(came):
            await taken(house, [{**lead(f"{mailbox}@example.com"), "first_name": name}])
            await house.until(partial(_in_line, house, n))
        await slow.has(1)
        slow.go.set()
        await stand(house, {"accepted": 4})
    assert [json.loads(one.body)["email"].partition("@")[0] for one in slow.received] == [
        mailbox for _, mailbox in came
    ]


async def _in_line(house: House, n: int) -> bool:
    return house.engine.sender.waiting("endpoint:sunco/api") == n


async def test_who_rests_leaves_the_line_and_the_others_of_its_endpoint_stay(
    database: Database, slow: Slow
) -> None:
    async with opened(database, sunco(slow, "{concurrency: 1}")) as house:
        await taken(house, of("Ann", 1))
        await slow.has(1)
        await taken(house, [*of("Bob", 2), *of("Ann", 3)[1:]])
        await house.until(lambda: _in_line(house, 4))
        back = house.engine.sender.put_back("bob")
        assert [job.contract.id for job in back] == ["bob", "bob"]
        assert house.engine.sender.waiting("endpoint:sunco/api") == 2


async def test_endpoints_of_two_buyers_are_two_whatever_they_are_called(
    database: Database, slow: Slow
) -> None:
    other = contract(
        "volta", slow.url("/ok"), price="1.00", more='endpoint: api\n        when: lead.first_name == "Eve"'
    )
    text = sunco(slow, "{concurrency: 1}") + other.replace(
        "  - id: volta\n", "  - id: volta\n    endpoints: {api: {concurrency: 1}}\n", 1
    )
    async with opened(database, text) as house:
        await taken(house, [*of("Ann", 1), *of("Bob", 1), *of("Eve", 2)])
        await slow.has(2)
        assert await rows(house) == {"endpoint:sunco/api": 1, "endpoint:volta/api": 1}
        slow.go.set()
        await stand(house, {"accepted": 4})
        assert slow.most == 2


async def test_what_an_endpoint_bears_may_change_while_leads_wait_for_it(
    database: Database, slow: Slow
) -> None:
    async with opened(database, sunco(slow, "{concurrency: 1}")) as house:
        await taken(house, [*of("Ann", 2), *of("Bob", 2)])
        await slow.has(1)
        await house.configure(sunco(slow, "{concurrency: 3}"))
        await taken(house, [lead("late@example.com")])
        await slow.has(3)
        slow.go.set()
        await stand(house, {"accepted": 5})
        assert slow.most == 3
