from decimal import Decimal
from typing import Any

import pytest

from app.catalog.limits import Cap, Money
from app.core.money import units
from app.distribute.caps import CountedBalance, caps_of
from app.distribute.fills import fill
from tests.distribute.routing.standing import NOON


def test_a_rolling_cap_is_as_full_as_all_its_pieces() -> None:
    (cap,) = caps_of("west", [Cap.model_validate({"per": "day", "leads": 200, "window": "rolling"})])
    first, second, *_ = cap.part(NOON).keys
    assert fill(cap, NOON, {first: 100, second: 40, "cap:other": 7}) == "140 of 200 in any 24 hours"


@pytest.mark.parametrize(
    "money, owed, told",
    [
        ({"terms": "prepaid"}, "-12.50", "12.50 left"),
        ({"terms": "credit", "credit_limit": "500"}, "120", "owes 120.00 of 500.00"),
        (
            {"terms": "credit", "credit_limit": "500", "low_balance": "50"},
            "120",
            "owes 120.00 of 500.00, offered nothing below 50.00",
        ),
    ],
)
def test_what_is_paid_beforehand_is_left_and_what_is_lent_is_owed(
    money: dict[str, Any], owed: str, told: str
) -> None:
    account = CountedBalance("sunco", Money.model_validate(money))
    assert fill(account, NOON, {"balance:sunco": units(Decimal(owed))}) == told
