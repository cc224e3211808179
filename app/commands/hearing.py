"""What `doctor` looks at where leads come from: the channels that are visited, and who has fallen silent."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from app.catalog.snapshot import Builder, Snapshot, Unbuildable
from app.commands.desk import world
from app.commands.examining import Line
from app.commands.words import counted, span
from app.components import discover
from app.core.duration import Duration
from app.ground import sealer
from app.pipeline.channels import Configured, configured
from app.pipeline.silence import watches
from app.settings import Settings
from app.store import arrivals
from app.store import channels as rows
from app.store.arrivals import Habit
from app.store.catalogue import CatalogueStore
from app.store.channels import Standing
from app.store.database import Database

_DAY_S = 86_400.0


async def channels(database: Database, settings: Settings) -> Sequence[Line]:
    """One line a channel: its last visit, its last lead, its trouble."""
    wanted = configured(await usable_snapshot(database, settings))
    if not wanted:
        return []
    async with database.acquire() as conn:
        found = await rows.standings(conn)
    seen = {(one.source, one.key): one for one in found}
    return [_channel(f"{place[0]} {told.label}", told, seen.get(place)) for place, told in wanted.items()]


def _channel(name: str, told: Configured, one: Standing | None) -> Line:
    if one is None or (one.visited_at is None and one.age < 60):
        return Line("ok" if one else "warn", name, "was not visited yet", "" if one else "leadgate serve")
    lead = f"last lead {_ago(one.kept_at)}" if one.kept_at else "no lead yet"
    refused = f", {one.refused:,} refused" if one.refused else ""
    if one.failures:
        text = f"{one.trouble} ({counted(one.failures, 'visit')} in vain, {lead})"
        return Line("fail" if one.age > _DAY_S else "warn", name, text, "its settings, or its other end")
    every = told.part.settings.every.seconds  # type: ignore[attr-defined]  # ChannelSettings
    if one.age > 3 * every + 60:
        text = f"was not visited for {span(one.age * 1000)}, though it should be every {span(every * 1000)}"
        return Line("warn", name, text, "is `leadgate serve` or `leadgate worker` running?")
    return Line("ok", name, f"last visit {span(one.age * 1000)} ago, {lead}{refused}")


def _ago(at: datetime) -> str:
    return f"{span((world().now() - at).total_seconds() * 1000)} ago"


async def sources(database: Database, settings: Settings) -> Sequence[Line]:
    """Who is silent against its habit, or for longer than was set."""
    snapshot = await usable_snapshot(database, settings)
    watched = [id_ for id_, doc in snapshot.sources.items() if watches(doc)]
    async with database.acquire() as conn:
        habits = await arrivals.habits(conn, watched)
    return [_silent(one, snapshot) for one in habits if one.silent_since is not None]


def _silent(habit: Habit, snapshot: Snapshot) -> Line:
    assert habit.silent_since is not None
    told = snapshot.sources[habit.source].silence
    against = f"more than {told}" if isinstance(told, Duration) else "which it usually is not"
    silent = span((world().now() - habit.silent_since).total_seconds() * 1000)
    cure = f"ask it, and look at its keys: leadgate key list {habit.source}"
    return Line("warn", f"source {habit.source}", f"silent for {silent}, {against}", cure)


async def usable_snapshot(database: Database, settings: Settings) -> Snapshot:
    """Empty where it can't be used: that is said where the catalogue is looked at."""
    version, stored = await CatalogueStore(database).load()
    try:
        return await asyncio.to_thread(Builder(discover(), sealer(settings)).build, version, stored, ())
    except Unbuildable:
        return Snapshot()
