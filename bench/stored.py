"""`python -m bench.stored`: what deciding a lead costs where few leads are stored and where many are, side by side.

--few 10000 --many 1000000    stored leads of a month, with their dedupe keys and a day's counts, in two databases of one server
--batches 60                  of 64 leads each, by turns in the one and in the other

Twice: amid a checkpoint's time, as most leads come; and right after a checkpoint, when each page that is touched for the
first time is written to the log whole. The second is the worst that there is, and over within seconds of load.
"""

import argparse
import asyncio
import shutil
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, cast

import msgspec
import psycopg

from app.catalog.sealing import Sealer
from app.catalog.service import Configuration
from app.catalog.snapshot import build
from app.components import discover
from app.core.metrics import Metrics
from app.core.world import World
from app.ingest.fieldtype import fieldtypes
from app.model import Submission
from app.pipeline.choosing import Chooser
from app.pipeline.decide import Decider
from app.pipeline.evidence import EvidenceDesk
from app.pipeline.plans import Plans
from app.pipeline.work import Work
from app.store import partials, processes
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.store.migrate import migrate
from app.validate.check import checks
from app.validate.mx import MxResolver
from bench import judging
from bench.processes import postgres

BATCH = 64
CATALOGUE = {
    "lists": [{"id": "dnc", "of": "phone"}, {"id": "customers", "of": "email"}],
    "campaigns": [judging.WRITTEN],
    "sources": [{"id": "acme", "campaign": "solar", "mapping": {"zip": "postal_code"}}],
}

# What a lead looks for by key, as many rows of it as a month of leads leaves; in order, so that it is quick.
_FILL = (
    """
    insert into lead (id, submission_id, position, source, campaign, received_at, state, outcome, catalogue, ended_at)
    select id, id, 0, 'acme', 'solar', at, 'sold', 'success', 1, at
      from (select (lpad(to_hex((extract(epoch from now()) * 1000)::bigint - 20 * i), 12, '0') || '7'
                    || right(md5(i::text), 19))::uuid as id, now() - i * interval '20 ms' as at
              from generate_series(1, %(n)s) i) made order by id
    """,
    """
    insert into dedupe_key (key, lead_id, source, at, expires_at)
    select decode(md5('d' || i), 'hex'), gen_random_uuid(), 'acme', now(), now() + interval '30 days'
      from generate_series(1, 2 * %(n)s) i order by 1
    """,
    """
    insert into velocity (key, bucket, n, expires_at)
    select decode(md5('v' || i), 'hex') || int8send(3600), extract(epoch from now())::bigint / 180, 1,
           now() + interval '1 day'
      from generate_series(1, 2 * %(n)s / 30) i order by 1
    """,
)
_NO_CHECKPOINTS = {"checkpoint_timeout": "1d", "max_wal_size": "64GB"}


def fill(url: str, n: int) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        for statement in _FILL:
            db.execute(cast(Any, statement % {"n": n}))
        db.execute("vacuum analyze")


class Desk:
    """What decides leads of one database, without a server around it."""

    def __init__(self, database: Database) -> None:
        self.database, self.world, metrics = database, World(), Metrics()
        self.process_id = self.world.new_id()
        self.evidence = EvidenceDesk(
            database, MxResolver(self.world.monotonic), lists=lambda: self.plans.snapshot.lists
        )
        self.decider = Decider(
            database, self.world, metrics, Chooser(self.world), self.evidence,
            process_id=lambda: self.process_id, plans=lambda: self.plans,
        )  # fmt: skip

    async def configure(self) -> None:
        store, sealer, kinds = CatalogueStore(self.database), Sealer(b"b" * 32), discover()
        text = msgspec.json.encode(CATALOGUE).decode()
        await Configuration(store, kinds, sealer).apply([("bench", text)], by="bench")
        version, rows = await store.load()
        self.plans = Plans(build(version, rows, [], kinds, sealer), fieldtypes, checks)
        async with self.database.acquire() as conn:
            await processes.hello(conn, self.process_id, "bench", "bench", 0)

    async def batch(self, first: int) -> float:
        """Microseconds a lead, from the evidence to the commit; submissions are kept before the clock starts."""
        works = [self._work(record) for record in judging.records(BATCH, first)]
        async with self.database.acquire() as conn:
            for work in works:
                await partials.keep(conn, work.submission)
                await partials.to_inbox(conn, work.submission.id, self.process_id)
        drafts = [draft for work in works for draft in self.decider.draft(work)]
        began = time.perf_counter()
        decided = await self.decider.decide(drafts)
        took = time.perf_counter() - began
        if any(one.verdict != "accepted" for one in decided) or len(decided) < BATCH:
            raise AssertionError("a lead wasn't accepted: this measures something else")
        return took / BATCH * 1e6

    def _work(self, record: Any) -> Work:
        submission = Submission(
            id=self.world.new_id(), source="acme", received_at=self.world.now(), content_type="application/json",
            body=b"{}",
        )  # fmt: skip
        return Work(submission, [record], "receipt", self.world.monotonic())


async def measured(urls: list[str], batches: int) -> list[list[float]]:
    """[amid, right after a checkpoint]: microseconds a lead by database."""
    databases = [await Database.open(url, size=2, application_name="bench") for url in urls]
    desks = [Desk(one) for one in databases]
    for desk in desks:
        await desk.configure()
    await by_turns(desks, range(10))
    amid = await by_turns(desks, range(10, 10 + batches))
    async with databases[0].acquire() as conn:
        await conn.execute("checkpoint")
    after = await by_turns(desks, range(10 + batches, 20 + batches))
    for database in databases:
        await database.close()
    return [amid, after]


async def by_turns(desks: list[Desk], numbers: range) -> list[float]:
    """The median of each desk's batches."""
    took = [[await desk.batch(number * BATCH) for desk in desks] for number in numbers]
    return [statistics.median(of) for of in zip(*took, strict=True)]


def compared(folder: Path, few: int, many: int, batches: int) -> list[list[float]]:
    """As `measured`, in two databases of a server of its own."""
    with postgres(folder / "data", _NO_CHECKPOINTS) as given:
        host = given["leadgate"]
        urls = [_stored(host, name, n) for name, n in (("few", few), ("many", many))]
        return asyncio.run(measured(urls, batches))


def _stored(host: str, name: str, n: int) -> str:
    with psycopg.connect(host, autocommit=True) as db:
        db.execute(cast(Any, f"create database {name}"))
    url = host.replace("/leadgate?", f"/{name}?")
    migrate(url)
    began = time.monotonic()
    fill(url, n)
    print(f"{n:,} leads stored in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return url


def stored_ratio(folder: Path) -> dict[str, float]:
    """The figure of `make bench`: small enough to be made each time. The promise of ten million is asked for by itself."""
    folder.mkdir()
    few, many = compared(folder, 10_000, 200_000, 30)[0]
    return {"stored_us_10k": few, "stored_us_200k": many, "stored_ratio": many / few}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.stored", description=__doc__)
    parser.add_argument("--few", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=1_000_000)
    parser.add_argument("--batches", type=int, default=60)
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server we started ends too
    folder = Path(tempfile.mkdtemp(prefix="leadgate-bench-"))
    try:
        found = compared(folder, chosen.few, chosen.many, chosen.batches)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for when, (few, many) in zip(("amid", "right after a checkpoint"), found, strict=True):
        print(
            f"{when}: {few:,.0f} us a lead with {chosen.few:,} stored, {many:,.0f} us with {chosen.many:,}: "
            f"{many / few:.2f} times"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
