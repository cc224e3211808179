"""The channels of one process inside the test: visited when the test says so."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from app.distribute.wire import Limits, Wire
from app.ingest.channel import Channel, Door, Visit, channels
from app.pipeline.batch_spool import Spool
from app.pipeline.batches import Batches
from app.pipeline.channels import Channels
from app.store.channels import Standing, standings
from tests.pipeline.house import House, source


def with_channels(*told: str, id_: str = "acme", more: str = "") -> str:
    """A source whose channels are written as `{channel: folder, path: …}`."""
    return source(id_, reply="receipt", more=f", channels: [{', '.join(told)}]{more}")


class Scripted(Channel):
    """A channel that does at each visit what the test says next; under the name of a real one."""

    name = "visiting"

    def __init__(self) -> None:
        self.visits: list[Any] = []
        self.begun = asyncio.Event()
        self.does: Callable[[Any, Door], Any] = self._nothing

    async def _nothing(self, settings: Any, door: Door) -> Visit:
        return Visit()

    async def visit(self, settings: Any, door: Door) -> Visit:
        self.visits.append(settings)
        self.begun.set()
        found: Visit = await self.does(settings, door)
        return found


class Rounds:
    """A process that visits."""

    def __init__(self, house: House, folder: Path, wire: Wire, registry: Any, process: UUID | None) -> None:
        self.house = house
        self.process = process
        batches = Batches(
            house.database, house.reader, house.world, house.metrics, Spool(folder),
            process_id=self.me, plans=lambda: house.plans, lease_seconds=20,
        )  # fmt: skip
        self.channels = Channels(
            house.database, house.engine, house.reader, wire, house.world, house.metrics, registry,
            process_id=self.me, lease_seconds=20, import_file=batches.import_file,
        )  # fmt: skip

    def me(self) -> UUID:
        return self.process or self.house.identity()

    async def begin(self) -> None:
        """Start what is due, whenever that is."""
        await self.house.run("update channel set next_at = now()")
        await self.channels.look()

    async def go(self) -> None:
        """One visit of every channel, to its end."""
        await self.begin()
        await self.ended()

    async def ended(self) -> None:
        async with asyncio.timeout(10):
            while self.channels.under_way:
                await asyncio.sleep(0)

    async def standing(self) -> Standing:
        async with self.house.database.acquire() as conn:
            (one,) = await standings(conn)
        return one

    async def bodies(self) -> list[bytes]:
        return [row[0] for row in await self.house.rows("select body from submission order by id")]

    async def emails(self) -> list[str]:
        """Of every lead, when all are decided; sorted."""
        await self.house.until(self._decided)
        rows = await self.house.rows(
            "select d.fields::jsonb -> 'email' ->> 1 from lead l join lead_detail d on d.lead_id = l.id order by 1"
        )
        return [row[0] for row in rows]

    async def _decided(self) -> bool:
        await self.house.upkeep.of_batches()
        return not await self.house.value("select count(*) from inbox where parked is null")

    async def refusals(self) -> list[tuple[str, str]]:
        rows = await self.house.rows("select source, code from refusal order by id")
        return [(row[0], row[1]) for row in rows]


@asynccontextmanager
async def visiting(
    house: House,
    folder: Path,
    *,
    registry: Any = channels,
    process: UUID | None = None,
    allow_private: bool = True,
) -> AsyncIterator[Rounds]:
    """`process` None: the house's own."""
    async with Wire(allow_private=allow_private, limits=Limits(total=2.0, reply_bytes=1_000_000)) as wire:
        rounds = Rounds(house, folder, wire, registry, process)
        try:
            yield rounds
        finally:
            await rounds.channels.stop()
