"""What a person does at the pool: claims the next lead or a certain one, renews, releases, says what became of it."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct

from app.catalog.people import ALL, PersonDoc, Quota
from app.catalog.snapshot import Contract, Snapshot
from app.core.errors import Conflict, NotFound, NotYours
from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.caps import window
from app.distribute.offering import settings_of
from app.model import Accepted, Rejected
from app.pipeline.awake import Awake
from app.pipeline.choosing import Again
from app.pipeline.faults import Retrying
from app.pipeline.offers import Offers
from app.pipeline.plans import Plans
from app.pipeline.record import Ended, Recorder, reason_of, reference_of
from app.pipeline.tracking import Tracker
from app.pipeline.tracks import Step
from app.store import decisions, deliveries, leads, pool
from app.store.database import Database, marked
from app.store.pool import Count, Pooled, Rules
from app.store.trial import transaction

T = TypeVar("T")
LONGEST_REASON = 200


class Agent(Struct, frozen=True):
    """Somebody who works for a buyer, with the contracts from whose pool that buyer's people claim."""

    buyer: str
    person: PersonDoc
    contracts: Mapping[str, Contract]

    @property
    def name(self) -> str:
        """As in the story of a lead: `inside/dana`."""
        return f"{self.buyer}/{self.person.id}"


def agent_of(snapshot: Snapshot, buyer: str, person: str) -> Agent:
    """Raises NotFound where the catalogue does not have it any more."""
    doc = snapshot.buyers.get(buyer)
    found = next((one for one in doc.people if one.id == person), None) if doc is not None else None
    if found is None:
        raise NotFound(f"{buyer} has nobody called {person!r}", code="no_such_person")
    mine = {c.id: c for c in snapshot.contracts.values() if c.buyer == buyer and c.adapter == "internal"}
    return Agent(buyer, found, mine)


class Allowed(Struct, frozen=True):
    """What a person may claim now. `full` are the contracts left out by a quota; `why` is why nothing may be."""

    rules: Rules
    full: tuple[str, ...] = ()
    why: Conflict | None = None


class PoolDesk:
    """Each word is one transaction; of several people who reach for one lead one has it. A `dry` word says what
    would be, and nothing of it stays."""

    def __init__(
        self,
        database: Database,
        recorder: Recorder,
        tracker: Tracker,
        retrying: Retrying,
        offers: Offers,
        world: World,
        metrics: Metrics,
        *,
        plans: Callable[[], Plans],
    ) -> None:
        self._database = database
        self._recorder = recorder
        self._tracker = tracker
        self._retrying = retrying
        self._offers = offers
        self._world = world
        self._metrics = metrics
        self._plans = plans
        self._awake = Awake(tracker, world, plans=plans)

    def agent(self, buyer: str, person: str) -> Agent:
        return agent_of(self._plans().snapshot, buyer, person)

    async def claim(self, agent: Agent, which: UUID | None = None, *, dry: bool = False) -> Pooled:
        """The next lead, or that one (by its id or its delivery's); once more where it is this person's already.

        Raises NotFound (`pool_empty`, or there is no such lead for this person) and Conflict: `capacity`, `quota`,
        `taken`, `not_offered`, `blind`.
        """
        claim_id = self._world.new_id()

        async def attempt(conn: Any, again: bool) -> Pooled:
            if again and (mine := await pool.by_claim(conn, claim_id)) is not None:
                return mine
            return await self._claimed(conn, agent, which, claim_id)

        if which is None:
            await self._retrying.run(lambda _: self._awake.look_up(self._database, agent.contracts))
        row = await self._run(attempt, dry)
        if row.claim_id == claim_id and not dry:
            self._count(row, "claimed")
        return row

    async def _claimed(self, conn: Any, agent: Agent, which: UUID | None, claim_id: UUID) -> Pooled:
        wanted = None if which is None else await self._wanted(conn, agent, which)
        if wanted is not None and wanted.person == agent.person.id:
            return wanted
        await pool.alone(conn, agent.buyer, agent.person.id)
        allowed = await self.allowed(conn, agent)
        if allowed.why is not None:
            raise allowed.why
        if wanted is None:
            row = await self._awake.claim(conn, allowed.rules, claim_id, by=agent.name)
        else:
            row = await pool.claim(
                conn, allowed.rules, claim_id, by=agent.name, delivery_id=wanted.delivery_id
            )
        if row is not None:
            return row
        raise await (
            self._none(conn, agent, allowed) if wanted is None else self._missed(conn, agent, wanted, allowed)
        )

    async def _wanted(self, conn: Any, agent: Agent, which: UUID) -> Pooled:
        row = await pool.one(conn, which)
        if row is None or row.buyer != agent.buyer or row.contract not in agent.contracts:
            raise NotYours("there is no such lead in your pool")
        if row.person is not None and row.person != agent.person.id:
            raise self._taken(agent, row)
        blind = settings_of(agent.contracts[row.contract]).view == "blind_next"
        if blind and row.person is None:
            raise Conflict("leads of this pool are not chosen: claim the next, without `lead`", code="blind")
        return row

    async def _none(self, conn: Any, agent: Agent, allowed: Allowed) -> Exception:
        if (opens := await self._awake.first_opens(conn, allowed.rules)) is not None:
            at = opens.astimezone(UTC).isoformat(timespec="seconds")
            why = f"those who wait in the pool may not be called yet: the first from {at}"
            return NotFound(why, code="pool_empty", reachable_from=at)
        if await self._more(conn, agent, allowed):
            return _quota("leads wait only where your quota is full")
        return NotFound("nothing in the pool is offered to you now", code="pool_empty")

    async def _more(self, conn: Any, agent: Agent, allowed: Allowed) -> bool:
        """Whether there were something but for a quota."""
        full = {name: _rule(agent.contracts[name]) for name in allowed.full}
        return bool(full) and await pool.how_many(conn, _rules(agent, full)) > 0

    async def _missed(self, conn: Any, agent: Agent, wanted: Pooled, allowed: Allowed) -> Exception:
        row = await pool.locked(conn, wanted.delivery_id)  # after whoever claims it at this moment
        if row is None:
            return NotYours("there is no such lead in your pool")
        if row.person is not None:
            return self._taken(agent, row)
        if row.contract in allowed.full:
            return _quota(f"your quota of {row.contract} is full")
        return Conflict("it is not offered to you, or you had it before", code="not_offered")

    def _taken(self, agent: Agent, row: Pooled) -> Conflict:
        buyer = self._plans().snapshot.buyers[agent.buyer]
        who = next((one.called for one in buyer.people if one.id == row.person), row.person)
        ago = (self._world.now() - row.claimed_at).total_seconds() if row.claimed_at is not None else 0
        return Conflict(f"taken by {who} {max(0, ago):.0f} s ago", code="taken")

    async def allowed(self, conn: Any, agent: Agent) -> Allowed:
        """By capacity and quotas, as they are used up by now."""
        person, now = agent.person, self._world.now()
        running = {name: one for name, one in agent.contracts.items() if not one.paused}
        rules = _rules(agent, {name: _rule(one) for name, one in running.items()})
        if person.paused:
            return Allowed(rules, why=Conflict("you are paused: your pool gives you nothing", code="paused"))
        if person.capacity is not None:
            held = await pool.open_claims(conn, agent.buyer, person.id)
            if held >= person.capacity:
                why = f"you have {held} {'lead' if held == 1 else 'leads'}, and may have {person.capacity} at once: close or release one"
                return Allowed(rules, why=Conflict(why, code="capacity"))
        quotas: list[tuple[str | None, Quota]] = [(None, one) for one in person.quota]
        quotas += [(name, one) for name, c in running.items() for one in settings_of(c).quota]
        counts = [Count(contract, _since(quota, now)) for contract, quota in quotas]
        used = await pool.claims_since(conn, agent.buyer, person.id, counts)
        over = [which for which, n in zip(quotas, used, strict=True) if n >= which[1].leads]
        for contract, quota in over:
            if contract is None:
                return Allowed(rules, why=_quota(f"your quota of {quota.leads} a {quota.per} is full"))
        full = tuple(dict.fromkeys(contract for contract, _ in over if contract))
        open_ = {name: rule for name, rule in rules.contracts.items() if name not in full}
        return Allowed(_rules(agent, open_), full)

    async def renew(self, agent: Agent, which: UUID) -> Pooled:
        """The claim holds anew for as long as a fresh one. Raises NotYours, and Conflict (`not_renewed`)."""

        async def attempt(conn: Any, _: bool) -> Pooled:
            row = await self._mine(conn, agent, which)
            settings = settings_of(agent.contracts[row.contract])
            renewed = await pool.renew(conn, row, settings.hold.seconds, settings.renewals)
            if renewed is None:
                why = f"a claim is renewed {settings.renewals} times at most: close or release it"
                raise Conflict(why, code="not_renewed")
            return renewed

        return await self._run(attempt)

    async def release(self, agent: Agent, which: UUID, reason: str = "", *, dry: bool = False) -> Pooled:
        """Free again, for others. Raises NotYours where it is not this person's, or not any more."""

        async def attempt(conn: Any, _: bool) -> Pooled:
            row = await self._mine(conn, agent, which)
            data = {"reason": reason.replace("\0", "")[:LONGEST_REASON]} if reason else {}
            over = await pool.end(conn, row, "released", by=agent.name, data=data)
            if over is None:
                raise _not_yours()
            await self._offers.offered_on(conn, [over])
            return over

        row = await self._run(attempt, dry)
        if not dry:
            self._count(row, "released")
        return row

    async def close(
        self, agent: Agent, which: UUID, outcome: Accepted | Rejected, *, dry: bool = False
    ) -> Step:
        """What became of it: taken, so that it is sold; or refused, so that it goes on to the next contract. Said
        again it is so already; Conflict (`ended_otherwise`) where it was said otherwise."""
        state = "accepted" if isinstance(outcome, Accepted) else "rejected"

        async def attempt(conn: Any, _: bool) -> tuple[Pooled | None, Step]:
            try:
                row = await self._mine(conn, agent, which)
            except NotYours:
                return None, await self._closed_before(conn, agent, which, state)
            delivery = await deliveries.find(conn, row.delivery_id, locked=True)
            now = await pool.locked(conn, row.delivery_id)
            if delivery is None or now is None or now.claim_id != row.claim_id:
                raise _not_yours()
            jobs = self._tracker.jobs([delivery], await leads.contexts(conn, [row.lead_id]))
            if not jobs:
                raise Conflict("this lead's fields were dropped by retention", code="dropped")
            reference = reference_of(outcome)
            await deliveries.settle(conn, delivery.id, state, reason_of(outcome), reference, None)
            await pool.leave(conn, [delivery.id])
            data = {"outcome": type(outcome).__name__, "reference": reference, "reason": reason_of(outcome)}
            await leads.note(conn, row.lead_id, "closed", delivery.id, agent.name, data)
            return row, (await self._recorder.follow(conn, [Ended(jobs[0], state, outcome)]))[0]

        row, step = await self._run(attempt, dry)
        if row is not None and not dry:
            self._count(row, "closed")
        return step

    async def _closed_before(self, conn: Any, agent: Agent, which: UUID, state: str) -> Step:
        """Whose answer was lost says it again. Raises NotYours and Conflict."""
        closed = await pool.closed(conn, which, agent.buyer, agent.person.id)
        delivery = None if closed is None else await deliveries.find(conn, closed)
        contexts = {} if delivery is None else await leads.contexts(conn, [delivery.lead_id])
        jobs = [] if delivery is None else self._tracker.jobs([delivery], contexts)
        if delivery is None or not jobs:
            raise _not_yours()
        if delivery.state != state:
            raise Conflict(f"this lead was closed as {delivery.state} already", code="ended_otherwise")
        standing = (await leads.standings(conn, [delivery.lead_id]))[delivery.lead_id]
        return Step(jobs[0].track, standing.state, None)

    async def move(self, which: UUID, team: str, *, by: str, dry: bool = False) -> Pooled:
        """Offered to this team, or to all, until it is claimed; whoever has it has it no more."""

        async def attempt(conn: Any, _: bool) -> Pooled:
            found = await pool.one(conn, which)
            row = None if found is None else await pool.locked(conn, found.delivery_id)
            if row is None:
                raise NotFound("there is no such lead in a pool")
            teams = self.teams(row.buyer)
            if team != ALL and team not in teams:
                known = ", ".join([ALL, *teams])
                raise NotFound(f"{row.buyer} has no team {team!r} (known: {known})", code="no_such_team")
            if row.claim_id is not None:
                await pool.end(conn, row, "moved", by=by, data={"from": row.person})
            await pool.go_on(conn, row.delivery_id, row.step, None if team == ALL else team, None)
            await leads.note(conn, row.lead_id, "offered", row.delivery_id, by, {"to": team})
            return row

        return await self._run(attempt, dry)

    def teams(self, buyer: str) -> list[str]:
        doc = self._plans().snapshot.buyers.get(buyer)
        return sorted({one.team for one in doc.people if one.team}) if doc is not None else []

    async def _mine(self, conn: Any, agent: Agent, which: UUID) -> Pooled:
        row = await pool.one(conn, which)
        mine = row is not None and (row.buyer, row.person) == (agent.buyer, agent.person.id)
        if row is None or not mine or row.contract not in agent.contracts:
            raise _not_yours()
        return row

    async def _run(self, work: Callable[[Any, bool], Awaitable[T]], dry: bool = False) -> T:
        async def attempt(again: bool) -> T:
            try:
                async with self._database.acquire() as conn, transaction(conn, dry=dry):
                    if again:
                        await marked(conn)
                    return await work(conn, again)
            except decisions.MissingCounters as missing:
                await self._recorder.prepare(missing.keys)
                raise Again from None

        return await self._retrying.run(attempt)

    def _count(self, row: Pooled, became: str) -> None:
        self._metrics.count("leadgate_pool_claims_total", (row.contract, became))


def _rules(agent: Agent, contracts: Mapping[str, tuple[int, float]]) -> Rules:
    return Rules(agent.buyer, agent.person.id, agent.person.team, contracts)


def _rule(contract: Contract) -> tuple[int, float]:
    settings = settings_of(contract)
    return settings.excluded, settings.hold.seconds


def _since(quota: Quota, now: datetime) -> datetime:
    return window(quota.per, ZoneInfo(quota.zone), now)[0]


def _quota(why: str) -> Conflict:
    return Conflict(why, code="quota")


def _not_yours() -> NotYours:
    return NotYours("you have no such lead: perhaps its time was over, and others may have it")
