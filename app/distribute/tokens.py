"""Tokens of a process: fetched once for all deliveries that need one, kept until they end, never given again once refused."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from msgspec.structs import replace

from app.distribute.adapter import Call, Grant, Reply, Token
from app.distribute.faults import TimedOut

UNSAID_SECONDS = 300.0
"""How long a token is kept that nobody said the end of."""
LONGEST_SECONDS = 86_400.0
SPARE_SECONDS = 60.0
"""A token is not used in its last minute, or tenth: it would end on its way."""
MOST = 4_096

Fetch = Callable[[Call], Awaitable[Reply]]

_DECODER = msgspec.json.Decoder(type=dict[str, object])


class Tokens:
    """One fetch at a time for each holder; whoever wants the same token meanwhile waits for it."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
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

    def close(self) -> None:
        for task in self._coming.values():
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
        reply = await self._fetch(grant.call())
        token = read(reply)
        if token is None:
            return reply
        if len(self._kept) >= MOST:
            self._kept.clear()
        lasts = min(UNSAID_SECONDS if token.lasts is None else token.lasts, LONGEST_SECONDS)
        good = lasts - min(SPARE_SECONDS, lasts / 10)
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
    try:
        said = _DECODER.decode(reply.body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    text = said.get("access_token")
    if not isinstance(text, str) or not text or not text.isascii() or not text.isprintable() or " " in text:
        return None
    return Token(text=text, lasts=_seconds(said.get("expires_in")))


def _seconds(said: object) -> float | None:
    """Some say it as a text."""
    if isinstance(said, str) and said.isascii() and said.isdecimal():
        said = int(said[:9])
    return max(0.0, float(said)) if isinstance(said, int | float) and not isinstance(said, bool) else None
