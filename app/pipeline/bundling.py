"""Sends the leads of a contract together: one process takes all that wait, and one conversation ends them all."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from app.catalog.snapshot import Contract, Snapshot
from app.core.events import Code, Id, bug, emit
from app.core.file_events import Bundled
from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.adapter import adapters
from app.distribute.batching import Bundle, Bundler, Gathering, Laid, gathering
from app.distribute.wire import Conversed, Wire
from app.model import Accepted, Outcome, TryLater, Unclear, word_of
from app.pipeline.bundle_changes import retimed
from app.pipeline.bundle_turns import Turns
from app.pipeline.confirm_link import Link, no_link
from app.pipeline.details import exchanges_json
from app.pipeline.faults import Retrying
from app.pipeline.handing import Sender, handover_of
from app.pipeline.plans import Plans
from app.pipeline.pooled import NOBODY_THERE, all_away, perhaps_there
from app.pipeline.record import reason_of
from app.pipeline.tracking import Tracker
from app.pipeline.tracks import GONE, Job
from app.store import bundles, leads
from app.store.database import Database, is_ambiguous, is_away

LOOK_EVERY = 1.0
_A_MOMENT = 2.0  # seconds that a single try waits for a place: enough to be given one that is free

Awake = Callable[[Any, list[Job]], Awaitable[list[Job]]]
"""Those of some jobs, in the transaction that claimed them, that may be handed over now; the others wait on."""


class Taken(Struct, frozen=True):
    """A file that this process has begun: who is in it, and which of those it is to end."""

    id: UUID
    name: str
    contract: Contract
    members: list[Job]
    mine: frozenset[UUID]
    until: float  # its turn holds until then
    again: bool = False  # it perhaps left before
    seated: float | None = None  # since when it has its place; None: nobody counts them


class Bundling:
    """`look` is called by every process that takes work; of one contract one of them bundles at a time."""

    def __init__(
        self,
        database: Database,
        sender: Sender,
        tracker: Tracker,
        wire: Wire,
        world: World,
        metrics: Metrics,
        *,
        process_id: Callable[[], UUID],
        plans: Callable[[], Plans],
        awake: Awake,
        link: Link = no_link,
        bytes_kept: int = 65_536,
    ) -> None:
        self._database = database
        self._sender = sender
        self._tracker = tracker
        self._wire = wire
        self._world = world
        self._metrics = metrics
        self._process_id = process_id
        self._plans = plans
        self._awake = awake
        self._link = link
        self._bytes_kept = bytes_kept
        self._retrying = Retrying(world, metrics)
        self._turns = Turns(database, world, metrics)
        self._snapshot: Snapshot | None = None
        self._timed: Snapshot | None = None
        self._known: dict[str, Contract] = {}
        self._busy: set[str] = set()
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self._resting = False

    async def look(self) -> bool:
        """True where there is more at once."""
        await self._changed()
        shut, counts = self._sender.health.shut, {}
        for id_, contract in self._contracts().items():
            told = gathering(contract.settings)
            if told is not None and told.batch is not None and id_ not in shut and id_ not in self._busy:
                counts[id_] = told.batch.count
        if not counts:
            return False
        async with self._database.acquire() as conn:
            ripe = await bundles.ripe(conn, counts)
        for id_ in ripe:
            one = self._contracts().get(id_)
            if one is None or one.concurrency is None:
                await self.send(id_)
            elif id_ not in self._busy:
                self._stand(one)
        return False

    async def send(self, contract_id: str) -> bool:
        """All that waits for this contract, as one file; False where nothing does, or somebody else is at it, or its
        rate or its `concurrency` lets no more begin yet."""
        contract = self._contracts().get(contract_id)
        if contract is None or contract_id in self._busy:
            return False
        if contract.concurrency is None:
            taken, ended = await self._claimed(contract)
            if taken is not None:
                self._begin(taken)
            return taken is not None or ended
        self._busy.add(contract_id)
        try:
            async with asyncio.timeout(_A_MOMENT):
                await self._sender.seats.sit(contract)
        except BaseException as error:
            self._busy.discard(contract_id)
            if isinstance(error, TimeoutError):
                return False
            raise
        return await self._seated(contract)

    def _stand(self, contract: Contract) -> None:
        """In line for a place, before anything is claimed: who dies there leaves what waits as it was."""
        self._busy.add(contract.id)
        self._waiting[contract.id] = asyncio.get_running_loop().create_task(self._sit(contract))

    async def _sit(self, contract: Contract) -> None:
        try:
            await self._sender.seats.sit(contract)
        except BaseException:
            self._busy.discard(contract.id)
            raise
        finally:
            task = self._waiting.pop(contract.id)
        self._sender.tasks.add(task)
        task.add_done_callback(self._sender.tasks.discard)
        try:
            await self._seated(contract)
        except Exception as error:
            if not (is_away(error) or is_ambiguous(error)):
                emit(bug(error, "bundling"))

    async def _seated(self, contract: Contract) -> bool:
        """It has one of the contract's places until its file has ended; at once others have it where there is none."""
        taken, ended, since = None, False, self._world.monotonic()
        try:
            now = self._contracts().get(contract.id)
            if now is not None and now.place == contract.place and self._may(now):
                taken, ended = await self._claimed(now)
        finally:
            if taken is None:
                self._leave(contract)
        if taken is not None:
            task = self._begin(replace(taken, seated=since))
            task.add_done_callback(lambda _: self._leave(contract))
        return taken is not None or ended

    def _may(self, contract: Contract) -> bool:
        return not self._resting and contract.id not in self._sender.health.shut

    def _leave(self, contract: Contract) -> None:
        self._busy.discard(contract.id)
        self._sender.seats.leave(contract)

    def rest(self) -> None:
        """This process ends: whoever is in line for a place takes none any more."""
        self._resting = True
        for task in self._waiting.values():
            task.cancel()

    async def _claimed(self, contract: Contract) -> tuple[Taken | None, bool]:
        """What is to be sent now, and whether anything ended without a file."""
        until = await self._turns.take(contract)
        if until is None:
            return None, False
        async with self._database.acquire() as conn, conn.transaction():
            taken, ended = await self._take(conn, contract, until)
        for job in ended:
            self._end(job)
        return taken, bool(ended)

    async def _changed(self) -> None:
        """Whoever waits under another catalogue than the one that he came under may be due sooner."""
        snapshot = self._plans().snapshot
        if snapshot is not self._timed:
            async with self._database.acquire() as conn:
                await retimed(conn, snapshot, self._world.now())
            self._timed = snapshot

    def handles(self, contract_id: str) -> bool:
        return contract_id in self._contracts()

    def _contracts(self) -> dict[str, Contract]:
        snapshot = self._plans().snapshot
        if snapshot is not self._snapshot:
            found = snapshot.contracts.items()
            self._known = {id_: c for id_, c in found if not c.paused and gathering(c.settings) is not None}
            self._snapshot = snapshot
        return self._known

    async def _take(self, conn: Any, contract: Contract, until: float) -> tuple[Taken | None, list[Job]]:
        """The file, committed with its attempts; and what is to be ended without one."""
        settings = gathering(contract.settings)
        if settings is None or settings.batch is None or not await bundles.alone(conn, contract.id):
            return None, []
        again = await bundles.again(conn, contract.id)
        if again is None:
            rows = await bundles.claim(conn, self._process_id(), contract.id, settings.batch.most)
            everybody = rows
        else:
            rows = await bundles.claim_of(conn, self._process_id(), again[0])
            everybody = await bundles.members(conn, again[0])
        contexts = await leads.contexts(conn, [row.lead_id for row in everybody])
        mine = self._tracker.jobs(rows, contexts)
        gone = [job for job in mine if job.contract.adapter == GONE]
        mine = await self._awake(conn, [job for job in mine if job.contract.adapter != GONE])
        if not mine:
            return None, gone
        if again is None:
            if all_away(contract, self._world.now()):
                gone += [job for job in mine if not perhaps_there(job)]
                mine = [job for job in mine if perhaps_there(job)]
            if not mine:
                return None, gone
            return await self._new(conn, contract, settings, mine, until), gone
        members = [one for one in self._tracker.jobs(everybody, contexts) if one.contract.adapter != GONE]
        fresh = {job.delivery_id: job for job in mine}
        members = [fresh.get(one.delivery_id, one) for one in members]
        await bundles.resume(conn, again[0])
        kept = {one.delivery_id for one in members}
        await bundles.leave(conn, again[0], [row.id for row in everybody if row.id not in kept])
        return Taken(again[0], again[1], contract, members, frozenset(fresh), until, again=True), gone

    async def _new(
        self, conn: Any, contract: Contract, settings: Gathering, mine: list[Job], until: float
    ) -> Taken:
        id_ = self._world.new_id()
        name = settings.name_of(self._bundle(id_, contract))
        await bundles.new(
            conn, id_, contract.id, name, [(job.delivery_id, job.track.lead_id) for job in mine]
        )
        return Taken(id_, name, contract, mine, frozenset(job.delivery_id for job in mine), until)

    def _bundle(self, id_: UUID, contract: Contract) -> Bundle:
        return Bundle(id=id_, contract=contract.id, campaign=contract.doc.campaign, at=self._world.now())

    def _end(self, job: Job) -> None:
        """Without a file: nobody it is meant for is there, or its contract is gone."""
        if job.contract.adapter == GONE:
            self._sender.start(job)
        elif job.delivery_id not in self._sender.in_hand:
            self._sender.in_hand.add(job.delivery_id)
            self._sender.told(job, Conversed(outcome=NOBODY_THERE), 0.0)

    # conversing -----------------------------------------------------------------------------------

    def _begin(self, taken: Taken) -> asyncio.Task[None]:
        self._busy.add(taken.contract.id)
        self._sender.in_hand |= taken.mine
        task = asyncio.get_running_loop().create_task(self._send(taken))
        self._sender.tasks.add(task)
        task.add_done_callback(self._sender.tasks.discard)
        task.add_done_callback(lambda _: self._busy.discard(taken.contract.id))
        return task

    async def _send(self, taken: Taken) -> None:
        began, jobs = self._world.monotonic(), taken.members
        try:
            laid = self._laid(taken)
            if laid is not None and laid.spoilt:
                jobs = await self._left_out(taken, laid)
            conversed = await self._conversed(taken, laid, jobs)
            took = self._world.monotonic() - began
            await self._ended(taken, conversed, took, len(jobs))
        except BaseException as error:
            self._sender.spoiled |= taken.mine & self._sender.in_hand
            if isinstance(error, Exception):
                emit(bug(error, "bundling"))
                self._sender.in_hand -= taken.mine
                return
            raise
        if jobs:
            self._sender.health.heard(jobs[0], conversed.outcome)
        for n, job in enumerate(jobs, 1):
            if job.delivery_id in taken.mine:
                self._sender.told(job, _of_row(conversed, n, len(jobs), taken.name), took)

    def _laid(self, taken: Taken) -> Laid | None:
        """The file; None where a fault of ours leaves none."""
        settings = gathering(taken.contract.settings)
        assert settings is not None
        handovers = [handover_of(job, self._world, self._link) for job in taken.members]
        try:
            return settings.laid(self._bundle(taken.id, taken.contract), handovers)
        except Exception as error:
            emit(bug(error, "bundling"))
            return None

    async def _left_out(self, taken: Taken, laid: Laid) -> list[Job]:
        """Leads of which no row can be made stand in nobody's way; the others, whose rows are counted without them."""

        async def leave(_: bool) -> None:
            async with self._database.acquire() as conn, conn.transaction():
                await bundles.leave(conn, taken.id, list(laid.spoilt))

        await self._retrying.run(leave)
        for job in taken.members:
            if job.delivery_id in laid.spoilt and job.delivery_id in taken.mine:
                read = f"its row can't be made: {laid.spoilt[job.delivery_id]}"
                self._sender.told(job, Conversed(outcome=TryLater(reason="unformattable", read=read)), 0.0)
        return [job for job in taken.members if job.delivery_id not in laid.spoilt]

    async def _conversed(self, taken: Taken, laid: Laid | None, jobs: Sequence[Job]) -> Conversed:
        """A fault of ours ends like one of theirs: by whether a byte may have left."""
        found: Any = adapters.get(taken.contract.adapter)
        adapter: Bundler | None = found
        if laid is None or adapter is None or not jobs:
            return Conversed(outcome=TryLater(reason="unformattable"))
        try:
            await self._turns.hold(taken.contract, taken.until)
            if taken.seated is not None and not self._sender.seats.holds(taken.contract, taken.seated):
                return Conversed(outcome=TryLater(reason="no_place"))
            bundle = self._bundle(taken.id, taken.contract)
            file = replace(
                laid.file, name=taken.name
            )  # also where the contract calls its files otherwise by now
            return await self._wire.converse(adapter.bundle(bundle, file, taken.contract.settings))
        except Exception as error:
            emit(bug(error, "bundling"))
            return Conversed(outcome=Unclear(reason="internal_error"), handed_over=True)

    async def _ended(self, taken: Taken, conversed: Conversed, took: float, size: int) -> None:
        """Before its deliveries are: what is not known to have stayed here goes in no other file."""
        outcome = conversed.outcome
        word, kept = word_of(outcome), exchanges_json(conversed, self._bytes_kept)

        async def end(_: bool) -> None:
            async with self._database.acquire() as conn:
                await bundles.end(
                    conn, taken.id, _state(outcome, again=taken.again), outcome=word, reason=reason_of(outcome), ms=took * 1000,
                    exchanges=kept,
                )  # fmt: skip

        await self._retrying.run(end)
        self._metrics.count("leadgate_bundles_total", (taken.contract.id, word))
        emit(
            Bundled(
                bundle=taken.id, contract=Id(taken.contract.id), leads=size, outcome=Code(word),
                ms=round(took * 1000, 1),
            )
        )  # fmt: skip

    async def tidy(self) -> None:
        """Also of contracts that make no more files: what was begun has to end."""
        if any(isinstance(one.settings, Gathering) for one in self._plans().snapshot.contracts.values()):
            async with self._database.acquire() as conn:
                await bundles.tidy(conn)


def _state(outcome: Outcome, *, again: bool) -> str:
    """What perhaps left once is never known to have stayed here, whatever became of the next try."""
    if isinstance(outcome, Accepted):
        return "sent"
    if isinstance(outcome, Unclear):
        return "sent" if outcome.reason == "awaits_confirmation" else "unclear"
    return "unclear" if again else "unsent"


def _of_row(conversed: Conversed, n: int, size: int, name: str) -> Conversed:
    """As it is kept of one lead: with its place, and without the bytes of all the others."""
    outcome = conversed.outcome
    read = f"row {n} of {size} in {name}; {outcome.read}" if outcome.read else f"row {n} of {size} in {name}"
    bare = tuple(replace(one, sent=b"", cut=True) for one in conversed.exchanges)
    return Conversed(outcome=replace(outcome, read=read), exchanges=bare, handed_over=conversed.handed_over)
