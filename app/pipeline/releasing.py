"""What a held lead has when it is let go: what its ping promised, or why it has that no more; the bids of its own auction."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct

from app.pipeline.binding import CODES
from app.pipeline.tracks import Track, won
from app.store import pings
from app.store.pings import Promise

EXPIRED = "ping_expired"
Bid = Mapping[str, str]
"""As it is kept with the lead."""


class Lapse(Struct, frozen=True):
    """Why a lead has nothing of its ping any more, and whether it is sold to nobody for that: its source wants no other
    sale, or its person agreed to its bidders alone."""

    code: str
    refuses: bool


async def auctioned_first(conn: Any, track: Track, now: datetime) -> bool:
    """Whether bidders must be asked before it is let go: its campaign auctions whole leads, and no ping holds for it."""
    if track.plan.campaign.auction.on != "post":
        return False
    promise = await pings.promise(conn, track.lead_id)
    if promise is None:
        return True
    return now > promise.expires_at and not _refuses(track, promise)


async def promised(conn: Any, track: Track, now: datetime) -> Lapse | None:
    """Binds the track to its bidders again; else it is as one that named no ping, says so to its source, and why is
    given back. The lead is locked."""
    promise = await pings.promise(conn, track.lead_id)
    if promise is None:
        return None
    if now <= promise.expires_at:
        track.bids = won(promise.bids)
        await pings.honour(conn, track.lead_id, promise)
        return None
    if not _is_unpaid(track):
        track.agreed = track.plan.price
    track.said = (*track.said, *_told(track))
    await pings.lapse(conn, track.lead_id, EXPIRED, track.agreed)
    return Lapse(EXPIRED, _refuses(track, promise))


async def knocked_down(conn: Any, track: Track, bids: Sequence[Bid], silent: Mapping[str, str]) -> None:
    """Its bidders alone may have it. A source that has a price of its own is paid that; any other what is left of the
    best bid."""
    track.bids = won(bids)
    if bids and track.plan.price is None and not _is_unpaid(track):
        track.agreed = Decimal(bids[0]["offered"])
    await pings.knock_down(conn, track.lead_id, bids, silent, track.agreed)


def _is_unpaid(track: Track) -> bool:
    return any(one.get("code") == "unpaid" for one in track.said)


def _refuses(track: Track, promise: Promise) -> bool:
    return track.plan.ping.otherwise == "refuse" or promise.names


def reason(code: str) -> Mapping[str, str]:
    return {"code": code, "field": "ping_id", "message": CODES[code]}


def _told(track: Track) -> Sequence[Mapping[str, str]]:
    return () if track.plan.coarse else (reason(EXPIRED),)
