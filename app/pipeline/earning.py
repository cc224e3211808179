"""Books what sources have of each sale, in the transaction of the sale; it asks nothing where no source is paid so."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from app.pipeline.tracks import Track
from app.store import earning
from app.store.earning import Earned


async def earned(conn: Any, sales: Iterable[tuple[Track, UUID]]) -> None:
    """(lead, delivery) of what was accepted just now. A test earns nothing."""
    of = [
        Earned(delivery_id, track.lead_id, str(track.share))
        for track, delivery_id in sales
        if track.share is not None and not track.test
    ]
    await earning.earn(conn, of)
