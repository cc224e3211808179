"""What `doctor` looks at where leads come by mail: that somebody listens, and answers, for each source's addresses."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.api.mail.places import BadPlace, place
from app.catalog.mailboxes import mailboxes
from app.commands.examining import Line
from app.commands.hearing import usable_snapshot
from app.running import running
from app.settings import Settings
from app.store.database import Database

_PATIENCE_S = 2.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # asked here, not listened on


async def mail(database: Database, settings: Settings) -> Sequence[Line]:
    """A line a place that is listened on, and one where addresses are configured and nobody listens."""
    addresses = mailboxes((await usable_snapshot(database, settings)).sources)
    doors = _doors(settings)
    if not doors and addresses:
        text = f"{len(addresses):,} of sources' addresses are for mail, and nothing listens for it here"
        return [
            Line("warn", "mail", text, "LEADGATE_SMTP_LISTEN or LEADGATE_LMTP_LISTEN, where the service runs")
        ]
    return [await _line(door, where, len(addresses)) for door, where in doors.items()]


def _doors(settings: Settings) -> Mapping[str, str]:
    """Of the service that runs here; else as this command was told."""
    service = running(settings.data_dir)
    if service is not None:
        return service.mail
    asked = {"smtp": settings.smtp_listen, "lmtp": settings.lmtp_listen}
    return {door: where for door, where in asked.items() if where}


async def _line(door: str, where: str, addresses: int) -> Line:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            greeting = await _greeting(where)
    except (OSError, BadPlace, TimeoutError):
        return Line("fail", door, f"nobody answers at {where}", "leadgate serve")
    if not greeting.startswith(b"220"):
        return Line(
            "fail", door, f"who answers at {where} takes no mail", "another address, or whatever runs there"
        )
    if not addresses:
        return Line(
            "warn", door, f"answers at {where}; no source has an address", "mail.addresses of a source"
        )
    return Line("ok", door, f"answers at {where}, for {addresses:,} of sources' addresses")


async def _greeting(where: str) -> bytes:
    found = place(where)
    if isinstance(found, Path):
        reader, writer = await asyncio.open_unix_connection(str(found))
    else:
        reader, writer = await asyncio.open_connection(_EVERYWHERE.get(found[0], found[0]), found[1])
    try:
        line = await reader.readline()
        writer.write(b"QUIT\r\n")
        return line
    finally:
        writer.close()
