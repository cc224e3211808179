"""Takes leads back in hand from their rows: for retries, replays and what a dead process left."""

from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

from app.core.world import World
from app.pipeline.plans import Plans, SourcePlan
from app.pipeline.tracks import Job, Track, gone_contract, won
from app.store.deliveries import DeliveryRow
from app.store.leads import Context, normals_of


class Tracker:
    """Rebuilds what the pipeline keeps in hand, under the catalogue as it is now."""

    def __init__(self, world: World, plans: Callable[[], Plans]) -> None:
        self._world = world
        self._plans = plans

    def track(self, context: Context) -> Track:
        """Also where the lead's source or campaign is no longer configured: it must come to an end."""
        plan = self._plans().source(context.source)
        if plan is None or plan.campaign.id != context.campaign:
            plan = self._moved(context) or self._plans().bygone(context.source, context.campaign)
        return Track(
            lead_id=context.id, plan=plan, source=context.source, received_at=context.received_at,
            test=context.test, copies=context.copies, agreed=context.agreed, round=context.round,
            normals=normals_of(context.fields),
            raws={k: v[0] for k, v in context.fields.items()}, worth=context.worth,
            said=context.said, barred=context.barred, bids=won(context.bids),
        )  # fmt: skip

    def _moved(self, context: Context) -> SourcePlan | None:
        """The source posts to another campaign by now: this lead stays in the one it came for."""
        plans = self._plans()
        source = plans.snapshot.sources.get(context.source)
        if source is None or context.campaign not in plans.snapshot.campaigns:
            return None
        return plans.of(
            source.model_copy(update={"campaign": context.campaign, "mapping": {}, "defaults": {}})
        )

    def jobs(self, rows: Iterable[DeliveryRow], contexts: Mapping[UUID, Context]) -> list[Job]:
        """One job per delivery; those whose contract is gone, or whose lead nobody is to have, get one that ends them."""
        contracts = self._plans().snapshot.contracts
        tracks: dict[UUID, Track] = {}
        jobs = []
        for row in rows:
            context = contexts.get(row.lead_id)
            if context is None:
                continue
            track = tracks.get(row.lead_id)
            if track is None:
                track = tracks[row.lead_id] = self.track(context)
            contract = None if context.closed else contracts.get(row.contract)
            contract = contract or gone_contract(row.contract, row.buyer, row.campaign)
            jobs.append(
                Job(
                    delivery_id=row.id,
                    track=track,
                    contract=contract,
                    slot=row.slot,
                    attempt=row.attempts,
                    rank=row.rank,
                    price=row.price,
                    reserved=tuple(row.counters),
                    created_at=row.created_at,
                )
            )
        return jobs
