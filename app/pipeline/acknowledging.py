"""Reads the files in which buyers say what they took of ours, and settles what they speak of."""

import asyncio
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any
from uuid import UUID

from msgspec import Struct

from app.catalog.snapshot import Contract, Snapshot
from app.core.errors import Conflict, NotFound
from app.core.events import Code, Id, bug, emit
from app.core.file_events import AcknowledgementRead, AcknowledgementUnread, AcknowledgingTroubled
from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.acknowledging import Acknowledge, Ending, Said
from app.distribute.batching import gathering
from app.distribute.faults import WireFault
from app.distribute.files import FileSettings
from app.distribute.looking import Found, looked_into
from app.distribute.packed import Unpackable
from app.distribute.wire import Wire
from app.model import Accepted, Rejected
from app.pipeline.plans import Plans
from app.pipeline.settling import Settler
from app.pipeline.tracks import Step
from app.remote.folder import Denied, Trouble
from app.store import acknowledgements, bundles, leads
from app.store.acknowledgements import Counts, Named
from app.store.bundle_book import ANSWER
from app.store.database import Database, is_ambiguous, is_away

LOOK_EVERY = 2.0
LONGEST_VISIT = 600.0
_LEASE = 120.0
_AT_ONCE = 1_000
_MOST_FILES = 1_000
_FOLDERS = 8
"""Looked into at the same time by one process."""


class Whose(Struct, frozen=True):
    """What a file of the buyer's answers: everything of the contract, or one file of ours."""

    contract: Contract
    name: str
    rows: dict[str, Named]  # of that file: row → delivery


class Acknowledging:
    """`look` is called by every process that takes work; into one folder one of them looks at a time. A file is read
    when two looks have found it the same, and whatever it says twice is followed once."""

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
    ) -> None:
        self._database = database
        self._settler = settler
        self._wire = wire
        self._world = world
        self._metrics = metrics
        self._plans = plans
        self._follow = follow
        self._snapshot: Snapshot | None = None
        self._known: dict[str, Contract] = {}

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
            found = snapshot.contracts.items()
            self._known = {id_: one for id_, one in found if _told(one) is not None}
            self._snapshot = snapshot
        return self._known

    async def _visit(self, contract: Contract, failures: int) -> None:
        told, trouble = _told(contract), ""
        assert told is not None
        try:
            await self._read_all(contract, told)
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
        wait = told.every.seconds * min(2.0**failures, 12.0) if trouble else told.every.seconds
        async with self._database.acquire() as conn:
            await acknowledgements.finish(conn, contract.id, wait, trouble)

    async def _read_all(self, contract: Contract, told: Acknowledge) -> None:
        looking = looked_into(self._wire, contract.settings, told, LONGEST_VISIT, now=self._world.now)
        async with looking as place:
            found = [one async for one in place.files(_MOST_FILES)]
            fresh, read = await self._looked_at(contract.id, found)
            for file in read:
                await place.away(file)  # whoever read it could not
            for file in fresh:
                await self._hold(contract.id)
                body = await place.body(file)
                if body is None:
                    continue  # it has changed under our eyes
                if await self._followed(contract, told, file, body):
                    await place.away(file)

    async def _looked_at(self, contract: str, found: list[Found]) -> tuple[list[Found], list[Found]]:
        """Those that a look before has seen as they are now and nobody has read; and those that were."""
        if not found:
            return [], []
        async with self._database.acquire() as conn:
            known = await acknowledgements.known(conn, contract, [one.mark for one in found])
            new = [(one.mark, one.name) for one in found if one.mark not in known]
            await acknowledgements.see(conn, contract, new)
        fresh = [one for one in found if known.get(one.mark) == "seen"]
        return fresh, [one for one in found if known.get(one.mark) == "read"]

    async def _hold(self, contract: str) -> None:
        async with self._database.acquire() as conn:
            await acknowledgements.hold(conn, contract, _LEASE)

    # one file -------------------------------------------------------------------------------------

    async def _followed(self, contract: Contract, told: Acknowledge, file: Found, body: bytes) -> bool:
        """Whether all that it says is done with; else it is read again at the next look."""
        counts, open_ = Counts(), False
        whose = await self._whose(contract, told, file)
        if whose is None:
            return await self._unread(contract, file, "names_no_file")
        answered: set[UUID] = set()
        try:
            rows = await asyncio.to_thread(told.read, body)
            while some := list(islice(rows, _AT_ONCE)):
                open_ = await self._rows(whose, told, some, counts, answered) or open_
                await self._hold(contract.id)
        except ValueError as error:
            why = error.code if isinstance(error, Unpackable) else "unreadable"
            return await self._unread(contract, file, why, counts)
        if told.rest != "wait" and not open_:
            open_ = await self._rest(whose, told, counts, answered)
        async with self._database.acquire() as conn:
            if not open_:
                await acknowledgements.read(conn, contract.id, file.mark, counts)
        self._tell(contract.id, counts)
        return not open_

    async def _unread(self, contract: Contract, file: Found, why: str, counts: Counts | None = None) -> bool:
        async with self._database.acquire() as conn:
            await acknowledgements.read(conn, contract.id, file.mark, counts or Counts(), readable=False)
        emit(AcknowledgementUnread(contract=Id(contract.id), why=Code(why)))
        return False

    async def _whose(self, contract: Contract, told: Acknowledge, file: Found) -> Whose | None:
        """None where a file that should name one of ours names none."""
        if not told.names_ours or gathering(contract.settings) is None:
            return Whose(contract, file.name, {})
        async with self._database.acquire() as conn:
            found = await bundles.named(conn, contract.id, file.answers)
            rows = await bundles.rows(conn, found[0]) if found is not None else []
        if found is None:
            return None
        named = {
            str(one.n): Named(str(one.n), one.delivery_id, one.lead_id, one.state, one.attempts)
            for one in rows
        }
        return Whose(contract, file.name, named)

    async def _rows(
        self, whose: Whose, told: Acknowledge, some: list[Said], counts: Counts, answered: set[UUID]
    ) -> bool:
        """Whether one of them speaks of what is not written down yet."""
        known, open_ = await self._named(whose, told, some), False
        for said in some:
            if (
                said.ending is None
                and said.reference
                and (named := known.get(_key(told, said.key))) is not None
            ):
                await self._refer(named, said.reference, whose)
        called = await self._called(whose, some)
        for said in some:
            named = known.get(_key(told, said.key)) if said.key else called.get(said.reference)
            if named is None or (named.attempts == 0 and named.state == "waiting"):
                counts.strange += 1
                continue
            answered.add(named.id)
            if said.ending is not None:
                open_ = await self._settled(named, said.ending, whose, counts) or open_
        return open_

    async def _named(self, whose: Whose, told: Acknowledge, some: Iterable[Said]) -> dict[str, Named]:
        if told.by == "row":
            return whose.rows
        ids = [UUID(key) for said in some if (key := _key(told, said.key))]
        async with self._database.acquire() as conn:
            return await acknowledgements.named(conn, whose.contract.id, told.by, ids)

    async def _called(self, whose: Whose, some: Iterable[Said]) -> dict[str, Named]:
        """By what the buyer calls them: those that he names by nothing of ours."""
        references = [said.reference for said in some if not said.key]
        if not references:
            return {}
        async with self._database.acquire() as conn:
            return await acknowledgements.referred(conn, whose.contract.buyer, whose.contract.id, references)

    async def _refer(self, named: Named, reference: str, whose: Whose) -> None:
        """He has it and calls it so; what he decides he may tell under that name."""
        by = _by(whose)
        async with self._database.acquire() as conn, conn.transaction():
            if await acknowledgements.refer(conn, named.id, reference):
                await leads.note(conn, named.lead_id, "referenced", named.id, by, {"reference": reference})

    async def _rest(self, whose: Whose, told: Acknowledge, counts: Counts, answered: set[UUID]) -> bool:
        """Those of our file that the buyer's does not name."""
        ending: Ending = Accepted() if told.rest == "accepted" else Rejected(reason="not_acknowledged")
        open_ = False
        for named in whose.rows.values():
            if named.id not in answered:
                open_ = await self._settled(named, ending, whose, counts) or open_
        return open_

    async def _settled(self, named: Named, ending: Ending, whose: Whose, counts: Counts) -> bool:
        if named.state == "sending":
            return True
        try:
            step = await self._settler.settle(named.id, ending, by=_by(whose))
        except Conflict:
            counts.contradicted += 1
            return False
        except NotFound:
            counts.strange += 1
            return False
        if step is None:
            counts.repeated += 1
        else:
            counts.settled += 1
            self._follow(step)
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

    async def tidy(self) -> None:
        if self._contracts():
            async with self._database.acquire() as conn:
                await acknowledgements.tidy(conn)


def _told(contract: Contract) -> Acknowledge | None:
    """A paused contract's folder is looked into as well: what has left is to be answered."""
    settings: Any = contract.settings
    return settings.acknowledge if isinstance(settings, FileSettings) else None


def _by(whose: Whose) -> str:
    return f"{ANSWER}{whose.name}"[:200]


def _key(told: Acknowledge, key: str) -> str:
    """As our ids are written; empty for what is none."""
    if told.by == "row":
        return key.strip().lstrip("0")
    try:
        return str(UUID(key.strip()))
    except ValueError:
        return ""
