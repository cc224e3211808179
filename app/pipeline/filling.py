"""A duplicate rule knows the leads that came before it: they are entered under its keys once it is declared."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from app.core.world import World
from app.model import Lead, Value
from app.pipeline.claims import key_of
from app.pipeline.plans import CampaignPlan, Plans
from app.store import filling
from app.store.database import Database
from app.store.filling import Former, FormerKey
from app.validate.check import Claim, Having, Near
from app.validate.key import digest

FILLED_EVERY = 15.0
"""Seconds after which new rules are looked for."""
_STRETCH = 250
_SETTLING = {"action", "points", "name", "alike"}
"""Settings of a rule that say what is done with a repeat, not what is one."""


class Filling:
    """One stretch of leads in one transaction; whoever comes second at the same campaign does nothing."""

    def __init__(
        self, database: Database, world: World, *, plans: Callable[[], Plans], stretch: int = _STRETCH
    ) -> None:
        self._database = database
        self._world = world
        self._plans = plans
        self._stretch = stretch

    async def further(self) -> bool:
        """Enter one stretch for the first campaign whose rules are new; whether there may be more to do."""
        plans = self._plans()
        rules = {name: rules_of(plans.campaign(name)) for name in plans.snapshot.campaigns}
        async with self._database.acquire() as conn:
            done = await filling.done(conn)
            for name, now in rules.items():
                if now and done.get(name) != now:
                    async with conn.transaction():
                        if await self._enter(conn, plans.campaign(name), now):
                            return True
        return False

    async def _enter(self, conn: Any, plan: CampaignPlan, rules: bytes) -> bool:
        before = await filling.take(conn, plan.id, rules)
        if before is None:
            return False
        longest = max(to.seconds for to in _claiming(plan))
        since = self._world.now() - timedelta(seconds=longest)
        leads, last = await filling.stretch(conn, plan.id, before, since, self._stretch)
        held, shared = list[FormerKey](), list[FormerKey]()
        for lead in leads:
            for key, claim in _keys(plan, lead):
                by_buyers = isinstance(claim, Having)
                of = shared if by_buyers or isinstance(claim, Near) else held
                of.append(FormerKey(key, lead, claim.within, by_buyers))
        if held:
            await filling.enter(conn, held)
        if shared:
            await filling.share(conn, shared)
        await filling.further(conn, plan.id, last or UUID(int=0), len(leads), ended=last is None)
        return last is not None


def rules_of(plan: CampaignPlan) -> bytes:
    """A digest of what makes its keys; empty where it claims nothing."""
    claiming = [to.model_dump_json(exclude=_SETTLING) for to in _claiming(plan)]
    return digest(*claiming) if claiming else b""


def _claiming(plan: CampaignPlan) -> list[Any]:
    return [to for check, to in plan.judge.rules if check.claims]


def _keys(plan: CampaignPlan, former: Former) -> list[tuple[bytes, Claim]]:
    lead = Lead(
        id=former.id, submission_id=former.id, source=former.source, campaign=plan.id,
        received_at=former.received_at, test=former.test,
        fields={name: Value(*told) for name, told in former.fields.items()},
    )  # fmt: skip
    claims = [ask for ask in plan.judge.claims(lead) if isinstance(ask, Claim)]
    return [(key_of(claim, test=lead.test), claim) for claim in claims]
