"""Leaves a contract whose buyer fails to rest, in all processes at once, and lets one delivery try when the rest is over."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from app.catalog.snapshot import Contract
from app.core.contract_events import ContractRecovered, ContractRests
from app.core.events import Code, Id, emit
from app.core.metrics import Metrics
from app.core.world import World
from app.pipeline.health import Failing, Health
from app.pipeline.noticing import BuyerNotices
from app.pipeline.plans import Plans
from app.pipeline.tracks import Job
from app.store import resting
from app.store.database import Database
from app.store.deliveries import DeliveryRow
from app.store.resting import Rest

LOOK_EVERY = 1.0
_TRYING = 120.0  # seconds; whoever tries for longer has died at it
_REROUTED_AT_ONCE = 1_000


class Line(Protocol):
    """What stands before a contract in this process."""

    def put_back(self, contract: str) -> list[Job]: ...


class Breakers:
    """`look` is called in every process. What it finds holds for routing, for the line and for what is due."""

    def __init__(
        self,
        database: Database,
        health: Health,
        line: Line,
        world: World,
        metrics: Metrics,
        *,
        process_id: Callable[[], UUID],
        plans: Callable[[], Plans],
        try_one: Callable[[str], Awaitable[bool]],
        give_up: Callable[[UUID, str, Callable[[DeliveryRow], bool]], Awaitable[None]],
        takes_work: bool,
    ) -> None:
        self._database = database
        self._health = health
        self._line = line
        self._world = world
        self._metrics = metrics
        self._process_id = process_id
        self._plans = plans
        self._try_one = try_one
        self._give_up = give_up
        self._takes_work = takes_work
        self._notices = BuyerNotices(world, plans)

    async def look(self) -> None:
        failing, well = self._health.turns()
        async with self._database.acquire() as conn:
            for contract, lead_id in sorted(well.items()):
                await self._close(conn, contract, lead_id)
            for one in failing:
                await self._open(conn, one)
            tries = (
                await resting.try_(conn, self._process_id(), _TRYING)
                if self._takes_work and self._health.shut
                else []
            )
            rests = await resting.everything(conn)
        await self._hold(rests)
        for contract in tries:
            await self._try(contract)

    async def _open(self, conn: Any, one: Failing) -> None:
        async with conn.transaction():
            opened = await resting.open_(
                conn, one.contract, failures=one.failures, why=one.why, seconds=one.doc.rest.seconds
            )
            if opened is None:
                return
            times, failures = opened  # of the tries since it rests, too
            rest = {"why": one.why, "failures": failures, "rest_s": round(one.doc.rest.seconds * times)}
            await self._notices.tell(conn, one.contract, "contract_rests", one.lead_id, rest)
        self._metrics.count("leadgate_contract_rests_total", (one.contract,))
        emit(
            ContractRests(
                contract=Id(one.contract), why=Code(one.why), failures=failures,
                rest_s=round(one.doc.rest.seconds * times),
            )
        )  # fmt: skip

    async def _close(self, conn: Any, contract: str, lead_id: UUID) -> None:
        async with conn.transaction():
            since = await resting.close(conn, contract)
            if since is None:
                return
            rested = round((self._world.now() - since).total_seconds())
            await self._notices.tell(conn, contract, "contract_recovered", lead_id, {"rested_s": rested})
        emit(ContractRecovered(contract=Id(contract), rested_s=rested))

    async def _hold(self, rests: list[Rest]) -> None:
        """What rests is held back wherever this process hands leads out."""
        mine = {
            one.contract for one in rests if one.state == "trying" and one.process_id == self._process_id()
        }
        trial = {one.contract for one in rests if one.state == "trial"}
        shut = frozenset(one.contract for one in rests) - trial
        new = shut - self._health.shut
        self._health.shut, self._health.tried = shut, frozenset(mine | trial)
        for plan in self._plans().compiled():
            plan.rest(shut)
        for contract in sorted(new):
            await self._put_back(contract)
        for contract in sorted(shut):
            await self._reroute(contract, first=contract in new)

    async def _put_back(self, contract: str) -> None:
        jobs = self._line.put_back(contract)
        if jobs:
            begun = [(job.delivery_id, job.attempt) for job in jobs]
            async with self._database.acquire() as conn:
                await resting.put_back(conn, begun, self._process_id())

    async def _reroute(self, contract: str, *, first: bool) -> None:
        """They were certainly not handed over, so the next buyer may have them. Later on only those that were asked:
        what was never begun came since, and waits because nobody else took it."""
        doc = self._of(contract)
        if doc is None or doc.doc.breaker is None or doc.doc.breaker.waiting != "reroute":
            return
        async with self._database.acquire() as conn:
            found = await resting.waiting(conn, contract, 0 if first else 1, _REROUTED_AT_ONCE)
        for delivery_id, attempts in found:
            await self._give_up(delivery_id, "buyer_rests", partial(_waits, attempts))

    async def _try(self, contract: str) -> None:
        if await self._try_one(contract):
            return
        async with self._database.acquire() as conn:
            await resting.trial(conn, contract, self._process_id())

    def _of(self, contract: str) -> Contract | None:
        return self._plans().snapshot.contracts.get(contract)

    async def tidy(self) -> None:
        """Contracts that are no longer configured rest no longer."""
        async with self._database.acquire() as conn:
            await resting.forget(conn, sorted(self._plans().snapshot.contracts))

    async def gauges(self) -> None:
        async with self._database.acquire() as conn:
            rests = await resting.everything(conn)
        self._metrics.forget("leadgate_contract_resting")
        for one in rests:
            self._metrics.gauge("leadgate_contract_resting", (one.contract,), 1.0)


def _waits(attempts: int, row: DeliveryRow) -> bool:
    """Whether nobody has begun to send it since: another process may not have heard of the rest yet."""
    return row.state == "waiting" and row.attempts == attempts
