"""Picks up files that others put into a folder of an FTP server, with or without TLS."""

from collections.abc import Mapping
from typing import Any, ClassVar

from app.core.registry import Settings
from app.ingest.channel import Channel, Door, Visit, channels
from app.ingest.remote import RemoteSettings, pick_up
from app.remote.account import FtpAccount


class FtpSettings(FtpAccount, RemoteSettings):
    """The account, and what is picked up there."""


@channels.register
class Ftp(Channel):
    """A file is taken when two visits in a row saw it with the same size and time. What was taken in is moved to `done`,
    what can't be read to `failed` with a `….reason.txt` beside it; both are made in the folder. Where the server lets
    nobody move files, leadgate remembers which it has taken. Tables of any size up to `largest` are imported as a
    batch; ADF, XML, JSON, feeds and mails of at most 10 MB are one submission.

    Each file is taken once, also when leadgate is killed in between: it is told by name, size, time and content. One
    that is replaced while it is read is left for the next visit. With TLS the certificate is checked, by `ca` where it
    is given, and so are the data connections. These are passive, to the machine that was logged in to.
    """

    name = "ftp"
    settings: ClassVar[type[Settings]] = FtpSettings
    examples: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"host": "ftp.vendor.example", "user": "acme", "password": "write-it-here", "folder": "/outgoing"},
        {
            "host": "10.0.4.7",
            "port": 2121,
            "tls": "none",
            "user": "acme",
            "password": "write-it-here",
            "match": ["*.csv", "*.adf"],
            "done": "taken",
            "every": "5m",
        },
    )

    async def visit(self, settings: FtpSettings, door: Door) -> Visit:
        from app.remote.ftp import connected  # takes a third of a second

        address = await door.reach(settings.host, settings.dialled)
        async with connected(settings, address) as folder:
            return await pick_up(folder, settings, door)
