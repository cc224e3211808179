"""Notices which sources a change of the catalogue concerns, and tells those that want to hear of it."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from app.catalog.documents import SourceDoc
from app.catalog.snapshot import Snapshot
from app.core.events import Code, Id, NoticeGivenUp, SpecChanged, bug, emit
from app.core.registry import RegistryError
from app.core.world import World
from app.distribute.exchange import Conversed
from app.distribute.schedule import next_try
from app.distribute.wire import Wire
from app.followup.callback import CallbackSettings
from app.followup.notice import tell
from app.model import Accepted, Rejected, TryLater
from app.pipeline.plans import Plans
from app.pipeline.record import reason_of
from app.pipeline.spec import Changes, Known, bare, compared
from app.pipeline.spec_history import spec_at
from app.pipeline.sweep import Upkeep
from app.store import spec_changes
from app.store.database import Database
from app.store.spec_changes import Due, Note

LOOK_EVERY, DUE_EVERY = 2.0, 2.0
_AT_ONCE = 16
_LEASE = 180.0  # seconds; longer than any conversation may take


class SpecChanges:
    """Of several processes one looks, and one tells. Compared are two versions by the same code: a newer
    leadgate, whose words may be others, changes nobody's instructions."""

    def __init__(
        self, database: Database, wire: Wire, world: World, known: Known, *, plans: Callable[[], Plans]
    ) -> None:
        self._database = database
        self._wire = wire
        self._world = world
        self._known = known
        self._plans = plans
        self._seen = -1

    def attend(self, upkeep: Upkeep) -> None:
        upkeep.also(LOOK_EVERY, self.look)
        upkeep.also(DUE_EVERY, self.due)

    async def look(self) -> list[Note]:
        """What the newest versions changed for sources that were there before, written once."""
        snapshot = self._plans().snapshot
        if snapshot.version <= self._seen:
            return []
        async with self._database.acquire() as conn, conn.transaction():
            await spec_changes.begin(conn, snapshot.version)
            since = await spec_changes.turn(conn, snapshot.version)
            found = [] if since is None else await self._changes(conn, snapshot, since)
            if since is not None:
                await spec_changes.note(conn, [note for note, _ in found], snapshot.version)
        self._seen = snapshot.version
        for note, changes in found:
            emit(_event(note, changes))
        return [note for note, _ in found]

    async def _changes(self, conn: Any, snapshot: Snapshot, since: int) -> list[tuple[Note, Changes]]:
        touched = await spec_changes.touched(conn, since, snapshot.version)
        found = []
        for source in snapshot.sources.values():
            if ("source", source.id) in touched or ("campaign", source.campaign) in touched:
                changes = await self._changed(conn, snapshot, source, since)
                if changes is not None and not changes.empty:
                    found.append((self._note(source, changes, snapshot.version), changes))
        return found

    async def _changed(self, conn: Any, snapshot: Snapshot, source: SourceDoc, since: int) -> Changes | None:
        """None for a source that is new: whoever set it up knows."""
        then = await spec_at(conn, source.id, since, self._known)
        if then is None:
            return None
        campaign = snapshot.campaigns[source.campaign]
        try:
            now = bare(campaign, source, self._known, base="", version=snapshot.version)
        except (ValueError, RegistryError):
            return None
        return compared(then, now, since)

    def _note(self, source: SourceDoc, changes: Changes, version: int) -> Note:
        to = self._listens(source.id)
        return Note(
            id=self._world.new_id(), source=source.id, since=changes.since, version=version,
            changes=list(_listed(changes)), told=to is not None,
        )  # fmt: skip

    def _listens(self, source: str) -> CallbackSettings | None:
        plan = self._plans().source(source)
        to = plan.callback if plan is not None else None
        return to if to is not None and to.notices else None

    async def due(self) -> None:
        """Tell what is due; whoever dies meanwhile has told it perhaps, and it is told again under the same id."""
        async with self._database.acquire() as conn:
            found = await spec_changes.take(conn, _AT_ONCE, _LEASE)
        await asyncio.gather(*(self._tell(one) for one in found))

    async def _tell(self, due: Due) -> None:
        to = self._listens(due.source)
        if to is None:
            await self._end(due, "moot", "not_wanted")
            return
        now = self._world.now()
        try:
            conversed = await self._wire.converse(tell(due.id, document(due), to, now))
        except Exception as error:
            emit(bug(error, "notice"))
            conversed = Conversed(outcome=TryLater(reason="internal_error"))
        await self._heard(due, to, conversed)

    async def _heard(self, due: Due, to: CallbackSettings, conversed: Conversed) -> None:
        outcome, now = conversed.outcome, self._world.now()
        if isinstance(outcome, Accepted):
            await self._end(due, "told", "")
            return
        after = outcome.after if isinstance(outcome, TryLater) else None
        at = next_try(
            to.retry, attempt=due.attempt, first_at=due.at, now=now, chance=self._world.chance(), after=after
        )
        if at is not None and not isinstance(outcome, Rejected):
            await self._end(due, "waiting", reason_of(outcome), (at - now).total_seconds())
            return
        await self._end(due, "gone" if isinstance(outcome, Rejected) else "dead", reason_of(outcome))
        emit(
            NoticeGivenUp(
                source=Id(due.source), version=due.version, attempts=due.attempt, reason=Code(reason_of(outcome))
            )
        )  # fmt: skip

    async def _end(self, due: Due, state: str, reason: str, next_in: float | None = None) -> None:
        async with self._database.acquire() as conn:
            await spec_changes.end(conn, due, state, reason, next_in)


def document(due: Due) -> dict[str, Any]:
    """What a source is told; the same at every try."""
    return {
        "type": "spec.changed", "source": due.source, "since": due.since, "version": due.version,
        "changes": due.changes, "see": f"/v1/spec?since={due.since}",
    }  # fmt: skip


def _listed(changes: Changes) -> Iterator[dict[str, Any]]:
    yield from ({"what": "added", "field": name} for name in changes.added)
    yield from ({"what": "removed", "field": name} for name in changes.removed)
    for one in changes.changed:
        yield {"what": "changed", "field": one["name"], "was": one["was"], "now": one["now"]}
    for one in changes.terms:
        yield {"what": "changed", "term": one["name"], "was": one["was"], "now": one["now"]}


def _event(note: Note, changes: Changes) -> SpecChanged:
    return SpecChanged(
        source=Id(note.source), since=note.since, version=note.version, added=len(changes.added),
        removed=len(changes.removed), changed=len(changes.changed),
        terms=tuple(Code(one["name"]) for one in changes.terms),
    )  # fmt: skip
