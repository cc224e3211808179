"""What a command needs to decide on a lead without keeping, counting or sending anything."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from msgspec import Struct

from app.catalog.sealing import Sealer
from app.commands.beside import snapshot_of
from app.commands.desk import world
from app.core.metrics import Metrics
from app.core.world import World
from app.ground import sealer
from app.ingest.fieldtype import fieldtypes
from app.ingest.format import formats
from app.ingest.platform import platforms
from app.ingest.reading import Reader
from app.pipeline.choosing import Chooser
from app.pipeline.confirm_link import PURPOSE, links
from app.pipeline.decide import Decider
from app.pipeline.enriching import CONTACTS
from app.pipeline.evidence import EvidenceDesk
from app.pipeline.expecting import Expecting
from app.pipeline.faults import Retrying
from app.pipeline.next_round import NextRound
from app.pipeline.pieces import Pieces
from app.pipeline.plans import Plans
from app.pipeline.rehearsing import Rehearser
from app.settings import Settings
from app.store.database import Database
from app.validate.blocklists import Blocklists
from app.validate.check import checks
from app.validate.data import join
from app.validate.mx import MxResolver
from app.validate.places import Places


class Played(Struct, frozen=True):
    """The parts of a service that decides, and asks neither bidders nor services."""

    database: Database
    settings: Settings
    secrets: Sealer
    plans: Plans
    clock: World
    metrics: Metrics
    evidence: EvidenceDesk
    decider: Decider
    reader: Reader

    def rehearser(self) -> Rehearser:
        return Rehearser(
            self.database, self.reader, self.decider, self.evidence, self.clock, self.metrics, plans=lambda: self.plans,
            link=links(self.secrets.derived(PURPOSE), self.settings.public_url),
        )  # fmt: skip

    def next_round(self) -> NextRound:
        """Only to be foretold: what it begins would be nobody's."""
        nobody = self.clock.new_id()
        return NextRound(
            self.database, Pieces(self.reader, self.clock, lambda: self.plans), self.evidence, self.decider,
            self.clock, Retrying(self.clock, self.metrics, patience=2.0), process_id=lambda: nobody,
        )  # fmt: skip


@asynccontextmanager
async def playing(database: Database, settings: Settings) -> AsyncIterator[Played]:
    """With the catalogue as it is now."""
    snapshot, clock, metrics = await snapshot_of(database, settings), world(), Metrics()
    secrets = sealer(settings)
    plans, nobody = Plans(snapshot, fieldtypes, checks), clock.new_id()
    await Expecting(database, clock, plans=lambda: plans).look()
    resolver, blocklists = MxResolver(clock.monotonic), Blocklists(clock.monotonic)
    join(settings.data_dir / "offline")
    evidence = EvidenceDesk(
        database, resolver, lists=lambda: snapshot.lists, places=Places(settings.data_dir / "geo"),
        blocklists=blocklists, secret=secrets.derived(CONTACTS),
    )  # fmt: skip
    decider = Decider(
        database, clock, metrics, Chooser(clock), evidence, process_id=lambda: nobody, plans=lambda: plans
    )
    try:
        yield Played(
            database, settings, secrets, plans, clock, metrics, evidence, decider, Reader(formats, platforms)
        )
    finally:
        await resolver.close()
        await blocklists.close()
