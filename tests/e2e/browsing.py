"""A real Chromium, and a page of another site beside the service, for tests of what visitors see."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

CHROMIUM = shutil.which("chromium") or ""
MISSING = "NO CHROMIUM, so NO FORM WAS SEEN IN A BROWSER: apt-get install chromium (make test does it, as root on Debian)"
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason=MISSING)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            await browser.close()


class Site:
    """Another site: `pages` are its paths with their HTML. What is posted to it is in `posted`."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.posted: list[Mapping[str, Any]] = []
        self.origin = ""

    async def _show(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            self.posted.append(dict(await request.post()))
            return web.Response(text="<h1>Their own thanks</h1>", content_type="text/html")
        return web.Response(text=self.pages.get(request.path, ""), content_type="text/html")

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Site"]:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._show)
        runner = web.AppRunner(application)
        await runner.setup()
        listener = web.TCPSite(runner, "127.0.0.1", 0)
        await listener.start()
        self.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()


class Visit:
    """One visitor: a browser without history. `complaints` is what its console holds against our pages."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self.context, self.page = context, page
        self.complaints: list[str] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _said(self, message: ConsoleMessage) -> None:
        """A 422 is an answer; Chromium lists it all the same."""
        if message.type in ("error", "warning") and "status of 422" not in message.text:
            self.complaints.append(message.text)

    async def focused(self) -> str:
        return str(
            await self.page.evaluate("document.activeElement.name || document.activeElement.className")
        )

    async def keys(self, *pressed: str) -> None:
        """`Tab`, or a text that is typed."""
        for key in pressed:
            if key in ("Tab", "Enter", "Space", "Shift+Tab", "ArrowDown"):
                await self.page.keyboard.press(key)
            else:
                await self.page.keyboard.type(key)


async def until(holds: Any, within: float = 10) -> Any:
    """The first true answer of an asynchronous question."""
    async with asyncio.timeout(within):
        while not (found := await holds()):
            await asyncio.sleep(0.02)
    return found
