"""The two measuring sticks: a route that only reads, decodes and answers, and one that commits each request by itself.

Served by the same server with the same options as leadgate, so that a ratio to them means something on any machine.
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import asyncpg
import msgspec

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

ANSWER = b'{"outcome":"success"}'
TABLE = """create table if not exists one_commit(
  id bigserial primary key, received_at timestamptz not null default now(), source text not null, body bytea not null)"""
INSERT = "insert into one_commit(source, body) values ($1, $2)"
_START = {
    "type": "http.response.start",
    "status": 201,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(ANSWER)).encode())],
}


class Baseline:
    """`/noop` and `/one_commit`; nothing else, and no check of either."""

    pool: asyncpg.Pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.live(receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        msgspec.json.decode(body)
        if scope["path"] == "/one_commit":
            await self.pool.execute(INSERT, "acme", body)
        await send(_START)
        await send({"type": "http.response.body", "body": ANSWER})

    async def live(self, receive: Receive, send: Send) -> None:
        await receive()
        self.pool = await asyncpg.create_pool(os.environ["BENCH_DSN"], min_size=4, max_size=16)
        await self.pool.execute(TABLE)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.pool.close()
        await send({"type": "lifespan.shutdown.complete"})


app = Baseline()
