"""What would become of a lead if it came now: the whole decision, taken back before anybody sees it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from app.core.conditions import facts_of
from app.core.errors import TooLarge
from app.core.metrics import Metrics
from app.core.reserved import held
from app.core.world import World
from app.distribute.adapter import Grant, Token, adapters
from app.distribute.chain import members_of
from app.distribute.exchange import Exchange
from app.distribute.explain import LeftOutReason, explain
from app.distribute.faults import WireFault
from app.distribute.fills import fills, keys_of
from app.distribute.wire import outcome_of, unsaid
from app.ingest.reading import Reader
from app.model import Outcome, Submission
from app.pipeline.choosing import Again
from app.pipeline.confirm_link import Link, no_link
from app.pipeline.decide import Decider, chain_of
from app.pipeline.drafts import Decided, Draft
from app.pipeline.evidence import EvidenceDesk
from app.pipeline.faults import Retrying
from app.pipeline.foretelling import Waits, begins_at, waits
from app.pipeline.handing import handover_of
from app.pipeline.plans import Plans
from app.pipeline.story import Story, story
from app.pipeline.tracks import Job
from app.pipeline.work import Work
from app.store import decisions, replays
from app.store.database import Database
from app.store.intake import Arrival, IntakeStore
from app.validate.check import Has
from app.validate.remote import Remote

MOST = 20
"""Leads of one rehearsal: the counters that they would change are locked meanwhile."""

_SHOWN = 20

HINT = "rehearsed"
"""In the place of a key's: what no key brought is told as a form's."""


BIDDERS = "bidders"
"""In the place of a service's name: those who would bid for the lead."""

UNASKED = Token(text="unasked")
"""In the place of a token: a rehearsal asks nobody for one."""


class Opening(Struct, frozen=True):
    """How one hand-over would begin: what would be sent first, or how it would end without a word."""

    job: Job
    exchange: Exchange | None = None
    outcome: Outcome | None = None
    begins_at: datetime | None = None  # where that is not now


class Rehearsed(Struct, frozen=True):
    """One lead. `story` is what its rows would be, `left_out` says of each contract that would not get it why, `limits` how full those are
    of each that wants it,
    `unasked` which services a lead that comes would be looked up at, `waits` what becomes of it where nobody takes it now."""

    decided: Decided
    story: Story
    left_out: list[LeftOutReason]
    openings: list[Opening]
    unasked: list[str]
    limits: list[tuple[str, list[str]]]
    waits: Waits | None = None


class _TakenBack(Exception):
    def __init__(self, found: list[Rehearsed]) -> None:
        self.found = found


class Rehearser:
    """Nothing of it stays: no row, no count, no claim, no look-up that costs; nobody is sent anything."""

    def __init__(
        self,
        database: Database,
        reader: Reader,
        decider: Decider,
        evidence: EvidenceDesk,
        world: World,
        metrics: Metrics,
        *,
        plans: Callable[[], Plans],
        link: Link = no_link,
    ) -> None:
        """`link`: as the engine's, so that what would be sent has one, though of a delivery that nobody can confirm."""
        self._database = database
        self._link = link
        self._reader = reader
        self._decider = decider
        self._evidence = evidence
        self._world = world
        self._plans = plans
        self._store = IntakeStore(lease_seconds=0.0)
        self._retrying = Retrying(world, metrics, patience=2.0)

    async def rehearse(
        self, body: bytes, content_type: str, source: str, *, remote: str = "", test: bool = False
    ) -> list[Rehearsed]:
        """Each lead of the body, as if this source had posted it from `remote`. Raises what its door would raise."""
        plan = self._plans().open_source(source)
        content_type = self._reader.by_look(content_type, body)
        records = self._reader.read(body, content_type)
        if len(records) > MOST:
            raise TooLarge(f"at most {MOST} leads are rehearsed at once; these are {len(records):,}")
        submission = Submission(
            id=self._world.new_id(), source=source, received_at=self._world.now(), content_type=content_type,
            body=body, test=test or plan.test, remote=remote, key_hint=HINT,
        )  # fmt: skip
        drafts = self._decider.draft(Work(submission, records, plan.reply, self._world.monotonic()))
        for draft in drafts:
            await self._evidence.foresee(draft)
        at = self._world.now()
        for draft in drafts:
            judge = draft.plan.campaign.judge
            draft.judged = judge.judge(draft.lead, draft.evidence, at=at, took=draft.took)
        return await self._retrying.run(lambda _: self._attempt(submission, drafts))

    async def _attempt(self, submission: Submission, drafts: Sequence[Draft]) -> list[Rehearsed]:
        try:
            async with self._database.acquire() as conn, conn.transaction():
                raise _TakenBack(await self._played(conn, submission, drafts))
        except _TakenBack as taken:
            return taken.found
        except decisions.MissingCounters as missing:
            await self._decider.prepare(missing.keys)
            raise Again from None

    async def _played(self, conn: Any, submission: Submission, drafts: Sequence[Draft]) -> list[Rehearsed]:
        nobody = self._world.new_id()
        await self._store.keep(conn, [Arrival(submission=submission)], nobody)
        decided = [await self._decider.again(conn, draft) for draft in drafts]
        await decisions.insert_decided(conn, [one.row for one in decided], [], nobody)
        return [await self._rehearsed(conn, one) for one in decided]

    async def _rehearsed(self, conn: Any, one: Decided) -> Rehearsed:
        told = await story(conn, one.row.id)
        assert told is not None, "its rows were just written"
        assert told.detail is not None, "with their details"
        if one.draft.passage is not None:  # all of it, though it did not come so far
            told.detail["routing"]["chain"] = chain_of(one.draft, everything=True)
        full = dict(one.draft.choice.full)
        used = await _used(conn, one.draft)
        now = self._world.now()
        openings = [
            replace(opening(job, self._world, self._link), begins_at=await begins_at(conn, job, now))
            for job in one.jobs
        ]
        return Rehearsed(
            one,
            told,
            _left_out(one.draft, full, used),
            openings,
            unasked(one.draft),
            _limits(one.draft, used),
            await waits(conn, one, now),
        )


async def _used(conn: Any, draft: Draft) -> dict[str, int]:
    """The counters of every limit that is looked at, without what this lead took of them."""
    if draft.match is None:
        return {}
    keys = keys_of(draft.plan.campaign.index, draft.match.ranked(), draft.match.at)
    counted = await replays.counted(conn, keys) if keys else {}
    took = held(line for one in draft.choice.chosen for line in one.caps)
    return {key: n - took[key] for key, n in counted.items()}


def _limits(draft: Draft, used: dict[str, int]) -> list[tuple[str, list[str]]]:
    match = draft.match
    if match is None:
        return []
    index = draft.plan.campaign.index
    return fills(index, match.lead, match.ranked(_SHOWN), source=match.source, at=match.at, used=used)


def _left_out(draft: Draft, full: dict[str, str], used: dict[str, int]) -> list[LeftOutReason]:
    if draft.match is None or draft.verdict is None:
        return []
    campaign = draft.plan.campaign
    asked = members_of(campaign.legs) if draft.passage is not None else [(campaign.index, None)]
    return [
        one
        for index, members in asked
        for one in explain(
            index, facts_of(draft.normals, draft.verdict.worth), source=draft.lead.source, at=draft.match.at,
            full=full, used=used, zones=campaign.zones(draft.normals),
            had={buyer: _had(one) for buyer, one in draft.barred.items()}, resting=draft.match.left_out.resting,
        )
        if members is None or one.contract in members
    ]  # fmt: skip


def unasked(draft: Draft) -> list[str]:
    """The services that a lead which comes would be looked up at, and whether bidders would be asked of it."""
    campaign = draft.plan.campaign
    fillers = (use.ask(draft.lead) for turn in campaign.enrichment.services for use in turn)
    asks = (*fillers, *campaign.judge.asks(draft.lead))
    services = dict.fromkeys(ask.service for ask in asks if isinstance(ask, Remote))
    sold = draft.verdict is not None and draft.verdict.outcome == "accepted" and not draft.asked
    is_auctioned = sold and campaign.auction.on == "post" and draft.bound is None
    return [*services, *([BIDDERS] if is_auctioned else [])]


def _had(one: Has) -> str:
    return f"on its list {one.list}" if one.list else f"lead {_known(one.lead_id)}"


def _known(lead_id: UUID | None) -> str:
    return "of before" if lead_id is None else str(lead_id)


def opening(job: Job, world: World, link: Link = no_link) -> Opening:
    """The adapter's first words, unsaid."""
    adapter = adapters.get(job.contract.adapter)
    if adapter is None:
        return Opening(job)
    conversation = adapter.converse(handover_of(job, world, link), job.contract.settings)
    try:
        asked = next(conversation)
        while isinstance(asked, Grant):
            asked = conversation.send(UNASKED)
        return Opening(job, exchange=unsaid(asked))
    except StopIteration as end:
        return Opening(job, outcome=end.value)
    except WireFault as fault:
        return Opening(job, outcome=outcome_of(fault, handed_over=False))
    finally:
        conversation.close()
