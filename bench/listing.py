"""How much room a suppression list takes, and how long a batch of leads takes to look itself up in it."""

import asyncio
import time
from pathlib import Path
from statistics import median

from app.catalog.documents import ListDoc
from app.ingest.fieldtype import fieldtypes
from app.pipeline.lists import Lists, find
from app.store.database import Database
from app.store.migrate import migrate
from app.validate.check import Listed
from bench.processes import postgres

ENTRIES, PROMISED = 300_000, 20_000_000
BATCH, ROUNDS = 64, 200
DNC = ListDoc(id="dnc", of="phone")


def measured(folder: Path) -> dict[str, float]:
    """`list_mb_20m`: what twenty million would take at the room that each of these takes, index and all."""
    folder.mkdir()
    with postgres(folder / "data") as urls:
        migrate(urls["leadgate"])
        return asyncio.run(_measured(urls["leadgate"], _written(folder / "dnc.txt")))


def _written(file: Path) -> Path:
    file.write_text("".join(f"{2122000000 + 7 * i}\n" for i in range(ENTRIES)))
    return file


async def _measured(url: str, file: Path) -> dict[str, float]:
    database = await Database.open(url, size=2, application_name="bench")
    try:
        began = time.perf_counter()
        loaded = await Lists(database, fieldtypes.discover(), spool=file.parent).load(
            DNC, file, "add", by="bench"
        )
        took = time.perf_counter() - began
        if loaded.state.entries != loaded.taken or loaded.taken < ENTRIES * 0.9:
            raise AssertionError("not every number was taken: this measures something else")
        room = await _room(database)
        asked = [await _look_up(database, 7 * BATCH * n) for n in range(ROUNDS)]
    finally:
        await database.close()
    return {
        "list_mb_20m": room / loaded.taken * PROMISED / 1e6,
        "list_load_per_s": loaded.taken / took,
        "list_batch_ms": median(asked) * 1000,
    }


async def _room(database: Database) -> int:
    async with database.acquire() as conn:
        return int(await conn.fetchval("select pg_total_relation_size('suppression_block')"))


async def _look_up(database: Database, first: int) -> float:
    """Half of a batch are on the list."""
    asks = [Listed(("dnc",), "phone", f"+1{2122000000 + first + i * 7 // 2}") for i in range(BATCH)]
    began = time.perf_counter()
    async with database.acquire() as conn:
        await find(conn, {"dnc": DNC}, asks)
    return time.perf_counter() - began
