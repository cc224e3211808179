"""The queues in front of a decision: who waits goes first, receipts when there is time, look-ups beside them."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from app.core.events import bug, emit
from app.core.world import World
from app.pipeline.binding import Unauctioned
from app.pipeline.decide import Decider
from app.pipeline.drafts import Decided, Draft, by_submission
from app.pipeline.evidence import EvidenceDesk
from app.pipeline.work import Work

MOST_DECIDED = 64
_BACKLOG_BATCH = 32
_BACKLOG_MOST = 4_000
_LEADS_AT_ONCE = 64
_MOST_LOOKED_UP = 500
_IDLE = 0.02
_LONGEST_BATCH = 0.05


class Deciding:
    """Feeds the decider in batches. `done` gets each batch that was tried and what of it was decided here;
    `park` what can't be decided; `arrived` counts the submissions that were made durable so far."""

    def __init__(
        self,
        decider: Decider,
        evidence: EvidenceDesk,
        world: World,
        *,
        done: Callable[[list[Draft], list[Decided]], None],
        park: Callable[[Work, str], None],
        arrived: Callable[[], int],
        backlog_share: float,
    ) -> None:
        self._decider = decider
        self._evidence = evidence
        self._world = world
        self._done = done
        self._park = park
        self._arrived = arrived
        self._share = backlog_share
        self._ready: list[Draft] = []
        self._urgent: list[Work] = []
        self._backlog: deque[Work] = deque()
        self._bulk: deque[Work] = deque()
        self._wake = asyncio.Event()
        self._looking: set[asyncio.Task[None]] = set()
        self._deciding = 0
        self._loops: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._loops = [asyncio.create_task(self._decide_urgent()) for _ in range(2)]
        self._loops.append(asyncio.create_task(self._decide_backlog()))

    def __len__(self) -> int:
        return len(self._backlog) + len(self._urgent) + len(self._ready)

    @property
    def crowded(self) -> bool:
        """No room for more receipts in memory."""
        return len(self._backlog) >= _BACKLOG_MOST

    @property
    def idle(self) -> bool:
        """Nobody's lead is being decided; receipts in memory don't count, they are in the inbox too."""
        return not (self._urgent or self._ready or self._deciding or self._looking)

    def now(self, work: Work) -> None:
        """Somebody waits for it."""
        self._urgent.append(work)
        if not self._deciding or len(self._urgent) >= MOST_DECIDED:
            self._wake.set()

    def later(self, works: Iterable[Work], *, of_batches: bool = False) -> None:
        """Those of batches when there are no others."""
        (self._bulk if of_batches else self._backlog).extend(works)

    @property
    def bulk(self) -> int:
        """Leads of batches that wait in memory."""
        return sum(len(work.records) for work in self._bulk)

    def leave_receipts(self) -> None:
        """They stay in the inbox for the next process."""
        self._backlog.clear()
        self._bulk.clear()
        self._wake.set()

    async def cancel(self) -> None:
        left = [*self._loops, *self._looking]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _decide_urgent(self) -> None:
        while True:
            waiting = len(self._urgent) + len(self._ready)
            # A second batch beside one that waits for the database only where it is full: what queues
            # meanwhile shares its round trips.
            if not waiting or (self._deciding and waiting < MOST_DECIDED):
                self._wake.clear()
                await self._wake.wait()
                continue
            ready, self._ready = self._ready[:MOST_DECIDED], self._ready[MOST_DECIDED:]
            room = MOST_DECIDED - len(ready)
            works, self._urgent = self._urgent[:room], self._urgent[room:]
            await self._decide(ready + self._drafts(works))

    async def _decide_backlog(self) -> None:
        """While more comes in than is decided the door goes first, and this takes its share of the time."""
        while True:
            # What waits for slow services is held in memory: the rest waits in the inbox.
            works = self._next() if len(self._looking) < _MOST_LOOKED_UP else []
            if not works:
                await asyncio.sleep(_IDLE)
                continue
            began, before = self._world.monotonic(), self._arrived()
            await self._decide(self._drafts(works))
            if self._arrived() - before > sum(len(work.records) for work in works):
                # Bounded: a batch that sat through an outage must not rest for thirty times as long.
                took = min(self._world.monotonic() - began, _LONGEST_BATCH)
                await asyncio.sleep(took * (1 - self._share) / self._share)

    def _next(self) -> list[Work]:
        """A batch of receipts; one that holds many leads is enough, so that nobody waits for long."""
        works: list[Work] = []
        leads, queue = 0, self._backlog or self._bulk
        while queue and len(works) < _BACKLOG_BATCH and leads < _LEADS_AT_ONCE:
            works.append(queue.popleft())
            leads += len(works[-1].records)
        return works

    def _drafts(self, works: Sequence[Work]) -> list[Draft]:
        """Map what can be decided now; what needs a look-up first comes back by itself."""
        drafts: list[Draft] = []
        for work in works:
            try:
                mapped = self._decider.draft(work)
            except LookupError:
                self._park(work, "source_gone")
                continue
            except Exception as error:
                emit(bug(error, "map"))
                self._park(work, "not_mappable")
                continue
            slow = [(draft, asks) for draft in mapped if (asks := self._evidence.slow(draft))]
            if slow:
                self._look(mapped, slow)
            else:
                drafts += mapped
        return drafts

    def _look(self, mapped: list[Draft], slow: list[tuple[Draft, Any]]) -> None:
        async def look() -> None:
            try:
                await asyncio.gather(*(self._evidence.look_up(draft, asks) for draft, asks in slow))
            except Exception as error:  # not known, then: that is an answer too
                emit(bug(error, "look"))
            self._ready += mapped
            self._wake.set()

        task = asyncio.create_task(look())
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def _decide(self, drafts: list[Draft]) -> None:
        if not drafts:
            return
        self._deciding += 1
        try:
            decided = await self._decider.decide(drafts)
        except Unauctioned as error:
            await self._decide(self._ask_first(drafts, error.drafts))
            return
        except Exception as error:
            await self._split(drafts, error)
            return
        finally:
            self._deciding -= 1
            if self._urgent or self._ready:
                self._wake.set()
        self._done(drafts, decided)

    def _ask_first(self, drafts: Sequence[Draft], lost: Sequence[Draft]) -> list[Draft]:
        """Bidders are asked about the lost ones, beside; the drafts that don't wait for it."""
        beside = {draft.lead.submission_id for draft in lost}
        for draft in lost:
            draft.spared, draft.lapsed = False, True
        for part in by_submission([one for one in drafts if one.lead.submission_id in beside]).values():
            self._look(part, [(draft, asks) for draft in part if (asks := self._evidence.slow(draft))])
        return [draft for draft in drafts if draft.lead.submission_id not in beside]

    async def _split(self, drafts: list[Draft], error: Exception) -> None:
        """A batch that can't be written is tried submission by submission; the one at fault is parked."""
        parts = list(by_submission(drafts).values())
        if len(parts) > 1:
            for part in parts:
                await self._decide(part)
            return
        emit(bug(error, "decide"))
        self._park(drafts[0].work, "not_decidable")
