"""A buyer that remembers: every delivery, whose lead it was, and what it answered."""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import NamedTuple

from tests.buyer import _request

Says = Callable[["Delivery"], tuple[int, dict[str, str]]]


class Delivery(NamedTuple):
    contract: str
    id: str
    email: str
    before: int  # how often this id came before


class Answered(NamedTuple):
    delivery: Delivery
    status: int
    accepted: bool


def accepts(delivery: Delivery) -> tuple[int, dict[str, str]]:
    return 200, {"status": "accepted", "id": f"ref-{delivery.id[-6:]}"}


def rejects(delivery: Delivery) -> tuple[int, dict[str, str]]:
    return 200, {"status": "rejected", "reason": "not_wanted"}


class CountingBuyer:
    """`async with CountingBuyer() as buyer`: each contract posts to `buyer.url(contract)`.

    What a contract answers is `says[contract]`, else yes. `slowness` seconds pass before an answer; where a
    contract has a `gate`, it answers when that is open.
    """

    def __init__(self) -> None:
        self.says: dict[str, Says] = {}
        self.slowness: dict[str, float] = {}
        self.gate: dict[str, asyncio.Event] = {}
        self.answered: list[Answered] = []
        self.talking = 0  # conversations that are not answered yet
        self.most = 0  # at once
        self._moved = asyncio.Event()  # a conversation has begun or ended
        self._seen: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    def url(self, contract: str) -> str:
        return f"http://127.0.0.1:{self.port}/{contract}"

    async def __aenter__(self) -> "CountingBuyer":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._talk(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _request(reader, 0)) is not None:
                contract, email = request.path[1:], json.loads(request.body)["email"]
                id_ = request.headers.get("webhook-id", email)  # a ping has none
                delivery = Delivery(contract, id_, email, self._seen[id_])
                self._seen[id_] += 1
                self.talking += 1
                self.most = max(self.most, self.talking)
                self._moved.set()
                await asyncio.sleep(self.slowness.get(contract, 0))
                if contract in self.gate:
                    await self.gate[contract].wait()
                self.talking -= 1
                status, said = self.says.get(contract, accepts)(delivery)
                yes = status == 200 and said["status"] == "accepted"
                self.answered.append(Answered(delivery, status, yes))
                self._moved.set()
                body = json.dumps(said).encode()
                writer.write(
                    b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                    % (status, len(body), body)
                )
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    # what a test asks -------------------------------------------------------------------------------

    async def until(self, holds: Callable[[], bool], within: float = 90) -> None:
        """Wait for something that comes with a conversation's beginning or end."""
        async with asyncio.timeout(within):
            while not holds():
                self._moved.clear()
                await self._moved.wait()

    def accepted(self, contract: str) -> set[str]:
        """The deliveries that this contract said yes to; a repeat of one is the same."""
        return {a.delivery.id for a in self.answered if a.accepted and a.delivery.contract == contract}

    def takers(self) -> dict[str, set[str]]:
        """Who said yes to each lead."""
        found: dict[str, set[str]] = defaultdict(set)
        for one in self.answered:
            if one.accepted:
                found[one.delivery.email].add(one.delivery.contract)
        return found

    def sold_twice(self) -> dict[str, set[str]]:
        return {email: takers for email, takers in self.takers().items() if len(takers) > 1}

    def asked_under_two_ids(self) -> dict[tuple[str, str], set[str]]:
        """Leads that came to one contract as two deliveries, which it can't tell from two leads."""
        ids: dict[tuple[str, str], set[str]] = defaultdict(set)
        for one in self.answered:
            ids[one.delivery.email, one.delivery.contract].add(one.delivery.id)
        return {place: found for place, found in ids.items() if len(found) > 1}
