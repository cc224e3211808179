"""Keeps what is expected of contracts up to the minute, where a ranking or an auction asks for it."""

from collections.abc import Callable

from app.catalog.documents import CampaignDoc
from app.catalog.returning import returnable_for
from app.core.world import World
from app.distribute.expecting import Record
from app.pipeline.plans import Plans
from app.store import expectations
from app.store.database import Database

LOOKED_EVERY = 60.0
_SELDOM = 50
"""A statement that takes long is run so seldom that it takes a fiftieth of a connection's time."""


class Expecting:
    """Each process looks for itself; no lead pays for it, and none where no campaign ranks so."""

    def __init__(self, database: Database, world: World, *, plans: Callable[[], Plans]) -> None:
        self._database, self._world, self._plans = database, world, plans
        self._until = 0.0

    async def look(self) -> None:
        plans, began = self._plans(), self._world.monotonic()
        contracts = {
            one.id: one
            for campaign in plans.snapshot.campaigns.values()
            if _asks(campaign)
            for one in plans.snapshot.by_campaign.get(campaign.id, ())
        }
        if not contracts or began < self._until:
            return
        open_for = {id_: returnable_for(one.doc.returns) for id_, one in sorted(contracts.items())}
        async with self._database.acquire() as conn:
            found = {one.contract: one for one in await expectations.lately(conn, open_for)}
        nothing = expectations.Figures("", 0, 0, 0, 0)
        plans.expectations.learn(
            Record(one.id, one.doc.campaign, one.doc.price, *found.get(one.id, nothing)[1:])
            for one in contracts.values()
        )
        now = self._world.monotonic()
        self._until = now + _SELDOM * (now - began)


def _asks(campaign: CampaignDoc) -> bool:
    penalty = campaign.auction is not None and campaign.auction.penalty == "returns"
    return penalty or "expected_value" in campaign.distribution.rank
