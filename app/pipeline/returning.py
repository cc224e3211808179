"""A buyer's wish to give a lead back goes its way: by a person's word, by time, or by another lead that stands in."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

from app.core.errors import Conflict, NotFound
from app.core.world import World
from app.pipeline.choosing import Again
from app.pipeline.crediting import Crediting
from app.pipeline.faults import Retrying
from app.pipeline.plans import Plans
from app.pipeline.record import Recorder
from app.pipeline.tracking import Tracker
from app.pipeline.tracks import Step
from app.store import decisions, leads, returns, rounds
from app.store.database import Database, marked
from app.store.returns import Request, Said

LONGEST_WHY = 500
_AT_ONCE = 50
_BY_TIME = "time-out"


class _Undone(Exception):
    """Carries what a dry run found out of its transaction, which is rolled back."""

    def __init__(self, request: Request) -> None:
        self.request = request


class Returns:
    """Each word is one transaction under the locks of delivery and return: of two at the same moment one is heard,
    and saying the same again changes nothing."""

    def __init__(
        self,
        database: Database,
        recorder: Recorder,
        tracker: Tracker,
        world: World,
        retrying: Retrying,
        *,
        plans: Callable[[], Plans],
        follow: Callable[[Step], None] = lambda _: None,
    ) -> None:
        self._database = database
        self._recorder = recorder
        self._tracker = tracker
        self._world = world
        self._retrying = retrying
        self._follow = follow
        self.crediting = Crediting(world, plans)

    async def approve(self, return_id: UUID, *, by: str, why: str = "", dry: bool = False) -> Request:
        """As it stands then. Raises NotFound, and Conflict where it was decided otherwise."""
        told = _told(why)

        async def decide(conn: Any, request: Request) -> Request:
            return (await self.crediting.approved(conn, [request], by=by, why=told))[0]

        return await self._said(return_id, "approved", decide, dry)

    async def deny(self, return_id: UUID, why: str, *, by: str, dry: bool = False) -> Request:
        """As `approve`; nothing moves. `why` is what the buyer is told."""
        told = _told(why)

        async def decide(conn: Any, request: Request) -> Request:
            await returns.decide(conn, [request.id], "denied", by, told, self._world.now())
            await returns.say(conn, [Said(request.id, "denied", by, told)])
            found = await returns.find(conn, request.id)
            assert found is not None
            await self.crediting.told(conn, [found], "return_denied")
            return found

        return await self._said(return_id, "denied", decide, dry)

    async def _said(
        self, return_id: UUID, state: str, decide: Callable[[Any, Request], Awaitable[Request]], dry: bool
    ) -> Request:
        async def attempt(again: bool) -> Request:
            try:
                async with self._database.acquire() as conn, conn.transaction():
                    if again:
                        await marked(conn)
                    request = await _locked(conn, return_id)
                    if request.state == state:
                        return request
                    if request.state != "requested":
                        raise Conflict(
                            f"this return is {request.state} already; that is not undone", code="decided"
                        )
                    decided = await decide(conn, request)
                    if dry:
                        raise _Undone(decided)
                    return decided
            except _Undone as undone:
                return undone.request

        return await self._retrying.run(attempt)

    # by time ----------------------------------------------------------------------------------------

    async def end_overdue(self) -> bool:
        """What nobody decided in time is decided as its contract said when it was asked for."""
        async with self._database.acquire() as conn:
            due = await returns.due(conn, self._world.now(), _AT_ONCE)
        for return_id, how in due:
            with suppress(Conflict):  # by somebody, between our look and our word
                if how == "approve":
                    await self.approve(return_id, by=_BY_TIME)
                else:
                    await self.deny(return_id, "nobody decided it in time", by=_BY_TIME)
        return len(due) == _AT_ONCE

    async def replace(self) -> bool:
        """The next lead of a contract that owes its buyer one costs nothing; where none came in time, the price goes
        back instead."""
        async with self._database.acquire() as conn:
            free = await returns.free_ones(conn, _AT_ONCE)
            expired = await returns.expired(conn, self._world.now(), _AT_ONCE)
        taken: set[UUID] = set()
        for return_id, delivery_id, lead_id in free:
            if delivery_id not in taken:
                taken.add(delivery_id)
                await self._once(return_id, partial(self._stand_in, delivery_id, lead_id))
        for return_id in expired:
            await self._once(return_id, self.crediting.expired)
        return len(taken) < len(free)

    async def _stand_in(self, delivery_id: UUID, lead_id: UUID, conn: Any, request: Request) -> None:
        """Unless the delivery was given back or has stood in for another since it was found."""
        if await returns.is_free(conn, delivery_id):
            await self.crediting.replaced(conn, request, delivery_id, lead_id)

    async def _once(self, return_id: UUID, do: Callable[[Any, Request], Awaitable[None]]) -> None:
        """While another lead, or the price, is still owed for it."""

        async def attempt(_: bool) -> None:
            async with self._database.acquire() as conn, conn.transaction():
                request = await _locked(conn, return_id)
                if (
                    request.replace_until is not None
                    and request.replaced_by is None
                    and request.credited is None
                ):
                    await do(conn, request)

        await self._retrying.run(attempt)

    # once more --------------------------------------------------------------------------------------

    async def resell(self) -> bool:
        """Leads that others may have get one more round, without those who had them."""
        async with self._database.acquire() as conn:
            due = await returns.to_resell(conn, _AT_ONCE)
        for return_id in due:
            for step in await self._retrying.run(lambda again, one=return_id: self._resold(one, again)):  # type: ignore[misc]
                self._follow(step)
        return len(due) == _AT_ONCE

    async def _resold(self, return_id: UUID, again: bool) -> list[Step]:
        try:
            async with self._database.acquire() as conn, conn.transaction():
                if again:
                    await marked(conn)
                request = await _locked(conn, return_id)
                if request.resale == "waits":
                    await self._ended(conn, request)
                    return []
                if request.resale != "due":
                    return []
                standing = await rounds.standing(conn, request.lead_id, locked=True)
                context = (await leads.contexts(conn, [request.lead_id])).get(request.lead_id)
                if standing is None or context is None or context.closed or standing.state != "returned":
                    await returns.resold(conn, return_id, "none")
                    return []
                await rounds.put_aside(conn, request.lead_id)
                former = await returns.former_buyers(conn, request.lead_id)
                await returns.begin_round(conn, request.lead_id, former)
                await returns.resold(conn, return_id, "done")
                await returns.say(conn, [Said(return_id, "resold", "system")])
                context = (await leads.contexts(conn, [request.lead_id]))[request.lead_id]
                return await self._recorder.resume_one(conn, self._tracker.track(context))
        except decisions.MissingCounters as missing:
            await self._recorder.prepare(missing.keys)
            raise Again from None

    async def _ended(self, conn: Any, request: Request) -> None:
        """Its other copies were on their way when it was given back; once they have ended, so has it."""
        await leads.lock(conn, [request.lead_id])
        lead = (await returns.standings(conn, [request.lead_id]))[request.lead_id]
        if lead.live:
            return
        over = lead.kept == 0 and lead.state == "sold"
        if over:
            await self.crediting.over(conn, request, lead)
        goes_on = over and self.crediting.resellable(request) and not (lead.test or lead.closed)
        await returns.resold(conn, request.id, "due" if goes_on else "none")


async def _locked(conn: Any, return_id: UUID) -> Request:
    found = await returns.locked(conn, [return_id])
    if not found:
        raise NotFound("there is no such return")
    return found[0]


def _told(why: str) -> str:
    return why.replace("\0", "")[:LONGEST_WHY]
