"""Tells a buyer, where its contract says where, what it should know of the contract itself."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import orjson

from app.core.world import World
from app.followup.later import party_of
from app.followup.postback import Decision, PostbackSettings
from app.pipeline.plans import Plans
from app.store import callbacks
from app.store.callbacks import Later


class BuyerNotices:
    """Owed in the caller's transaction; told by whoever tells what is owed, until it is heard."""

    def __init__(self, world: World, plans: Callable[[], Plans]) -> None:
        self._world = world
        self._plans = plans

    async def tell(
        self, conn: Any, contract_id: str, event: Decision, lead_id: UUID, document: Mapping[str, Any]
    ) -> None:
        """`lead_id`: the lead at which it was noticed; a notice is kept for as long as its day is."""
        contract = self._plans().snapshot.contracts.get(contract_id)
        to = contract.postback if contract is not None else None
        if not isinstance(to, PostbackSettings) or event not in to.on:
            return
        about = self._world.new_id()
        body = orjson.dumps({"event": event, "contract": contract_id, **document}).decode()
        owed = Later(
            id=self._world.new_id(), lead_id=lead_id, round=1, party=party_of(contract_id), event=event, about=about,
            document=body,
        )  # fmt: skip
        await callbacks.tell(conn, [owed])
