"""Holds the conversations: at most so many at once with each contract, the rest in line by priority."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush
from itertools import count
from uuid import UUID

from msgspec import Struct

from app.catalog.snapshot import Contract
from app.core import events
from app.core.events import bug, emit
from app.core.loop import running_loop
from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.adapter import Handover, adapters
from app.distribute.batching import gathering
from app.distribute.wire import Conversed, Wire
from app.model import TryLater, Unclear, word_of
from app.pipeline.bidding import Bidding
from app.pipeline.confirm_link import Link, no_link
from app.pipeline.health import Health
from app.pipeline.lanes import Lanes
from app.pipeline.lining import Lining
from app.pipeline.pacing import Paces
from app.pipeline.pooled import NOBODY_THERE, all_away, perhaps_there
from app.pipeline.seats import Seats
from app.pipeline.tracks import GONE, Job

USUAL = 32
"""Conversations that a process has at once with a contract that says nothing of `concurrency`."""
NOT_ALONE = "to_be_bundled"
"""It was claimed for a file of many that was never begun, and goes out in no other."""


class Spoken(Struct, frozen=True, gc=False):
    """A finished conversation, to be recorded."""

    job: Job
    conversed: Conversed
    ms: float


class Sender:
    """Sends jobs that are committed already. `spoken` gets each result; nothing is lost in between.

    `in_hand` are the deliveries this process has and will end; whatever else the database says it holds
    was lost by it. `spoiled` are those it spoke of with the buyer without being able to write down how
    that ended: they may have arrived, so they are not sent again unasked.
    """

    def __init__(
        self,
        wire: Wire,
        world: World,
        metrics: Metrics,
        spoken: Callable[[Spoken], None],
        link: Link = no_link,
        paces: Paces | None = None,
        lanes: Lanes | None = None,
        lining: Lining | None = None,
        bidding: Bidding | None = None,
    ) -> None:
        """Without `paces` and `lanes` (a command that sends one) no rate is kept to, nor who else speaks."""
        self._paces = paces
        self._lanes = lanes
        if lanes is not None:
            lanes.attend(self)
        self._lining = lining
        if lining is not None:
            lining.waiting, lining.gone = self._in_line, self.gone
        self._bidding = bidding
        self.health = Health(world.monotonic)
        self._wire = wire
        self._link = link
        self._world = world
        self._metrics = metrics
        self._spoken = spoken
        self._busy: dict[str, int] = defaultdict(int)
        self._line: dict[str, list[tuple[float, int, Job]]] = defaultdict(list)  # heaps: the next is first
        self._came = count()
        self.seats = Seats(self, world.monotonic)
        self.tasks: set[asyncio.Task[None]] = set()
        self.in_hand: set[UUID] = set()
        self.spoiled: set[UUID] = set()

    def start(self, job: Job) -> None:
        """Send now, or as soon as the contract has room; once, though others find it in the rows before it begins."""
        if job.delivery_id in self.in_hand:
            return
        self.in_hand.add(job.delivery_id)
        place = job.contract.place
        if self._paces is not None and self._beyond(job, self._paces):
            self._paces.put_back(job)
            return
        if self._busy[place] >= self._room(job.contract):
            heappush(self._line[place], (job.priority, next(self._came), job))
            if self._lining is not None:
                self._lining.note()
            return
        self._busy[place] += 1
        self._begin(job)

    def _begin(self, job: Job) -> None:
        if self._paces is not None and job.stands_in_line:
            self._paces.stand(job.contract)
        task = running_loop().create_task(self._send(job))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def _room(self, contract: Contract) -> int:
        most = contract.concurrency
        if most is None:
            return USUAL
        return most if self._lanes is None else self._lanes.room(contract, most)

    def busy(self, place: str) -> int:
        return self._busy[place]

    def waiting(self, place: str) -> int:
        return len(self._line[place]) + self.seats.waiting(place)

    def take_place(self, contract: Contract) -> bool:
        """Whether a conversation that is no hand-over may begin now; it leaves its place when it has ended."""
        if self._busy[contract.place] >= self._room(contract):
            return False
        self._busy[contract.place] += 1
        return True

    def leave_place(self, contract: Contract) -> None:
        self._next(contract.place)

    def holds_place(self, contract: Contract, since: float) -> bool:
        """Whether places that were taken then were this process's ever since."""
        return self._lanes is None or self._lanes.sure(contract.place, since)

    def admit(self, place: str) -> None:
        """Those in line for whom there is room begin, the earliest priority first; who only asks goes before."""
        self.seats.admit(place)
        line = self._line.get(place)
        while line and self._busy[place] < self._room(line[0][2].contract):
            self._busy[place] += 1
            self._begin(heappop(line)[2])

    def _beyond(self, job: Job, paces: Paces) -> bool:
        """Whether a whole window of its rate stands before it already."""
        rate, place = job.contract.rate, job.contract.place
        return rate is not None and paces.waiting(place) + len(self._line[place]) >= rate.n

    def full(self) -> list[str]:
        """Contracts that have a line already: their due deliveries are left for later or for others."""
        waiting = self._paces.full() if self._paces is not None else []
        return [
            *(one for line in self._line.values() if line for one in line[0][2].contract.sharing),
            *waiting,
        ]

    def put_back(self, contract: str) -> list[Job]:
        """What stands in line for it and was not begun: it rests, and its leads wait in the database instead."""
        jobs = []
        for line in self._line.values():
            mine = [one for one in line if one[2].contract.id == contract]
            if mine:
                line[:] = [one for one in line if one[2].contract.id != contract]
                heapify(line)
                jobs += [job for _, _, job in sorted(mine)]
        for job in jobs:
            self.gone(job)
        return jobs

    def _in_line(self) -> Iterator[Job]:
        return (job for line in self._line.values() for _, _, job in line)

    def gone(self, job: Job) -> None:
        """It is not this process's any more."""
        self.in_hand.discard(job.delivery_id)
        if self._lining is not None:
            self._lining.forget(job)

    @property
    def idle(self) -> bool:
        return not self.tasks and not any(self._line.values())

    def abandon(self) -> None:
        """Give back what stands in line: it has not been sent, so it is tried later, by whoever is there."""
        if self._paces is not None:
            self._paces.abandon()
        for line in self._line.values():
            while line:
                self._give_back(heappop(line)[2])

    def _give_back(self, job: Job) -> None:
        if self._paces is not None and (job.stands_in_line or self._stands(job)):
            self._paces.put_back(job)
            return
        self._spoken(Spoken(job, Conversed(outcome=TryLater(reason="shutdown")), 0.0))

    def _stands(self, job: Job) -> bool:
        """Whether its attempt was taken back for as long as it waits."""
        return self._lining is not None and self._lining.stands(job)

    async def drain(self) -> None:
        """Wait until every conversation in hand has ended."""
        while self.tasks:
            await asyncio.wait(list(self.tasks))

    async def _send(self, job: Job) -> None:
        if job.stands_in_line and self._paces is not None and not await self._paces.turn(job):
            self._next(job.contract.place)
            return
        if self._lining is not None and self._stands(job) and not await self._lining.turn(job):
            self._next(job.contract.place)
            return
        began = self._world.monotonic()
        try:
            conversed = await self._converse(job)
        except BaseException:
            self.spoiled.add(job.delivery_id)
            raise
        finally:
            self._next(job.contract.place)
        self.health.heard(job, conversed.outcome)
        self.told(job, conversed, self._world.monotonic() - began)

    def told(self, job: Job, conversed: Conversed, took: float) -> None:
        """How the conversation ended of one that is in hand, in seconds; from here on it is recorded."""
        word = word_of(conversed.outcome)
        self._metrics.count("leadgate_deliveries_total", (job.contract.id, word))
        if events.detailed():
            events.emit(_event(job, word, took))
        self._metrics.observe("leadgate_attempt_seconds", (job.contract.id, word), took)
        self._spoken(Spoken(job, conversed, took * 1000))

    async def _converse(self, job: Job) -> Conversed:
        """A fault of ours ends like one of theirs: by whether a byte may have left."""
        if job.contract.adapter == GONE:
            return Conversed(outcome=TryLater(reason="contract_gone"))
        if not perhaps_there(job) and all_away(job.contract, self._world.now()):
            return Conversed(outcome=NOBODY_THERE)
        if gathering(job.contract.settings) is not None:
            return Conversed(outcome=TryLater(reason=NOT_ALONE))
        adapter = adapters.get(job.contract.adapter)
        if adapter is None:
            return Conversed(outcome=TryLater(reason="no_such_adapter"), exchanges=(), handed_over=False)
        try:
            conversation = adapter.converse(handover_of(job, self._world, self._link), job.contract.settings)
            keep = self._bidding.of(job) if adapter.bids and self._bidding is not None else None
            return await self._wire.converse(conversation, keep=keep)
        except Exception as error:
            emit(bug(error, "converse"))
            return Conversed(outcome=Unclear(reason="internal_error"), exchanges=(), handed_over=True)

    def _next(self, place: str) -> None:
        self._busy[place] -= 1
        self.admit(place)


def _event(job: Job, outcome: str, took: float) -> events.Delivered:
    return events.Delivered(
        delivery=job.delivery_id,
        lead=job.track.lead_id,
        contract=events.Id(job.contract.id),
        attempt=job.attempt,
        outcome=events.Code(outcome),
        ms=took * 1000,
    )


def handover_of(job: Job, world: World, link: Link = no_link) -> Handover:
    track = job.track
    return Handover(
        delivery_id=job.delivery_id,
        lead_id=track.lead_id,
        contract=job.contract.id,
        campaign=track.plan.campaign.id,
        source=track.source,
        price=job.price,
        lead=track.normals,
        raw=track.raws,
        beside=track.plan.campaign.enrichment.beside,
        at=world.now(),
        attempt=job.attempt,
        test=track.test,
        link=link,
        contact=track.plan.campaign.contact,
        ping_reference=won.reference if (won := track.bids.get(job.contract.id)) is not None else "",
    )
