"""The parts of the pipeline that a command needs to act beside the running service, which does the sending."""

import getpass

from msgspec import Struct

from app.catalog.snapshot import Builder, Snapshot, Unbuildable
from app.commands.desk import fail, world
from app.components import discover
from app.core.metrics import Metrics
from app.ground import sealer
from app.ingest.fieldtype import fieldtypes
from app.pipeline.choosing import Chooser
from app.pipeline.faults import Retrying
from app.pipeline.plans import Plans
from app.pipeline.record import Recorder
from app.pipeline.replaying import Replayer
from app.pipeline.reviewing import Reviewer
from app.pipeline.settling import Settler
from app.pipeline.tracking import Tracker
from app.settings import Settings
from app.store.catalogue import CatalogueStore
from app.store.database import Database
from app.validate.check import checks


class Beside(Struct, frozen=True):
    """What a person's word may change; `by` is who says it."""

    snapshot: Snapshot
    settler: Settler
    replayer: Replayer
    reviewer: Reviewer
    by: str
    recorder: Recorder
    tracker: Tracker
    plans: Plans


async def snapshot_of(database: Database, settings: Settings) -> Snapshot:
    """The catalogue as it is now, secrets opened."""
    version, rows = await CatalogueStore(database).load()
    try:
        return Builder(discover(), sealer(settings)).build(version, rows, ())
    except Unbuildable as error:
        raise fail(f"the catalogue can't be used: {error}") from None


async def beside(database: Database, settings: Settings) -> Beside:
    """Nothing that it makes is leased to this process: what is to be sent is due at once, for the service."""
    snapshot, clock, metrics = await snapshot_of(database, settings), world(), Metrics()
    plans = Plans(snapshot, fieldtypes, checks)
    chooser, retrying = Chooser(clock), Retrying(clock, metrics)
    nobody = clock.new_id()
    recorder = Recorder(
        database,
        clock,
        metrics,
        chooser,
        process_id=lambda: nobody,
        bytes_kept=settings.bytes_kept,
        sends=False,
    )
    tracker = Tracker(clock, lambda: plans)
    return Beside(
        snapshot,
        Settler(database, recorder, tracker, retrying),
        Replayer(database, clock, chooser, retrying, lambda: plans),
        Reviewer(database, recorder, tracker, clock, retrying),
        getpass.getuser(),
        recorder,
        tracker,
        plans,
    )
