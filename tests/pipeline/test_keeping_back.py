"""A source that wants to hear how it ended hears nothing before, each thing once, and of what was taken back nothing."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from app.followup.callback import KEPT_BACK_DAYS
from app.store import callbacks
from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import lead, source
from tests.pipeline.test_callbacks import told as tell_all
from tests.pipeline.test_returning import Desk, desk, selling

EVENTS = "feedback: [returned, won, revenue, dnc], delay: final, outcomes: [failure]"


class Vendor:
    """Two buyers have a lead of his."""

    def __init__(self, open_: Desk, hears: Buyer, first: UUID, second: UUID) -> None:
        self.open_, self.hears, self.first, self.second = open_, hears, first, second

    async def tell(self, delivery: UUID, code: str, **more: Any) -> None:
        buyer = "b1" if delivery == self.first else "b2"
        (result,) = await self.open_.tell({"delivery_id": str(delivery), "code": code, **more}, buyer=buyer)
        assert result.outcome == "accepted", result

    async def heard(self) -> list[dict[str, Any]]:
        await tell_all(self.open_.house)
        return [json.loads(one.body) for one in self.hears.received]


@pytest.fixture
async def vendor(database: Database, buyer: Buyer) -> AsyncIterator[Vendor]:
    async with Buyer() as hears:
        told = source(more=f', callback: {{url: "{hears.url("/ok")}", {EVENTS}}}')
        parts = (selling(buyer), selling(buyer, id_="b2", price="30.00"))
        async with desk(database, told, *parts, sell="shared(2)") as open_:
            lead_id = (await open_.house.one(lead())).lead_id
            await open_.house.ends(lead_id, "sold")
            rows = await open_.house.rows("select id from delivery order by contract")
            yield Vendor(open_, hears, rows[0][0], rows[1][0])


async def test_all_of_it_is_told_with_the_last_word_and_says_how_it_ended(vendor: Vendor) -> None:
    await vendor.tell(vendor.first, "won")
    await vendor.tell(vendor.first, "won", type="revenue", amount="900")
    assert await vendor.heard() == []
    await vendor.tell(vendor.second, "lost.price")
    said = await vendor.heard()
    assert sorted(one["event"] for one in said) == ["revenue", "won"]
    assert {json.dumps(one["feedback"], sort_keys=True) for one in said} == {
        json.dumps(
            {"sold": 2, "returned": 0, "reached": 1, "best": "won", "reasons": ["lost.price"], "final": True},
            sort_keys=True,
        )
    }


async def test_a_return_is_the_last_word_of_its_buyer(vendor: Vendor) -> None:
    await vendor.tell(vendor.first, "won")
    await vendor.open_.returns.approve(await vendor.open_.requested(vendor.second, buyer="b2"), by="ann")
    said = await vendor.heard()
    assert sorted(one["event"] for one in said) == ["returned", "won"]
    assert all(one["feedback"]["final"] for one in said)


async def test_what_was_taken_back_before_the_end_was_never_told(vendor: Vendor) -> None:
    await vendor.tell(vendor.first, "won", external_id="w")
    await vendor.open_.tell({"type": "correction", "voids": "w"})
    await vendor.tell(vendor.first, "lost")
    await vendor.tell(vendor.second, "lost")
    assert await vendor.heard() == []


async def test_what_comes_after_the_end_is_told_as_it_comes(vendor: Vendor) -> None:
    await vendor.tell(vendor.first, "lost")
    await vendor.tell(vendor.second, "lost")
    await vendor.tell(vendor.first, "won", external_id="w")
    assert [one["event"] for one in await vendor.heard()] == ["won"]
    await vendor.open_.tell({"type": "correction", "voids": "w"})
    assert ["supersedes" in one for one in await vendor.heard()] == [False, True]


async def test_that_nobody_is_to_call_is_told_at_once(vendor: Vendor) -> None:
    await vendor.tell(vendor.first, "bad.dnc")
    assert [one["event"] for one in await vendor.heard()] == ["dnc"]


async def test_a_buyer_who_never_says_how_it_ended_is_not_waited_for(vendor: Vendor) -> None:
    await vendor.tell(vendor.first, "won")
    async with vendor.open_.house.database.acquire() as conn:
        assert (await callbacks.queues(conn))[:2] == (0, 0)  # nothing is late
    house = vendor.open_.house
    for days, events in ((KEPT_BACK_DAYS - 1, 0), (1, 1)):
        await house.run(
            "update callback set next_at = next_at - $1 * interval '1 day', owed_at = owed_at - $1 * interval '1 day'",
            days,
        )
        assert len(await vendor.heard()) == events
