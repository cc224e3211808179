"""No channel can be pointed at what is inside: the address is checked where the wire checks its own."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.store.database import Database
from tests.pipeline.house import House, catalogue, opened, source
from tests.pipeline.visiting import visiting, with_channels

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHPA0nIuLO4cK0z2SWJzMHTDZhRCsqtsUgvjcRhN8zLc"
CHANNELS = {
    "ftp": "channel: ftp, host: localhost, port: {port}, user: a, password: b, tls: none",
    "sftp": f"channel: sftp, host: localhost, port: {{port}}, user: a, password: b, host_key: {KEY}",
    "imap": "channel: imap, host: localhost, port: {port}, user: a, password: b, tls: none",
    "feed": "channel: feed, url: 'http://localhost:{port}/feed.xml'",
}


@pytest.fixture
async def house(database: Database) -> AsyncIterator[House]:
    async with opened(database, catalogue(source())) as made:
        yield made


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_private_address_is_never_dialled(house: House, tmp_path: Path, channel: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.setblocking(False)
        told = CHANNELS[channel].format(port=inside.getsockname()[1])
        await house.configure(catalogue(with_channels(f"{{{told}, every: 1s}}")))
        async with visiting(house, tmp_path / "spool", allow_private=False) as rounds:
            await rounds.go()
            trouble = (await rounds.standing()).trouble
        assert trouble == "localhost: its address is one that is never dialled"
        with pytest.raises(BlockingIOError):
            inside.accept()
