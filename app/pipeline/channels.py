"""Visits every channel of every source in its turn: one process at a time, with a wait that grows in trouble."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from msgspec import Struct

from app.catalog.snapshot import ChannelPart, Snapshot
from app.core.errors import NotDurable, Refused
from app.core.events import ChannelTroubled, ChannelVisited, ChannelWell, Code, Id, bug, detailed, emit
from app.core.metrics import Metrics
from app.core.redaction import scrub
from app.core.registry import Registry
from app.core.world import World
from app.distribute.wire import Wire
from app.ingest.channel import Channel, Trouble, Visit
from app.ingest.reading import Reader
from app.pipeline.channel_door import ChannelDoor, Import, LostTurn
from app.pipeline.engine import Engine
from app.pipeline.faults import Retrying
from app.store import channels as rows
from app.store.channels import Place, Standing, Turn
from app.store.database import Database, is_ambiguous, is_away

AT_ONCE = 64
"""Visits of one process; some of them wait for mail for as long as half an hour."""
LOOK_EVERY = 0.5
FETCH_SECONDS = 60.0
FETCH_BYTES = 16_000_000
LONGEST_WAIT = 3_600.0
LONGEST_SAID = 86_400.0
_LONGEST_VISIT = 3_600.0
_SOON = 5.0
_MOST_TROUBLE = 300


class Configured(Struct, frozen=True):
    """One channel of one source as it is configured now. `label` is short, and the source's own."""

    part: ChannelPart
    label: str


class InHand(Struct):
    turn: Turn
    configured: Configured
    task: asyncio.Task[None]


class Channels:
    """`look` is called often and starts what is due; `stop` breaks off what is under way, losing nothing."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        reader: Reader,
        wire: Wire,
        world: World,
        metrics: Metrics,
        registry: Registry[Channel],
        *,
        process_id: Callable[[], UUID],
        lease_seconds: float,
        import_file: Import,
        spool: Path | None = None,
    ) -> None:
        self._database = database
        self._engine = engine
        self._reader = reader
        self._wire = wire
        self._world = world
        self._metrics = metrics
        self._registry = registry
        self._process_id = process_id
        self._lease = lease_seconds
        self._import = import_file
        self._spool = spool
        self._retrying = Retrying(world, metrics, patience=_SOON)
        self._snapshot: Snapshot | None = None
        self._wanted: dict[Place, Configured] = {}
        self._in_hand: dict[Place, InHand] = {}
        self._stopping = False

    @property
    def under_way(self) -> int:
        return len(self._in_hand)

    # turns ------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """Take up what is configured anew, and begin the visits that are due."""
        await self._follow()
        me = self._process_id()
        for visit in list(self._in_hand.values()):
            if visit.turn.lease_id != me:  # taken for dead meanwhile: others have it now
                visit.task.cancel()
        free = [place for place in self._wanted if place not in self._in_hand]
        room = AT_ONCE - len(self._in_hand)
        if not free or room <= 0 or self._stopping:
            return
        async with self._database.acquire() as conn:
            turns = await rows.claim(conn, me, free, room, self._lease)
        for turn in turns:
            self._begin(turn)

    async def _follow(self) -> None:
        snapshot = self._engine.plans().snapshot
        if snapshot is self._snapshot:
            return
        wanted = configured(snapshot)
        new = [place for place in wanted if place not in self._wanted]
        changed = [
            p
            for p in wanted
            if p in self._wanted and wanted[p].part.settings != self._wanted[p].part.settings
        ]
        fresh = [*new, *changed] if self._snapshot is not None else []  # a restart is no reason to hurry
        if wanted:
            async with self._database.acquire() as conn:
                await rows.make(conn, new)
                if fresh:
                    await rows.hurry(conn, fresh)
        self._wanted, self._snapshot = wanted, snapshot
        for place, visit in list(self._in_hand.items()):
            if place not in wanted or place in changed:
                visit.task.cancel()

    def _begin(self, turn: Turn) -> None:
        place = (turn.source, turn.key)
        told = self._wanted[place]
        task = asyncio.create_task(self._visit(turn, told), name=f"channel {turn.source} {told.label}")
        self._in_hand[place] = InHand(turn, told, task)
        task.add_done_callback(lambda _: self._in_hand.pop(place, None))

    async def stop(self, within: float = 5.0) -> None:
        """Visits are broken off: what they kept is durable, the rest is still where it was."""
        self._stopping = True
        tasks = [visit.task for visit in self._in_hand.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=within)

    # one visit --------------------------------------------------------------------------------------

    async def _visit(self, turn: Turn, told: Configured) -> None:
        door = ChannelDoor(
            turn, told.part.name, database=self._database, engine=self._engine, reader=self._reader,
            wire=self._wire, world=self._world, import_file=self._import, spool=self._spool,
        )  # fmt: skip
        began = self._world.monotonic()
        try:
            outcome = await self._ended(turn, told, door)
        except asyncio.CancelledError:
            outcome = "broken_off"
            with suppress(Exception):
                await self._release(turn, 0.0)
        except LostTurn:
            outcome = "lost"
        except Exception as error:  # the end itself could not be written; the turn is still ours, and due
            outcome = "not_durable"
            if not (is_away(error) or is_ambiguous(error)):
                emit(bug(error, "channel"))
        self._tell(turn, told, door, outcome, self._world.monotonic() - began)

    async def _ended(self, turn: Turn, told: Configured, door: ChannelDoor) -> str:
        """How it ended, written down with when to come again."""
        every = told.part.settings.every.seconds  # type: ignore[attr-defined]  # ChannelSettings
        try:
            visit = await self._tried(told, door)
        except Trouble as trouble:
            wait = max(
                waits(every, turn.failures + 1, self._world.chance()), min(trouble.after, LONGEST_SAID)
            )
            await self._finish(turn, door, wait, scrub(str(trouble))[:_MOST_TROUBLE])
            return "trouble"
        except NotDurable:
            await self._release(turn, _SOON * (1 + self._world.chance()))
            return "not_durable"
        wait = 0.0 if visit.more else every * (1 + 0.1 * self._world.chance())
        await self._finish(turn, door, wait, None)
        return "well"

    async def _tried(self, told: Configured, door: ChannelDoor) -> Visit:
        """The visit; Trouble for whatever is not the database's."""
        channel = self._registry[told.part.name]
        limit = asyncio.timeout(_LONGEST_VISIT)
        try:
            async with limit:
                return await channel.visit(told.part.settings, door)
        except (Trouble, NotDurable, LostTurn):
            raise
        except Refused as refused:
            raise Trouble(f"what was found there is refused: {refused.reason}") from None
        except Exception as error:
            if limit.expired():
                raise Trouble("the visit did not end within an hour") from None
            if is_away(error) and not isinstance(error, OSError):
                raise NotDurable("the database does not answer") from error
            emit(bug(error, "channel"))
            raise Trouble(
                f"a fault of leadgate's or of a library's, {type(error).__name__}: see the log"
            ) from None

    async def _finish(self, turn: Turn, door: ChannelDoor, wait: float, trouble: str | None) -> None:
        text = trouble.replace("\0", "") if trouble is not None else None

        async def finish(_: bool) -> None:
            async with self._database.acquire() as conn:
                await rows.finish(conn, turn, wait, text, kept=door.kept, refused=door.refused)

        await self._retrying.run(finish)

    async def _release(self, turn: Turn, next_in: float) -> None:
        async with self._database.acquire() as conn:
            await rows.release(conn, turn, next_in)

    def _tell(self, turn: Turn, told: Configured, door: ChannelDoor, outcome: str, took: float) -> None:
        source, label = turn.source, told.label
        self._metrics.count("leadgate_channel_visits_total", (source, label, outcome))
        for what, n in (("kept", door.kept), ("known", door.known_again), ("refused", door.refused)):
            if n:
                self._metrics.count("leadgate_channel_finds_total", (source, label, what), n)
        if outcome == "trouble" and not turn.failures:
            emit(ChannelTroubled(source=Id(source), channel=Code(label)))
        elif outcome == "well" and turn.failures:
            emit(ChannelWell(source=Id(source), channel=Code(label), failures=turn.failures))
        if detailed():
            emit(
                ChannelVisited(
                    source=Id(source),
                    channel=Code(label),
                    outcome=Code(outcome),
                    kept=door.kept,
                    known=door.known_again,
                    refused=door.refused,
                    ms=round(took * 1000, 1),
                )
            )

    # looking ----------------------------------------------------------------------------------------

    async def gauges(self) -> None:
        """How old the last good visit of each channel is, and how many came to nothing since."""
        wanted = configured(self._engine.plans().snapshot)
        if not wanted and not self._wanted:
            return
        async with self._database.acquire() as conn:
            found = await rows.standings(conn)
        for name in ("leadgate_channel_age_seconds", "leadgate_channel_failures"):
            self._metrics.forget(name)
        for label, standing in standing_of(wanted, found):
            self._metrics.gauge("leadgate_channel_age_seconds", (standing.source, label), standing.age)
            self._metrics.gauge("leadgate_channel_failures", (standing.source, label), standing.failures)

    async def sweep(self) -> None:
        """Where visits left off is forgotten a month after the last one, if nobody configures it again."""
        kept = configured(self._engine.plans().snapshot, paused=True)
        async with self._database.acquire() as conn:
            await rows.forget(conn, list(kept))


def configured(snapshot: Snapshot, *, paused: bool = False) -> dict[Place, Configured]:
    """Every channel that is to be visited; two of one kind on a source are `ftp` and `ftp.2`."""
    found: dict[Place, Configured] = {}
    for source_id, parts in snapshot.source_parts.items():
        if snapshot.sources[source_id].paused and not paused:
            continue
        seen: dict[str, int] = {}
        for part in parts.channels:
            n = seen[part.name] = seen.get(part.name, 0) + 1
            label = part.name if n == 1 else f"{part.name}.{n}"
            found.setdefault((source_id, part.key), Configured(part, label))
    return found


def standing_of(wanted: Mapping[Place, Configured], found: list[Standing]) -> list[tuple[str, Standing]]:
    """Those that are configured, with their labels."""
    return [(wanted[place].label, one) for one in found if (place := (one.source, one.key)) in wanted]


def waits(every: float, failures: int, chance: float) -> float:
    """Seconds until the next visit after so many that came to nothing: doubled each time, up to an hour
    (or to `every`, where that is longer), and up to a tenth more, so that those who failed together part."""
    doubled = every * float(1 << min(failures, 20))
    return min(doubled, max(every, LONGEST_WAIT)) * (1 + 0.1 * chance)
