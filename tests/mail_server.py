"""Mail servers over real sockets: one that keeps what it gets, and one that misbehaves by script."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from app.distribute.mailing import MailServer

USER, PASSWORD = "leads", "s3cret"


class Outbox:
    """Sends nothing on. `refuse` is what a step answers, by its name: mail, an address, data."""

    def __init__(self, refuse: Mapping[str, str] | None = None) -> None:
        self.refuse = dict(refuse or {})
        self.got: list[Envelope] = []
        self.options: list[str] = []
        self.secured: list[bool] = []

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.options += options
        if "mail" in self.refuse:
            return self.refuse["mail"]
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.options += options
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "data" in self.refuse:
            return self.refuse["data"]
        self.got.append(envelope)
        self.secured.append(session.ssl is not None)
        return "250 2.0.0 queued as 4F1"

    @asynccontextmanager
    async def listening(
        self, *, tls: ssl.SSLContext | None = None, implicit: bool = False, login: bool = False, **more: Any
    ) -> AsyncIterator[int]:
        loop = asyncio.get_running_loop()

        def made() -> SMTP:
            return SMTP(
                self, hostname="mx.example", loop=loop, tls_context=None if implicit else tls,
                require_starttls=tls is not None and not implicit, auth_required=login and not implicit,
                authenticator=_known if login else None, **more,
            )  # fmt: skip

        server = await loop.create_server(made, "127.0.0.1", 0, ssl=tls if implicit else None)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()


def _known(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    told = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=told, handled=False)


Line = Callable[[bytes], Awaitable[bytes | None]]


class Scripted:
    """Answers each line by its first word; None closes, b"" says nothing. `dot` answers the whole message."""

    def __init__(self, **words: bytes | None) -> None:
        usual: dict[str, bytes | None] = {
            "greeting": b"220 mx.example\r\n", "EHLO": b"250-mx.example\r\n250 SIZE 1000000\r\n",
            "MAIL": b"250 OK\r\n", "RCPT": b"250 OK\r\n", "DATA": b"354 go\r\n", "dot": b"250 queued\r\n",
            "QUIT": b"221 bye\r\n",
        }  # fmt: skip
        self.words = usual | words
        self.heard: list[bytes] = []
        self.messages: list[bytes] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._served, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            if self._said(writer, "greeting"):
                while line := await reader.readline():
                    self.heard.append(line.rstrip())
                    if not self._said(writer, line.split(maxsplit=1)[0].decode()):
                        break
                    if line == b"DATA\r\n" and (self.words["DATA"] or b"").startswith(b"354"):
                        self.messages.append(await reader.readuntil(b"\r\n.\r\n"))
                        if not self._said(writer, "dot"):
                            break
        writer.close()

    def _said(self, writer: asyncio.StreamWriter, word: str) -> bool:
        answer = self.words.get(word, b"502 what\r\n")
        if answer:
            writer.write(answer)
        return answer is not None


def at(port: int, **more: Any) -> MailServer:
    return MailServer(**{"host": "127.0.0.1", "port": port, "tls": "none", **more})
