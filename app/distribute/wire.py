"""The only place that sends: it speaks an adapter's conversation and names how it ended.

A failure becomes an outcome by its type alone. Certainly nothing sent → TryLater. Perhaps sent → Unclear,
unless no call of the conversation hands a lead over. An address that we must not reach is TryLater too,
not Rejected: it is a fault of the configuration, and the next buyer must not profit from it.
"""

import asyncio
import logging
import re
import ssl
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from functools import lru_cache

from msgspec.structs import replace

from app import __version__
from app.core.loop import running_loop
from app.distribute.adapter import Answer, Call, Conversation, Grant, Intent, Reply, Token
from app.distribute.exchange import (
    Conversed,
    Exchange,
    shown,
    shown_grant,
    shown_mail,
    shown_offer,
    shown_put,
)
from app.distribute.faults import AddressRefused, BadCall, Broken, PerhapsSent, WireFailed, WireFault
from app.distribute.filing import Filed, FileServer, Put
from app.distribute.folders import Folders
from app.distribute.keyed import with_query
from app.distribute.mailing import Mail, MailServer, Sent
from app.distribute.offering import Offer, Offered
from app.distribute.pool import IDLE_SECONDS, Limits, Pool, Resolve
from app.distribute.smtp import Smtp
from app.distribute.targets import Target, target_of
from app.distribute.tokens import Keeper, Tokens
from app.model import Accepted, Duplicate, Outcome, Pooled, Rejected, TryLater, Unclear
from app.remote.folder import Remote

__all__ = ["Conversed", "Exchange", "Limits", "Wire", "outcome_of"]

CALLS = 8
"""How many calls one conversation may have; more is a bug of its adapter."""

_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te"})
_DEFAULTS = (
    ("user-agent", f"user-agent: leadgate/{'.'.join(__version__.split('.')[:2])}"),
    ("accept", "accept: */*"),
    (
        "accept-encoding",
        "accept-encoding: identity",
    ),  # replies are a few hundred bytes: gzip costs more than it saves
)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
_OUTCOMES = (Accepted, Rejected, Duplicate, TryLater, Unclear, Pooled)
_log = logging.getLogger(__name__)


class Wire:
    """Sends for the whole process, between `open` and `close`."""

    def __init__(
        self,
        *,
        allow_private: bool,
        limits: Limits | None = None,
        at_once: int = 512,
        tls: ssl.SSLContext | None = None,
        resolve: Resolve | None = None,
        hostname: str = "localhost",
        relay: MailServer | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self._pool = Pool(
            allow_private=allow_private, limits=self.limits, at_once=at_once, tls=tls, resolve=resolve
        )
        self._smtp = Smtp(self._pool, connect=self.limits.connect, hostname=hostname, relay=relay, tls=tls)
        self._folders = Folders(self._pool)
        self._tokens = Tokens(self.ask, keeper)
        self._sweep: asyncio.TimerHandle | None = None

    async def open(self) -> None:
        self._sweep_often()

    async def rest(self) -> None:
        """Hear out what is being exchanged for a token, while this process still counts as alive."""
        await self._tokens.close()

    async def close(self) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        await self._tokens.close()
        await self._pool.close()

    async def __aenter__(self) -> "Wire":
        await self.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def converse(
        self,
        conversation: Conversation,
        *,
        total: float | None = None,
        keep: Callable[[Decimal], Awaitable[bool]] | None = None,
    ) -> Conversed:
        """Hold the conversation to its end, within `total` seconds. Never raises but for a cancellation.

        `keep` is told what a buyer has bid before a call hands it the lead; where it can't keep that, nothing leaves."""
        now = running_loop().time
        ends = now() + min(total or self.limits.longest, self.limits.longest)
        exchanges: list[Exchange] = []
        handed_over, reply, turns = False, None, 0
        try:
            while True:
                asked = _next(conversation, reply, handed_over)
                if not isinstance(asked, Intent):
                    return Conversed(outcome=asked, exchanges=tuple(exchanges), handed_over=handed_over)
                if turns == CALLS:
                    raise BadCall("too many calls in one conversation")
                turns += 1
                if keep is not None and not handed_over and not await _is_kept(asked, keep):
                    return Conversed(outcome=TryLater(reason="bid_not_kept"), exchanges=tuple(exchanges))
                began, error, reply = now(), None, None
                sent = True
                try:
                    reply = await self._answer(asked, ends)
                    sent = not isinstance(reply, Sent | Filed) or reply.whole
                except WireFault as fault:
                    sent, error = isinstance(fault, PerhapsSent), fault
                except Exception as bug:  # ours: nobody knows how far it came
                    _log.error("the wire failed: %s", type(bug).__name__)
                    error = WireFailed()
                handed_over = handed_over or (sent and asked.hands_over and not _took_nothing(asked, reply))
                if not isinstance(reply, Token) or not reply.kept:
                    exchanges.append(_shown(asked, reply, error, 1000 * (now() - began)))
                if error is not None:
                    raise error
        except WireFault as fault:
            bid = asked.bid if isinstance(asked, Call) else None
            outcome = outcome_of(fault, handed_over=handed_over, bid=bid)
            return Conversed(outcome=outcome, exchanges=tuple(exchanges), handed_over=handed_over)
        finally:
            with suppress(Exception):
                conversation.close()

    async def ask(self, call: Call) -> Reply:
        """One call that hands nothing over, for whoever wants the reply itself. Raises WireFault."""
        if call.hands_over:
            raise BadCall("what hands a lead over is a conversation")
        return await self._exchange(call, running_loop().time() + self.limits.longest)

    async def reach(self, name: str, port: int) -> str:
        """The address to dial for a name, by whoever speaks another protocol than HTTP. Raises WireFault."""
        until = running_loop().time() + self.limits.total
        return (await self._pool.checked(name, port, until))[0]

    @asynccontextmanager
    async def standing_in(self, server: FileServer, seconds: float) -> AsyncIterator[Remote]:
        """A folder, for whoever looks what a buyer has put there. Raises WireFault, Trouble, TimeoutError."""
        async with self._folders.standing_in(server, seconds) as folder:
            yield folder

    async def _answer(self, asked: Intent, ends: float) -> Answer:
        """Each intent in its own protocol."""
        match asked:
            case Call():
                return await self._exchange(asked, ends)
            case Mail():
                return await self._smtp.send(asked, ends)
            case Put():
                return await self._folders.put(asked, ends)
            case Grant():
                return await self._tokens.get(asked, ends)
            case Offer():
                return Offered()

    async def _exchange(self, call: Call, ends: float) -> Reply:
        target = target_of(call.url)
        if call.identity is not None:
            target = replace(target, identity=call.identity)
        message = _message(call, target)
        until = min(ends, running_loop().time() + (call.timeout or self.limits.total))
        pool = self._pool
        await pool.enter(until)
        try:
            connection = pool.kept(target)
            if connection is not None:
                try:
                    return await connection.ask(message, until)
                except Broken as fault:
                    # A kept connection that closes at once is common; only what hands nothing over is repeated.
                    if call.hands_over or fault.partial is not None:
                        raise
                finally:
                    pool.keep(target, connection)
            connection = await pool.dial(target, until)
            try:
                return await connection.ask(message, until)
            finally:
                pool.keep(target, connection)
        finally:
            pool.leave()

    def _sweep_often(self) -> None:
        self._pool.sweep()
        self._sweep = running_loop().call_later(IDLE_SECONDS, self._sweep_often)


async def _is_kept(asked: Intent, keep: Callable[[Decimal], Awaitable[bool]]) -> bool:
    """Also where there is nothing to keep."""
    if not isinstance(asked, Call) or asked.bid is None or not asked.hands_over:
        return True
    return await keep(asked.bid)


def _took_nothing(asked: Intent, answer: Answer | None) -> bool:
    return isinstance(asked, Call) and isinstance(answer, Reply) and answer.status in asked.refusals


def outcome_of(fault: WireFault, *, handed_over: bool, bid: Decimal | None = None) -> Outcome:
    """What a fault says about the lead. `handed_over`: some call that hands it over has, perhaps, left."""
    read = f"{fault.code}: {fault.detail}" if fault.detail else fault.code
    if handed_over:
        return Unclear(reason=fault.code, read=read, price=bid)
    if isinstance(fault, AddressRefused):
        _log.error("the address of a buyer is refused: %s", fault.detail)
    return TryLater(reason=fault.code, read=read)


def _next(conversation: Conversation, reply: Answer | None, handed_over: bool) -> Intent | Outcome:
    """The adapter's next intent, or its outcome. An adapter that raises is a bug, never a sale."""
    try:
        asked = conversation.send(reply)
    except StopIteration as end:
        if isinstance(end.value, _OUTCOMES):
            return end.value
        _log.error("an adapter ended without an outcome")
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        places = " < ".join(f"{f.filename}:{f.lineno}" for f in reversed(frames[1:]))
        _log.error("an adapter failed: %s at %s", type(error).__name__, places)  # its text may hold a lead
    else:
        return asked
    read = "the adapter failed; see the log"
    if handed_over:
        return Unclear(reason="adapter_failed", read=read)
    return TryLater(reason="adapter_failed", read=read)


def _message(call: Call, target: Target) -> bytes:
    """The request's bytes. BadCall for what would not arrive as it was meant."""
    lines = [f"{call.method} {with_query(target.path, call.query)} HTTP/1.1", f"host: {target.host}"]
    lines += [f"{name}: {value}" for name, value in call.headers.items()]
    given = {name.lower() for name in call.headers}
    if given & _OURS or not call.method.isalpha():
        raise BadCall("a header or method that is not for adapters to set")
    lines += [line for name, line in _DEFAULTS if name not in given]
    lines.append(f"content-length: {len(call.body)}\r\n\r\n")
    head = "\r\n".join(lines)
    if not head.count("\r") == head.count("\n") == len(lines) + 1 or "\0" in head or not _names_fit(given):
        raise BadCall("a header that has a line break in it")
    try:
        return head.encode() + call.body
    except UnicodeEncodeError:
        raise BadCall("a header that can't be encoded") from None


def headers_of(call: Call) -> dict[str, str]:
    """All headers of a request as it leaves, in their order. Raises WireFault."""
    head = _message(call, target_of(call.url)).partition(b"\r\n\r\n")[0].decode()
    return dict(line.split(": ", 1) for line in head.split("\r\n")[1:])


def unsaid(asked: Intent) -> Exchange:
    """What would be sent, as people may see it. Raises WireFault."""
    match asked:
        case Call():
            return shown(replace(asked, headers=headers_of(asked)), None, ms=0.0)
        case Mail():
            return shown_mail(asked, None, ms=0.0)
        case Put():
            return shown_put(asked, None, ms=0.0)
        case Grant():
            return unsaid(asked.call())
        case Offer():
            return shown_offer(asked)


@lru_cache(1024)
def _is_name(name: str) -> bool:
    return _TOKEN.fullmatch(name) is not None


def _names_fit(names: set[str]) -> bool:
    return all(map(_is_name, names))


def _shown(asked: Intent, answer: Answer | None, fault: WireFault | None, ms: float) -> Exchange:
    answer, error = (answer, None) if fault is None else (fault.partial, fault.code)
    match asked:
        case Call():
            return shown(asked, answer if isinstance(answer, Reply) else None, ms=ms, error=error)
        case Mail():
            return shown_mail(asked, answer if isinstance(answer, Sent) else None, ms=ms, error=error)
        case Put():
            return shown_put(asked, answer if isinstance(answer, Filed) else None, ms=ms, error=error)
        case Grant():
            known = answer if isinstance(answer, Reply | Token) else None
            return shown_grant(asked.call(), known, ms=ms, error=error)
        case Offer():
            return shown_offer(asked)
