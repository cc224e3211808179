"""What a buyer shows for a return that is still open is kept with it: once, within bounds, and found with its person."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.core.world import World
from app.followup.item import item_of
from app.pipeline.feedback_chunk import MOST_EVIDENCE
from app.pipeline.person_export import Exporter
from app.store import erasing, feedback, persons, returns
from app.store.database import Database
from app.store.feedback import NewFeedback
from tests.buyer import Buyer
from tests.pipeline.house import source
from tests.pipeline.test_returning import Desk, desk, selling


async def thread(open_: Desk) -> list[tuple[str, str, str]]:
    return [
        tuple(row)
        for row in await open_.house.rows("select kind, text, evidence from return_word order by id")
    ]


async def test_new_evidence_is_kept_and_changes_nothing_else(database: Database, buyer: Buyer) -> None:
    async with desk(
        database, source(), selling(buyer, "window: 7d, review_within: 2d, then: approve")
    ) as open_:
        delivery = await open_.sold()
        request = await open_.requested(delivery, note="no answer", evidence="recording 16")
        before = await open_.house.rows("select * from return_request")
        told = await open_.give_back(delivery, note="and again", evidence="recording 17")
        assert (told.outcome, told.code, told.id) == ("pending", "evidence", request)
        again = await open_.give_back(delivery, evidence="recording 17", external_id="r-9")
        assert (again.outcome, again.code, again.id) == ("duplicate", "requested", request)
        first = await open_.give_back(delivery, evidence="recording 16", note="other words")
        assert first.outcome == "duplicate"
        assert await thread(open_) == [
            ("requested", "no answer", "recording 16"), ("evidence", "and again", "recording 17"),
        ]  # fmt: skip
        assert await open_.house.rows("select * from return_request") == before
        assert await open_.house.value("select count(*) from feedback") == 1
        async with database.acquire() as conn:
            found = await returns.find(conn, request)
        assert found is not None
        assert found.evidence == 2


async def test_what_was_shown_before_is_no_appeal(database: Database, buyer: Buyer) -> None:
    """A file that comes again must not ask for what was denied."""
    async with desk(database, source(), selling(buyer)) as open_:
        delivery = await open_.sold()
        request = await open_.requested(delivery)
        assert (await open_.give_back(delivery, evidence="recording 17")).code == "evidence"
        await open_.returns.deny(request, "she answered", by="ann")
        again = await open_.give_back(delivery, evidence="recording 17")
        assert (again.outcome, again.code) == ("duplicate", "denied")
        assert (await open_.give_back(delivery, evidence="recording 18")).code == "appealed"
        assert (await open_.give_back(delivery, evidence="recording 18")).outcome == "duplicate"
        assert (await open_.give_back(delivery, evidence="recording 19")).code == "evidence"
        kinds = [kind for kind, _, _ in await thread(open_)]
        assert kinds == ["requested", "evidence", "denied", "appealed", "evidence"]


async def test_one_body_may_ask_and_show_more(database: Database, buyer: Buyer) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        item = {"type": "return", "delivery_id": str(await open_.sold()), "reason": "other"}
        told = await open_.tell(
            item, {**item, "evidence": "a"}, {**item, "evidence": "b"}, {**item, "evidence": "a"}
        )
        assert [one.code for one in told] == ["requested", "evidence", "evidence", "requested"]
        assert [one[2] for one in await thread(open_)] == ["", "a", "b"]


async def test_the_same_at_the_same_moment_is_kept_once_and_never_more_than_the_bound(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        delivery = await open_.sold()
        await open_.requested(delivery)
        told = await asyncio.gather(*(open_.give_back(delivery, evidence="one") for _ in range(6)))
        assert sorted(one.outcome for one in told) == ["duplicate"] * 5 + ["pending"]
        told = await asyncio.gather(
            *(open_.give_back(delivery, evidence=f"e{n}") for n in range(MOST_EVIDENCE + 2))
        )
        assert sorted({one.code for one in told}) == ["evidence", "too_much"]
        assert [one.code for one in told].count("too_much") == 3
        assert (
            await open_.house.value("select count(*) from return_word where evidence <> ''") == MOST_EVIDENCE
        )
        assert (await open_.give_back(delivery, evidence="one")).outcome == "duplicate"


@pytest.mark.parametrize("decided", ["approved", "withdrawn"])
async def test_what_is_decided_takes_no_more(database: Database, buyer: Buyer, decided: str) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        delivery = await open_.sold()
        request = await open_.requested(delivery)
        if decided == "approved":
            await open_.returns.approve(request, by="ann")
        else:
            await open_.tell({"type": "correction", "voids": str(request)})
        told = await open_.give_back(delivery, evidence="late")
        assert (told.outcome, told.code) == ("duplicate", decided)
        assert "late" not in str(await thread(open_))


async def test_showing_and_deciding_at_the_same_moment_is_one_after_the_other(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        delivery = await open_.sold()
        request = await open_.requested(delivery)
        told, _ = await asyncio.gather(
            open_.give_back(delivery, evidence="tape"), open_.returns.approve(request, by="ann")
        )
        kinds = [kind for kind, _, _ in await thread(open_)]
        expected = (
            ["requested", "evidence", "approved"] if told.code == "evidence" else ["requested", "approved"]
        )
        assert kinds == expected
        assert await open_.books() == {}


async def test_it_is_exported_and_erased_with_its_person_and_none_comes_after(
    database: Database, buyer: Buyer
) -> None:
    async with desk(database, source(), selling(buyer)) as open_:
        delivery, house = await open_.sold(), open_.house
        await open_.requested(delivery)
        await open_.give_back(delivery, note="Ann hung up", evidence="Ann's recording")
        lead_id = await house.value("select id from lead")
        async with database.acquire() as conn:
            told = str(
                await Exporter(conn, house.reader, {})._lead((await persons.places(conn, [lead_id]))[0])
            )
            assert "Ann hung up" in told
            assert "Ann's recording" in told
            async with conn.transaction():
                await erasing.erase_leads(conn, [lead_id], by="test")
        late = await open_.give_back(delivery, evidence="Ann's other recording")
        assert (late.outcome, late.code) == ("duplicate", "requested")
        assert "Ann" not in str(await thread(open_))


async def test_what_belongs_to_a_return_that_was_not_taken_is_not_said_to_be_kept(
    database: Database, buyer: Buyer
) -> None:
    """An id of the buyer's that another transaction keeps at this very moment, for another delivery."""
    async with desk(database, source(), selling(buyer)) as open_:
        one, two = await open_.sold(), await open_.sold("bob@example.com", phone="512-555-0199")
        item = {"type": "return", "delivery_id": str(one), "reason": "other"}
        async with database.acquire() as conn, conn.transaction():
            lead_id = await conn.fetchval("select lead_id from delivery where id = $1", two)
            await feedback.keep(conn, [_taken(two, lead_id, item_of({**item, "external_id": "r-1"}).key)])
            telling = asyncio.create_task(
                open_.tell({**item, "external_id": "r-1"}, {**item, "evidence": "tape"})
            )
            while not await open_.house.value("select count(*) from pg_locks where not granted"):
                await asyncio.sleep(0)
        told = await telling
        assert [(one.outcome, one.code) for one in told] == [("duplicate", "won"), ("unmatched", "unmatched")]
        assert await thread(open_) == []
        assert (await open_.give_back(one, "other", evidence="tape")).code == "requested"


def _taken(delivery: UUID, lead_id: UUID, key: bytes) -> NewFeedback:
    now = datetime.now(UTC)
    return NewFeedback(
        id=World().new_id(), lead_id=lead_id, delivery_id=delivery, buyer="b1", key=key, kind="disposition", code="won",
        raw="won", occurred_at=now, received_at=now, by_whom="b1", external_id="r-1", amount=None, currency=None,
        promised_at=None, voids=None, conflict=False, note="",
    )  # fmt: skip
