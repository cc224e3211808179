"""Follows what a buyer's own file says: each row settles its delivery, once, however often it is said."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from itertools import islice
from uuid import UUID

from msgspec import Struct, field

from app.catalog.snapshot import Contract
from app.core.errors import Conflict, NotFound
from app.distribute.acknowledging import Acknowledge, Ending, Said
from app.distribute.batching import gathering
from app.distribute.packed import Unpackable
from app.distribute.place import Enclosed
from app.model import Accepted, Rejected
from app.pipeline.settling import Settler
from app.pipeline.tracks import Step
from app.store import acknowledgements, bundles, leads
from app.store.acknowledgements import Counts, Named
from app.store.bundle_book import ANSWER
from app.store.database import Database

_AT_ONCE = 1_000


class Whose(Struct, frozen=True):
    """What a file of the buyer's answers: everything of the contract, or one file of ours."""

    contract: Contract
    name: str
    rows: dict[str, Named]  # of that file: row → delivery


class Reading(Struct):
    """What has come of a file so far, or of all that are in one mail."""

    counts: Counts = field(default_factory=Counts)
    answered: set[UUID] = field(default_factory=set)
    ours: bool = False  # it speaks of some delivery of the contract, or of a file of ours
    open: bool = False  # it speaks of what is still on its way
    strange: bool = False  # it answers a file that is none of ours
    why: str = ""  # nobody can read it


class Following:
    def __init__(self, database: Database, settler: Settler, follow: Callable[[Step], None]) -> None:
        self._database = database
        self._settler = settler
        self._follow = follow

    async def read(
        self,
        contract: Contract,
        told: Acknowledge,
        files: Iterable[Enclosed],
        hold: Callable[[], Awaitable[None]],
    ) -> Reading:
        """`hold` is called now and then: it may take long."""
        reading = Reading()
        read = [await self._one(contract, told, one, reading, hold) for one in files]
        if told.rest != "wait" and not reading.open and not reading.why:
            for whose in filter(None, read):
                await self._rest(whose, told, reading)
        return reading

    async def _one(
        self,
        contract: Contract,
        told: Acknowledge,
        file: Enclosed,
        reading: Reading,
        hold: Callable[[], Awaitable[None]],
    ) -> Whose | None:
        whose = await self._whose(contract, told, file)
        if whose is None:
            reading.strange = True
            return None
        reading.ours = reading.ours or bool(whose.rows)
        try:
            rows = await asyncio.to_thread(told.read, file.body)
            while some := list(islice(rows, _AT_ONCE)):
                await self._rows(whose, told, some, reading)
                await hold()
        except ValueError as error:
            reading.why = error.code if isinstance(error, Unpackable) else "unreadable"
        return whose

    async def _whose(self, contract: Contract, told: Acknowledge, file: Enclosed) -> Whose | None:
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

    # rows -----------------------------------------------------------------------------------------

    async def _rows(self, whose: Whose, told: Acknowledge, some: list[Said], reading: Reading) -> None:
        known = await self._named(whose, told, some)
        for said in some:
            named = known.get(_key(told, said.key))
            if said.ending is None and said.reference and named is not None:
                await self._refer(named, said.reference, whose)
        called = await self._called(whose, some)
        for said in some:
            named = known.get(_key(told, said.key)) if said.key else called.get(said.reference)
            if named is None or (named.attempts == 0 and named.state == "waiting"):
                reading.counts.strange += 1
                continue
            reading.ours = True
            reading.answered.add(named.id)
            if said.ending is not None:
                await self._settled(named, said.ending, whose, reading)

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

    async def _rest(self, whose: Whose, told: Acknowledge, reading: Reading) -> None:
        """Those of our file that the buyer's does not name."""
        ending: Ending = Accepted() if told.rest == "accepted" else Rejected(reason="not_acknowledged")
        for named in whose.rows.values():
            if named.id not in reading.answered:
                await self._settled(named, ending, whose, reading)

    async def _settled(self, named: Named, ending: Ending, whose: Whose, reading: Reading) -> None:
        if named.state == "sending":
            reading.open = True
            return
        counts = reading.counts
        try:
            step = await self._settler.settle(named.id, ending, by=_by(whose))
        except Conflict:
            counts.contradicted += 1
        except NotFound:
            counts.strange += 1
        else:
            if step is None:
                counts.repeated += 1
            else:
                counts.settled += 1
                self._follow(step)


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
