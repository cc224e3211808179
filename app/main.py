"""Builds one process from its settings: database, catalogue, engine and the ASGI application over them."""

import asyncio
import gc
import logging
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import __version__, post
from app.api.app import Parts, build_api
from app.api.bodies import Bodies
from app.api.dialects import Dialects
from app.api.inbound import Inbound
from app.api.intake import Intake, Limits
from app.api.proxies import Proxies
from app.api.root import Root
from app.attending import GAUGES_EVERY, Attended, Ground
from app.catalog.live import LiveCatalogue
from app.catalog.snapshot import Snapshot
from app.components import discover
from app.core.events import CatalogueSwapped, Code, Draining, Started, Stopped, emit
from app.core.metrics import Metrics, Sharing
from app.core.world import World
from app.distribute.wire import Limits as WireLimits
from app.distribute.wire import Wire
from app.ground import sealer
from app.ingest.channel import channels
from app.ingest.fieldtype import fieldtypes
from app.ingest.format import formats
from app.ingest.platform import platforms
from app.ingest.reading import Reader
from app.ingest.reply import replies
from app.pipeline.auctioneer import Auctioneer
from app.pipeline.batch_spool import Spool
from app.pipeline.batches import Batches
from app.pipeline.channels import FETCH_BYTES, FETCH_SECONDS, LOOK_EVERY, Channels
from app.pipeline.confirm_link import PURPOSE, links
from app.pipeline.engine import Engine
from app.pipeline.enriching import CONTACTS
from app.pipeline.evidence import EvidenceDesk
from app.pipeline.faults import Retrying
from app.pipeline.live_auction import LiveAuctions
from app.pipeline.look_ups import LookUps
from app.pipeline.pinging import Pinger
from app.pipeline.plans import Plans
from app.pipeline.platform_desk import PlatformDesk
from app.pipeline.refreshing import RefreshTokens
from app.pipeline.settling import Settler
from app.pipeline.silence import EVERY as SILENCE_EVERY
from app.pipeline.silence import Silence
from app.pipeline.sweep import Identity, Upkeep
from app.settings import Settings
from app.store.database import Database
from app.store.ids import new_id
from app.validate.blocklists import Blocklists
from app.validate.check import checks
from app.validate.data import join
from app.validate.mx import MxResolver
from app.validate.places import Places

if TYPE_CHECKING:
    from app.api.mail.listener import Listener as MailListener

MAIL_ANSWERED = 5.0  # seconds that a mail on its way has when the process is told to end
SHARE_EVERY = 1.0
CALLBACKS_TOLD = 2.0  # seconds; what is cut off is told again by others
QUICKLY_COMPILED = 100  # contracts: some 30 ms


class Process:
    """One process of the service. `open` before the first request, `close` after the last."""

    def __init__(
        self, settings: Settings, dsn: str, metrics_dir: Path, *, role: str = "serve",
        mail: Mapping[str, socket.socket] | None = None,
    ) -> None:  # fmt: skip
        """`mail`: what is listened on for mail, by protocol (`smtp`, `lmtp`)."""
        self.settings = settings
        self.world = World(new_id=new_id)
        self.metrics = Metrics()
        self.sharing = Sharing(metrics_dir, self.metrics)
        self.role = role
        self._mail_sockets = mail or {}
        self._mail: MailListener | None = None
        self._dsn = dsn
        self.ready = False
        self.plans: Plans | None = None
        self._newest: Snapshot | None = None
        self._compiling = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Raises Away, Unbuildable: a process that can't work says so instead of starting."""
        settings, world = self.settings, self.world
        kinds = discover()
        self.database = await Database.open(
            self._dsn, size=settings.pool_size, application_name=f"leadgate {self.role}"
        )
        self.sealer = sealer(settings)
        self.catalogue = LiveCatalogue(
            self.database, kinds, self.sealer, world=world, report=_report, poll_s=5.0
        )
        self.catalogue.subscribe(self._swap)
        await self.catalogue.start()
        self.identity = Identity(world, self.role)
        self.refresh_tokens = RefreshTokens(
            self.database, self.sealer, world, self.metrics,
            process_id=self.identity, lease_seconds=settings.lease_seconds,
        )  # fmt: skip
        self.wire = Wire(
            allow_private=settings.dangerously_allow_private_addresses,
            limits=WireLimits(total=settings.wire_seconds),
            hostname=post.hostname(settings), relay=post.relay(settings), keeper=self.refresh_tokens,
        )  # fmt: skip
        await self.wire.open()
        # takes no buyer's place
        self.asking = Wire(
            allow_private=settings.dangerously_allow_private_addresses, keeper=self.refresh_tokens
        )
        await self.asking.open()
        self.resolver = MxResolver(world.monotonic)
        self.blocklists = Blocklists(world.monotonic)
        join(settings.data_dir / "offline")
        self.places = Places(settings.data_dir / "geo")
        self.reader = Reader(formats, platforms)
        self.auctioneer = Auctioneer(
            self.database, self.asking, world, self.metrics, plans=self.current_plans,
            seats=lambda: self.engine.sender.seats,
        )  # fmt: skip
        self.evidence = EvidenceDesk(
            self.database, self.resolver, lists=lambda: self.current_plans().snapshot.lists,
            places=self.places, blocklists=self.blocklists, secret=self.sealer.derived(CONTACTS),
            look_ups=LookUps(self.database, self.asking, world, self.metrics, secret=self.sealer.derived("look-ups")),
            auctions=LiveAuctions(self.auctioneer, world, self.database),
        )  # fmt: skip
        self.pinger = Pinger(self.database, self.auctioneer, world, self.metrics, plans=self.current_plans)
        link = links(self.sealer.derived(PURPOSE), settings.public_url)
        self.engine = Engine(
            self.database, self.wire, self.evidence, world, self.metrics,
            process_id=self.identity, plans=self.current_plans, lease_seconds=settings.lease_seconds,
            backlog_share=settings.backlog_share, bytes_kept=settings.bytes_kept,
            link=link,
        )  # fmt: skip
        self.settler = Settler(
            self.database,
            self.engine.recorder,
            self.engine.tracker,
            Retrying(world, self.metrics, patience=2.0),
        )
        self.upkeep = Upkeep(
            self.database, self.engine, self.reader, self.identity, world, self.metrics,
            lease_seconds=settings.lease_seconds, takes_work=self.role != "api",
        )  # fmt: skip
        self.batches = Batches(
            self.database, self.reader, world, self.metrics, Spool(settings.data_dir / "batches"),
            process_id=self.identity, plans=self.current_plans, lease_seconds=settings.lease_seconds,
            arrived=lambda: self.engine.receiver.arrived,
        )  # fmt: skip
        self.bodies = Bodies(settings.body_bytes, settings.body_seconds, world)
        ground = Ground(
            settings=settings, world=world, metrics=self.metrics, database=self.database, sealer=self.sealer,
            wire=self.wire, engine=self.engine, settler=self.settler, reader=self.reader, evidence=self.evidence, auctioneer=self.auctioneer, places=self.places,
            identity=self.identity, upkeep=self.upkeep, link=link, plans=self.current_plans,
        )  # fmt: skip
        self.attended = Attended(ground)
        await self._visit_channels()
        self.platforms = PlatformDesk(
            self.database, self.engine, self.wire, world, self.metrics, process_id=self.identity,
            lease_seconds=settings.lease_seconds, takes_work=self.role != "api",
        )  # fmt: skip
        self.engine.start()
        await self.upkeep.start()
        self.platforms.start()
        self.batches.start()
        self._tasks.append(asyncio.create_task(self._share()))
        await self._listen_for_mail()
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 20)
        self.ready = True
        emit(Started(version=Code(__version__), pid=os.getpid(), processes=settings.processes))

    async def close(self) -> None:
        """Finish what is in hand; what is not is free for others at once.

        Not for longer than the drain may take: without a database nothing ends, and all of it is durable.
        """
        began, self.ready = self.world.monotonic(), False
        emit(Draining(requests=len(self.engine.in_hand), deliveries=len(self.engine.sender.in_hand)))
        for task in self._tasks:
            task.cancel()
        if self._mail is not None:
            await self._mail.close(within=min(self.settings.drain_seconds, MAIL_ANSWERED))
        await self.channels.stop()
        await self.batches.stop()
        await self.upkeep.rest()
        self.attended.bundling.rest()
        await self.attended.callbacks.stop(within=CALLBACKS_TOLD)
        await self.platforms.stop()
        await self.engine.stop(within=self.settings.drain_seconds)
        await asyncio.gather(self.wire.rest(), self.asking.rest())
        await self.upkeep.stop()
        await self.catalogue.close()
        await self.evidence.close()
        await self.resolver.close()
        await self.blocklists.close()
        await self.wire.close()
        await self.auctioneer.close()
        await self.asking.close()
        await self.fetching.close()
        await self.database.close()
        self.sharing.write()
        took = (self.world.monotonic() - began) * 1000
        emit(Stopped(ms=round(took, 1), left=len(self.engine.in_hand) + len(self.engine.sender.in_hand)))

    async def _listen_for_mail(self) -> None:
        if self._mail_sockets:
            from app.api.mail.opening import opened  # only where it is used: aiosmtpd takes 0.1 s to import

            self._mail = await opened(
                self._mail_sockets,
                post.terms(self.settings),
                self.engine,
                self.reader,
                self.world,
                self.metrics,
                self.settler,
            )

    async def _visit_channels(self) -> None:
        """What is fetched is larger than what buyers answer, and takes none of their places."""
        self.fetching = Wire(
            allow_private=self.settings.dangerously_allow_private_addresses,
            limits=WireLimits(total=FETCH_SECONDS, reply_bytes=FETCH_BYTES),
            at_once=64,
        )
        await self.fetching.open()
        self.channels = Channels(
            self.database, self.engine, self.reader, self.fetching, self.world, self.metrics, channels,
            process_id=self.identity, lease_seconds=self.settings.lease_seconds,
            import_file=self.batches.import_file, spool=self.batches.spool.folder,
        )  # fmt: skip
        self.silence = Silence(self.database, self.metrics, snapshot=lambda: self.current_plans().snapshot)
        self.upkeep.also(LOOK_EVERY, self.channels.look)
        self.upkeep.also(3_600.0, self.channels.sweep)
        self.upkeep.also(86_400.0, self.refresh_tokens.sweep)
        self.upkeep.also(SILENCE_EVERY, self.silence.look)
        self.upkeep.also(GAUGES_EVERY, self.channels.gauges, takes=False)
        self.upkeep.also(GAUGES_EVERY, self.silence.gauges, takes=False)

    def _swap(self, snapshot: Snapshot) -> None:
        """At once where little has changed; much is compiled beside the leads in flight, and used once whole."""
        plans = Plans(snapshot, fieldtypes, checks, self.plans)
        self._newest = snapshot
        if self.plans is None or plans.changed() <= QUICKLY_COMPILED:
            self._use(plans)
        else:
            self._tasks.append(asyncio.create_task(self._compile(snapshot)))

    async def _compile(self, snapshot: Snapshot) -> None:
        async with self._compiling:
            if snapshot is not self._newest:
                return  # a newer one came while this one waited
            plans = Plans(snapshot, fieldtypes, checks, self.plans)
            await asyncio.to_thread(plans.warm)
            self._use(plans)
        self._tasks = [task for task in self._tasks if not task.done()]

    def _use(self, plans: Plans) -> None:
        plans.warm()
        self.plans, snapshot = plans, plans.snapshot
        self.metrics.gauge("leadgate_catalogue_version", (), snapshot.version)
        emit(
            CatalogueSwapped(
                version=snapshot.version,
                campaigns=len(snapshot.campaigns),
                sources=len(snapshot.sources),
                contracts=len(snapshot.contracts),
            )
        )

    def current_plans(self) -> Plans:
        assert self.plans is not None, "asked before the catalogue was loaded"
        return self.plans

    async def _share(self) -> None:
        while True:
            await asyncio.sleep(SHARE_EVERY)
            self.sharing.write()

    def application(self) -> Root:
        """The ASGI application; its lifespan opens and closes this process."""
        intake: list[Intake] = []

        async def start() -> None:
            await self.open()
            intake.append(
                Intake(
                    self.engine,
                    self.reader,
                    self.world,
                    self.metrics,
                    limits=Limits(self.settings.body_bytes, self.settings.body_seconds),
                    address=self.address,
                )
            )
            root.intake = intake[0]
            root.inbound = self._inbound(intake[0])

        async def stop() -> None:
            await self.close()

        proxies = Proxies.of(self.settings.trusted_proxies, self.settings.proxy_header)
        root = Root(build_api(self.parts), start=start, stop=stop, proxies=proxies)
        return root

    def _inbound(self, intake: Intake) -> Inbound:
        limits = Limits(self.settings.body_bytes, self.settings.body_seconds)
        dialects = Dialects(
            self.engine, self.reader, self.world, self.metrics, self.pinger,
            limits=limits, address=self.address, draining=lambda: intake.draining,
        )  # fmt: skip
        return Inbound(
            self.engine, self.platforms.door, self.world, self.metrics,
            limits=limits, draining=lambda: intake.draining,
            dialects=dialects, is_dialect=replies.__contains__,
        )  # fmt: skip

    def parts(self) -> Parts:
        return Parts(
            engine=self.engine, settler=self.settler, database=self.database, sharing=self.sharing,
            ready=lambda: self.ready, public_url=self.public_url, world=self.world,
            partials=self.attended.partials, amender=self.attended.amender, reprocessor=self.attended.reprocessor, rehearser=self.attended.rehearser, bodies=self.bodies,
            batches=self.batches, batch_bytes=self.settings.batch_bytes, body_seconds=self.settings.body_seconds,
            metrics=self.metrics, derived=self.sealer.derived, pinger=self.pinger, reader=self.reader,
            pool=self.attended.pool, pool_view=self.attended.pool_view,
            feedback=self.attended.feedback, returns=self.attended.returns,
            lists=self.attended.lists, persons=self.attended.persons, declared=lambda: self.current_plans().snapshot.lists,
        )  # fmt: skip

    def public_url(self, scope: Mapping[str, Any]) -> str:
        """What status addresses begin with: as configured, else as this request was addressed."""
        return self.address(scope.get("scheme", "http"), dict(scope["headers"]).get(b"host", b""))

    def address(self, scheme: str, host: bytes) -> str:
        if self.settings.public_url:
            return self.settings.public_url.rstrip("/")
        return f"{scheme}://{host.decode('latin-1')}" if host else ""


def _report(text: str) -> None:
    logging.getLogger("leadgate.catalogue").error(text)
