"""Picks up files that others put into a folder of an SFTP server, whose host key is known."""

import asyncio
from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

from app.core.registry import Settings
from app.ingest.channel import Channel, Door, Visit, channels
from app.ingest.remote import RemoteSettings, pick_up
from app.remote.account import SftpAccount


class SftpSettings(SftpAccount, RemoteSettings):
    """The account, and what is picked up there."""


@channels.register
class Sftp(Channel):
    """A file is taken when two visits in a row saw it with the same size and time. What was taken in is moved to `done`,
    what can't be read to `failed` with a `….reason.txt` beside it; both are made in the folder. Where the server lets
    nobody move files, leadgate remembers which it has taken. Tables of any size up to `largest` are imported as a
    batch; ADF, XML, JSON, feeds and mails of at most 10 MB are one submission.

    Each file is taken once, also when leadgate is killed in between: it is told by name, size, time and content. One
    that is replaced while it is read is left for the next visit. A server with another host key than `host_key` is
    told nothing, not even the user; `ssh-keyscan HOST` prints the keys, which its owner should confirm.
    """

    name = "sftp"
    settings: ClassVar[type[Settings]] = SftpSettings
    examples: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {
            "host": "sftp.vendor.example",
            "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJyGqkcbqpJ0lYr4YqPqBqv5m7Tn3vYw0sQzQ5r5c1vD",
            "user": "acme",
            "password": "write-it-here",
            "folder": "/outgoing",
        },
        {
            "host": "10.0.4.7",
            "port": 2222,
            "host_key": "[10.0.4.7]:2222 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJyGqkcbqpJ0lYr4YqPqBqv5m7Tn3vYw0sQzQ5r5c1vD",
            "user": "leads",
            "private_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nwrite it here\n-----END OPENSSH PRIVATE KEY-----\n",
            "passphrase": "open-sesame",
            "match": ["*.csv", "*.adf"],
        },
    )

    async def visit(self, settings: SftpSettings, door: Door) -> Visit:
        sftp = await asyncio.to_thread(import_module, "app.remote.sftp")  # takes a second
        address = await door.reach(settings.host, settings.dialled)
        async with sftp.connected(settings, address) as folder:
            return await pick_up(folder, settings, door)
