"""Keeps a command that works for long seen as alive, so that nobody takes over what it has in hand."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from app.commands.desk import world
from app.store import processes
from app.store.database import Database


@asynccontextmanager
async def present(database: Database, role: str, lease_seconds: float) -> AsyncIterator[UUID]:
    """The id to hold leases under. What a killed one of the same role on this host had is free at once."""
    me = world().new_id()
    async with database.acquire() as conn:
        for one in await processes.alive(conn):
            if one["role"] == role and one["host"] == socket.gethostname() and not _lives(one["pid"]):
                await processes.farewell(conn, one["id"])
        await processes.hello(conn, me, role, socket.gethostname(), os.getpid())
    beating = asyncio.create_task(_beat(database, me, lease_seconds / 4))
    try:
        yield me
    finally:
        beating.cancel()
        with suppress(Exception):
            async with database.acquire() as conn:
                await processes.farewell(conn, me)


async def _beat(database: Database, me: UUID, every: float) -> None:
    while True:
        await asyncio.sleep(every)
        with suppress(Exception):  # an outage; the lease outlasts a short one
            async with database.acquire() as conn:
                await processes.seen(conn, me)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
