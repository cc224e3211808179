"""Notices when a source has gone silent against its own habit, and when it speaks again: told once each."""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from app.catalog.documents import SourceDoc
from app.catalog.snapshot import Snapshot
from app.core.duration import Duration
from app.core.events import Event, Id, SourceSilent, SourceSpoke, emit
from app.core.metrics import Metrics
from app.pipeline import rhythm
from app.pipeline.rhythm import Hour, Rhythm
from app.store import arrivals
from app.store.arrivals import Habit, Turn
from app.store.database import Database

EVERY = 60.0
_DEAF = 300.0
_LEARNED_AT_ONCE = 20


class Silence:
    """`look` is called in every process, and one of them looks, once a minute: arrivals are counted from the last
    look's end on, by id, so that no lead pays for it."""

    def __init__(self, database: Database, metrics: Metrics, *, snapshot: Callable[[], Snapshot]) -> None:
        self._database = database
        self._metrics = metrics
        self._snapshot = snapshot
        self._begun = False

    async def look(self) -> bool:
        """True where there is more to count at once."""
        watched = {id_: doc for id_, doc in self._snapshot().sources.items() if watches(doc)}
        news: list[Event | None] = []
        async with self._database.acquire() as conn, conn.transaction():
            if not self._begun:
                await arrivals.begin(conn, rhythm.WEEKS)
                self._begun = True
            turn = await arrivals.turn(conn, EVERY * 0.9)
            if turn is None:
                return False
            await arrivals.know(conn, sorted(watched))
            hearing_since = _hearing_since(turn)
            await arrivals.count(conn, first_id(turn.upto), first_id(turn.till), turn, hearing_since)
            if turn.behind:
                return True
            await self._learn(conn, sorted(watched), turn.now)
            habits = await arrivals.habits(conn, sorted(self._snapshot().sources))
            changed = judged(habits, watched, hearing_since, turn.now)
            await arrivals.set_silence(conn, changed)
            await arrivals.forget(conn, sorted(self._snapshot().sources), rhythm.WEEKS + 1)
            news = [
                _news(habit, changed[habit.source], turn.now) for habit in habits if habit.source in changed
            ]
        for event in filter(None, news):  # it is committed now
            emit(event)
        return False

    async def _learn(self, conn: object, sources: list[str], now: datetime) -> None:
        for source in await arrivals.stale(conn, sources, _LEARNED_AT_ONCE):
            hours = [Hour(*row) for row in await arrivals.hours(conn, source, rhythm.WEEKS)]
            found = rhythm.learned(hours, now)
            if found is None:
                await arrivals.learn(conn, source, None, None)
            else:
                await arrivals.learn(conn, source, found.rates, found.usual)

    async def gauges(self) -> None:
        async with self._database.acquire() as conn:
            silent = set(await arrivals.silent(conn))
        self._metrics.forget("leadgate_source_silent")
        for source, doc in self._snapshot().sources.items():
            if watches(doc):
                self._metrics.gauge("leadgate_source_silent", (source,), float(source in silent))


def watches(source: SourceDoc) -> bool:
    """Nobody is to be missed who is paused, or only tests."""
    return source.silence != "off" and not source.paused and not source.test


def judged(
    habits: list[Habit], watched: Mapping[str, SourceDoc], hearing_since: datetime, now: datetime
) -> dict[str, datetime | None]:
    """For each source that falls silent since when it is, for each that is silent no longer None."""
    changed: dict[str, datetime | None] = {}
    for habit in habits:
        doc = watched.get(habit.source)
        since = habit.last_at or habit.since
        if habit.silent_since is None:  # while we were away it was not heard; who was silent before stays so
            since = max(since, hearing_since)
        silent = doc is not None and _is_silent(doc, habit, since, now)
        if silent != (habit.silent_since is not None):
            changed[habit.source] = (habit.last_at or habit.since) if silent else None
    return changed


def _is_silent(doc: SourceDoc, habit: Habit, since: datetime, now: datetime) -> bool:
    if isinstance(doc.silence, Duration):
        return (now - since).total_seconds() > doc.silence.seconds
    if habit.rates is None or habit.usual is None:
        return False
    return rhythm.unusual(Rhythm(tuple(habit.rates), habit.usual), since, now)


def _news(habit: Habit, silent_since: datetime | None, now: datetime) -> Event | None:
    """None where it was not heard, but is only watched no longer, or otherwise."""
    if silent_since is not None:
        expected = None if habit.rates is None else rhythm.expected(habit.rates, silent_since, now)
        return SourceSilent(
            source=Id(habit.source),
            silent_s=round((now - silent_since).total_seconds()),
            expected=None if expected is None else round(expected, 1),
        )
    if habit.last_at is None or habit.silent_since is None or habit.last_at <= habit.silent_since:
        return None
    return SourceSpoke(
        source=Id(habit.source), silent_s=round((habit.last_at - habit.silent_since).total_seconds())
    )


def _hearing_since(turn: Turn) -> datetime:
    """While nobody ran there was nobody to hear: a silence of ours is none of theirs."""
    deaf = (turn.now - turn.looked_at).total_seconds() > _DEAF
    return turn.now if deaf else turn.hearing_since


def first_id(at: datetime) -> UUID:
    """The least id that a submission of that moment can have."""
    return UUID(int=int(at.timestamp() * 1000) << 80)
