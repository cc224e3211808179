"""Takes leads back in hand from their rows: for retries, replays and what a dead process left."""

from collections.abc import Callable, Iterable, Mapping
from uuid import UUID

from app.core.world import World
from app.pipeline.plans import Plans, SourcePlan
from app.pipeline.tracks import Job, Track
from app.store.deliveries import DeliveryRow
from app.store.leads import Context


class Tracker:
    """Rebuilds what the pipeline keeps in hand, under the catalogue as it is now."""

    def __init__(self, world: World, plans: Callable[[], Plans]) -> None:
        self._world = world
        self._plans = plans

    def track(self, context: Context) -> Track | None:
        """None where the lead's source or campaign is no longer configured."""
        plan = self._plans().source(context.source)
        if plan is None or plan.campaign.id != context.campaign:
            plan = self._moved(context)
        if plan is None:
            return None
        return Track(
            lead_id=context.id, plan=plan, source=context.source, received_at=context.received_at,
            test=context.test, copies=context.copies, round=context.round,
            normals={k: v[1] for k, v in context.fields.items() if len(v) < 3 or v[2]},
            raws={k: v[0] for k, v in context.fields.items()},
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
        """One job per delivery whose contract still stands; the others are missing in the result."""
        contracts = self._plans().snapshot.contracts
        tracks: dict[UUID, Track | None] = {}
        jobs = []
        for row in rows:
            if row.lead_id not in tracks:
                context = contexts.get(row.lead_id)
                tracks[row.lead_id] = self.track(context) if context else None
            track, contract = tracks[row.lead_id], contracts.get(row.contract)
            if track is None or contract is None:
                continue
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
