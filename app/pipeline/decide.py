"""Takes a batch of durable submissions through map, checks, verdict and route, in one transaction."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.core.conditions import facts_of
from app.core.errors import NotDurable
from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.caps import Use
from app.distribute.route import Match
from app.distribute.wanting import Choice, Want
from app.model import Lead
from app.pipeline import answers, hash_exchange, offending
from app.pipeline.binding import Unauctioned, bind, mentioned, redeem, refuse_unauctioned
from app.pipeline.choosing import Again, Chooser
from app.pipeline.claims import Claims
from app.pipeline.details import RANKED, extra_json, fields_json, findings_json, routing_json, steps_json
from app.pipeline.drafts import Decided, Draft
from app.pipeline.evidence import EvidenceDesk
from app.pipeline.faults import Retrying
from app.pipeline.forced import asked_of
from app.pipeline.gate import gate, least, refused, shared
from app.pipeline.hand_overs import queue, starting
from app.pipeline.owing import nobody, owed
from app.pipeline.plans import Plans, SourcePlan
from app.pipeline.requeueing import waiting_of
from app.pipeline.selling import jobs_of, passage, tested, told
from app.pipeline.tracks import Job, Track
from app.pipeline.work import Work
from app.store import callbacks, decisions, requeues
from app.store.callbacks import Owed
from app.store.database import Database, marked
from app.store.rows import NewLead
from app.validate.check import Has
from app.validate.judge import ABANDONED


class Decider:
    """One batch at a time per caller; `decide` returns when everything is committed."""

    def __init__(
        self,
        database: Database,
        world: World,
        metrics: Metrics,
        chooser: Chooser,
        evidence: EvidenceDesk,
        *,
        process_id: Callable[[], UUID],
        plans: Callable[[], Plans],
        waits: Callable[[UUID], bool] = nobody,
    ) -> None:
        self._waits = waits
        self._database = database
        self._world = world
        self._metrics = metrics
        self._chooser = chooser
        self._evidence = evidence
        self._process_id = process_id
        self._plans = plans
        self._retrying = Retrying(world, metrics)

    def draft(self, work: Work) -> list[Draft]:
        """Map a submission's records. Raises LookupError where its source is gone."""
        plan = self._plans().source(work.submission.source)
        if plan is None:
            raise LookupError("source_gone")
        submission, drafts = work.submission, []
        began = self._world.monotonic()
        for position, (lead_id, record) in enumerate(zip(work.lead_ids(), work.records, strict=True)):
            fields, extra = plan.fields.apply(record)
            lead = Lead(
                id=lead_id, submission_id=submission.id, source=submission.source, campaign=plan.campaign.id,
                received_at=submission.received_at, test=submission.test, fields=fields, extra=extra,
            )  # fmt: skip
            one = Draft(work=work, position=position, plan=plan, lead=lead, steps=dict(work.steps))
            one.fields, one.extra = fields_json(fields), extra_json(extra)
            one.asked = "" if work.abandoned else asked_of(submission, lead, plan)
            one.mentioned = mentioned(record)
            one.done("mapped", self._world.monotonic())
            drafts.append(one)
        self._metrics.observe("leadgate_stage_seconds", ("map",), self._world.monotonic() - began)
        return drafts

    async def decide(self, drafts: Sequence[Draft]) -> list[Decided]:
        """Decide and commit; drafts that somebody else has decided meanwhile are missing in the result."""
        asked = self._world.monotonic()
        looked_at = [draft for draft in drafts if not draft.work.abandoned]
        await self._retrying.run(lambda _: self._evidence.gather(looked_at, self._process_id()))
        judged = self._world.monotonic()
        self._metrics.observe("leadgate_stage_seconds", ("evidence",), judged - asked)
        for draft in drafts:
            draft.judged = ABANDONED
        for draft in looked_at:
            draft.judged = draft.plan.campaign.judge.judge(draft.lead, draft.evidence, took=draft.took)
        began = self._world.monotonic()
        self._metrics.observe("leadgate_stage_seconds", ("judge",), began - judged)
        decided = await self._retrying.run(lambda again: self._attempt(drafts, again))
        self._metrics.observe("leadgate_stage_seconds", ("commit",), self._world.monotonic() - began)
        self._metrics.observe("leadgate_flush_rows", ("decide",), len(drafts))
        return decided

    async def _attempt(self, drafts: Sequence[Draft], again: bool) -> list[Decided]:
        try:
            with self._chooser.kept():
                async with self._database.acquire() as conn, conn.transaction():
                    return await self._transact(conn, drafts, again)
        except decisions.MissingCounters as missing:
            await self.prepare(missing.keys)
            raise Again from None

    async def _transact(self, conn: Any, drafts: Sequence[Draft], again: bool) -> list[Decided]:
        process_id = self._process_id()
        if again:
            await marked(conn)
        ids = {draft.lead.submission_id for draft in drafts}
        if any(draft.mentioned is not None or draft.auctioned is not None for draft in drafts):
            await bind(conn, drafts)
        claims = Claims(drafts)
        mine, held = await decisions.begin(conn, sorted(ids), process_id, claims.wanted)
        if len(mine) < len(ids):
            drafts = [draft for draft in drafts if draft.lead.submission_id in mine]
            if not drafts:
                return []
            # What others decided has claimed nothing here: claim again for what is left.
            claims = Claims(drafts)
            held = await decisions.claim(conn, claims.wanted)
        await claims.settle(conn, held)
        refuse_unauctioned(drafts)
        by: dict[str, int] = {}
        await claims.withdraw(conn, await self._route(conn, drafts, by))
        await redeem(conn, drafts)
        decided = [self._decided(draft) for draft in drafts]
        jobs = [job for one in decided for job in one.jobs]
        await decisions.insert_decided(conn, [one.row for one in decided], starting(jobs), process_id, by)
        await queue(conn, jobs, process_id)
        await self._keep_waiting(conn, decided)
        await offending.note(conn, drafts)
        await hash_exchange.mark(conn, drafts, self._plans())
        await callbacks.owe(conn, [tell for one in decided if (tell := self.owed(one)) is not None])
        return decided

    async def again(self, conn: Any, draft: Draft) -> "Decided":
        """One more round of a lead that the caller has locked and judged: claimed, routed and counted as
        the first was, for its bidders alone where its ping still holds. Raises Again and MissingCounters, for which
        see `prepare`, and NotDurable."""
        await bind(conn, [draft], at=self._world.now())
        claims = Claims([draft])
        await claims.settle(conn, await decisions.claim(conn, claims.wanted))
        try:
            refuse_unauctioned([draft])
        except Unauctioned:
            raise NotDurable("bidders are to be asked for it now; send it again") from None
        await claims.withdraw(conn, await self._route(conn, [draft]))
        await redeem(conn, [draft])
        decided = self._decided(draft)
        await self._keep_waiting(conn, [decided])
        return decided

    async def _keep_waiting(self, conn: Any, decided: Sequence[Decided]) -> None:
        if waiting := [one.draft for one in decided if one.waits]:
            now = self._world.now()
            await requeues.wait(conn, [waiting_of(track_of(draft), now) for draft in waiting])

    async def prepare(self, keys: Sequence[str]) -> None:
        async with self._database.acquire() as conn:
            await self._chooser.prepare(conn, keys)

    def owed(self, one: "Decided") -> Owed | None:
        """What the source is to be told of this decision, if it does not wait for it."""
        row, draft = one.row, one.draft
        if draft.plan.callback is None:
            return None
        return owed(
            self._world, draft.plan, row.id, draft.round, state=row.state, outcome=row.outcome, price=row.price,
            reasons=row.reasons, waits=self._waits(row.id) and not one.first,
        )  # fmt: skip

    async def _route(
        self, conn: Any, drafts: Sequence[Draft], left: dict[str, int] | None = None
    ) -> set[UUID]:
        """Who gets them; the ids of those that are refused now because their source may bring no more. `left`: see
        `Chooser.choose`."""
        began = self._world.monotonic()
        now = self._world.now()
        wanting: list[Draft] = []
        for draft in drafts:
            draft.done("checked", began)
            draft.match, draft.passage, draft.choice = None, None, Choice()  # of a run that was rolled back
            if draft.verdict is None or draft.verdict.outcome != "accepted" or draft.asked:
                continue
            draft.normals = draft.lead.normals()
            facts = facts_of(draft.normals, draft.verdict.worth)
            match = draft.plan.campaign.match(facts, source=draft.lead.source, at=now, owners=draft.owners)
            draft.match = draft.sold_to(match)
            wanting.append(draft)
        real = [draft for draft in wanting if not draft.lead.test]
        places = {draft.lead.id: place for place, draft in enumerate(real)}
        wants = [want_of(draft, places) for draft in real]
        if wants:
            for draft, choice in zip(real, await self._chooser.choose(conn, wants, left=left), strict=True):
                draft.choice = choice
                if choice.refused and draft.verdict is not None:
                    draft.match, draft.verdict = None, refused(draft.verdict, choice.refused)
            _bar_each_other(real)
        for draft in wanting:
            if draft.lead.test and draft.match is not None:
                draft.choice = tested(want_of(draft, {}))
        routed = self._world.monotonic()
        for draft in wanting:
            draft.done("routed", routed)
        self._metrics.observe("leadgate_stage_seconds", ("route",), routed - began)
        return {draft.lead.id for draft in real if draft.choice.refused}

    def _decided(self, draft: Draft) -> Decided:
        assert draft.verdict is not None
        verdict, plan, lead = draft.verdict, draft.plan, draft.lead
        jobs = self._jobs(draft) if draft.choice.chosen else ()
        state, outcome, reasons = self._standing(draft, bool(jobs))
        agreed = agreed_of(draft)
        price = None if outcome is None else agreed if outcome == "success" else _nothing(plan)
        row = NewLead(
            id=lead.id, submission_id=lead.submission_id, position=draft.position, source=lead.source,
            campaign=lead.campaign, received_at=lead.received_at, state=state, copies=plan.campaign.copies,
            test=lead.test, outcome=outcome, price=price,
            reasons=answers.encode_reasons(reasons) if reasons else None,
            score=verdict.score, catalogue=plan.version, ended=state in ("rejected", "sold", "unsold"),
            fields=draft.fields, extra=draft.extra, findings=findings_json((*verdict.findings, *draft.looked), draft.took),
            routing=routing_json(
                draft.own, draft.choice.full, len(plan.campaign.index.contracts), forced=draft.asked,
                barred=draft.barred, bids=draft.bound.bids if draft.bound is not None else (),
                counted=draft.choice.why, chain=chain_of(draft), promise=draft.promise, whole=draft.match,
                silent=draft.bound.silent if draft.bound is not None else {},
            ),
            steps=steps_json(draft.steps), agreed=agreed, currency=plan.campaign.doc.currency,
        )  # fmt: skip
        return Decided(draft, row, jobs, reasons)

    def _standing(self, draft: Draft, handing: bool) -> tuple[str, str | None, Sequence[Any]]:
        """(state, the source's answer if it is known, its reasons)."""
        verdict, coarse, ending = draft.verdict, draft.plan.coarse, draft.forced
        assert verdict is not None
        if ending is not None:
            return ending.state, ending.outcome, ending.reasons
        if verdict.outcome == "rejected":
            return "rejected", "failure", answers.reasons_of(verdict.against(), coarse=coarse)
        if verdict.outcome == "held":
            return "held", None, answers.taken_reasons(verdict.told(), coarse=coarse)
        agreed = "success" if draft.plan.reply == "verdict" else None
        if handing:
            return "delivering", agreed, answers.taken_reasons(verdict.told(), coarse=coarse)
        unsold = "delivering" if draft.is_offered_again else "unsold"
        if agreed:
            return unsold, agreed, answers.taken_reasons(verdict.told(), coarse=coarse)
        told = answers.taken_reasons(verdict.told(), coarse=coarse)
        return unsold, "failure", (*answers.unsold_reasons(coarse=coarse), *told)

    def _jobs(self, draft: Draft) -> tuple[Job, ...]:
        slots = range(1, draft.plan.campaign.copies + 1)
        return jobs_of(track_of(draft), slots, draft.choice, self._world)


def _nothing(plan: SourcePlan) -> Decimal | None:
    return None if plan.price is None and plan.share is None else answers.ZERO


def agreed_of(draft: Draft) -> Decimal | None:
    """What its source is paid for a sale: what its ping was promised, else its price."""
    assert draft.verdict is not None
    if draft.verdict.unpaid:
        return _nothing(draft.plan)
    promised = draft.bound.promised if draft.bound is not None else None
    return draft.plan.price if promised is None else promised


def track_of(draft: Draft) -> Track:
    lead, verdict = draft.lead, draft.verdict
    assert verdict is not None
    return Track(
        lead_id=lead.id, plan=draft.plan, source=lead.source, received_at=lead.received_at, test=lead.test,
        normals=draft.normals, raws={name: value.raw for name, value in lead.fields.items()},
        copies=draft.plan.campaign.copies, agreed=agreed_of(draft), bids=draft.won,
        full=draft.choice.full, round=draft.round, tried=set(draft.tried), worth=verdict.worth, barred=frozenset(draft.barred),
        owners=draft.owners, said=answers.taken_reasons(verdict.told(), coarse=draft.plan.coarse),
    )  # fmt: skip


def _bar_each_other(drafts: Sequence[Draft]) -> None:
    """Whom a lead of the batch went to, its person's next one could not: that is kept for the why, as all else."""
    apart = [draft for draft in drafts if draft.apart]
    chosen = {draft.lead.id: draft.choice.chosen for draft in drafts} if apart else {}
    for draft in apart:
        for other in draft.apart:
            for one in chosen.get(other, ()):
                buyer = draft.plan.campaign.buyer_of(one.contract)
                draft.barred.setdefault(buyer, Has(buyer, other))


def want_of(draft: Draft, places: Mapping[UUID, int]) -> Want:
    """Its contracts, without the buyers who have its person; `places` are those of the batch's leads among the wants."""
    assert draft.match is not None
    apart = tuple(places[one] for one in draft.apart if one in places)
    draft.passage = passage(draft.plan.campaign, draft.match) if draft.bound is None else None
    share = _share_of(draft) if draft.plan.caps else None
    return Want(
        draft.match, draft.plan.campaign.copies, draft.tried, draft.buyers | draft.barred.keys(), apart,
        gate=_gate_of(draft, draft.match, share) if draft.plan.caps else (),
        prices=draft.pays, passage=draft.passage,
        share=None if share is None else shared(draft.plan, draft.match.lead, draft.match.at, share),
    )  # fmt: skip


def _share_of(draft: Draft) -> Decimal | None:
    """What its source has of each sale, where it is paid so."""
    return draft.plan.share if agreed_of(draft) is None else None


def _gate_of(draft: Draft, match: Match, share: Decimal | None) -> tuple[Use, ...]:
    if share is None:
        return gate(draft.plan, match.lead, match.at, agreed_of(draft))
    few = least(match, share, draft.pays) if draft.passage is None else 1
    return gate(draft.plan, match.lead, match.at, None, later=True, least=few)


def chain_of(draft: Draft, *, everything: bool = False) -> list[dict[str, Any]]:
    """How far it went along its chain, or with `everything` how far it could go."""
    passing = draft.passage
    return [] if passing is None else told(passing, draft.choice, most=RANKED, everything=everything)
