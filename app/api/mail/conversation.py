"""One conversation by SMTP or LMTP: aiosmtpd's, with an end of data that can't be forged and our own answers."""

import asyncio
import re
import ssl
from collections import defaultdict
from collections.abc import Callable
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from app.api.mail import told
from app.api.mail.room import Mail, Mailroom
from app.api.mail.terms import Terms
from app.api.mail.told import Told
from app.core.events import bug, emit

MOST_RECIPIENTS = 50
_MOST_GUESSES = 20
_MOST_COMMANDS = {"*": 100, "MAIL": 1_000, "RCPT": 5_000, "DATA": 1_000, "RSET": 1_000}
_LONGEST_COMMAND = 2_048
_LINE_END, _END = b"\r\n", b"\r\n.\r\n"
_FORGED_END = re.compile(rb"(?:(?<!\r)\n|\r(?!\n))\.[\r\n]|(?<=\r\n)\.(?:\n|\r(?!\n))")
_STUFFED = re.compile(rb"\r\n\.")
_ALL = 1 << 26  # more than a reader ever holds


class Held:
    """The bytes of mails on their way in, of all conversations of this process."""

    def __init__(self, most: int) -> None:
        self.most, self.now = most, 0


class _Spoiled(Exception):
    def __init__(self, answer: Told) -> None:
        super().__init__(answer.outcome)
        self.answer = answer


class Conversation(SMTP):
    """`opened` and `closed` are told to the listener, which ends it by `leave` or `abort`."""

    door = "smtp"
    line_length_limit = 65_536  # forms write HTML without line ends; nothing is relayed that others must read

    def __init__(
        self,
        room: Mailroom,
        terms: Terms,
        held: Held,
        *,
        tls: ssl.SSLContext | None,
        closed: Callable[["Conversation"], None],
    ) -> None:
        super().__init__(
            _Answers(room, self.door), data_size_limit=terms.most_bytes, enable_SMTPUTF8=True,
            hostname=terms.hostname, ident="leadgate", tls_context=tls, timeout=terms.seconds,
            command_call_limit=_MOST_COMMANDS, loop=asyncio.get_running_loop(),
        )  # fmt: skip
        self.command_size_limits = defaultdict(lambda: _LONGEST_COMMAND)  # the class shares one among all
        self._room, self._terms, self._held, self._on_close = room, terms, held, closed
        self._busy = self._leaving = False
        self._guesses = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self._handler_coroutine is not None:
            self._handler_coroutine.add_done_callback(_seen)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._on_close(self)

    def leave(self) -> None:
        """End it as soon as the mail that is on its way is answered."""
        self._leaving = True
        transport = self._transport_now()
        if self._busy or transport is None:
            return
        if transport.is_closing():  # a peer that does not say good-bye in TLS is not waited for
            transport.abort()
            return
        transport.write(told.GOING_AWAY.line.encode() + b"\r\n")
        transport.close()

    def abort(self) -> None:
        transport = self._transport_now()
        if transport is not None:
            transport.abort()

    def _transport_now(self) -> asyncio.Transport | None:
        """uvloop's transports are no subclass of asyncio's, so that nobody can ask them what they are."""
        return cast(asyncio.Transport | None, self.transport)

    async def smtp_AUTH(self, arg: str) -> None:
        await self.push("502 5.5.1 Nobody logs in here")

    async def smtp_RCPT(self, arg: str | None) -> None:
        before = len(self.envelope.rcpt_tos) if self.envelope else 0
        await super().smtp_RCPT(arg)
        self._guesses += self.envelope is None or len(self.envelope.rcpt_tos) == before
        if self._guesses > _MOST_GUESSES:
            await self.push(told.TOO_MANY_GUESSES.line)
            self._writer.close()

    async def smtp_DATA(self, arg: str | None) -> None:
        envelope, session = self.envelope, self.session
        if await self.check_helo_needed() or envelope is None or session is None:
            return
        if not envelope.rcpt_tos or arg:
            await self.push("501 5.5.4 Syntax: DATA" if arg else "503 5.5.1 Error: need RCPT command")
            return
        self._busy = True
        try:
            answers = await self._taken(envelope, session)
            self.envelope = self._create_envelope()
            for answer in self._spoken(answers):
                await self.push(answer.line)
        finally:
            self._busy = False
        if self._leaving:
            self.leave()

    async def _taken(self, envelope: Envelope, session: Session) -> list[Told]:
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        recipients = list(envelope.rcpt_tos)
        taking = _Taking(self._reader, self._terms.most_bytes, self._held)
        try:
            body = await taking.content()
            mail = Mail(
                door=self.door, sender=envelope.mail_from or "<>", body=body, remote=_remote(session.peer)
            )
            return await self._room.take(mail, recipients)
        except _Spoiled as spoiled:
            self._room.turn_away(self.door, recipients, spoiled.answer)
            return [spoiled.answer] * len(recipients)
        finally:
            taking.release()

    def _spoken(self, answers: list[Told]) -> list[Told]:
        """SMTP has one answer for all: to try again, if any must; that it is taken, if any was."""
        passing = next((one for one in answers if one.passing), None)
        return [passing or next((one for one in answers if one.taken), answers[0])]


class LocalConversation(Conversation):
    """LMTP (RFC 2033): each recipient has its own answer, so that one that fails hinders no other."""

    door = "lmtp"

    async def smtp_LHLO(self, arg: str) -> None:
        await super().smtp_EHLO(arg)

    async def smtp_HELO(self, arg: str) -> None:
        await self.push("500 5.5.1 This is LMTP: say LHLO")

    async def smtp_EHLO(self, arg: str) -> None:
        await self.push("500 5.5.1 This is LMTP: say LHLO")

    def _spoken(self, answers: list[Told]) -> list[Told]:
        return answers


class _Taking:
    """Reads one mail up to its end, which is CR LF dot CR LF and nothing that looks like it."""

    def __init__(self, reader: asyncio.StreamReader, most: int, held: Held) -> None:
        self._reader, self._most, self._held = reader, most, held
        self._size = self._mine = 0
        self._why: Told | None = None

    async def content(self) -> bytes:
        """Raises _Spoiled, only once all of it has gone by: before that nobody listens.

        By the chunk: a mail of nothing but line ends costs no more than another.
        """
        raw = bytearray(_LINE_END)  # the dot may be the first line
        searched = 0
        while (end := raw.find(_END, searched)) < 0:
            if self._why is not None:
                del raw[: -len(_END)]
            searched = max(len(raw) - len(_END), 0)
            raw += await self._chunk()
        self._give_back(raw[end + len(_END) :])
        del raw[end + len(_LINE_END) :]
        if self._why is None and _bare_ends(raw) and _FORGED_END.search(raw, len(_LINE_END)):
            self._why = told.BARE_LINES
        if self._why is not None:
            raise _Spoiled(self._why)
        return bytes(_STUFFED.sub(_LINE_END, raw)[len(_LINE_END) :])

    async def _chunk(self) -> bytes:
        chunk = await self._reader.read(_ALL)
        if not chunk:
            raise ConnectionResetError
        self._count(len(chunk))
        return chunk

    def _give_back(self, rest: bytearray) -> None:
        """What was sent behind the mail are the next commands; the reader is empty now."""
        if rest:
            self._reader.feed_data(bytes(rest))

    def _count(self, size: int) -> None:
        self._size += size
        if self._why is not None:
            return
        if self._size > self._most:
            self._why = told.too_large(self._most)
        elif self._held.now + size > self._held.most:
            self._why = told.NO_ROOM
        else:
            self._mine += size
            self._held.now += size
        if self._why is not None:
            self.release()

    def release(self) -> None:
        self._held.now -= self._mine
        self._mine = 0


class _Answers:
    """What aiosmtpd asks while a conversation goes on."""

    def __init__(self, room: Mailroom, door: str) -> None:
        self._room, self._door = room, door

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, lines: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [line for line in lines if line[4:8] not in ("AUTH", "HELP")] + ["250 PIPELINING"]

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if why := self._room.admit(self._door, address):
            return why.line
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return told.TOO_MANY_RECIPIENTS.line
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_exception(self, error: Exception) -> str:
        emit(bug(error, "mail"))
        return told.BROKEN.line


def _bare_ends(raw: bytearray) -> bool:
    return not raw.count(b"\n") == raw.count(b"\r") == raw.count(_LINE_END)


def _remote(peer: Any) -> str:
    return str(peer[0]) if isinstance(peer, tuple) and peer else ""


def _seen(task: "asyncio.Task[None]") -> None:
    """A peer that goes in the middle is nothing to report."""
    if not task.cancelled():
        task.exception()
