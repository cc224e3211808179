"""A real IMAP server with one mailbox, on a free port of this machine, within the test."""

import asyncio
import imaplib
from argparse import Namespace
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from proxyprotocol.reader import ProxyProtocolReader
from pymap.backend.dict import Config, DictBackend, Login
from pymap.imap import IMAPServer
from pysasl.hashing import BuiltinHash

T = TypeVar("T")
USER, PASSWORD = "leads", "secret word"


class MailServer:
    """`put` and `folder` act as another client would, over the wire."""

    def __init__(self, port: int, config: Config) -> None:
        self.port, self.config = port, config

    async def number_anew(self) -> None:
        """As after a restore: the same mails under another UIDVALIDITY."""
        mailboxes, _ = self.config.set_cache[USER]
        inbox = await mailboxes.get_mailbox("INBOX")
        inbox._uid_validity += 1

    async def put(self, mail: bytes, folder: str = "INBOX") -> None:
        def work(client: imaplib.IMAP4) -> None:
            assert client.append(folder, "", "", mail)[0] == "OK"

        await self._as_client(work)

    async def folder(self, name: str) -> list[bytes]:
        """The mails of a folder, whole; none where there is no such folder."""

        def work(client: imaplib.IMAP4) -> list[bytes]:
            if client.select(f'"{name}"', readonly=True)[0] != "OK":
                return []
            found = client.uid("SEARCH", "ALL")[1][0].split()
            return [client.uid("FETCH", uid.decode(), "(BODY.PEEK[])")[1][0][1] for uid in found]

        return await self._as_client(work)

    async def seen(self, folder: str = "INBOX") -> list[bool]:
        """Of each mail there, whether it is marked so."""

        def work(client: imaplib.IMAP4) -> list[bool]:
            client.select(f'"{folder}"', readonly=True)
            said = client.uid("FETCH", "1:*", "(FLAGS)")[1]
            return [b"\\Seen" in one for one in said if one]

        return await self._as_client(work)

    async def mark(self, flag: str, folder: str = "INBOX") -> None:
        """All mails of a folder, by a person's own program."""

        def work(client: imaplib.IMAP4) -> None:
            client.select(folder)
            client.uid("STORE", "1:*", "+FLAGS", flag)

        await self._as_client(work)

    async def move(self, source: str, target: str) -> None:
        def work(client: imaplib.IMAP4) -> None:
            client.select(f'"{source}"')
            client.uid("MOVE", "1:*", f'"{target}"')

        await self._as_client(work)

    async def _as_client(self, work: Callable[[imaplib.IMAP4], T]) -> T:
        def run() -> T:
            client = imaplib.IMAP4("127.0.0.1", self.port, timeout=10)
            try:
                client.login(USER, PASSWORD)
                return work(client)
            finally:
                client.logout()

        return await asyncio.to_thread(run)


class _Older(Config):
    """One that can do less."""

    lacks: frozenset[bytes] = frozenset()

    @property
    def login_capability(self) -> Sequence[bytes]:
        return [one for one in super().login_capability if one not in self.lacks]


@asynccontextmanager
async def mail_server(*, lacks: Iterable[bytes] = (), cert: Path | None = None) -> AsyncIterator[MailServer]:
    """`lacks` names capabilities that it is without; with a certificate it offers STARTTLS."""
    args = Namespace(
        host="127.0.0.1", port="0", debug=False, tls=cert is not None, cert=cert and str(cert), key=None,
        demo_data=False, demo_user=USER, demo_password=PASSWORD, passlib_cfg=None, inherited_sockets=None,
        proxy_protocol=None,
    )  # fmt: skip
    config = _Older.from_args(args, invalid_user_sleep=0.0, hash_context=BuiltinHash(rounds=1))
    config.lacks = frozenset(lacks)
    login = Login(config)
    await DictBackend._add_demo_user(config, login)
    config.apply_context()
    serve = ProxyProtocolReader(config.proxy_protocol).get_callback(IMAPServer(login, config))
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield MailServer(server.sockets[0].getsockname()[1], config)
    finally:
        server.close()
