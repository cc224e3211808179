"""What an auction costs beside its slowest bidder: twenty of them over real HTTP, each with a pace of its own.

`python -m bench.auction PORT` is the bidders: POST /MS answers with a bid after so many milliseconds.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, cast

import httptools
import uvloop

from app.catalog.documents import CampaignDoc, ContractDoc
from app.catalog.snapshot import Contract
from app.core.metrics import Metrics
from app.core.registry import Settings
from app.core.world import World
from app.distribute.auction import BidSettings
from app.distribute.route import RouteIndex
from app.distribute.wire import Wire
from app.model import Scalar
from app.pipeline.auctioneer import Auctioneer, Lot
from app.pipeline.plans import CampaignPlan
from app.validate.judge import Judge
from bench.processes import free_port, running

BIDDERS = 20
STEP_MS = 5  # the first answers after 5 ms, the last after 100
ROUNDS = 120
DEADLINE_MS = 60
AT = datetime(2025, 11, 20, 18, 0, tzinfo=UTC)


class Bidder(asyncio.Protocol):
    """One connection of the buyers' side."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.parser = httptools.HttpRequestParser(self)

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self.wait = int(url.rpartition(b"/")[2] or b"0")

    def on_message_complete(self) -> None:
        asyncio.get_running_loop().call_later(self.wait / 1000, self._answer)

    def _answer(self) -> None:
        body = b'{"price":"%d.00","id":"bid"}' % (1 + self.wait)
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(head % len(body) + body)


async def serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Bidder, "127.0.0.1", port, backlog=256)
    await server.serve_forever()


def plan(port: int, deadline: str) -> CampaignPlan:
    """A campaign of `BIDDERS` contracts, no two of which answer in the same time."""
    doc = CampaignDoc.model_validate({"id": "solar", "fields": {}, "auction": {"deadline": deadline}})
    contracts = [contract(port, STEP_MS * (n + 1)) for n in range(BIDDERS)]
    return CampaignPlan(doc, Judge(()), RouteIndex(contracts, doc.distribution), contracts)


def contract(port: int, ms: int) -> Contract:
    doc = ContractDoc.model_validate({"id": f"c{ms}", "campaign": "solar", "price": "1.00", "deliver": {}})
    bid = BidSettings.model_validate(
        {
            "ping": {
                "url": f"http://127.0.0.1:{port}/{ms}",
                "fields": {"state": "state", "bill": "bill"},
                "accepted": "has(reply.json.price)",
                "price": "reply.json.price",
                "reference": "reply.json.id",
            }
        }
    )
    return Contract(
        id=doc.id, buyer=doc.id, doc=doc, adapter="webhook", settings=Settings(), paused=False, bid=bid
    )


async def held(port: int, deadline: str, bids: int) -> list[float]:
    """Milliseconds of each auction; every one must have brought so many bids, or it measured something else."""
    campaign, world = plan(port, deadline), World()
    times: list[float] = []
    async with Wire(allow_private=True) as wire:
        auctioneer = Auctioneer(cast(Any, None), wire, world, Metrics(), plans=lambda: cast(Any, None))
        for n in range(ROUNDS + 10):
            facts: dict[str, Scalar] = {"state": "CA", "bill": 180 + n}
            match = campaign.match(facts, source="acme", at=AT)
            lot = Lot(id=world.new_id(), campaign=campaign, source="acme", match=match, lead=facts)
            began = time.perf_counter()
            hammer = await auctioneer.hold(lot)
            took = (time.perf_counter() - began) * 1000
            if n >= 10:  # connections are there by then
                times.append(took)
                if len(hammer.bids) < bids:
                    raise AssertionError(f"{len(hammer.bids)} bids instead of {bids}: {dict(hammer.silent)}")
        await auctioneer.close()
    return times


def auction_ms() -> Mapping[str, float]:
    """How much longer than the slowest answer, and than the deadline, an auction takes: the median of each."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "bench.auction", str(port)]
        with running("bidders", command, Path(folder), port=port):
            slowest = BIDDERS * STEP_MS
            whole = uvloop.run(held(port, "2s", BIDDERS))
            cut = uvloop.run(held(port, f"{DEADLINE_MS}ms", DEADLINE_MS // STEP_MS - 3))
    return {
        "auction_ms_over_slowest": round(median(whole) - slowest, 2),
        "auction_ms_over_deadline": round(median(cut) - DEADLINE_MS, 2),
        "auction_p99_ms_over_slowest": round(sorted(whole)[int(len(whole) * 0.99)] - slowest, 2),
    }


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
