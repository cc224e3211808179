"""What a platform sends or names goes in here: the same durable way as through every other door, once each."""

import asyncio
from collections.abc import Callable, Sequence
from hashlib import blake2b
from uuid import UUID

from msgspec import Struct

from app.core.errors import NotDurable, Refused
from app.core.metrics import Metrics
from app.core.world import World
from app.ingest.platform import Platform, type_of
from app.model import Record, Submission
from app.pipeline.engine import Engine
from app.pipeline.faults import Retrying
from app.pipeline.plans import SourcePlan
from app.pipeline.work import Work
from app.store import fetches
from app.store.database import Database, is_ambiguous, is_away, marked
from app.store.intake import Arrival, Refusal

KEY_DAYS = 30.0
"""How long a platform's id of a lead is remembered; none tries for longer than a few days."""
_PATIENCE = 1.5  # seconds that naming is tried again before the platform is told 503
_SILENCE = 2.0  # seconds that one try may take


class Landed(Struct, frozen=True):
    """A body that is durable; `first` is false where the same identity came before."""

    submission_id: UUID
    first: bool


class PlatformDoor:
    """Durable when a method returns; raises NotDurable, or Unreadable with the body kept as a refusal."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        world: World,
        metrics: Metrics,
        *,
        woken: Callable[[], None] = lambda: None,
    ) -> None:
        """`woken` is told that there is something to fetch or to delete."""
        self._database = database
        self._engine = engine
        self._world = world
        self._metrics = metrics
        self._woken = woken
        self._naming = Retrying(world, metrics, patience=_PATIENCE)

    async def keep(
        self,
        platform: Platform,
        plan: SourcePlan,
        body: bytes,
        identity: str,
        *,
        test: bool = False,
        remote: str = "",
    ) -> Landed:
        began = self._world.monotonic()
        submission = Submission(
            id=self._world.new_id(),
            source=plan.id,
            received_at=self._world.now(),
            content_type=type_of(platform.name),
            body=body,
            test=test or plan.test,
            remote=remote,
        )
        records = self._read(platform, submission)
        key = key_of(platform.name, identity) if identity else b""
        leased = not self._engine.crowded
        kept = await self._engine.keep(
            Arrival(submission=submission, key=key, key_days=KEY_DAYS, leased=leased)
        )
        first = kept.first is None
        self._metrics.count("leadgate_submissions_total", (plan.id, "kept" if first else "repeated"))
        if first and leased:
            steps = {"durable": (self._world.monotonic() - began) * 1000}
            self._engine.later([Work(submission, records, "receipt", began, steps)])
        return Landed(kept.first or submission.id, first)

    async def name(
        self,
        platform: Platform,
        source: str,
        *,
        fetch: Sequence[str] = (),
        delete: Sequence[str] = (),
    ) -> bool:
        """Leads to be fetched from the platform, or deleted here, by whichever process has time. Whether any is new."""
        if not fetch and not delete:
            return False

        async def attempt(_: bool) -> bool:
            async with asyncio.timeout(_SILENCE), self._database.acquire() as conn, conn.transaction():
                await marked(conn)  # what is there already is acknowledged, too
                new = False
                if fetch:
                    new = await fetches.name(conn, source, platform.name, fetch, "fetch")
                if delete:
                    new |= await fetches.name(conn, source, platform.name, delete, "delete")
                return new

        try:
            new = await self._naming.run(attempt)
        except Exception as error:
            if is_away(error) or is_ambiguous(error):
                raise NotDurable("the database does not answer; send it again") from error
            raise
        if new:
            self._woken()
        return new

    def _read(self, platform: Platform, submission: Submission) -> list[Record]:
        try:
            return platform.read(submission.body, submission.content_type)
        except Refused as refused:
            self._metrics.count("leadgate_submissions_total", (submission.source, "refused"))
            self._engine.receiver.note_refusal(
                Refusal.of(
                    refused,
                    id=submission.id,
                    source=submission.source,
                    at=submission.received_at,
                    content_type=submission.content_type,
                    body=submission.body,
                )
            )
            raise


def key_of(platform: str, identity: str) -> bytes:
    """Under which idempotency key a platform's id of a lead is remembered."""
    return blake2b(f"platform {platform} {identity}".encode(errors="replace"), digest_size=16).digest()
