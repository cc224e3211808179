"""What a held lead still has of its ping when it is let go: its bidders and its price, or the reason why it has not."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from app.pipeline.binding import CODES
from app.pipeline.tracks import Track, won
from app.store import pings

EXPIRED = "ping_expired"


async def promised(conn: Any, track: Track, now: datetime) -> str:
    """Binds the track to its bidders again; else it is as one that named no ping, says so to its source, and the code
    of why is given back. The lead is locked."""
    promise = await pings.promise(conn, track.lead_id)
    if promise is None:
        return ""
    if now <= promise.expires_at:
        track.bids = won(promise.bids)
        await pings.honour(conn, track.lead_id, promise)
        return ""
    track.agreed = track.plan.price
    track.said = (*track.said, *_told(track))
    await pings.lapse(conn, track.lead_id, EXPIRED, track.agreed)
    return EXPIRED


def refuses(track: Track, code: str) -> bool:
    """Whether its source wants no sale but that which its ping promised."""
    return bool(code) and track.plan.ping.otherwise == "refuse"


def reason(code: str) -> Mapping[str, str]:
    return {"code": code, "field": "ping_id", "message": CODES[code]}


def _told(track: Track) -> Sequence[Mapping[str, str]]:
    return () if track.plan.coarse else (reason(EXPIRED),)
