"""A lead that comes in parts is one lead, whoever sends its parts, in whatever order and at the same moment."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest

from app.core.errors import Conflict, NotYours, Unprocessable
from app.pipeline.partials import MOST_PARTS, Partials
from app.pipeline.pieces import Pieces
from app.pipeline.story import source_view
from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import ON_EMAIL, House, catalogue, contract, opened, source

JSON = "application/json"


def partials_of(house: House) -> Partials:
    pieces = Pieces(house.reader, house.world, lambda: house.plans)
    return Partials(house.engine, house.database, pieces, house.world, house.metrics)


def body(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def yaml(buyer: Buyer, more: str = "", *, reply: str = "sold") -> str:
    return catalogue(
        source(reply=reply, more=more),
        source("other"),
        contract("b1", buyer.url("/ok")),
        checks=ON_EMAIL,
    )


async def view(house: House, lead_id: UUID, source_id: str = "acme") -> dict[str, Any] | None:
    async with house.database.acquire() as conn:
        return await source_view(conn, lead_id, source_id)


async def passes(house: House, partials: Partials) -> None:
    """Every partial lead's time is up."""
    await house.run("update partial set due_at = now() where state = 'open'")
    await partials.end_overdue()
    await house.upkeep.inbox()


async def test_a_partial_lead_is_kept_and_nothing_is_done_with_it(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(buyer)) as house:
        lead_id = await partials_of(house).keep("acme", body(first_name="Ann"), JSON)
        await house.upkeep.inbox()
        seen = await view(house, lead_id)
        assert seen is not None
        assert (seen["state"], seen["outcome"]) == ("partial", "pending")
        assert await view(house, lead_id, "other") is None
        assert await house.value("select count(*) from lead") == 0
    assert buyer.received == []


async def test_what_completes_it_wins_over_what_began_it_and_a_blank_takes_nothing_away(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, yaml(buyer, ", mapping: {fname: first_name}")) as house:
        partials = partials_of(house)
        lead_id = await partials.keep(
            "acme", body(fname="An", email="ann@example.com", state="CA", x=1), JSON
        )
        answer = await partials.complete(
            "acme", body(first_name="Ann", email=" ", state=None), JSON, lead_id=lead_id
        )
        assert (answer.lead_id, answer.outcome, answer.state) == (lead_id, "success", "sold")
        fields = json.loads(
            await house.value("select fields::text from lead_detail where lead_id = $1", lead_id)
        )
        assert {name: value[0] for name, value in fields.items()} == {
            "first_name": "Ann",
            "email": "ann@example.com",
        }
        assert await house.value("select count(*) from inbox") == 0
        assert house.at_rest()
    assert len(buyer.received) == 1


async def test_the_same_token_goes_on_with_the_lead_that_it_began(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(buyer)) as house:
        partials = partials_of(house)
        first = await partials.keep("acme", body(first_name="Ann"), JSON, token="visitor 1")
        assert await partials.keep("acme", body(email="ann@example.com"), JSON, token="visitor 1") == first
        assert await partials.keep("acme", body(first_name="Bob"), JSON, token="visitor 2") != first
        assert await partials.keep("other", body(first_name="Bob"), JSON, token="visitor 1") != first
        answer = await partials.complete("acme", body(state="CA"), JSON, token="visitor 1")
        assert (answer.lead_id, answer.outcome) == (first, "success")


async def test_a_token_that_began_nothing_is_an_ordinary_lead_and_a_late_goodbye_adds_none(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, yaml(buyer)) as house:
        partials = partials_of(house)
        whole = body(first_name="Ann", email="ann@example.com")
        answer = await partials.complete("acme", whole, JSON, token="visitor 1")
        assert answer.outcome == "success"
        assert await partials.keep("acme", body(first_name="Ann"), JSON, token="visitor 1") == answer.lead_id
        await passes(house, partials)
        assert await house.value("select count(*) from submission") == 1
        assert await house.value("select count(*) from lead") == 1


async def test_twenty_completions_at_once_are_one_sale(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(buyer)) as house:
        partials = partials_of(house)
        lead_id = await partials.keep("acme", body(first_name="Ann"), JSON)
        whole = body(email="ann@example.com")
        answers = await asyncio.gather(
            *(partials.complete("acme", whole, JSON, lead_id=lead_id) for _ in range(20))
        )
        assert {(one.lead_id, one.outcome) for one in answers} == {(lead_id, "success")}
        assert await house.value("select count(*) from lead") == 1
        assert house.at_rest()
    assert len(buyer.received) == 1


async def test_completing_it_with_something_else_is_a_conflict(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(buyer)) as house:
        partials = partials_of(house)
        lead_id = await partials.keep("acme", body(first_name="Ann"), JSON)
        await partials.complete("acme", body(email="ann@example.com"), JSON, lead_id=lead_id)
        with pytest.raises(Conflict, match="completed already"):
            await partials.complete("acme", body(email="bob@example.com"), JSON, lead_id=lead_id)


async def test_nobody_completes_what_another_began(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(buyer)) as house:
        partials = partials_of(house)
        lead_id = await partials.keep("acme", body(first_name="Ann"), JSON)
        with pytest.raises(NotYours):
            await partials.complete("other", body(email="ann@example.com"), JSON, lead_id=lead_id)
        with pytest.raises(NotYours):
            await partials.complete("acme", body(email="a@example.com"), JSON, lead_id=house.world.new_id())
        with pytest.raises(Unprocessable):
            await partials.keep("acme", b'[{"a": 1}, {"b": 2}]', JSON)


async def test_a_lead_comes_in_so_many_parts_and_no_more(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(buyer)) as house:
        partials = partials_of(house)
        lead_id = await partials.keep("acme", body(first_name="Ann"), JSON, token="t")
        for n in range(MOST_PARTS):
            await partials.keep("acme", body(step=n), JSON, token="t")
        with pytest.raises(Unprocessable, match="at most"):
            await partials.keep("acme", body(step="more"), JSON, token="t")
        await partials.keep("acme", body(step=MOST_PARTS - 1), JSON, token="t")  # nothing new
        answer = await partials.complete("acme", body(email="ann@example.com"), JSON, lead_id=lead_id)
        assert answer.outcome == "success"


async def test_what_is_never_completed_ends_as_rejected_and_is_not_sold(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, yaml(buyer, ", partial: {after: 30m}")) as house:
        partials = partials_of(house)
        whole = body(first_name="Ann", email="ann@example.com")
        lead_id = await partials.keep("acme", whole, JSON)
        assert 1790 < await house.value("select extract(epoch from due_at - now()) from partial") <= 1800
        await passes(house, partials)
        await house.ends(lead_id, "rejected")
        seen = await view(house, lead_id)
        assert seen is not None
        assert (seen["outcome"], [one["code"] for one in seen["reasons"]]) == ("failure", ["abandoned"])
        assert await house.value("select count(*) from dedupe_key") == 0
        with pytest.raises(Conflict):
            await partials.complete("acme", body(state="CA"), JSON, lead_id=lead_id)
        assert (await house.one({"first_name": "Ann", "email": "ann@example.com"})).outcome == "success"


async def test_where_the_source_says_so_it_is_sold_as_it_is(database: Database, buyer: Buyer) -> None:
    async with opened(database, yaml(buyer, ", partial: {after: 30m, then: distribute}")) as house:
        partials = partials_of(house)
        lead_id = await partials.keep("acme", body(first_name="Ann"), JSON, token="t")
        await partials.keep("acme", body(email="ann@example.com"), JSON, token="t")
        await passes(house, partials)
        await house.ends(lead_id, "sold")
    assert json.loads(buyer.received[0].body) == {"email": "ann@example.com"}


async def test_a_receipt_is_answered_at_once_and_the_lead_goes_its_way(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, yaml(buyer, reply="receipt")) as house:
        partials = partials_of(house)
        lead_id = await partials.keep("acme", body(first_name="Ann"), JSON)
        answer = await partials.complete("acme", body(email="ann@example.com"), JSON, lead_id=lead_id)
        assert (answer.lead_id, answer.outcome, answer.state) == (lead_id, "pending", "received")
        await house.ends(lead_id, "sold")


async def test_what_a_dead_process_had_completed_is_decided_by_another_as_a_whole(
    database: Database, buyer: Buyer
) -> None:
    async with opened(database, yaml(buyer, reply="receipt")) as house:
        partials = partials_of(house)
        lead_id = await partials.keep("acme", body(first_name="Ann"), JSON)
        house.engine.deciding.later = lambda *_, **__: None  # type: ignore[method-assign]
        await partials.complete("acme", body(email="ann@example.com"), JSON, lead_id=lead_id)
        house.engine.in_hand.clear()
    await asyncio.sleep(0)
    async with opened(database, yaml(buyer, reply="receipt")) as other:
        await other.run("delete from process where id <> $1", other.identity())
        await other.upkeep.inbox()
        await other.ends(lead_id, "sold")
        assert await other.value("select count(*) from lead") == 1
