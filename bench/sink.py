"""A buyer that says yes at once, as cheaply as Python can, and counts: `python -m bench.sink PORT`.

GET answers `{"posts": N}`; every POST is accepted with a reference of its own.
"""

import asyncio
import sys
from typing import cast

import httptools
import uvloop


class Buyer(asyncio.Protocol):
    """One connection. No framework: what the buyer costs is taken from the cores that are measured."""

    posts = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_message_complete(self) -> None:
        if self.parser.get_method() == b"POST":
            Buyer.posts += 1
            body = b'{"status":"accepted","id":"B-%09d"}' % Buyer.posts
        else:
            body = b'{"posts":%d}' % Buyer.posts
        self.transport.write(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b"
            % (len(body), body)
        )


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Buyer, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
