"""When a lead that nobody gets at this moment would be handed over: by whom it is taken later, or when its turn comes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from app.core.conditions import facts_of
from app.distribute.chain import members_of
from app.distribute.fills import keys_of
from app.distribute.later import Later, later
from app.pipeline.drafts import Decided, Draft
from app.pipeline.tracks import Job
from app.store import pace, replays


class Waits(Struct, frozen=True):
    """Nobody takes it now. It is offered again every so often until a moment, both None where it is unsold at once;
    `later` are those who would take it some time."""

    every: str | None
    until: datetime | None
    later: Sequence[Later]


async def waits(conn: Any, one: Decided, at: datetime) -> Waits | None:
    """None where somebody takes it, or nobody is to have it."""
    draft = one.draft
    if one.jobs or draft.match is None or draft.verdict is None or draft.verdict.outcome != "accepted":
        return None
    policy = draft.plan.campaign.doc.distribution.requeue if draft.is_offered_again else None
    found = await _later(conn, draft) if draft.bound is None else []
    if policy is None:
        return Waits(None, None, found)
    return Waits(str(policy.every), at + timedelta(seconds=policy.lasting.seconds), found)


async def begins_at(conn: Any, job: Job, at: datetime) -> datetime | None:
    """None where its hand-over begins at once; else when the person may be called, or when its turn comes at its
    contract's rate, as far as that can be known now."""
    moment, rate = job.not_before, job.contract.rate
    if rate is not None and not job.track.test:
        ahead, left = await pace.ahead(conn, job.contract.place, job.contract.sharing, seconds=rate.seconds)
        if ahead >= rate.n:
            turn = at + timedelta(seconds=left + (ahead // rate.n - 1) * rate.seconds)
            moment = turn if moment is None else max(moment, turn)
    return moment


async def _later(conn: Any, draft: Draft) -> list[Later]:
    assert draft.match is not None, "it was routed"
    assert draft.verdict is not None, "it was judged"
    campaign, at = draft.plan.campaign, draft.match.at
    facts = facts_of(draft.normals, draft.verdict.worth)
    asked = members_of(campaign.legs) if draft.passage is not None else [(campaign.index, None)]
    found: dict[str, Later] = {}
    for index, members in asked:
        keys = keys_of(index, [one.id for one in index.contracts], at)
        used = await replays.counted(conn, keys) if keys else {}
        without = draft.buyers | draft.barred.keys()
        for one in later(
            index, facts, source=draft.lead.source, at=at, zones=campaign.zones(draft.normals), without=without,
            used=used,
        ):  # fmt: skip
            if members is None or one.contract in members:
                found.setdefault(one.contract, one)
    return sorted(found.values(), key=lambda one: (one.at is None, one.at or at))
