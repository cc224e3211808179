"""Where a lead is decides who gets it, on the whole path: circles in miles and kilometres, territories, lists of codes."""

import pytest

from app.store.database import Database
from tests.buyer import Buyer
from tests.pipeline.house import catalogue, contract, lead, opened, source

SAN_FRANCISCO, OAKLAND, SAN_JOSE, NEW_YORK, BUFFALO = "94110", "94607", "95112", "10011", "14201"


def yaml(buyer: Buyer) -> str:
    """San José is 42 miles, and 67 kilometres, from the middle of both circles."""
    areas = {
        "kilometres": ("60.00", '{near: [{postal_code: "94107", km: 50}]}'),
        "miles": ("50.00", '{near: [{postal_code: "94107", miles: 50}]}'),
        "city": ("40.00", "{territories: [gotham]}"),
        "list": ("30.00", '{postal_codes: ["14201", "606*"]}'),
        "state": ("20.00", "{states: [TX]}"),
    }
    parts = (
        contract(id_, buyer.url("/ok"), price=price, more=f"area: {area}")
        for id_, (price, area) in areas.items()
    )
    told = catalogue(source(), *parts)
    told = told.replace(
        "      state: ", "      postal_code: {type: postal_code, country: US}\n      state: ", 1
    )
    territory = (
        "territories: {gotham: {near: [{latitude: 40.75, longitude: -73.99, miles: 10}], states: [NJ]}}"
    )
    return told.replace("rank: [price, priority]", f"rank: [price, priority], {territory}")


@pytest.mark.parametrize(
    ("where", "who"),
    [
        ({"postal_code": SAN_FRANCISCO}, "kilometres"),
        ({"postal_code": f"{OAKLAND}-1234"}, "kilometres"),
        ({"postal_code": SAN_JOSE}, "miles"),
        ({"postal_code": NEW_YORK}, "city"),
        ({"state": "NJ"}, "city"),
        ({"postal_code": "07030"}, "city"),
        ({"postal_code": BUFFALO}, "list"),
        ({"postal_code": "60614"}, "list"),
        ({"postal_code": "75201"}, "state"),
        ({"state": "TX"}, "state"),
        ({"postal_code": "98101"}, ""),
        ({}, ""),
    ],
)  # fmt: skip
async def test_a_lead_goes_to_who_takes_leads_from_there(
    database: Database, buyer: Buyer, where: dict[str, str], who: str
) -> None:
    async with opened(database, yaml(buyer)) as house:
        found = await house.deliveries((await house.one(lead(**where))).lead_id)
        assert [one for one, _ in found] == ([who] if who else [])
