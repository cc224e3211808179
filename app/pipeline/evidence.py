"""Fetches what checks ask for: each kind once per batch, and nothing slow while others wait."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.model import Lead
from app.store import evidence
from app.store.database import Database
from app.validate.check import Mx, Seen
from app.validate.mx import MxResolver

if TYPE_CHECKING:
    from app.pipeline.decide import Draft


class EvidenceDesk:
    """Answers of the database per batch; look-ups over the network beforehand, lead by lead."""

    def __init__(self, database: Database, resolver: MxResolver) -> None:
        self._database = database
        self._resolver = resolver

    def slow(self, draft: "Draft") -> list[Mx]:
        """What must be looked up over the network before this lead can be decided."""
        return [
            ask
            for ask in draft.plan.campaign.judge.asks(draft.lead)
            if isinstance(ask, Mx) and ask not in draft.evidence
        ]

    async def look_up(self, draft: "Draft", asks: Sequence[Mx]) -> None:
        """Bounded by the resolver's own time limit; unknown (None) is an answer too."""
        for ask in asks:
            draft.evidence[ask] = await self._resolver.takes_mail(ask.domain)

    async def gather_again(self, draft: "Draft", before: Lead) -> None:
        """For one more round: what this lead was counted for already is looked at, and not counted twice."""
        known = set(draft.plan.campaign.judge.asks(before))
        asked = [ask for ask in draft.plan.campaign.judge.asks(draft.lead) if isinstance(ask, Seen)]
        old = [(ask.key, ask.within) for ask in asked if ask in known]
        if old:
            async with self._database.acquire() as conn:
                total = await evidence.look_seen(conn, old)
            draft.evidence |= {ask: max(1, total[ask.key, ask.within]) for ask in asked if ask in known}
        await self.gather([draft])

    async def gather(self, drafts: Sequence["Draft"]) -> None:
        """Count what was seen. Each lead of the batch gets the count up to itself, in order of arrival."""
        asked: list[tuple[Draft, Seen]] = [
            (draft, ask)
            for draft in drafts
            for ask in draft.plan.campaign.judge.asks(draft.lead)
            if isinstance(ask, Seen) and ask not in draft.evidence
        ]
        if not asked:
            return
        async with self._database.acquire() as conn:
            total = await evidence.count_seen(conn, [(ask.key, ask.within) for _, ask in asked])
        left = Counter((ask.key, ask.within) for _, ask in asked)
        before: dict[tuple[bytes, int], int] = defaultdict(int)
        for draft, ask in asked:
            place = (ask.key, ask.within)
            before[place] += 1
            draft.evidence[ask] = total[place] - left[place] + before[place]
