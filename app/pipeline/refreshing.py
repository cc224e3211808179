"""Keeps refresh tokens that change with each use: the newest is durable and sealed before what it brought is used.

A refresh token is exchanged by one process at a time; the others wait for the token that it gets, and use the same.
Two that exchanged one token at once would be taken for a thief and its victim, and both be shut out.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from app.catalog.sealing import CannotOpen, Sealer
from app.core.metrics import Metrics
from app.core.world import World
from app.distribute.adapter import Token
from app.distribute.faults import NoAnswer, Refused
from app.distribute.tokens import Turn
from app.pipeline.faults import Retrying
from app.store import refresh_tokens as store
from app.store.database import Database, is_away, marked
from app.store.refresh_tokens import Row

MOST = timedelta(seconds=150)
"""Longer than any exchange takes: whoever has had a turn for so long has none."""
UNUSED = timedelta(days=400)
_POLL = 0.1


class RefreshTokens:
    """The wire's keeper of one process."""

    def __init__(
        self,
        database: Database,
        sealer: Sealer,
        world: World,
        metrics: Metrics,
        *,
        process_id: Callable[[], UUID],
        lease_seconds: float,
    ) -> None:
        self._database, self._sealer, self._process_id = database, sealer, process_id
        self._lease = timedelta(seconds=lease_seconds)
        self._patient, self._stubborn = Retrying(world, metrics, patience=2.0), Retrying(world, metrics)

    async def take(self, holder: str, refused: str) -> Token | Turn:
        try:
            async with asyncio.timeout(MOST.total_seconds()):
                while True:
                    taken = await self._patient.run(lambda _: self._tried(holder, refused))
                    if taken is not None:
                        return taken
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            raise NoAnswer("the turn to exchange the refresh token did not come in time") from None
        except CannotOpen:
            raise Refused("the refresh token was sealed with another key; write a new one") from None
        except Exception as error:
            if is_away(error):
                raise NoAnswer("the database is away") from None
            raise

    async def keep(self, holder: str, turn: Turn, token: Token, *, refresh: str, good: float) -> None:
        sealed, access = self._sealer.seal(refresh) if refresh else "", self._sealer.seal(token.text)

        async def attempt(again: bool) -> None:
            async with self._database.acquire() as conn, conn.transaction():
                if again:
                    await marked(conn)
                lasts = timedelta(seconds=good)
                await store.keep(conn, holder, turn.of, refresh=sealed, access=access, good=lasts)

        await self._stubborn.run(attempt)

    async def leave(self, holder: str, turn: Turn) -> None:
        async def attempt(_: bool) -> None:
            async with self._database.acquire() as conn:
                await store.leave(conn, holder, turn.of, self._process_id())

        await self._stubborn.run(attempt)

    async def sweep(self) -> None:
        async with self._database.acquire() as conn:
            await store.forget(conn, UNUSED)

    async def _tried(self, holder: str, refused: str) -> Token | Turn | None:
        """None while another has the turn."""
        async with self._database.acquire() as conn:
            row = await store.look(conn, holder)
            if (token := self._token(row, refused)) is not None:
                return token
            mine = await store.claim(
                conn, holder, row.version, self._process_id(), most=MOST, lease=self._lease
            )
        return Turn(self._sealer.open(row.refresh) if row.refresh else "", row.version) if mine else None

    def _token(self, row: Row, refused: str) -> Token | None:
        if not row.access or row.good <= 0:
            return None
        text = self._sealer.open(row.access)
        return None if text == refused else Token(text=text, lasts=row.good, kept=True)
