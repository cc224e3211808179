"""Five hundred people who claim at one moment, over several processes, never share a lead."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import UUID

import pytest

from app.core.errors import NotFound
from app.store.database import Database
from tests.pipeline.house import House, opened
from tests.pipeline.pools import Desk, house_yaml, pooling

PEOPLE, LEADS, PROCESSES = 500, 300, 4
_FILL = """
with made as (
  insert into lead (id, submission_id, position, source, campaign, received_at, state, catalogue)
  select gen_random_uuid(), gen_random_uuid(), 0, 'acme', 'solar', now(), 'pooled', 1 from generate_series(1, $1)
  returning id
), handed as (
  insert into delivery (id, lead_id, round, slot, rank, campaign, contract, buyer, state, price)
  select gen_random_uuid(), id, 1, 1, 1, 'solar', 'inside-pool', 'inside', 'pooled', 0 from made
  returning id, lead_id
)
insert into pool (delivery_id, lead_id, buyer, contract, campaign, test, priority)
select id, lead_id, 'inside', 'inside-pool', 'solar', false, now() from handed
"""


@pytest.fixture
async def houses(database: Database, database_url: str) -> AsyncIterator[list[House]]:
    """Several, each with connections of its own, as processes have them."""
    people = f"[{', '.join(f'{{id: p{n}, capacity: 1}}' for n in range(PEOPLE))}]"
    text = house_yaml(pooling(people=people))
    async with AsyncExitStack() as stack:
        found = [await stack.enter_async_context(opened(database, text))]
        for n in range(1, PROCESSES):
            own = await Database.open(database_url, size=8, application_name=f"process {n}")
            stack.push_async_callback(own.close)
            found.append(await stack.enter_async_context(opened(own, text)))
        yield found


async def test_each_lead_has_one_owner_and_each_person_one_lead(houses: list[House]) -> None:
    await houses[0].run(_FILL, LEADS)
    desks = [Desk(house) for house in houses]

    async def one(n: int) -> UUID | None:
        try:
            return (await desks[n % PROCESSES].claim(f"p{n}")).lead_id
        except NotFound:  # nothing is left for this one
            return None

    got = await asyncio.gather(*(one(n) for n in range(PEOPLE)))
    owned = Counter(lead_id for lead_id in got if lead_id is not None)
    assert set(owned.values()) == {1}
    assert len(owned) == LEADS
    assert got.count(None) == PEOPLE - LEADS
    rows = await houses[0].rows("select count(*), count(distinct person), count(distinct claim_id) from pool")
    assert tuple(rows[0]) == (LEADS, LEADS, LEADS)
    assert await houses[0].value("select count(*) from pool_claim") == LEADS


async def test_of_all_who_want_one_lead_one_has_it(houses: list[House]) -> None:
    await houses[0].run(_FILL, 1)
    lead_id = await houses[0].value("select lead_id from pool")
    desks = [Desk(house) for house in houses]
    wants = (desks[n % PROCESSES].claim(f"p{n}", lead_id) for n in range(100))
    got = await asyncio.gather(*wants, return_exceptions=True)
    assert sum(not isinstance(one, Exception) for one in got) == 1
    assert {getattr(one, "reason", "") for one in got if isinstance(one, Exception)} == {"taken"}
