"""Speaks SMTP for the wire: one mail a connection, knowing at each step whether it may have left.

A message belongs to the server once its last line is there, and to nobody before. So whatever breaks before the
first byte of it is NotSent, whatever breaks from there on is PerhapsSent, and every refusal is an answer.
"""

import asyncio
import re
import ssl
from base64 import b64encode

from app.distribute.addresses import MAIL_PORTS, refuse_port
from app.distribute.faults import (
    AddressRefused,
    BadCall,
    Broken,
    ConnectFailed,
    ConnectTimedOut,
    HungUp,
    NoAnswer,
    NotOffered,
    NotSmtp,
    NotUnderstood,
    TimedOut,
    TlsFailed,
    WireFault,
)
from app.distribute.lines import Garbled, Gone, Lines
from app.distribute.mailing import Mail, MailServer, Said, Sent, Step
from app.distribute.pool import DIALLED, Pool

SECONDS = 60.0
"""A mail server may look at a message for long before it answers; most do within seconds."""

_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")
_DOT = re.compile(rb"(?m)^\.")
_PLAIN = re.compile(r"[!-~]{1,500}")


class Smtp:
    """Sends mails. `relay` is the operator's own server, which may be anywhere; `tls` checks certificates."""

    def __init__(
        self,
        pool: Pool,
        *,
        connect: float,
        hostname: str,
        relay: MailServer | None,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._pool = pool
        self._connect_seconds = connect
        self._hostname = hostname
        self._relay = relay
        self._tls = tls

    async def send(self, mail: Mail, ends: float) -> Sent:
        """What the server said. Raises WireFault, whose `partial` is what it had said before."""
        server, guarded = mail.server, True
        if server is None:
            server, guarded = self._relay, False
        if server is None:
            raise BadCall("no mail server is named, and LEADGATE_SMTP_RELAY is not set")
        _fits(mail)
        until = min(ends, asyncio.get_running_loop().time() + (mail.timeout or SECONDS))
        await self._pool.enter(until)
        try:
            lines = await self._dial(server, guarded, until)
            return await _Talk(mail, server, lines, self._context(server), self._hostname).held(until)
        finally:
            self._pool.leave()

    async def _dial(self, server: MailServer, guarded: bool, until: float) -> Lines:
        if guarded and (why := refuse_port(server.port, usual=MAIL_PORTS)) is not None:
            raise AddressRefused(why)
        addresses = await self._pool.checked(server.host, server.port, until, guarded=guarded)
        share = self._connect_seconds / min(len(addresses), DIALLED)
        failed: WireFault = ConnectFailed()
        for address in addresses[:DIALLED]:
            try:
                return await self._connect(server, address, share, until)
            except (ConnectFailed, ConnectTimedOut) as error:
                failed = error
        raise failed

    async def _connect(self, server: MailServer, address: str, share: float, until: float) -> Lines:
        loop = asyncio.get_running_loop()
        context = self._context(server) if server.tls == "tls" else None
        try:
            async with asyncio.timeout_at(min(until, loop.time() + share)):
                _, lines = await loop.create_connection(
                    Lines, address, server.port,
                    ssl=context, server_hostname=server.host if context else None,
                )  # fmt: skip
                return lines
        except TimeoutError:
            raise ConnectTimedOut from None
        except ssl.SSLError:
            raise TlsFailed from None
        except OSError as error:
            raise ConnectFailed(type(error).__name__) from None

    def _context(self, server: MailServer) -> ssl.SSLContext | None:
        if server.tls == "none":
            return None
        if server.tls == "offered":
            return _unchecked()
        if self._tls is None:
            self._tls = ssl.create_default_context()
        return self._tls


def _fits(mail: Mail) -> None:
    """BadCall for what could end a line early, whoever let it come this far."""
    addresses = (*mail.to, *mail.also, *((mail.sender,) if mail.sender else ()))
    if not mail.to or not all(_PLAIN.fullmatch(one) and not set(one) & set("<>") for one in addresses):
        raise BadCall("an address that can't be written to a mail server")


class _Talk:
    """One conversation. Ends at the first refusal that matters."""

    def __init__(
        self, mail: Mail, server: MailServer, lines: Lines, tls: ssl.SSLContext | None, hostname: str
    ) -> None:
        self._mail, self._server, self._lines = mail, server, lines
        self._tls, self._hostname = tls, hostname
        self._said: list[Said] = []
        self._offers: dict[str, str] = {}
        self._begun = self._whole = False

    async def held(self, until: float) -> Sent:
        try:
            async with asyncio.timeout_at(until):
                await self._hold()
        except BaseException as error:
            self._lines.abort()
            if (fault := self._fault(error)) is None:
                raise
            fault.partial = self._sent()
            raise fault from None
        self._lines.leave(b"QUIT")
        return self._sent()

    async def _hold(self) -> None:
        """In this order, each only if the one before was granted."""
        for step in (self._greeted, self._secured, self._known, self._addressed, self._handed_over):
            if not await step():
                return

    def _sent(self) -> Sent:
        return Sent(said=tuple(self._said), whole=self._whole)

    def _fault(self, error: BaseException) -> WireFault | None:
        """By what may have left already; None for what is no fault of the wire."""
        if isinstance(error, WireFault):
            return error
        if isinstance(error, TimeoutError):
            return TimedOut() if self._begun else NoAnswer()
        if isinstance(error, Garbled):
            return NotSmtp() if self._begun else NotUnderstood()
        if isinstance(error, ssl.SSLError) and not self._begun:
            return TlsFailed()
        if isinstance(error, Gone | OSError):
            return Broken() if self._begun else HungUp()
        return None

    # the steps, in their order

    async def _greeted(self) -> bool:
        return await self._answered("greeting", 220) and await self._introduced()

    async def _introduced(self) -> bool:
        granted = await self._asked("ehlo", f"EHLO {self._hostname}")
        if not granted and self._said[-1].code in (500, 502):
            granted = await self._asked("ehlo", f"HELO {self._hostname}")
        words = [line.split(maxsplit=1) for line in self._said[-1].text.split("\n")[1:]]
        self._offers = {word[0].upper(): word[1] if word[1:] else "" for word in words if word}
        return granted

    async def _secured(self) -> bool:
        offered = "STARTTLS" in self._offers
        if self._server.tls != "starttls" and not (self._server.tls == "offered" and offered):
            return True
        if not offered:
            raise NotOffered("starttls")
        if not await self._asked("starttls", "STARTTLS", 220):
            return False
        assert self._tls is not None
        await self._lines.secure(self._tls, self._server.host)
        return await self._introduced()

    async def _known(self) -> bool:
        user, password = self._server.user, self._server.password
        if not user:
            return True
        ways = self._offers.get("AUTH", "").upper().split()
        if "PLAIN" in ways:
            pair = _base64(f"\0{user}\0{password}")
            return await self._asked("auth", f"AUTH PLAIN {pair}", 235)
        if "LOGIN" not in ways:
            raise NotOffered("auth")
        return (
            await self._asked("auth", "AUTH LOGIN", 334)
            and await self._asked("auth", _base64(user), 334)
            and await self._asked("auth", _base64(password), 235)
        )

    async def _addressed(self) -> bool:
        mail, dsn = self._mail, "DSN" in self._offers
        size = f" SIZE={len(mail.message)}" if "SIZE" in self._offers else ""
        envelope = f" RET=HDRS ENVID={_NOT_XTEXT.sub('', mail.id)}" if dsn else ""
        if not await self._asked("mail", f"MAIL FROM:<{mail.sender}>{size}{envelope}"):
            return False
        notify, never = (" NOTIFY=FAILURE", " NOTIFY=NEVER") if dsn and mail.sender else ("", "")
        for address in mail.to:
            if not await self._asked("rcpt", f"RCPT TO:<{address}>{notify}", 250, 251):
                return False
        for address in mail.also:
            await self._asked("rcpt", f"RCPT TO:<{address}>{never}", 250, 251)
        return True

    async def _handed_over(self) -> bool:
        if not await self._asked("data", "DATA", 354):
            return False
        message = _DOT.sub(b"..", self._mail.message)
        ending = b"." if message.endswith(b"\r\n") else b"\r\n."
        self._begun = True
        try:
            self._lines.say(message + ending)
        except (Garbled, Gone):
            self._begun = False
            raise
        await self._answered("end", 250)
        self._whole = True
        return True

    async def _asked(self, step: Step, line: str, *granted: int) -> bool:
        self._lines.say(line.encode())
        return await self._answered(step, *(granted or (250,)))

    async def _answered(self, step: Step, *granted: int) -> bool:
        code, text = await self._lines.answer()
        self._said.append(Said(step, code, text))
        return code in granted


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


def _unchecked() -> ssl.SSLContext:
    """As mail servers have it between them: better than none, and no proof of who is there."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
