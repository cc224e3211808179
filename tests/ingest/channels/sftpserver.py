"""A real SFTP server on a folder, on a free port of this machine, within the test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncssh

USER, PASSWORD = "acme", "secret wörd"


class Sftp:
    def __init__(self, port: int, host_key: str) -> None:
        self.port, self.host_key = port, host_key
        self.users: list[str] = []


@asynccontextmanager
async def sftp_server(
    folder: Path, *, serves: type[asyncssh.SFTPServer] = asyncssh.SFTPServer, client_key: str = ""
) -> AsyncIterator[Sftp]:
    """`client_key`: the one public key that may log in, instead of the password."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    told = Sftp(0, key.export_public_key().decode().strip())

    class Door(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            told.users.append(username)
            return True

        def password_auth_supported(self) -> bool:
            return not client_key

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == (USER, PASSWORD)

    def serve(chan: Any) -> asyncssh.SFTPServer:
        return serves(chan, chroot=str(folder).encode())

    keys = asyncssh.import_authorized_keys(client_key) if client_key else None
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[key], server_factory=Door, sftp_factory=serve,
        authorized_client_keys=keys, config=None, gss_host=None,
    )  # fmt: skip
    told.port = server.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        server.close()
        await server.wait_closed()
