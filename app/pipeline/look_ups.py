"""Asks services what leads need of them: once however many wait for it, in bounded time, within the day's budget."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from hashlib import blake2b
from typing import Any
from uuid import UUID

import orjson
from msgspec import Struct
from msgspec.structs import replace

from app.core.events import bug, emit
from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.adapter import Call
from app.distribute.faults import NotSent, TimedOut, WireFault
from app.distribute.wire import Wire
from app.model import Lead
from app.pipeline.breaker import Breaker
from app.pipeline.faults import Retrying
from app.pipeline.flush import Batcher
from app.store import look_ups as store
from app.store.database import Database, marked
from app.store.look_ups import Ended, Standing, Wanted
from app.validate.remote import Became, Remote, Request, Response, Told, Unanswered

MOST_ASKED = 8
"""Requests of one conversation; more is a bug of its component."""
ANSWER_BYTES = 65_536
GRACE = 5.0
"""Seconds beyond its deadline after which a question that is on its way counts as left behind."""
FOR_ITS_LEAD = 3_600.0
"""Seconds that an answer which nobody shares is kept, so that a lead decided anew does not pay twice."""
_POLL = 0.05


class _Spoken(Struct, frozen=True, kw_only=True):
    """How one conversation ended. `sent`: a request has, perhaps, reached the service."""

    became: Became
    answer: bytes | None = None
    why: str = ""
    fault: bool = False
    sent: bool = True


class LookUps:
    """For one process; what must hold (no two ask one question, no budget is overspent) holds in PostgreSQL.

    `secret` keys the digests under which answers are kept: from a copy of the database nobody can tell
    what was asked by trying all telephone numbers.
    """

    def __init__(
        self, database: Database, wire: Wire, world: World, metrics: Metrics, *, secret: bytes
    ) -> None:
        self._database, self._wire = database, wire
        self._world, self._metrics, self._secret = world, metrics, secret
        self._retrying = Retrying(world, metrics)
        self.breaker = Breaker(world.monotonic)
        self._claims: Batcher[Wanted, Standing] = Batcher(self._claim)
        self._ends: Batcher[Ended, None] = Batcher(self._end)
        self._asking: dict[bytes, asyncio.Task[Told]] = {}
        self._places: dict[tuple[str, int], asyncio.Semaphore] = {}
        self._started = False

    async def close(self) -> None:
        """What is on its way is given up; whoever decides the lead asks again."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._claims.cancel()
        await self._ends.cancel()

    async def ask(self, lead: Lead, ask: Remote, *, sells: bool = True) -> Told:
        """`sells`: nothing rejects the lead so far. Never raises but for a cancellation; takes its deadline and, while
        the database is away, as long as that."""
        began = self._world.monotonic()
        told = await self._told(lead, ask) if sells or not ask.to.sellable else Told(became="unsellable")
        seconds = self._world.monotonic() - began
        self._count(ask, told, seconds)
        return replace(told, currency=ask.to.currency, ms=round(seconds * 1000, 2))

    def _count(self, ask: Remote, told: Told, seconds: float) -> None:
        service = ask.service
        self._metrics.count("leadgate_look_ups_total", (service, told.became))
        if told.cost:
            self._metrics.count("leadgate_look_up_cost_total", (service, ask.to.currency), float(told.cost))
        if told.became in ("answered", "failed", "late"):
            self._metrics.observe("leadgate_look_up_seconds", (service,), seconds)
        self._metrics.gauge("leadgate_breaker", (service,), self.breaker.state(service))

    async def _told(self, lead: Lead, ask: Remote) -> Told:
        if not in_share(lead.id, ask):
            return Told(became="share")
        if ask.to.when is not None and not ask.to.when.holds({"lead": lead.normals(), "source": lead.source}):
            return Told(became="condition")
        key = self._key(lead, ask)
        task = self._asking.get(key)
        if task is not None:  # another lead's, which pays for it
            told = await asyncio.shield(task)
            return replace(told, became="cached" if told.known else told.became, cost=Decimal(0))
        task = self._asking[key] = asyncio.create_task(self._answer(lead.id, key, ask))
        task.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(task)

    def _key(self, lead: Lead, ask: Remote) -> bytes:
        """Where answers hold for nobody else, the lead is part of the question."""
        whose = b"" if ask.to.cache.seconds else lead.id.bytes
        return blake2b(
            ask.service.encode() + b"\0" + ask.key + whose, key=self._secret, digest_size=16
        ).digest()

    async def _answer(self, lead_id: UUID, key: bytes, ask: Remote) -> Told:
        """Whoever waits for a place has claimed nothing yet, and learns first whether the service is left to rest."""
        place = ask.service, ask.to.concurrency
        async with self._places.setdefault(place, asyncio.Semaphore(ask.to.concurrency)):
            return await self._answer_now(lead_id, key, ask)

    async def _answer_now(self, lead_id: UUID, key: bytes, ask: Remote) -> Told:
        until = self._world.monotonic() + ask.to.deadline.seconds
        asker = self._world.new_id()
        while True:
            admitted = self.breaker.admits(ask.service)
            try:
                standing = await self._put(_wanted(lead_id, key, ask, asker, asks=admitted))
                ours = standing.state == "ours"
            except BaseException:
                ours = False
                raise
            finally:
                if admitted and not ours:
                    self.breaker.unused(ask.service)
            if ours:
                return await self._ask(key, ask, asker)
            if standing.state != "elsewhere":
                return _otherwise(standing)
            if self._world.monotonic() >= until:
                return Told(became="late", why="asked_elsewhere")
            await asyncio.sleep(_POLL)

    async def _ask(self, key: bytes, ask: Remote, asker: UUID) -> Told:
        """It is ours to ask, and the breaker's to hear of."""
        to, spoken = ask.to, _Spoken(became="failed", why="stopped", fault=True)
        try:
            spoken = await self._converse(ask)
        finally:
            if spoken.fault:
                self.breaker.failed(ask.service, failures=to.failures, rest=to.rest.seconds)
            else:
                self.breaker.went_well(ask.service)
        answer = None if spoken.answer is None else spoken.answer.decode()
        cost = to.cost if spoken.sent else Decimal(0)
        holds = to.cache.seconds or FOR_ITS_LEAD
        await self._finish(
            Ended(
                key=key, asker=asker, purse=ask.purse, currency=to.currency, cost=to.cost, answer=answer,
                holds=holds, refund=not spoken.sent,
            )
        )  # fmt: skip
        value = None if spoken.answer is None else orjson.loads(spoken.answer)
        at = self._world.now() if spoken.became == "answered" else None
        return Told(became=spoken.became, value=value, why=spoken.why, cost=cost, at=at)

    async def _converse(self, ask: Remote) -> _Spoken:
        until = self._world.monotonic() + ask.to.deadline.seconds
        conversation, response, sent = ask.converse(), None, False
        try:
            for _ in range(MOST_ASKED + 1):
                request = conversation.send(response)  # type: ignore[arg-type]  # None starts a generator
                left = until - self._world.monotonic()
                if left <= 0:
                    return _Spoken(became="late", fault=True, sent=sent)
                response = await self._exchange(request, left)
                sent = True
            return _Spoken(became="failed", why="asks_without_end")
        except StopIteration as end:
            return _said(end.value, sent=sent)
        except Unanswered as none:
            return _Spoken(became="failed", why=none.reason, fault=none.fault, sent=sent)
        except WireFault as fault:
            sent = sent or not isinstance(fault, NotSent)
            became: Became = "late" if isinstance(fault, TimedOut) else "failed"
            return _Spoken(became=became, why=fault.code, fault=True, sent=sent)
        except Exception as error:  # a bug of the component, which must cost no lead
            emit(bug(error, "look_up"))
            return _Spoken(became="failed", why="component_failed", sent=sent)
        finally:
            with suppress(Exception):
                conversation.close()

    async def _exchange(self, request: Request, left: float) -> Response:
        call = Call(
            method=request.method, url=request.url, headers=request.headers, body=request.body,
            hands_over=False, timeout=left, secrets=request.secrets,
        )  # fmt: skip
        reply = await self._wire.ask(call)
        return Response(status=reply.status, headers=reply.headers, body=reply.body)

    # in the database ------------------------------------------------------------------------------

    async def _put(self, wanted: Wanted) -> Standing:
        self._start()
        return await self._claims.put(wanted)

    async def _finish(self, ended: Ended) -> None:
        await self._ends.put(ended)

    def _start(self) -> None:
        """With the first question: who asks none has no tasks for it."""
        if not self._started:
            self._started = True
            self._claims.start()
            self._ends.start()

    async def _claim(self, wanted: list[Wanted]) -> Sequence[Standing]:
        async def attempt(again: bool) -> Sequence[Standing]:
            async with self._database.acquire() as conn, conn.transaction():
                if again:
                    await marked(conn)
                return await store.claim(conn, wanted)

        return await self._retrying.run(attempt)

    async def _end(self, ended: list[Ended]) -> Sequence[None]:
        async def attempt(again: bool) -> None:
            async with self._database.acquire() as conn, conn.transaction():
                if again:
                    await marked(conn)
                await store.end(conn, ended)

        await self._retrying.run(attempt)
        return [None] * len(ended)


def in_share(lead_id: UUID, ask: Remote) -> bool:
    """The same for one lead whenever and by whomever it is asked; for two services, two shares."""
    if ask.to.share >= 1:
        return True
    place = blake2b(lead_id.bytes + ask.purse.encode(), digest_size=8).digest()
    return int.from_bytes(place, "big") < ask.to.share * 2**64


def _wanted(lead_id: UUID, key: bytes, ask: Remote, asker: UUID, *, asks: bool) -> Wanted:
    to = ask.to
    return Wanted(
        key=key, service=ask.service, lead_id=lead_id, asker=asker, patience=to.deadline.seconds + GRACE, purse=ask.purse,
        cost=to.cost, currency=to.currency, budget=to.budget, asks=asks,
    )  # fmt: skip


def _otherwise(standing: Standing) -> Told:
    """Of a question that is not ours to ask."""
    match standing.state:
        case "known":
            return Told(became="cached", value=orjson.loads(standing.value), at=standing.at)
        case "abandoned":
            return Told(became="abandoned")
        case "budget":
            return Told(became="budget")
    return Told(became="resting")


def _said(value: Any, *, sent: bool) -> _Spoken:
    """What a conversation returned, as JSON; half a surrogate pair or a set is none."""
    try:
        answer = orjson.dumps(value)
    except (TypeError, ValueError):
        return _Spoken(became="failed", why="not_json", fault=True)
    if len(answer) > ANSWER_BYTES:
        return _Spoken(became="failed", why="too_long", fault=True)
    return _Spoken(became="answered", answer=answer, sent=sent)
