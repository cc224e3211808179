"""What `doctor` says of the databases of addresses: which are there, how old they are, what nobody knows without them."""

import asyncio
from datetime import UTC, datetime

from app.commands.examining import Line
from app.core.world import World
from app.settings import Settings
from app.store.database import Database
from app.validate.places import SHIPPED, Places, Shelf

_OLD_DAYS = 180


async def addresses(_: Database, settings: Settings) -> list[Line]:
    """Opened as the service opens them; nothing of the service is touched."""
    places = Places(settings.data_dir / "geo")
    await asyncio.to_thread(places.open)
    return told(places, World().now())


def told(places: Places, now: datetime) -> list[Line]:
    shelves = places.told()
    lines = [
        Line(
            "warn", "addresses", f"{name} can't be read ({why})",
            "put a whole MMDB file there, or take it away; what was read before stays in use",
        )
        for name, why in sorted(places.unread.items())
    ]  # fmt: skip
    text = ", ".join(f"{shelf.name} of {_built(shelf):%Y-%m-%d}" for shelf in shelves) or "none"
    networks = any(shelf.kind == "network" for shelf in shelves)
    if not networks:
        text += "; networks, VPNs and servers are unknown: no such database in geo/ of the data directory"
    old = [s.name for s in shelves if s.name != SHIPPED and (now - _built(s)).days > _OLD_DAYS]
    if old:
        lines.append(Line("warn", "addresses", text, f"replace {', '.join(old)}: addresses change hands"))
    else:
        lines.append(Line("ok", "addresses", text))
    return lines


def _built(shelf: Shelf) -> datetime:
    return datetime.fromtimestamp(min(max(0.0, shelf.built), 4e9), UTC)
