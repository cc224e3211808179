"""Reads the files in which buyers say what they took of ours, and settles what they speak of."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing
from functools import partial

from app.catalog.snapshot import Contract, Snapshot
from app.core.events import Code, Id, bug, emit
from app.core.file_events import (
    AcknowledgementPassedOver,
    AcknowledgementRead,
    AcknowledgementUnread,
    AcknowledgingTroubled,
    AcknowledgingWell,
)
from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.acknowledging import Acknowledge
from app.distribute.faults import WireFault
from app.distribute.files import FileSettings
from app.distribute.letters import letter_of
from app.distribute.looking import looked_into
from app.distribute.packed import Unpackable
from app.distribute.place import MOST_FILES, Enclosed, Found, Place
from app.distribute.wire import Wire
from app.pipeline.following import Following, Reading
from app.pipeline.plans import Plans
from app.pipeline.seats import Seats
from app.pipeline.settling import Settler
from app.pipeline.tracks import Step
from app.remote.folder import Denied, Trouble
from app.store import acknowledgements
from app.store.acknowledgements import Counts
from app.store.database import Database, is_ambiguous, is_away

LOOK_EVERY = 2.0
LONGEST_VISIT = 600.0
_LEASE = 120.0
_FOLDERS = 8
"""Looked into at the same time by one process."""


class Acknowledging:
    """`look` is called by every process that takes work; into one place one of them looks at a time. A file in a folder
    is read when two looks have found it the same, one in a mail at once, and whatever it says twice is followed once."""

    def __init__(
        self,
        database: Database,
        settler: Settler,
        wire: Wire,
        world: World,
        metrics: Metrics,
        *,
        plans: Callable[[], Plans],
        follow: Callable[[Step], None],
        seats: Callable[[], Seats] | None = None,
    ) -> None:
        """Where answers lie beside our files a look holds one of the contract's `seats`; without these it needs none."""
        self._seats = seats
        self._database = database
        self._following = Following(database, settler, follow)
        self._wire = wire
        self._world = world
        self._metrics = metrics
        self._plans = plans
        self._snapshot: Snapshot | None = None
        self._known: dict[str, Contract] = {}
        self._gauged = False

    async def look(self) -> bool:
        """True where there is more at once."""
        contracts = self._contracts()
        if not contracts:
            return False
        async with self._database.acquire() as conn:
            turns = await acknowledgements.claim(conn, list(contracts), _LEASE, _FOLDERS)
        await asyncio.gather(*(self._visit(contracts[one], failures) for one, failures in turns.items()))
        return len(turns) == _FOLDERS

    def _contracts(self) -> dict[str, Contract]:
        snapshot = self._plans().snapshot
        if snapshot is not self._snapshot:
            self._known = answered(snapshot)
            self._snapshot = snapshot
        return self._known

    async def _visit(self, contract: Contract, failures: int) -> None:
        told, trouble = _told(contract), ""
        assert told is not None
        try:
            trouble = await self._on_a_place(contract, told)
        except (Trouble, WireFault, TimeoutError) as error:
            trouble = error.code if isinstance(error, Trouble | WireFault) else "timed_out"
        except Denied as denied:
            trouble = denied.code or "denied"
        except Exception as error:
            if is_away(error) or is_ambiguous(error):
                raise
            emit(bug(error, "acknowledging"))
            trouble = "internal_error"
        if trouble and not failures:
            emit(AcknowledgingTroubled(contract=Id(contract.id), why=Code(trouble)))
        elif failures and not trouble:
            emit(AcknowledgingWell(contract=Id(contract.id), failures=failures))
        wait = told.every.seconds * min(2.0**failures, 12.0) if trouble else told.every.seconds
        async with self._database.acquire() as conn:
            await acknowledgements.finish(conn, contract.id, wait, trouble)

    async def _on_a_place(self, contract: Contract, told: Acknowledge) -> str:
        """On the server that takes our files too it is one conversation of those that may be held with it."""
        if self._seats is None or not isinstance(contract.settings, FileSettings):
            await self._read_all(contract, told)
            return ""
        kept = await self._seats().during(contract, partial(self._read_all, contract, told))
        return "" if kept else "no_place"

    async def _read_all(self, contract: Contract, told: Acknowledge) -> None:
        looking, n = looked_into(self._wire, contract.settings, told, LONGEST_VISIT, now=self._world.now), 0
        async with looking as place, aclosing(place.files()) as portions:
            async for found in portions:
                fresh, read = await self._looked_at(contract.id, found)
                for file in read:
                    await place.away(file)  # whoever read it could not
                for file in fresh[: MOST_FILES - n]:
                    await self._hold(contract.id)
                    if await self._followed(contract, told, place, file):
                        await place.away(file)
                n += len(fresh)
                if n >= MOST_FILES:
                    return

    async def _looked_at(self, contract: str, found: list[Found]) -> tuple[list[Found], list[Found]]:
        """Those that nobody has read, and that are whole: a look before has seen them as they are now; and those that
        were read."""
        async with self._database.acquire() as conn:
            await acknowledgements.hold(conn, contract, _LEASE)
            if not found:
                return [], []
            known = await acknowledgements.known(conn, contract, [one.mark for one in found])
            new = [(one.mark, one.name) for one in found if one.mark not in known]
            await acknowledgements.see(conn, contract, new)
        fresh = {
            one.mark: one for one in found if known.get(one.mark, "seen" if one.at_once else "") == "seen"
        }
        return list(fresh.values()), [one for one in found if known.get(one.mark) == "read"]

    async def _hold(self, contract: str) -> None:
        async with self._database.acquire() as conn:
            await acknowledgements.hold(conn, contract, _LEASE)

    async def _followed(self, contract: Contract, told: Acknowledge, place: Place, file: Found) -> bool:
        """Whether all that it says is done with, so that it may go out of the way. Else it is read again at the next
        look, or left to whoever it is for."""
        try:
            inside = await place.inside(file)
        except Unpackable as error:
            return await self._left(contract, told, file, Reading(why=error.code))
        if inside is None:
            return False  # it has changed under our eyes
        reading = await self._following.read(contract, told, inside, lambda: self._hold(contract.id))
        if reading.open:
            self._tell(contract.id, reading.counts)
            return False
        if why := _stays(reading, told, inside):
            return await self._left(contract, told, file, reading, why)
        async with self._database.acquire() as conn:
            await acknowledgements.read(conn, contract.id, file.mark, reading.counts)
        self._tell(contract.id, reading.counts)
        return True

    async def _left(
        self, contract: Contract, told: Acknowledge, file: Found, reading: Reading, why: str = ""
    ) -> bool:
        """False: it stays where it is. It is not read again."""
        unread, why = bool(reading.why) or not told.shared, reading.why or why
        async with self._database.acquire() as conn:
            await acknowledgements.read(
                conn, contract.id, file.mark, reading.counts, readable=False, why=why if unread else ""
            )
        if reading.answered:
            self._tell(contract.id, reading.counts)
        if unread:
            self._metrics.count("leadgate_acknowledgements_unread_total", (contract.id, why))
        event = AcknowledgementUnread if unread else AcknowledgementPassedOver
        emit(event(contract=Id(contract.id), why=Code(why)))
        return False

    def _tell(self, contract: str, counts: Counts) -> None:
        for what in counts.__struct_fields__:
            if n := getattr(counts, what):
                self._metrics.count("leadgate_acknowledged_total", (contract, what), n)
        emit(
            AcknowledgementRead(
                contract=Id(contract), settled=counts.settled, repeated=counts.repeated,
                strange=counts.strange, contradicted=counts.contradicted,
            )
        )  # fmt: skip

    async def gauges(self) -> None:
        """How many looks came to nothing, one after the other."""
        contracts = self._contracts()
        if not contracts and not self._gauged:
            return
        async with self._database.acquire() as conn:
            failures = await acknowledgements.troubled(conn, list(contracts))
        self._metrics.forget("leadgate_acknowledging_failures")
        for one in contracts:
            self._metrics.gauge("leadgate_acknowledging_failures", (one,), failures.get(one, 0))
        self._gauged = bool(contracts)

    async def tidy(self) -> None:
        if self._contracts():
            async with self._database.acquire() as conn:
                await acknowledgements.tidy(conn)


def answered(snapshot: Snapshot) -> dict[str, Contract]:
    """Contracts whose buyers say in files of their own what they took."""
    return {id_: one for id_, one in snapshot.contracts.items() if _told(one) is not None}


def _told(contract: Contract) -> Acknowledge | None:
    """A paused contract's folder is looked into as well: what has left is to be answered."""
    settings, letter = contract.settings, letter_of(contract.settings)
    if letter is not None:
        return letter.acknowledge
    return settings.acknowledge if isinstance(settings, FileSettings) else None


def _stays(reading: Reading, told: Acknowledge, inside: Sequence[Enclosed]) -> str:
    """Why it is not to go out of the way: nobody can read it, or it may be another's."""
    if reading.why or reading.strange:
        return reading.why or "names_no_file"
    if not told.shared or (reading.ours and not reading.counts.strange):
        return ""
    return "names_no_lead" if inside else "no_file"
