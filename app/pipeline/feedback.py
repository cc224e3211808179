"""Takes what buyers tell of their deliveries: each item once, in order, with all that follows from it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from app.core.metrics import Metrics
from app.core.registry import Registry
from app.core.world import World
from app.followup.feedback import Result
from app.followup.item import Item
from app.ingest.fieldtype import FieldType
from app.pipeline.faults import Retrying
from app.pipeline.feedback_chunk import Chunk
from app.pipeline.feedback_effects import Effects
from app.pipeline.feedback_matching import Matcher
from app.pipeline.feedback_reading import Read, chunks
from app.pipeline.plans import Plans
from app.pipeline.returning import Returns
from app.store import feedback
from app.store.database import Database, marked

AT_ONCE = 100
"""Items of one transaction; it holds their deliveries."""
_WORDS_AT_ONCE = 1_000


class _Undone(Exception):
    """Carries what a dry run found out of its transaction, which is rolled back."""

    def __init__(self, results: list[Result]) -> None:
        self.results = results


class Feedback:
    """What was answered is committed. Who is broken off sends the same again: what was kept is then `duplicate`."""

    def __init__(
        self,
        database: Database,
        returns: Returns,
        fieldtypes: Registry[FieldType[Any]],
        world: World,
        metrics: Metrics,
        retrying: Retrying,
        *,
        plans: Callable[[], Plans],
    ) -> None:
        self._database = database
        self._returns = returns
        self._fieldtypes = fieldtypes
        self._world = world
        self._metrics = metrics
        self._retrying = retrying
        self._plans = plans

    async def take(self, items: Sequence[Read], buyer: str, *, by: str, dry: bool = False) -> list[Result]:
        """A result for each item, in order. `dry`: as it would be, and nothing is kept."""
        found: list[Result] = []
        for part in chunks(items, AT_ONCE):
            ids = [self._world.new_id() for _ in part]
            found += await self._retrying.run(partial(self._attempt, part, ids, buyer, by, dry))
        if not dry:
            for item, result in zip(items, found, strict=True):
                kind = item.kind if isinstance(item, Item) else "none"
                self._metrics.count("leadgate_feedback_total", (kind, result.outcome))
        return found

    async def _attempt(
        self, items: Sequence[Read], ids: Sequence[UUID], buyer: str, by: str, dry: bool, again: bool
    ) -> list[Result]:
        snapshot, now = self._plans().snapshot, self._world.now()
        try:
            async with self._database.acquire() as conn, conn.transaction():
                if again:
                    await marked(conn)
                chunk = Chunk(items, ids, buyer=buyer, by=by, now=now, snapshot=snapshot)
                await chunk.look(conn, Matcher(snapshot, self._fieldtypes))
                await chunk.settle(conn)
                await Effects(self._returns.crediting, self._plans(), self._fieldtypes, now).follow(
                    conn, chunk
                )
                if dry:
                    raise _Undone(chunk.results)
                return chunk.results
        except _Undone as undone:
            return undone.results

    async def give_meaning(self) -> None:
        """Words that were kept without a meaning have one once their buyer's configuration gives it."""
        async with self._database.acquire() as conn:
            unmapped = await feedback.unmapped(conn, _WORDS_AT_ONCE)
            meant = list(_meant(unmapped, self._plans()))
            await feedback.give_meaning(conn, meant)


def _meant(unmapped: Sequence[tuple[str, str, int]], plans: Plans) -> Sequence[tuple[str, str, str]]:
    buyers: Mapping[str, Any] = plans.snapshot.buyers
    told = [
        (buyer, word, buyers[buyer].feedback.code(word)) for buyer, word, _ in unmapped if buyer in buyers
    ]
    return [one for one in told if one[2] != "unmapped"]
