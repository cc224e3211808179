"""The last place of a campaign, given back by the buyer who refused the lead, looked taken to the next one: it was unsold."""

from collections.abc import AsyncIterator

import pytest

from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import catalogue, contract, lead, opened, source


@pytest.fixture
async def buyer() -> AsyncIterator[Buyer]:
    async with Buyer() as opened:
        yield opened


@pytest.mark.parametrize("cap", ["leads: 1", 'amount: "42.00"', "leads: 1, window: rolling"])
async def test_a_place_that_a_refusal_gives_back_is_the_next_buyers(
    database: Database, buyer: Buyer, cap: str
) -> None:
    no, yes = contract("b1", buyer.url("/reject")), contract("b2", buyer.url("/ok"), price="30.00")
    ranked = "rank: [price, priority]"
    yaml = catalogue(source(), no, yes).replace(ranked, f"{ranked}, caps: [{{per: day, {cap}}}]")
    async with opened(database, yaml) as house:
        assert (await house.one(lead())).state == "sold"
        assert (await house.one(lead("bob@example.com"))).state == "unsold"
