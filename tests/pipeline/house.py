"""One process of the service inside the test: the real parts over a real database, driven step by step."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from app.catalog.sealing import Sealer
from app.catalog.service import Configuration
from app.catalog.snapshot import build
from app.components import discover
from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.wire import Limits, Wire
from app.ingest.fieldtype import fieldtypes
from app.ingest.format import formats
from app.ingest.platform import platforms
from app.ingest.reading import Reader
from app.model import Submission
from app.pipeline.answers import Answer
from app.pipeline.engine import Engine
from app.pipeline.evidence import EvidenceDesk
from app.pipeline.faults import Retrying
from app.pipeline.look_ups import LookUps
from app.pipeline.plans import Plans
from app.pipeline.settling import Settler
from app.pipeline.sweep import Identity, Upkeep
from app.pipeline.work import Work
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.intake import Arrival, Kept
from app.validate.check import checks

SEALER = Sealer(b"k" * 32)

CAMPAIGN = """
campaigns:
  - id: solar
    fields:
      first_name: {type: name, required: true}
      email:      {type: email, required: true}
      phone:      {type: phone, country: US}
      state:      {type: state, country: US}
    checks: %s
    distribution: {sell: %s, rank: [price, priority]}
"""
ON_EMAIL = '[{check: duplicate, on: [email], within: "30d"}]'


def source(id_: str = "acme", *, reply: str = "sold", more: str = "") -> str:
    return f"""
  - {{id: {id_}, campaign: solar, reply: {reply}, deadline: 20s, price: "12.50"{more}}}
"""


def contract(id_: str, url: str, *, price: str = "42.00", more: str = "", schedule: str = "1h") -> str:
    """A buyer of the same name with this one contract."""
    return f"""
  - id: {id_}
    contracts:
      - id: {id_}
        campaign: solar
        price: "{price}"
        retry: {{schedule: [{schedule}], until: 90m}}
        {more}
        deliver:
          adapter: webhook
          url: {url}
          timeout: 2s
          body: json
          fields: {{email: email}}
          accepted: reply.json.status == "accepted"
          rejected: reply.json.status == "rejected"
          duplicate: reply.json.status == "duplicate"
          reference: reply.json.id
          reason: reply.json.reason
"""


def catalogue(*parts: str, checks: str = "[]", sell: str = "exclusive") -> str:
    sources = "".join(part for part in parts if "deliver:" not in part)
    buyers = "".join(part for part in parts if "deliver:" in part)
    return f"{CAMPAIGN % (checks, sell)}\nsources:{sources or ' []'}\nbuyers:{buyers or ' []'}"


def lead(email: str = "ann@example.com", **more: str) -> dict[str, str]:
    return {"first_name": "Ann", "email": email, **more}


class NoDns:
    """Stands for the resolver; each domain is answered when the test says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = asyncio.Event()
        self.go.set()

    async def takes_mail(self, domain: str) -> bool | None:
        self.asked.append(domain)
        await self.go.wait()
        return domain != "nomail.example"


class House:
    """`configure`, then hand leads in; `upkeep` has no loops of its own here, the test calls them."""

    def __init__(self, database: Database, wire: Wire, world: World, lease_seconds: float) -> None:
        kinds = discover()
        self.database, self.world = database, world
        self.metrics, self.resolver = Metrics(), NoDns()
        self.identity, self.reader = Identity(world, "test"), Reader(formats, platforms)
        self._kinds = kinds
        self.evidence = EvidenceDesk(
            database, self.resolver, lists=lambda: self.plans.snapshot.lists,  # type: ignore[arg-type]
            look_ups=LookUps(database, wire, world, self.metrics, secret=b"k" * 32),
        )  # fmt: skip
        self.engine = Engine(
            database, wire, self.evidence,
            world, self.metrics,
            process_id=self.identity, plans=lambda: self.plans, lease_seconds=lease_seconds,
        )  # fmt: skip
        self.upkeep = Upkeep(
            database,
            self.engine,
            self.reader,
            self.identity,
            world,
            self.metrics,
            lease_seconds=lease_seconds,
        )
        self.settler = Settler(
            database, self.engine.recorder, self.engine.tracker, Retrying(world, self.metrics, patience=2)
        )

    async def configure(self, yaml: str) -> None:
        """This and nothing else is configured from now on."""
        store = CatalogueStore(self.database)
        await self.run("delete from configured")
        await Configuration(store, self._kinds, SEALER).apply([("t", yaml)], by="test")
        version, rows = await store.load()
        self.plans = Plans(build(version, rows, [], self._kinds, SEALER), fieldtypes, checks)

    # handing in -------------------------------------------------------------------------------------

    def work(self, *records: Any, source: str = "acme", test: bool = False) -> Work:
        body = json.dumps(list(records) if len(records) > 1 else records[0]).encode()
        submission = Submission(
            id=self.world.new_id(), source=source, received_at=self.world.now(), body=body,
            content_type="application/json", test=test, remote="127.0.0.1", key_hint="abcd",
        )  # fmt: skip
        plan = self.plans.source(source)
        reply = plan.reply if plan else "receipt"
        return Work(submission, self.reader.read(body, "application/json"), reply, self.world.monotonic())

    async def keep(self, work: Work, *, key: bytes = b"", leased: bool = True) -> Kept:
        arrival = Arrival(
            submission=work.submission, key=key, fingerprint=work.submission.body, leased=leased
        )
        return await self.engine.keep(arrival)

    async def post(self, *records: Any, within: float = 10, **more: Any) -> list[Answer]:
        """As the door does it: keep, then decide now, and wait for the answers."""
        work = self.work(*records, **more)
        await self.keep(work)
        return await self.engine.decided(work, self.world.monotonic() + within)

    async def one(self, record: Any, **more: Any) -> Answer:
        (answer,) = await self.post(record, **more)
        return answer

    async def waiting(self, record: Any, **more: Any) -> UUID:
        """The id of a lead whose every delivery waits for its next turn; its source has gone."""
        work = self.work(record, **more)
        await self.keep(work)
        asked = asyncio.create_task(self.engine.decided(work, self.world.monotonic() + 60))

        async def all_wait() -> bool:
            states = await self.rows("select state from delivery where lead_id = $1", work.submission.id)
            return bool(states) and {row[0] for row in states} == {"waiting"}

        await self.until(all_wait)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)
        return work.submission.id

    # looking ----------------------------------------------------------------------------------------

    async def rows(self, query: str, *given: Any) -> list[Any]:
        async with self.database.acquire() as conn:
            return list(await conn.fetch(query, *given))

    async def value(self, query: str, *given: Any) -> Any:
        async with self.database.acquire() as conn:
            return await conn.fetchval(query, *given)

    async def run(self, statement: str, *given: Any) -> None:
        async with self.database.acquire() as conn:
            await conn.execute(statement, *given)

    async def state(self, lead_id: UUID) -> str:
        return str(await self.value("select state from lead where id = $1", lead_id))

    async def deliveries(self, lead_id: UUID) -> list[tuple[str, str]]:
        """(contract, state) in rank order."""
        rows = await self.rows(
            "select contract, state from delivery where lead_id = $1 order by rank", lead_id
        )
        return [(row[0], row[1]) for row in rows]

    async def counters(self) -> dict[str, int]:
        return {
            r[0].split(":")[1]: r[1]
            for r in await self.rows("select key, value from counter where key like 'cap:%'")
        }

    async def until(self, holds: Callable[[], Awaitable[Any]]) -> Any:
        """The first true answer; the event loop runs in between, no clock is asked."""
        async with asyncio.timeout(60):
            while not (found := await holds()):
                await asyncio.sleep(0)
        return found

    async def ends(self, lead_id: UUID, state: str) -> None:
        async def there() -> bool:
            return await self.state(lead_id) == state

        await self.until(there)

    async def due_now(self) -> None:
        """An hour passes for whatever waits."""
        await self.run("update delivery set next_at = now() where state = 'waiting'")
        await self.upkeep.due()

    def at_rest(self) -> bool:
        """Nothing is left in memory of what has ended."""
        engine = self.engine
        return not (engine.in_hand or engine.sender.in_hand or len(engine.waiting) or engine.backlog)


@asynccontextmanager
async def opened(
    database: Database, yaml: str, *, world: World | None = None, lease_seconds: float = 20
) -> AsyncIterator[House]:
    """A house with this catalogue, running; it ends with everything finished."""
    async with Wire(allow_private=True, limits=Limits(total=2.0)) as wire:
        house = House(database, wire, world or World(), lease_seconds)
        await house.configure(yaml)
        await house.upkeep._hello()
        house.engine.start()
        try:
            yield house
        finally:
            await house.engine.stop(within=5)
            await house.evidence.close()
