"""`python -m tests.pipeline.killable DSN FILE`: for each line it hears a process that imports the file, to be killed.

The process's id is answered; it goes slowly, and beyond `LAST` not at all: there it waits to be killed. Forked, for what it imports takes long.
"""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

from app.catalog.snapshot import build
from app.components import discover
from app.core.metrics import Metrics
from app.core.world import World
from app.ingest.fieldtype import fieldtypes
from app.ingest.format import formats
from app.ingest.reading import Reader
from app.pipeline.batch_rows import Stride
from app.pipeline.batch_spool import Spool
from app.pipeline.batches import Batches
from app.pipeline.plans import Plans
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.validate.check import checks
from tests.pipeline.house import SEALER

LAST = 25_000  # line of the file


def slowly(_: object, stride: Stride) -> None:
    time.sleep(0.02)
    if stride.to > LAST:
        signal.pause()


async def main(dsn: str, file: Path) -> None:
    database, world = await Database.open(dsn, size=2, application_name="killable"), World()
    version, rows = await CatalogueStore(database).load()
    plans, me = Plans(build(version, rows, [], discover(), SEALER), fieldtypes, checks), world.new_id()
    batches = Batches(
        database, Reader(formats), world, Metrics(), Spool(file.parent / "spool"), process_id=lambda: me,
        plans=lambda: plans, lease_seconds=20,
    )  # fmt: skip
    batches.reading.progress = slowly
    await batches.import_file("acme", file, file.name, "text/csv", identity="x")


def serve(dsn: str, file: Path) -> None:
    discover()
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            asyncio.run(main(dsn, file))
            os._exit(0)
        print(child, flush=True)
        os.waitpid(child, 0)


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]))
