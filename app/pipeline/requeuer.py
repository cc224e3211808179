"""Looks at leads that wait: whoever wants one now gets it in a further round, and whose time is up is unsold."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.aging import WHOLE
from app.distribute.wanting import Choice, Want
from app.pipeline.choosing import Again, Chooser
from app.pipeline.details import RANKED, routing_json, steps_json
from app.pipeline.engine import Engine
from app.pipeline.faults import Retrying
from app.pipeline.gate import shared_of
from app.pipeline.hand_overs import queue, starting
from app.pipeline.plans import CampaignPlan, Plans
from app.pipeline.requeueing import waiting_of
from app.pipeline.selling import jobs_of, passage, told
from app.pipeline.sweep import Upkeep
from app.pipeline.tracks import Job, Step, Track
from app.store import decisions, deliveries, lead_keys, leads, requeues
from app.store.database import Database, marked
from app.store.deliveries import Progress
from app.store.requeues import NOTHING, Begun, Due, Earlier
from app.store.rows import LeadChange

EVERY = 1.0
GAUGES_EVERY = 5.0
SWEPT_EVERY = 3_600.0
_TAKE = 50


class _Look(Struct, frozen=True):
    """One due lead, and what is to be asked of its contracts."""

    due: Due
    track: Track
    want: Want


class Requeuer:
    """In every process; each due lead is looked at by one of them, under its lock, in one transaction with all that
    follows: what is not committed has not happened, and the lead is due still."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        world: World,
        metrics: Metrics,
        *,
        plans: Callable[[], Plans],
    ) -> None:
        self._database = database
        self._engine = engine
        self._chooser = Chooser(world)
        self._world = world
        self._metrics = metrics
        self._plans = plans
        self._retrying = Retrying(world, metrics)
        self._seen: dict[str, CampaignPlan] = {}

    def attend(self, upkeep: Upkeep) -> None:
        upkeep.also(EVERY, self.further)
        upkeep.also(SWEPT_EVERY, self.sweep)
        upkeep.also(GAUGES_EVERY, self.gauges, takes=False)

    async def further(self) -> bool:
        """A few due leads; whether there may be more."""
        await self._changed()
        steps, looked = await self._retrying.run(self._attempt)
        for step in steps:
            self._engine.follow(step)
        return looked == _TAKE

    async def gauges(self) -> None:
        async with self._database.acquire() as conn:
            found = await requeues.counts(conn)
        self._metrics.forget("leadgate_waiting_leads")
        for campaign, n in found.items():
            self._metrics.gauge("leadgate_waiting_leads", (campaign,), n)

    async def sweep(self) -> None:
        async with self._database.acquire() as conn:
            await requeues.sweep(conn)

    async def _changed(self) -> None:
        """Where contracts have changed, those who wait for that are looked at now, once: also by a process that starts."""
        plans = self._plans()
        changed = []
        for campaign_id in plans.snapshot.campaigns:
            plan = plans.campaign(campaign_id)
            policy = plan.doc.distribution.requeue
            if (
                policy is not None
                and "contract_change" in policy.on
                and self._seen.get(campaign_id) is not plan
            ):
                changed.append(plan)
        if changed:
            async with self._database.acquire() as conn:
                await requeues.nudge(conn, [plan.id for plan in changed], plans.snapshot.version)
            self._seen.update({plan.id: plan for plan in changed})

    async def _attempt(self, again: bool) -> tuple[list[Step], int]:
        try:
            async with self._database.acquire() as conn, conn.transaction():
                if again:
                    await marked(conn)
                due = await requeues.take(conn, _TAKE)
                return (await self._look(conn, due) if due else []), len(due)
        except decisions.MissingCounters as missing:
            async with self._database.acquire() as conn:
                await self._chooser.prepare(conn, missing.keys)
            raise Again from None

    async def _look(self, conn: Any, due: Sequence[Due]) -> list[Step]:
        waiting = await self._still_waiting(conn, due)
        looks = await self._looks(conn, waiting)
        choices = await self._chooser.choose(conn, [look.want for look in looks]) if looks else []
        found = list(zip(looks, choices, strict=True))
        begun = [(look, choice) for look, choice in found if choice.chosen]
        later = [(look, choice) for look, choice in found if not choice.chosen and not look.due.over]
        kept = {look.due.lead_id for look, _ in (*begun, *later)}
        await self._expire(conn, [one.lead_id for one in waiting if one.lead_id not in kept])
        await self._put_off(conn, later)
        return await self._begin(conn, begun)

    async def _looks(self, conn: Any, waiting: Sequence[Due]) -> list[_Look]:
        """Not of those whose fields are forgotten, or whose campaign offers nothing again any more."""
        ids = [one.lead_id for one in waiting]
        contexts = await leads.contexts(conn, ids)
        earlier = await requeues.earlier(conn, ids, begun=False)
        tracks = {id_: self._engine.tracker.track(context) for id_, context in contexts.items()}
        minding = sorted(id_ for id_, track in tracks.items() if track.plan.campaign.by_buyer)
        others = await lead_keys.others(conn, minding) if minding else {}
        return [
            self._wanted(one, tracks[id_], earlier.get(id_, NOTHING), others.get(id_, set()))
            for id_, one in zip(ids, waiting, strict=True)
            if id_ in tracks and tracks[id_].plan.campaign.doc.distribution.requeue is not None
        ]

    async def _still_waiting(self, conn: Any, due: Sequence[Due]) -> list[Due]:
        """Not those that nobody is to have, or that somebody has asked a buyer for meanwhile."""
        gone = [one.lead_id for one in due if one.state != "delivering" or one.closed]
        await requeues.drop(conn, gone)
        rest = [one for one in due if one.lead_id not in gone]
        progress = await deliveries.standing(conn, [one.lead_id for one in rest])
        busy = [one.lead_id for one in rest if _is_busy(progress.get(one.lead_id, Progress()))]
        await requeues.under_way(conn, busy)
        return [one for one in rest if one.lead_id not in busy]

    def _wanted(self, due: Due, track: Track, earlier: Earlier, others: set[str]) -> _Look:
        policy = track.plan.campaign.doc.distribution.requeue
        assert policy is not None
        aged = policy.price is not None and due.waited >= policy.price.after.seconds
        track.factor = policy.price.factor if aged and policy.price is not None else WHOLE
        track.copies = track.plan.campaign.copies
        now = self._world.now()
        match = track.match(now)
        want = Want(
            match, track.copies, earlier.contracts,
            track.barred.union(earlier.buyers, others), factor=track.factor,
            passage=passage(track.plan.campaign, match), share=shared_of(track, now),
        )  # fmt: skip
        return _Look(due, track, want)

    async def _put_off(self, conn: Any, left: Sequence[tuple[_Look, Choice]]) -> None:
        now = self._world.now()
        rows = []
        for look, choice in left:
            look.track.full = choice.full
            rows.append(waiting_of(look.track, now))
        await requeues.put_off(conn, rows)

    async def _expire(self, conn: Any, lead_ids: Sequence[UUID]) -> None:
        """Final. What their sources were told at the end of the first round stands."""
        changes = [
            LeadChange(
                id=lead_id, delivery_id=lead_id, state="unsold", outcome=None, price=None, reasons=None,
                revenue=Decimal(0), ended=True,
            )
            for lead_id in lead_ids
        ]  # fmt: skip
        await decisions.change_leads(conn, changes)
        await requeues.expire(conn, lead_ids)

    async def _begin(self, conn: Any, begun: Sequence[tuple[_Look, Choice]]) -> list[Step]:
        steps: list[Step] = []
        rows: list[Begun] = []
        for look, choice in begun:
            track = look.track
            track.round, track.ranks, track.tried = track.round + 1, 0, set()
            jobs = jobs_of(track, range(1, track.copies + 1), choice, self._world)
            steps.append(Step(track, "delivering", None, jobs))
            rows.append(_round(look, choice))
        await requeues.begin(conn, rows)
        await self._hand_over(conn, [job for step in steps for job in step.jobs])
        return steps

    async def _hand_over(self, conn: Any, jobs: Sequence[Job]) -> None:
        process_id = self._engine.process_id()
        await decisions.insert_deliveries(conn, starting(jobs), process_id)
        await queue(conn, jobs, process_id)


def _is_busy(progress: Progress) -> bool:
    return bool(progress.live or progress.pooled or progress.unclear or progress.accepted)


def _round(look: _Look, choice: Choice) -> Begun:
    track = look.track
    campaign = track.plan.campaign
    passing, of = look.want.passage, len(campaign.index.contracts)
    match = look.want.match if passing is None else passing.own
    chain = [] if passing is None else told(passing, choice, most=RANKED)
    routing = routing_json(match, choice.full, of, counted=choice.why, chain=chain, whole=look.want.match)
    return Begun(
        track.lead_id,
        track.copies,
        track.plan.version,
        str(track.factor),
        routing,
        steps_json({"routed": 0.0}),
    )
