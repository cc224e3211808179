"""What a source may bring: its caps, counted as its leads are taken or sold, and the refusal of the next one."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from app.catalog.paying import part_of
from app.core.conditions import Facts, facts_of
from app.core.money import units
from app.core.reserved import MONEY
from app.distribute.caps import CountedCap, CounterKey, Use, cap_of
from app.model import Finding, Verdict
from app.pipeline.plans import SourcePlan
from app.pipeline.tracks import Track
from app.store import replays

CODE = "source_cap"


def gate(
    plan: SourcePlan, facts: Facts, at: datetime, agreed: Decimal | None, *, later: bool = False
) -> tuple[Use, ...]:
    """What taking this lead uses up of its source's caps; `agreed` is what it is paid for it. `later`: what that is,
    its sales will say (`spent`), and until then there must be something left."""
    price = 0 if agreed is None else units(agreed)
    uses = (
        _left(cap, facts, plan.id, at) if cap.money and later else cap.use(facts, plan.id, at, price)
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


def spent(track: Track, at: datetime, paid: Decimal) -> Mapping[CounterKey, int]:
    """What its source has of a sale, of each of its caps that counts it."""
    plan, share = track.plan, track.share
    if share is None or track.test or not plan.caps:
        return {}
    facts, n = facts_of(track.normals, track.worth), units(part_of(paid, share))
    uses = (cap.use(facts, plan.id, at, n) for cap in plan.caps if cap.money)
    return {use.key: use.by for use in uses if use is not None}


def _left(cap: CountedCap, facts: Facts, source: str, at: datetime) -> Use | None:
    return replace(cap.part(at, 0), start=cap.limit - 1) if cap.counts(facts, source) else None


def refused(verdict: Verdict, key: CounterKey) -> Verdict:
    """Of a lead that nothing else is against. It has no keys: another day it may come again."""
    per = "" if (word := cap_of(key)) == "total" else f" per {word}"
    told = "spent on" if key.startswith(MONEY) else "taken from"
    finding = Finding(check="caps", code=CODE, message=f"no more is {told} this source{per}", action="reject")
    return replace(verdict, outcome="rejected", findings=(*verdict.findings, finding))
