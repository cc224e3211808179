"""Tokens of a process: fetched once for all deliveries that need one, kept until they end, never given again once refused."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from app.distribute.adapter import Call, Grant, Reply, Token
from app.distribute.faults import TimedOut

UNSAID_SECONDS = 300.0
"""How long a token is kept that nobody said the end of."""
LONGEST_SECONDS = 86_400.0
SPARE_SECONDS = 60.0
"""A token is not used in its last minute, or tenth: it would end on its way."""
LAST_SECONDS = 10.0
"""How long a process that ends waits for an exchange that it has begun."""
MOST = 4_096

Fetch = Callable[[Call], Awaitable[Reply]]

_DECODER = msgspec.json.Decoder(type=dict[str, object])


class Turn(Struct, frozen=True):
    """Ours to exchange: `refresh` is the newest that came, empty while the configured one is; `of` is its keeper's."""

    refresh: str
    of: int


class Keeper(Protocol):
    """Keeps what is exchanged for tokens where it changes with each use, for all processes and beyond this one."""

    async def take(self, holder: str, refused: str) -> Token | Turn:
        """The token that another has got, or the turn to get one; waits for whoever has it now. Raises WireFault."""

    async def keep(self, holder: str, turn: Turn, token: Token, *, refresh: str, good: float) -> None:
        """Not left before it is durable: what it replaces is good for nothing any more."""

    async def leave(self, holder: str, turn: Turn) -> None:
        """Nothing came of it."""


class Tokens:
    """One fetch at a time for each holder; whoever wants the same token meanwhile waits for it."""

    def __init__(self, fetch: Fetch, keeper: Keeper | None = None) -> None:
        self._fetch = fetch
        self._keeper = keeper
        self._kept: dict[str, tuple[float, Token]] = {}
        self._coming: dict[str, asyncio.Task[Token | Reply]] = {}

    async def get(self, grant: Grant, until: float) -> Token | Reply:
        """A token that is good as far as is known, or the reply to the question for one. Raises WireFault."""
        if (kept := self._good(grant)) is not None:
            return kept
        task, mine = self._coming.get(grant.holder), False
        if task is None:
            mine = True
            task = self._coming[grant.holder] = asyncio.ensure_future(self._fetched(grant))
            task.add_done_callback(lambda done: self._came(grant.holder, done))
        try:
            async with asyncio.timeout_at(until):
                got = await asyncio.shield(task)
        except TimeoutError:
            raise TimedOut from None
        return got if mine or isinstance(got, Reply) else replace(got, kept=True)

    async def close(self) -> None:
        """An exchange that is on its way is heard out: its answer is the only one that there will be."""
        tasks = list(self._coming.values())
        if tasks and self._keeper is not None:
            await asyncio.wait(tasks, timeout=LAST_SECONDS)
        for task in tasks:
            task.cancel()

    def _good(self, grant: Grant) -> Token | None:
        ends, token = self._kept.get(grant.holder, (0.0, None))
        if token is None:
            return None
        if token.text == grant.refused or ends <= asyncio.get_running_loop().time():
            del self._kept[grant.holder]
            return None
        return token

    async def _fetched(self, grant: Grant) -> Token | Reply:
        if grant.renew is not None and self._keeper is not None:
            return await self._exchanged(grant, grant.renew, self._keeper)
        reply = await self._fetch(grant.call())
        token = read(reply)
        return reply if token is None else self._noted(grant, token, good_for(token))

    async def _exchanged(self, grant: Grant, renew: Callable[[str], Call], keeper: Keeper) -> Token | Reply:
        """What came is kept before anybody uses it."""
        turn = await keeper.take(grant.holder, grant.refused)
        if isinstance(turn, Token):
            return self._noted(grant, turn, turn.lasts or 0.0)
        token = None
        try:
            reply = await self._fetch(renew(turn.refresh) if turn.refresh else grant.call())
            token = read(reply)
            if token is None:
                return _without(reply, turn.refresh)
        finally:
            if token is None:
                await keeper.leave(grant.holder, turn)
        good, refresh = good_for(token), refresh_of(reply) or turn.refresh
        await keeper.keep(grant.holder, turn, token, refresh=refresh, good=good)
        return self._noted(grant, token, good)

    def _noted(self, grant: Grant, token: Token, good: float) -> Token:
        if len(self._kept) >= MOST:
            self._kept.clear()
        self._kept[grant.holder] = asyncio.get_running_loop().time() + good, replace(token, kept=True)
        return token

    def _came(self, holder: str, task: asyncio.Task[Token | Reply]) -> None:
        self._coming.pop(holder, None)
        if not task.cancelled():
            task.exception()  # nobody may be waiting any more


def read(reply: Reply) -> Token | None:
    """A token as RFC 6749 writes it; None for any other reply."""
    if not 200 <= reply.status < 300:
        return None
    said = _said(reply)
    text = _text(said.get("access_token"))
    return Token(text=text, lasts=_seconds(said.get("expires_in"))) if text and " " not in text else None


def refresh_of(reply: Reply) -> str:
    """What is to be exchanged for the next token; empty where it stays what it was."""
    return _text(_said(reply).get("refresh_token"))


def good_for(token: Token) -> float:
    """Seconds that it is used."""
    lasts = min(UNSAID_SECONDS if token.lasts is None else token.lasts, LONGEST_SECONDS)
    return lasts - min(SPARE_SECONDS, lasts / 10)


def _said(reply: Reply) -> dict[str, object]:
    try:
        return _DECODER.decode(reply.body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return {}


def _text(said: object) -> str:
    return said if isinstance(said, str) and said.isascii() and said.isprintable() else ""


def _without(reply: Reply, secret: str) -> Reply:
    """A reply that is shown as an error, and may repeat what it was asked with."""
    if not secret:
        return reply
    headers = {name: value.replace(secret, "***") for name, value in reply.headers.items()}
    return replace(reply, headers=headers, body=reply.body.replace(secret.encode(), b"***"))


def _seconds(said: object) -> float | None:
    """Some say it as a text."""
    if isinstance(said, str) and said.isascii() and said.isdecimal():
        said = int(said[:9])
    return max(0.0, float(said)) if isinstance(said, int | float) and not isinstance(said, bool) else None
