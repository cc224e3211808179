"""One more round of a lead whose source, or whose operator, asks for it: as if it came today."""

import asyncio
from typing import Literal
from uuid import UUID

from msgspec import Struct

from app.core.errors import NotDurable, NotYours
from app.core.metrics import Metrics
from app.core.world import World
from app.pipeline.answers import Answer, bought, pending
from app.pipeline.choosing import Again
from app.pipeline.engine import Engine
from app.pipeline.evidence import EvidenceDesk
from app.pipeline.faults import Retrying
from app.pipeline.next_round import Foretold, NextRound, Wish, source_of
from app.pipeline.pieces import Pieces
from app.store import rounds
from app.store.database import Database, is_ambiguous, is_away

_PATIENCE = 1.5
_OPERATOR_WAITS = 10.0  # seconds


class _Hearing(Struct, frozen=True):
    """Until when who asks waits, and for what: a source for its `answer`, or its `receipt`; an operator only `looks`,
    and the source is told as of any outcome that it does not wait for."""

    until: float
    what: Literal["answer", "receipt", "looks"]


class Reprocessor:
    """The new round is committed, with its deliveries and their first attempts, before anybody hears of it.

    Two requests at the same moment are one round, here and in other processes: the second gets the answer
    of the first.
    """

    def __init__(
        self,
        engine: Engine,
        database: Database,
        pieces: Pieces,
        evidence: EvidenceDesk,
        world: World,
        metrics: Metrics,
    ) -> None:
        self._engine = engine
        self._database = database
        self._world = world
        self._next = NextRound(
            database, pieces, evidence, engine.decider, world, Retrying(world, metrics, patience=_PATIENCE),
            process_id=engine.process_id,
        )  # fmt: skip
        self._under_way: dict[UUID, asyncio.Task[Answer]] = {}

    async def reprocess(self, lead_id: UUID, source: str, *, key: bytes = b"") -> Answer:
        """The answer of the new round, or `pending` when the source's deadline passes. `key` is the digest of
        an Idempotency-Key. Raises NotYours, Conflict, Unprocessable, NotDurable."""
        plan = self._engine.source(source)
        if (task := self._under_way.get(lead_id)) is not None:
            if await self._owner(lead_id) != source:
                raise NotYours("there is no such lead")
            return await asyncio.shield(task)
        what: Literal["answer", "receipt"] = "receipt" if plan.reply == "receipt" else "answer"
        hearing = _Hearing(self._world.monotonic() + plan.deadline, what)
        return await self._shared(Wish(lead_id, plan, f"source {plan.id}", key), hearing)

    async def by_operator(self, lead_id: UUID, *, by: str, key: bytes = b"") -> Answer:
        """As its source's own wish, whoever its source is; `pending` where it takes long. Raises NotFound too."""
        if (task := self._under_way.get(lead_id)) is not None:
            return await asyncio.shield(task)
        wish = await self._wish(lead_id, by, key)
        until = self._world.monotonic() + min(wish.plan.deadline, _OPERATOR_WAITS)
        return await self._shared(wish, _Hearing(until, "looks"))

    async def foretold(self, lead_id: UUID) -> Foretold:
        """What an operator's wish would come to; raises what that would raise."""
        try:
            return await self._next.foretold(await self._wish(lead_id, ""))
        except Again:
            raise NotDurable("this lead changes at this moment; send it again") from None

    async def _wish(self, lead_id: UUID, by: str, key: bytes = b"") -> Wish:
        plan = self._engine.source(await source_of(self._database, lead_id))
        return Wish(lead_id, plan, by, key)

    async def _shared(self, wish: Wish, hearing: _Hearing) -> Answer:
        """What is under way for this lead is waited for, and begun only where nothing is."""
        task = self._under_way.get(wish.lead_id)
        if task is None:
            task = asyncio.create_task(self._run(wish, hearing))
            self._under_way[wish.lead_id] = task
            task.add_done_callback(lambda _: self._under_way.pop(wish.lead_id, None))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def _owner(self, lead_id: UUID) -> str | None:
        async with self._database.promptly() as conn:
            lead = await rounds.standing(conn, lead_id)
        return lead.source if lead else None

    async def _run(self, wish: Wish, hearing: _Hearing) -> Answer:
        try:
            return await self._again(wish, hearing)
        except Again:
            raise NotDurable("this lead changes at this moment; send it again") from None
        except Exception as error:
            if is_away(error) or is_ambiguous(error):
                raise NotDurable("the database does not answer; send it again") from error
            raise

    async def _again(self, wish: Wish, hearing: _Hearing) -> Answer:
        lead_id, source = wish.lead_id, wish.plan.id
        if await self.known(lead_id, source, wish.key):
            return await self._stands(lead_id, hearing)
        draft = await self._next.drafted(wish)
        future = self._engine.waiting.wait(lead_id) if hearing.what == "answer" else None
        try:
            begun = await self._next.begun(draft, wish)
            if begun is None:  # by another process, or by us with a commit in doubt
                await self._engine.adopt([lead_id])
                return await self._stands(lead_id, hearing)
            one, was = begun
            self._engine.begin(one)
            if hearing.what == "receipt":
                return pending(lead_id, one.row.state)
            if future is None:
                return await self._stands(lead_id, hearing)
            if was.outcome == "success":  # what was promised its source stands, whatever this round brings
                return bought(lead_id, one.row.state, was.price)
            return await self._answer(future, lead_id, source, draft.round, hearing.until)
        finally:
            if future is not None:
                self._engine.waiting.forget([lead_id], [future])

    async def _stands(self, lead_id: UUID, hearing: _Hearing) -> Answer:
        """As the rows say, once they say it."""
        return (await self._engine.answers_of(lead_id, 1, hearing.until))[0]

    async def known(self, lead_id: UUID, source: str, key: bytes) -> bool:
        """Whether this very request came before; then it is answered as the lead stands."""
        if not key:
            return False
        async with self._database.promptly() as conn:
            lead = await rounds.standing(conn, lead_id)
            return lead is not None and lead.source == source and await rounds.known(conn, source, key)

    async def _answer(
        self, future: "asyncio.Future[Answer]", lead_id: UUID, source: str, round_: int, until: float
    ) -> Answer:
        left = until - self._world.monotonic()
        timer = asyncio.get_running_loop().call_later(
            left, self._engine.let_go, source, [lead_id], "delivering", round_
        )
        try:
            return await future
        finally:
            timer.cancel()
