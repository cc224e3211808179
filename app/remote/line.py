"""A mailbox and the thread that speaks to it: what is asked of it is awaited, and ends when whoever asked ends."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from app.remote.account import ImapAccount
from app.remote.mailbox import Box

T = TypeVar("T")


class Line:
    def __init__(self, box: Box) -> None:
        self.box = box
        self._thread = ThreadPoolExecutor(1, "imap")

    async def run(self, work: Callable[..., T], *given: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: work(*given))

    async def end(self) -> None:
        if not self.box.gone:
            await self.run(self.box.close)
        self.cut()

    def cut(self) -> None:
        self.box.hang_up()
        self._thread.shutdown(wait=False)


@asynccontextmanager
async def connected(account: ImapAccount, address: str, others: Sequence[str] = ()) -> AsyncIterator[Line]:
    """The account's folder is selected, and the `others` are made where they are missing. Raises Trouble."""
    line = Line(Box(account, address))
    try:
        await line.run(line.box.open, account.folder, others)
        yield line
    except BaseException:
        line.cut()  # also a thread that waits for the server ends with it
        raise
    await line.end()
