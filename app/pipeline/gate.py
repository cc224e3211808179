"""What a source may bring: its caps, counted as its leads are taken or sold, and the refusal of the next one."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from app.catalog.paying import part_of
from app.core.conditions import Facts, facts_of
from app.core.money import units
from app.core.reserved import MONEY, OF_SOURCES, held
from app.distribute.caps import CountedCap, CounterKey, Use, budget_of, cap_of
from app.distribute.route import Match
from app.distribute.wanting import Share
from app.model import Finding, Verdict
from app.pipeline.plans import SourcePlan
from app.pipeline.tracks import Job, Track
from app.store import replays

CODE = "source_cap"


def gate(
    plan: SourcePlan,
    facts: Facts,
    at: datetime,
    agreed: Decimal | None,
    *,
    later: bool = False,
    least: int = 1,
) -> tuple[Use, ...]:
    """What taking this lead uses up of its source's caps; `agreed` is what it is paid for it. `later`: that is for its
    deliveries to take (`shared`), and so much must be left as the `least` of them would."""
    price = 0 if agreed is None else units(agreed)
    uses = (
        _left(cap, facts, plan.id, at, least) if cap.money and later else cap.use(facts, plan.id, at, price)
        for cap in plan.caps
    )
    return tuple(use for use in uses if use is not None)


class Room(Struct, frozen=True):
    """What is left of a source's caps for one lead, as they stood without a lock."""

    plan: SourcePlan
    facts: Facts
    at: datetime
    levels: Mapping[CounterKey, int]

    def has(self, price: Decimal | None) -> bool:
        """Whether it would be taken at this price; None: at any."""
        uses = gate(self.plan, self.facts, self.at, price, later=price is None)
        return not any(use.full(sum(self.levels.get(key, 0) for key in use.keys)) for use in uses)


async def room(conn: Any, plan: SourcePlan, facts: Facts, at: datetime) -> Room:
    keys = {key for use in gate(plan, facts, at, None, later=True) for key in use.keys}
    return Room(plan, facts, at, await replays.counted(conn, sorted(keys)))


def shared(plan: SourcePlan, facts: Facts, at: datetime, share: Decimal | None) -> Share | None:
    """What each delivery of this lead takes of its source's budgets; None where they mind none."""
    if share is None or not plan.caps:
        return None
    budgets = tuple(cap.part(at, 0) for cap in plan.caps if cap.money and cap.counts(facts, plan.id))
    return Share(share, budgets) if budgets else None


def shared_of(track: Track, at: datetime) -> Share | None:
    if track.share is None or not track.plan.caps:
        return None
    return shared(track.plan, facts_of(track.normals, track.worth), at, track.share)


def least(match: Match, share: Decimal, pays: Mapping[str, Decimal]) -> int:
    """What the cheapest of its contracts would leave to the source, and something at least."""
    contracts = (match.index.contracts[i] for tier in match.tiers() for i in tier)
    prices = (pays.get(one.id, one.doc.price) for one in contracts)
    return max(1, min((units(part_of(price, share)) for price in prices), default=1))


def spent(job: Job, at: datetime, paid: Decimal) -> Mapping[CounterKey, int]:
    """What to add to its source's budgets with a sale, beyond what its delivery held of them. What was begun before
    there was such a budget is counted now."""
    track, plan = job.track, job.track.plan
    holds = {key: n for key, n in held(job.reserved).items() if key.startswith(OF_SOURCES)}
    if track.test or not (holds or plan.caps):
        return {}
    n = 0 if track.share is None else units(part_of(paid, track.share))
    share = shared_of(track, at)
    new = [] if share is None else [use.key for use in share.budgets if not _holds(holds, use.key)]
    return {key: n - had for key, had in (holds | dict.fromkeys(new, 0)).items() if n != had}


def holds_of_sources(reserved: Iterable[str]) -> bool:
    return any(one.startswith(OF_SOURCES) for one in reserved)


def _holds(holds: Iterable[CounterKey], key: CounterKey) -> bool:
    """Of the same budget, be it of another of its windows."""
    name = budget_of(key)
    return any(budget_of(one) == name for one in holds)


def _left(cap: CountedCap, facts: Facts, source: str, at: datetime, least: int) -> Use | None:
    return replace(cap.part(at, 0), start=cap.limit - least) if cap.counts(facts, source) else None


def refused(verdict: Verdict, key: CounterKey) -> Verdict:
    """Of a lead that nothing else is against. It has no keys: another day it may come again."""
    per = "" if (word := cap_of(key)) == "total" else f" per {word}"
    told = "spent on" if key.startswith(MONEY) else "taken from"
    finding = Finding(check="caps", code=CODE, message=f"no more is {told} this source{per}", action="reject")
    return replace(verdict, outcome="rejected", findings=(*verdict.findings, finding))
