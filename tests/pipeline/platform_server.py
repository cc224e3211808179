"""A platform's API over real sockets: it answers each lead as the test says, and remembers what it was asked."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable

from aiohttp import web

Way = Callable[[web.Request], Awaitable[web.StreamResponse]]


def lead(identity: str, email: str | None = None) -> web.Response:
    """As the Graph API gives it."""
    named = {"first_name": "Ann", "email": email or f"ann{identity}@example.com"}
    data = [{"name": name, "values": [value]} for name, value in named.items()]
    return web.json_response({"id": identity, "form_id": "5", "field_data": data})


def status(code: int, **headers: str) -> web.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response({"error": {"code": 2}}, status=code, headers=named)


class PlatformServer:
    """`ways[lead]` are the answers to that lead, one a request, the last for ever; without any it is given."""

    def __init__(self) -> None:
        self.ways: dict[str, list[web.Response | Way]] = defaultdict(list)
        self.pages: list[dict[str, object]] = []
        self.asked: list[web.Request] = []
        self.open = asyncio.Event()
        self.open.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def paths(self) -> list[str]:
        return [request.path for request in self.asked]

    async def __aenter__(self) -> "PlatformServer":
        app = web.Application()
        app.router.add_get("/{version}/{form}/leads", self._page)
        app.router.add_get("/{version}/{lead}", self._lead)
        app.router.add_get("/rest/leadFormResponses/{lead}", self._lead)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port: int = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.open.set()
        await self._runner.cleanup()

    async def _lead(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        await self.open.wait()
        identity = request.match_info["lead"]
        ways = self.ways[identity]
        way = ways.pop(0) if len(ways) > 1 else ways[0] if ways else lead(identity)
        if isinstance(way, web.Response):
            return web.Response(body=way.body, status=way.status, headers=way.headers)
        return await way(request)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        at = int(request.query.get("after", "0"))
        return web.json_response(self.pages[at] if at < len(self.pages) else {"data": []})


async def hang_up(request: web.Request) -> web.StreamResponse:
    """The connection dies in the middle of an answer."""
    response = web.StreamResponse(headers={"content-length": "1000"})
    await response.prepare(request)
    await response.write(b'{"id"')
    assert request.transport is not None
    request.transport.abort()
    return response
