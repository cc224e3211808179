"""Listens for mail on sockets that the service has bound, and goes away without losing any."""

import asyncio
import logging
import socket
import ssl
from typing import cast

from app.api.mail import told
from app.api.mail.conversation import Conversation, Held, LocalConversation
from app.api.mail.room import Mailroom
from app.api.mail.terms import Terms

_DOORS: dict[str, type[Conversation]] = {"smtp": Conversation, "lmtp": LocalConversation}


class _TurnedAway(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.WriteTransport, transport).write(told.CROWDED.line.encode() + b"\r\n")
        transport.close()


class Listener:
    """Conversations are counted over all doors; one too many is told to come again."""

    def __init__(self, room: Mailroom, terms: Terms, *, tls: ssl.SSLContext | None = None) -> None:
        self._room, self._terms, self._tls = room, terms, tls
        self._held = Held(terms.most_held)
        self._open: set[Conversation] = set()
        self._none_open = asyncio.Event()
        self._servers: list[asyncio.AbstractServer] = []
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # it repeats addresses

    async def listen(self, door: str, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        listen = loop.create_unix_server if sock.family == socket.AF_UNIX else loop.create_server
        kind = _DOORS[door]
        self._servers.append(await listen(lambda: self._answer(kind), sock=sock))

    def _answer(self, kind: type[Conversation]) -> asyncio.Protocol | Conversation:
        if len(self._open) >= self._terms.most_connections:
            return _TurnedAway()
        made = kind(self._room, self._terms, self._held, tls=self._tls, closed=self._closed)
        self._open.add(made)
        return made

    def _closed(self, conversation: Conversation) -> None:
        self._open.discard(conversation)
        if not self._open:
            self._none_open.set()

    async def close(self, within: float) -> None:
        """No more mail; that which is on its way is answered, or its sender tries again."""
        for server in self._servers:
            server.close()
        for conversation in tuple(self._open):
            conversation.leave()
        try:
            async with asyncio.timeout(within):
                if self._open:
                    self._none_open.clear()
                    await self._none_open.wait()
                await self._room.settled()
        except TimeoutError:
            pass
        for conversation in tuple(self._open):
            conversation.abort()
