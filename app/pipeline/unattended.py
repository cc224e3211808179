"""Held leads that nobody looked at in time go on, or are refused, as their campaign says."""

from collections.abc import Callable
from uuid import UUID

from app.catalog.review import ReviewDoc
from app.core.errors import Refused
from app.core.events import bug, emit
from app.pipeline.plans import Plans
from app.pipeline.reviewing import Reviewer
from app.pipeline.tracks import Step
from app.store import reviews
from app.store.database import Database, is_ambiguous, is_away

BY = "time-out"
_TAKE = 100


class Unattended:
    """Any process may see a lead's time end; of all of them, and of a person at the same moment, one is heard."""

    def __init__(
        self,
        database: Database,
        reviewer: Reviewer,
        *,
        plans: Callable[[], Plans],
        follow: Callable[[Step], None],
    ) -> None:
        self._database = database
        self._reviewer = reviewer
        self._plans = plans
        self._follow = follow

    async def end(self) -> bool:
        """Whether there may be more. Costs nothing where no campaign has a `review`."""
        docs = {one.id: one.review for one in self._plans().snapshot.campaigns.values() if one.review}
        if not docs:
            return False
        within = {campaign: doc.within.seconds for campaign, doc in docs.items()}
        async with self._database.acquire() as conn:
            found = await reviews.overdue(conn, within, _TAKE)
        ended = [await self._end(lead_id, docs[campaign]) for lead_id, campaign in found]
        return len(found) == _TAKE and any(ended)

    async def _end(self, lead_id: UUID, doc: ReviewDoc) -> bool:
        """What one lead is at fault for holds up no other."""
        try:
            if doc.then == "accept":
                step = await self._reviewer.approve(lead_id, by=BY)
            else:
                step = await self._reviewer.reject(lead_id, f"nobody looked at it within {doc.within}", by=BY)
        except Refused:  # somebody was quicker
            return True
        except Exception as error:
            if is_away(error) or is_ambiguous(error):
                raise
            emit(bug(error, "review"))
            return False
        if step is not None:
            self._follow(step)
        return True
