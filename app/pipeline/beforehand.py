"""Asks services about a lead before it is decided, beside the path: who fills its fields, then who is asked by checks."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from app.core.money import written as amount
from app.enrich.enrichment import Filled, Use
from app.model import Finding
from app.pipeline.claims import foresee
from app.pipeline.enriching import written
from app.pipeline.flush import Batcher
from app.pipeline.look_ups import LookUps
from app.store.database import Database
from app.validate.check import Ask
from app.validate.remote import BECAME, Remote, Told

if TYPE_CHECKING:
    from app.pipeline.drafts import Draft

LOOKED_UP = "looked_up"
Foreseen = Mapping[Ask, Any]
Gather = Callable[[Sequence["Draft"]], Awaitable[None]]


class Beforehand:
    """Leads come one by one and leave when every answer they need is there, or won't come.

    `gather` brings what the database knows, for as many leads as wait at that moment.
    """

    def __init__(self, database: Database, look_ups: LookUps, gather: Gather) -> None:
        self._database, self._look_ups, self._gather = database, look_ups, gather
        self._foreseeing: Batcher[Draft, Foreseen] = Batcher(self._foresee)
        self._started = False

    async def close(self) -> None:
        await self._foreseeing.cancel()
        await self._look_ups.close()

    async def look_up(self, draft: "Draft") -> None:
        draft.looked_up = True
        if not self._started:
            self._started = True
            self._foreseeing.start()
        foreseen = await self._foreseeing.put(draft)
        enrichment = draft.plan.campaign.enrichment
        for turn in enrichment.services:
            sells = self._sells(draft, foreseen)
            await asyncio.gather(*(self._enrich(draft, use, sells) for use in turn))
        enrichment.derive(draft.lead, draft.evidence)
        written(draft)
        asks = [ask for ask in draft.plan.campaign.judge.asks(draft.lead) if isinstance(ask, Remote)]
        if asks:
            sells = self._sells(draft, foreseen)
            await asyncio.gather(*(self._evidence(draft, ask, sells) for ask in dict.fromkeys(asks)))

    async def _foresee(self, drafts: Sequence["Draft"]) -> Sequence[Foreseen]:
        await self._gather(drafts)
        async with self._database.acquire() as conn:
            return await foresee(conn, drafts)

    def _sells(self, draft: "Draft", foreseen: Foreseen) -> bool:
        """Whether nothing that is known by now rejects it."""
        judge = draft.plan.campaign.judge
        verdict = judge.judge(draft.lead, draft.evidence)
        if verdict.outcome != "rejected" and foreseen:
            verdict = judge.settle(draft.lead, verdict, foreseen)
        return verdict.outcome != "rejected"

    async def _enrich(self, draft: "Draft", use: Use, sells: bool) -> None:
        ask = use.ask(draft.lead)
        if not isinstance(ask, Remote):
            return
        told = await self._look_ups.ask(draft.lead, ask, sells=sells)
        enrichment = draft.plan.campaign.enrichment
        filled = enrichment.fill(draft.lead, use, told.value) if told.known else Filled()
        _note(draft, ask, told, filled)

    async def _evidence(self, draft: "Draft", ask: Remote, sells: bool) -> None:
        told = draft.evidence[ask] = await self._look_ups.ask(draft.lead, ask, sells=sells)
        _note(draft, ask, told)


def _note(draft: "Draft", ask: Remote, told: Told, filled: Filled = Filled()) -> None:
    """What is kept of a look-up: how it ended, how long it took and what it cost; nothing that was asked or said."""
    draft.took[ask.service] = draft.took.get(ask.service, 0.0) + told.ms
    facts: dict[str, Any] = {
        "became": told.became,
        "ms": told.ms,
        "cost": amount(told.cost),
        "currency": told.currency,
    }
    if told.why:
        facts["why"] = told.why
    if filled.fields:
        facts["filled"] = list(filled.fields)
    if filled.invalid:
        facts["left_out"] = list(filled.invalid)
    words = [f"{told.became}: {BECAME[told.became].rstrip('.').lower()}"]
    words += [f"filled {', '.join(filled.fields)}"] if filled.fields else []
    words += [f"left out {', '.join(filled.invalid)}, of another type"] if filled.invalid else []
    words += [f"{facts['cost']} {told.currency}"] if told.cost else []
    draft.looked.append(Finding(check=ask.service, code=LOOKED_UP, message="; ".join(words), facts=facts))
