"""Builds what a process attends to beside the hot path: reviews, callbacks, lists, persons, whatever runs by the clock."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from msgspec import Struct

from app.catalog.sealing import Sealer
from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.wire import Wire
from app.ingest.fieldtype import fieldtypes
from app.ingest.format import formats
from app.ingest.reading import Reader
from app.pipeline.accounts import EVERY as ACCOUNTS_EVERY
from app.pipeline.accounts import Accounts
from app.pipeline.acknowledging import LOOK_EVERY as FOLDERS_EVERY
from app.pipeline.acknowledging import Acknowledging
from app.pipeline.amending import Amender
from app.pipeline.auctioneer import Auctioneer
from app.pipeline.bundling import LOOK_EVERY as BUNDLES_EVERY
from app.pipeline.bundling import Bundling
from app.pipeline.callbacks import Callbacks
from app.pipeline.confirm_link import Link
from app.pipeline.drift import EVERY as WATCHED_EVERY
from app.pipeline.drift import Watch
from app.pipeline.engine import Engine
from app.pipeline.evidence import EvidenceDesk
from app.pipeline.expecting import LOOKED_EVERY, Expecting
from app.pipeline.faults import Retrying
from app.pipeline.feedback import Feedback
from app.pipeline.filling import FILLED_EVERY, Filling
from app.pipeline.forgetting import EVERY as FORGETTING_EVERY
from app.pipeline.forgetting import Forgetting
from app.pipeline.late_auctions import EVERY as AUCTIONS_EVERY
from app.pipeline.late_auctions import LateAuctions
from app.pipeline.lists import Lists
from app.pipeline.offers import EVERY as OFFERS_EVERY
from app.pipeline.offers import Offers
from app.pipeline.partials import Partials
from app.pipeline.persons import PURPOSE as PERSON
from app.pipeline.persons import Persons
from app.pipeline.pieces import Pieces
from app.pipeline.plans import Plans
from app.pipeline.pool_view import PoolView
from app.pipeline.pooling import PoolDesk
from app.pipeline.proving import LOOK_EVERY as PROOF_EVERY
from app.pipeline.proving import Proving
from app.pipeline.rehearsing import Rehearser
from app.pipeline.reprocessing import Reprocessor
from app.pipeline.requeuer import Requeuer
from app.pipeline.resting import LOOK_EVERY as RESTS_EVERY
from app.pipeline.resting import Breakers
from app.pipeline.returning import Returns
from app.pipeline.reviewing import Reviewer
from app.pipeline.settling import Settler, given_up
from app.pipeline.spec import Known
from app.pipeline.spec_changes import SpecChanges
from app.pipeline.sweep import Identity, Upkeep
from app.pipeline.unattended import Unattended
from app.settings import Settings
from app.store.database import Database
from app.store.deliveries import DeliveryRow
from app.validate.check import checks
from app.validate.data import again
from app.validate.places import Places

GAUGES_EVERY = 5.0
PLACES_EVERY = 10.0
LISTS_TIDIED_EVERY = 600.0
PERSONS_EVERY = 2.0
REVIEWS_EVERY = 5.0
REPLACED_EVERY = 2.0
WORDS_EVERY = 60.0


class Ground(Struct, frozen=True, kw_only=True):
    """What of a process the rest is built on."""

    settings: Settings
    world: World
    metrics: Metrics
    database: Database
    sealer: Sealer
    wire: Wire
    engine: Engine
    settler: Settler
    reader: Reader
    evidence: EvidenceDesk
    auctioneer: Auctioneer
    places: Places
    identity: Identity
    upkeep: Upkeep
    link: Link
    plans: Callable[[], Plans]


class Attended:
    """Made before `upkeep` starts: each part says what it does and how often."""

    def __init__(self, on: Ground) -> None:
        self._conversation(on)
        self._reviews(on)
        self._buyers(on)
        self._people(on)
        self._feedback(on)
        self._pool(on)
        self._housekeeping(on)

    def _conversation(self, on: Ground) -> None:
        """What a source may still ask, and what it is told later."""
        pieces = Pieces(on.reader, on.world, on.plans)
        self.partials = Partials(on.engine, on.database, pieces, on.world, on.metrics)
        on.upkeep.also(1.0, self.partials.end_overdue)
        self.amender = Amender(on.engine, on.database, pieces, self.partials, on.world, on.metrics)
        self.reprocessor = Reprocessor(on.engine, on.database, pieces, on.evidence, on.world, on.metrics)
        self.rehearser = Rehearser(
            on.database, on.reader, on.engine.decider, on.evidence, on.world, on.metrics,
            plans=on.plans, link=on.link,
        )  # fmt: skip
        self.callbacks = Callbacks(
            on.database, on.wire, on.world, on.metrics, process_id=on.identity, plans=on.plans,
            lease_seconds=on.settings.lease_seconds, seats=lambda: on.engine.sender.seats,
        )  # fmt: skip
        self.callbacks.attend(on.upkeep)
        self.spec_changes = SpecChanges(
            on.database, on.wire, on.world, Known(fieldtypes, checks, formats), plans=on.plans
        )
        self.spec_changes.attend(on.upkeep)

    def _reviews(self, on: Ground) -> None:
        retrying = Retrying(on.world, on.metrics, patience=2.0)
        reviewer = Reviewer(on.database, on.engine.recorder, on.engine.tracker, on.world, retrying)
        self.unattended = Unattended(on.database, reviewer, plans=on.plans, follow=on.engine.follow)
        on.upkeep.also(REVIEWS_EVERY, self.unattended.end)
        self.late_auctions = LateAuctions(
            on.database, on.auctioneer, reviewer, on.engine.tracker, on.world, follow=on.engine.follow
        )
        on.upkeep.also(AUCTIONS_EVERY, self.late_auctions.hold)

    def _buyers(self, on: Ground) -> None:
        """What is expected of buyers; who of them fails, and who does not say that they have it."""
        self.expecting = Expecting(on.database, on.world, plans=on.plans)
        on.upkeep.also(LOOKED_EVERY, self.expecting.look, takes=False)

        async def give_up(delivery_id: UUID, reason: str, still: Callable[[DeliveryRow], bool]) -> None:
            step = await given_up(on.settler, delivery_id, reason, still=still)
            if step is not None:
                on.engine.follow(step)

        sender, takes_work = on.engine.sender, on.upkeep.takes_work
        self.bundling = Bundling(
            on.database, sender, on.engine.tracker, on.wire, on.world, on.metrics, process_id=on.identity,
            plans=on.plans, awake=on.upkeep.of_people_awake, link=on.link,
        )  # fmt: skip
        on.upkeep.also(BUNDLES_EVERY, self.bundling.look)
        on.upkeep.also(GAUGES_EVERY, self.bundling.tidy)
        self.acknowledging = Acknowledging(
            on.database, on.settler, on.wire, on.world, on.metrics, plans=on.plans, follow=on.engine.follow,
            seats=lambda: sender.seats,
        )  # fmt: skip
        on.upkeep.also(FOLDERS_EVERY, self.acknowledging.look)
        on.upkeep.also(GAUGES_EVERY, self.acknowledging.gauges, takes=False)
        on.upkeep.also(LISTS_TIDIED_EVERY, self.acknowledging.tidy)

        async def try_one(contract: str) -> bool:
            one = self.bundling.send if self.bundling.handles(contract) else on.upkeep.try_one
            return await one(contract)

        self.breakers = Breakers(
            on.database, sender.health, sender, on.world, on.metrics, process_id=on.identity, plans=on.plans,
            try_one=try_one, give_up=give_up, takes_work=takes_work,
        )  # fmt: skip
        on.upkeep.also(RESTS_EVERY, self.breakers.look, takes=False)
        on.upkeep.also(GAUGES_EVERY, self.breakers.gauges, takes=False)
        self.accounts = Accounts(on.database, on.metrics, snapshot=lambda: on.plans().snapshot)
        on.upkeep.also(ACCOUNTS_EVERY, self.accounts.look, takes=False)
        self.proving = Proving(on.database, on.world, on.metrics, plans=on.plans, give_up=give_up)
        on.upkeep.also(PROOF_EVERY, self.proving.look)
        on.upkeep.also(GAUGES_EVERY, self.proving.gauges)

    def _feedback(self, on: Ground) -> None:
        """What buyers tell later, and what becomes of the leads that they give back."""
        retrying = Retrying(on.world, on.metrics, patience=5.0)
        engine = on.engine
        self.returns = Returns(
            on.database, engine.recorder, engine.tracker, on.world, retrying, plans=on.plans, follow=engine.follow
        )  # fmt: skip
        self.feedback = Feedback(
            on.database, self.returns, fieldtypes, on.world, on.metrics, retrying, plans=on.plans
        )
        on.upkeep.also(REVIEWS_EVERY, self.returns.end_overdue)
        on.upkeep.also(REPLACED_EVERY, self.returns.replace)
        on.upkeep.also(REPLACED_EVERY, self.returns.resell)
        on.upkeep.also(WORDS_EVERY, self.feedback.give_meaning)

    def _people(self, on: Ground) -> None:
        self.lists = Lists(on.database, fieldtypes)
        self.persons = Persons(
            on.database, on.reader, fieldtypes, self.lists, on.world, secret=on.sealer.derived(PERSON),
            declared=lambda: on.plans().snapshot.lists, lease_seconds=on.settings.lease_seconds,
        )  # fmt: skip
        on.upkeep.also(LISTS_TIDIED_EVERY, self.lists.tidy)
        on.upkeep.also(PERSONS_EVERY, self.persons.finish)

    def _pool(self, on: Ground) -> None:
        """Leads that people pull; in a process that takes no work they may still be claimed."""
        recorder, tracker = on.engine.recorder, on.engine.tracker
        retrying = Retrying(on.world, on.metrics, patience=2.0)
        offers = Offers(
            on.database,
            recorder,
            tracker,
            retrying,
            on.world,
            on.metrics,
            plans=on.plans,
            follow=on.engine.follow,
        )
        on.upkeep.also(OFFERS_EVERY, offers.along)
        on.upkeep.also(GAUGES_EVERY, offers.gauges, takes=False)
        self.pool = PoolDesk(
            on.database, recorder, tracker, retrying, offers, on.world, on.metrics, plans=on.plans
        )
        self.pool_view = PoolView(on.database, self.pool, tracker, on.world)

        Requeuer(on.database, on.engine, on.world, on.metrics, plans=on.plans).attend(on.upkeep)

    def _housekeeping(self, on: Ground) -> None:
        on.upkeep.also(PLACES_EVERY, lambda: asyncio.to_thread(on.places.again), takes=False)
        on.upkeep.also(PLACES_EVERY, lambda: asyncio.to_thread(again), takes=False)
        self.watch = Watch(on.database, on.world, on.metrics)
        on.upkeep.also(WATCHED_EVERY, self.watch.look)
        on.upkeep.also(GAUGES_EVERY, self.watch.gauges, takes=False)
        self.forgetting = Forgetting(
            on.database, on.world, snapshot=lambda: on.plans().snapshot, lease_seconds=on.settings.lease_seconds
        )  # fmt: skip
        on.upkeep.also(FORGETTING_EVERY, self.forgetting.round)
        on.upkeep.also(FILLED_EVERY, Filling(on.database, on.world, plans=on.plans).further)
