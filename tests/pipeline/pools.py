"""A house with a pool: people in two teams of one buyer, a contract from which they claim, and what they do there."""

from uuid import UUID

from app.model import Accepted
from app.pipeline.faults import Retrying
from app.pipeline.offers import Offers
from app.pipeline.pooling import Agent, PoolDesk
from app.store.pool import Pooled
from tests.pipeline.house import House, catalogue, lead, source

PEOPLE = """[
      {id: dana, name: Dana, team: west}, {id: sam, name: Sam, team: west}, {id: kim, team: east}]"""


def pooling(*, people: str = PEOPLE, more: str = "", deliver: str = "", price: str = "0") -> str:
    """A buyer `inside` whose contract `inside-pool` is last of all; `deliver` are settings of the adapter."""
    return f"""
  - id: inside
    people: {people}
    contracts:
      - id: inside-pool
        campaign: solar
        price: "{price}"
        priority: -100
        {more}
        deliver: {{adapter: internal{deliver}}}
"""


def house_yaml(*parts: str, sources: str = "", **more: str) -> str:
    return catalogue(sources or source(), *(parts or (pooling(),)), **more)


class Desk:
    """The pool of a house, with everybody's words in short."""

    def __init__(self, house: House) -> None:
        self.house = house
        engine, retrying = house.engine, Retrying(house.world, house.metrics, patience=2)
        self.offers = Offers(
            house.database, engine.recorder, engine.tracker, retrying, house.world, house.metrics,
            plans=lambda: house.plans, follow=engine.follow,
        )  # fmt: skip
        self.pool = PoolDesk(
            house.database, engine.recorder, engine.tracker, retrying, self.offers, house.world, house.metrics,
            plans=lambda: house.plans,
        )  # fmt: skip

    def person(self, name: str) -> Agent:
        return self.pool.agent("inside", name)

    async def claim(self, name: str, which: UUID | None = None) -> Pooled:
        return await self.pool.claim(self.person(name), which)

    async def close(self, name: str, which: UUID, outcome: Accepted | None = None) -> str:
        step = await self.pool.close(self.person(name), which, outcome or Accepted())
        self.house.engine.follow(step)
        return step.state

    async def pooled(self, n: int = 1, **more: str) -> list[UUID]:
        """So many leads in the pool, each of a person of its own, in the order in which they came."""
        found = []
        for i in range(n):
            answer = await self.house.one(lead(f"ann{i}@example.com", **more))
            assert (answer.outcome, answer.state) == ("pending", "pooled"), answer
            found.append(answer.lead_id)
        return found

    async def time_is_over(self) -> None:
        """Of every claim and every offer; then any process looks."""
        await self.house.run("update pool set expires_at = now() where claim_id is not null")
        await self.house.run("update pool set until = now() where until is not null")
        await self.offers.along()

    async def story(self, lead_id: UUID) -> list[tuple[str, str]]:
        rows = await self.house.rows(
            "select kind, by_whom from lead_event where lead_id = $1 order by at", lead_id
        )
        return [(row[0], row[1]) for row in rows]
