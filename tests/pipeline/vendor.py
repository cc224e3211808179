"""A vendor's server with a feed, over real sockets: it answers as it is told, and remembers what it was asked."""

from collections.abc import Awaitable, Callable
from types import TracebackType

from aiohttp import web

RSS = '<rss version="2.0"><channel><title>Leads</title>%s</channel></rss>'


def item(n: int | str, *, guid: str | None = None, **more: str) -> str:
    """One lead; `guid` "" leaves it out."""
    told = f"L-{n}" if guid is None else guid
    said = {
        "title": "Solar lead",
        "description": f"First name: Ann&lt;br&gt;Email: ann{n}@example.com",
        **more,
    }
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in said.items())
    return f"<item>{f'<guid>{told}</guid>' if told else ''}{inner}</item>"


def rss(*items: str) -> bytes:
    return (RSS % "".join(items)).encode()


class Vendor:
    """`async with Vendor() as vendor`: `vendor.url` is the feed, `vendor.says` what comes next."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []
        self.queries: list[str] = []
        self.status, self.body, self.headers = 200, rss(), {}
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    def says(self, *items: str, status: int = 200, body: bytes | None = None, **headers: str) -> None:
        self.status, self.body = status, rss(*items) if body is None else body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append({name.lower(): value for name, value in request.headers.items()})
        self.queries.append(request.query_string)
        if self.meanwhile is not None:
            await self.meanwhile()
        etag = self.headers.get("ETag")
        if self.status == 200 and etag and request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        headers = {"Content-Type": "application/rss+xml", **self.headers}
        return web.Response(status=self.status, body=self.body, headers=headers)

    async def __aenter__(self) -> "Vendor":
        application = web.Application()
        application.router.add_get("/leads.rss", self._answer)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/leads.rss"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
