"""Keeps back what a source wants to hear of a lead only when all its buyers have said how it ended, and lets it out then."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from app.followup.callback import KEPT_BACK_DAYS
from app.followup.summing import summary
from app.pipeline.plans import Plans
from app.store import callbacks, feedback, leads

_LONGEST = KEPT_BACK_DAYS * 86_400.0
_ENDED = ("sold", "unsold", "returned")


def kept_back(plans: Plans, source: str, event: str) -> float:
    """Seconds at most. That somebody is not to be called is never kept back."""
    return _LONGEST if event != "dnc" and _waits(plans, source) else 0.0


async def let_out(conn: Any, plans: Plans, sources: Mapping[UUID, str]) -> None:
    """What is kept back of leads (lead → its source) of which the last word is said; each document says how it ended."""
    waiting = sorted(lead_id for lead_id, source in sources.items() if _waits(plans, source))
    if not waiting:
        return
    lanes = await feedback.lanes(conn, waiting)
    states = await leads.standings(conn, waiting)
    ended: dict[UUID, str] = {}
    for lead_id in waiting:
        plan = plans.source(sources[lead_id])
        told = summary(lanes.get(lead_id, ()), coarse=plan is None or plan.coarse)
        if told is not None and told["final"] and states[lead_id].state in _ENDED:
            ended[lead_id] = orjson.dumps({"feedback": told, "state": states[lead_id].state}).decode()
    await callbacks.let_out(conn, ended)


def _waits(plans: Plans, source: str) -> bool:
    plan = plans.source(source)
    return plan is not None and plan.callback is not None and plan.callback.delay == "final"
