"""A held lead goes its way by a person's word: on to distribution as if accepted, or refused for a reason."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.core.errors import Conflict, NotFound
from app.core.world import World
from app.model import Lead, Value
from app.pipeline import answers
from app.pipeline.choosing import Again
from app.pipeline.claims import key_of
from app.pipeline.faults import Retrying
from app.pipeline.record import Recorder
from app.pipeline.releasing import Bid, auctioned_first, knocked_down, promised, reason
from app.pipeline.tracking import Tracker
from app.pipeline.tracks import Step, Track
from app.store import decisions, leads, letting_go, offences, pings, reviews, rounds
from app.store.database import Database, marked
from app.store.decisions import KeyClaim
from app.store.leads import Context
from app.store.rounds import Standing
from app.store.rows import LeadChange
from app.validate.check import Claim, Having, Near

LONGEST_REASON = 200
_ZERO = Decimal(0)


class _Undone(Exception):
    """Carries what a dry run found out of its transaction, which is rolled back."""

    def __init__(self, step: Step) -> None:
        self.step = step


class Word(Struct, frozen=True):
    """What one person said of one lead; `id` tells it from the same said by another."""

    id: UUID
    lead_id: UUID
    by: str
    dry: bool


class Reviewer:
    """Of several people who say something at once one is heard; the others get a Conflict that says how it stands."""

    def __init__(
        self, database: Database, recorder: Recorder, tracker: Tracker, world: World, retrying: Retrying
    ) -> None:
        self._database = database
        self._recorder = recorder
        self._tracker = tracker
        self._world = world
        self._retrying = retrying

    async def approve(self, lead_id: UUID, *, by: str, dry: bool = False) -> Step | None:
        """The step that follows; None where our own word was kept by a commit in doubt. What its source is told
        is written in the same transaction. A lead that is auctioned first stays held until the service has its bids.
        Raises NotFound and Conflict."""
        word = Word(self._world.new_id(), lead_id, by, dry)

        async def go_on(conn: Any, context: Context, track: Track) -> Step:
            if await auctioned_first(conn, track, self._world.now()):
                await letting_go.ask(conn, lead_id, by)
                return Step(track, "held", None)
            return await self._let_go(conn, word, context, track)

        return await self._said(word, go_on)

    async def auctioned(
        self, lead_id: UUID, bids: Sequence[Bid], silent: Mapping[str, str], *, by: str
    ) -> Step | None:
        """The word of an `approve` whose lead was to be auctioned first, now that its bids are there, the best first:
        as `approve`, for its bidders alone. Conflict too where it is not to be let go any more."""
        word = Word(self._world.new_id(), lead_id, by, False)

        async def go_on(conn: Any, context: Context, track: Track) -> Step:
            if not await letting_go.forget(conn, lead_id):
                raise Conflict("something else was said of this lead meanwhile")
            return await self._let_go(conn, word, context, track, bids, silent)

        return await self._said(word, go_on)

    async def _let_go(
        self, conn: Any, word: Word, context: Context, track: Track, bids: Sequence[Bid] | None = None,
        silent: Mapping[str, str] = {},
    ) -> Step:  # fmt: skip
        """`bids`: None where it is not auctioned."""
        await offences.forget(conn, [track.lead_id])
        lapsed = await promised(conn, track, self._world.now())
        data = {"was": "held", "word": str(word.id)} | ({"lapsed": lapsed.code} if lapsed else {})
        if bids is not None:
            data["bids"] = str(len(bids))
        await leads.note(conn, track.lead_id, "approved", None, word.by, data)
        if lapsed is not None and lapsed.refuses:
            return await self._refuse(conn, context, track, reason(lapsed.code))
        if bids is not None:
            await knocked_down(conn, track, bids, silent)
        if keys := _keys(context, track):
            await decisions.take_over(conn, keys)
        if track.plan.reply == "verdict":  # whose source is owed a price from here on
            await self._recorder.change(conn, [_bought(track)])
        if bids is not None and not bids:
            step = _unsold(track)
            await self._recorder.change(conn, [step])
            return step
        return (await self._recorder.resume_one(conn, track))[0]

    async def reject(self, lead_id: UUID, why: str, *, by: str, dry: bool = False) -> Step | None:
        """As `approve`; `why` is what the source is told, unless it is told nothing but a no."""
        word = Word(self._world.new_id(), lead_id, by, dry)
        told = why.replace("\0", "")[:LONGEST_REASON]

        async def refuse(conn: Any, context: Context, track: Track) -> Step:
            data = {"was": "held", "reason": told, "word": str(word.id)}
            await leads.note(conn, lead_id, "refused", None, by, data)
            await pings.free(conn, lead_id)
            await letting_go.forget(conn, lead_id)
            why = {"code": "review", "field": "", "message": told}
            return await self._refuse(conn, context, track, why)

        return await self._said(word, refuse)

    async def _refuse(self, conn: Any, context: Context, track: Track, why: Mapping[str, str]) -> Step:
        await decisions.drop_keys(conn, _keys(context, track))
        step = _refused(track, why)
        await self._recorder.change(conn, [step])
        return step

    async def _said(
        self, word: Word, follow: Callable[[Any, Context, Track], Awaitable[Step]]
    ) -> Step | None:
        async def attempt(again: bool) -> Step | None:
            try:
                async with self._database.acquire() as conn, conn.transaction():
                    return await self._transact(conn, word, follow, again)
            except decisions.MissingCounters as missing:
                await self._recorder.prepare(missing.keys)
                raise Again from None
            except _Undone as undone:
                return undone.step

        return await self._retrying.run(attempt)

    async def _transact(
        self, conn: Any, word: Word, follow: Callable[[Any, Context, Track], Awaitable[Step]], again: bool
    ) -> Step | None:
        if again:
            await marked(conn)
        standing = await rounds.standing(conn, word.lead_id, locked=True)
        if standing is None:
            raise NotFound("there is no such lead")
        if again and await reviews.is_said(conn, word.lead_id, word.id):
            return None
        _refuse_unless_held(standing)
        context = (await leads.contexts(conn, [word.lead_id])).get(word.lead_id)
        if context is None:
            raise Conflict("this lead's fields were dropped by retention", code="dropped")
        step = await follow(conn, context, self._tracker.track(context))
        if word.dry:
            raise _Undone(step)
        return step


def _refuse_unless_held(standing: Standing) -> None:
    if standing.erased:
        raise Conflict("this lead was deleted at the request of who sent it")
    if standing.state != "held":
        raise Conflict(f"this lead is {standing.state}, not held: nobody waits for a word on it")


def _bought(track: Track) -> Step:
    change = LeadChange(
        id=track.lead_id, delivery_id=track.lead_id, state="delivering", outcome="success", price=track.agreed,
        reasons=answers.kept_reasons(track.said), revenue=_ZERO, ended=False,
    )  # fmt: skip
    return Step(track, "delivering", change)


def _unsold(track: Track) -> Step:
    """Nobody has bid, and who has not bid does not get it."""
    change = LeadChange(
        id=track.lead_id, delivery_id=track.lead_id, state="unsold", outcome="failure",
        price=None if track.agreed is None else answers.ZERO, reasons=answers.kept_reasons(track.unsold()),
        revenue=_ZERO, ended=True,
    )  # fmt: skip
    return Step(track, "unsold", change)


def _refused(track: Track, why: Mapping[str, str]) -> Step:
    reasons = answers.reasons_of((), coarse=True) if track.plan.coarse else (why,)
    change = LeadChange(
        id=track.lead_id, delivery_id=track.lead_id, state="rejected", outcome="failure",
        price=None if track.agreed is None else answers.ZERO, reasons=answers.encode_reasons(reasons), revenue=_ZERO,
        ended=True,
    )  # fmt: skip
    return Step(track, "rejected", change)


def _keys(context: Context, track: Track) -> list[KeyClaim]:
    """What it claimed when it was held: it must not stand in the way of the good lead that follows it."""
    lead = Lead(
        id=context.id, submission_id=context.id, source=context.source, campaign=context.campaign,
        received_at=context.received_at, test=context.test,
        fields={name: Value(*told) for name, told in context.fields.items()},
    )  # fmt: skip
    asks = track.plan.campaign.judge.claims(lead)
    claims = [ask for ask in asks if isinstance(ask, Claim) and not isinstance(ask, Near | Having)]
    keys = sorted((key_of(claim, test=lead.test), claim.within) for claim in claims)
    return [KeyClaim(key, lead.id, lead.source, within) for key, within in dict(keys).items()]
