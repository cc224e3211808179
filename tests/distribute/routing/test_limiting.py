"""Limits that lie in one another, count money, roll, or are a buyer's account; exactly, as contracts are chosen."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.catalog.documents import Distribution
from app.catalog.limits import Account, Cap, Money
from app.core.reserved import held
from app.distribute.allocate import allocate, needs, rehearse
from app.distribute.caps import PIECES, CountedCap, Use, caps_of
from app.distribute.route import RouteIndex
from app.distribute.wanting import Choice, Want
from tests.distribute.routing.standing import NOON, Contract, contract


def account(*caps: dict[str, Any], **money: Any) -> Account:
    return Account(
        tuple(Cap.model_validate(cap) for cap in caps), Money.model_validate(money) if money else None
    )


def of(buyer: str, one: Contract, its: Account) -> Contract:
    return Contract(one.id, buyer, one.doc, one.paused, its)


class House:
    """Counters as the database has them; every lead is a batch of its own."""

    def __init__(self, *contracts: Contract, caps: list[dict[str, Any]] | None = None) -> None:
        to = {"rank": ["price"], "caps": caps or []}
        self.index: RouteIndex[Contract] = RouteIndex(contracts, Distribution.model_validate(to))
        self.counters: dict[str, int] = {}

    def choose(self, lead: dict[str, Any] | None = None, *, at: datetime = NOON, **more: Any) -> Choice:
        want = Want(self.index.match(lead or {}, source="acme", at=at), **more)
        again: tuple[str, ...] = ()
        for _ in range(5):
            locked = {key: self.counters.get(key, 0) for key in (*needs([want]), *again)}
            done = allocate([want], locked)
            (choice,) = done.choices
            if not choice.again:
                assert done.increments.keys() <= locked.keys()
                for key, n in done.increments.items():
                    self.counters[key] = self.counters.get(key, 0) + n
                return choice
            again = (*again, *choice.again)  # what was learned stays learned, as with the chooser
        raise AssertionError("it never ends")

    def sell(self, lead: dict[str, Any] | None = None, **more: Any) -> str:
        """Who gets the lead."""
        chosen = self.choose(lead, **more).chosen
        return chosen[0].contract if chosen else ""

    def give_back(self, choice: Choice) -> None:
        for one in choice.chosen:
            for key, n in held(one.caps).items():
                self.counters[key] -= n


# caps in one another ---------------------------------------------------------------------------------


def test_a_buyers_cap_is_one_for_all_its_contracts() -> None:
    two = account({"per": "day", "leads": 2})
    house = House(
        of("sunco", contract("a", price="3"), two),
        of("sunco", contract("b", 'lead.state == "CA"', price="4"), two),
        contract("c", price="1"),
    )
    assert [house.sell({"state": "CA"}), house.sell(), house.sell(), house.sell({"state": "CA"})] == [
        "b", "a", "c", "c",
    ]  # fmt: skip


def test_all_caps_hold_together_and_where_one_is_full_none_counts() -> None:
    house = House(
        of("sunco", contract("a", caps=[{"per": "day", "leads": 9}]), account({"per": "day", "leads": 1})),
        caps=[{"per": "day", "leads": 5}],
    )
    assert [house.sell(), house.sell()] == ["a", ""]
    assert sorted(house.counters.values()) == [1, 1, 1]


def test_a_full_cap_of_the_campaign_closes_it_for_everybody_and_is_named_once() -> None:
    house = House(contract("a", price="2"), contract("b"), caps=[{"per": "day", "leads": 1}])
    assert house.sell() == "a"
    choice = house.choose()
    assert choice.exhausted
    ((contract_id, key),) = choice.full
    assert (contract_id, key.split(":")[:3]) == ("", ["cap", "campaign/solar", "day"])


def test_what_a_campaigns_cap_does_not_count_passes_it() -> None:
    house = House(contract("a"), caps=[{"per": "day", "leads": 0, "when": 'lead.state == "TX"'}])
    assert [house.sell({"state": "TX"}), house.sell({"state": "NV"})] == ["", "a"]


# money -----------------------------------------------------------------------------------------------


def test_a_budget_sums_up_prices_and_is_never_passed() -> None:
    house = House(contract("a", price="42.50", caps=[{"per": "day", "amount": "100.00"}]))
    assert [house.sell(), house.sell(), house.sell()] == ["a", "a", ""]
    assert list(house.counters.values()) == [850_000]


def test_a_cheaper_lead_fits_where_a_dearer_one_does_not() -> None:
    one = account({"per": "month", "amount": "10"})
    house = House(of("sunco", contract("a", price="8"), one), of("sunco", contract("b", price="2"), one))
    assert [house.sell(), house.sell(), house.sell()] == ["a", "b", ""]


def test_a_budget_gets_back_what_it_gave() -> None:
    house = House(contract("a", price="42.50", caps=[{"per": "day", "amount": "42.50"}]))
    choice = house.choose()
    assert choice.chosen[0].caps[0].endswith("\t425000")
    house.give_back(choice)
    assert house.sell() == "a"


def test_who_pays_beforehand_gets_leads_for_what_was_paid() -> None:
    house = House(of("sunco", contract("a", price="30"), account(terms="prepaid")))
    assert house.sell() == ""
    house.counters["balance:sunco"] = -600_000
    assert [house.sell(), house.sell(), house.sell()] == ["a", "a", ""]
    assert house.counters == {"balance:sunco": 0}
    assert house.choose().full == (("a", "balance:sunco"),)


def test_credit_ends_at_its_limit() -> None:
    house = House(of("sunco", contract("a", price="30"), account(terms="credit", credit_limit="59.99")))
    assert [house.sell(), house.sell()] == ["a", ""]


def test_a_low_balance_stops_offers_before_it_is_spent_and_a_deposit_begins_them_again() -> None:
    house = House(of("sunco", contract("a", price="30"), account(terms="prepaid", low_balance="100")))
    house.counters["balance:sunco"] = -1_200_000
    assert [house.sell(), house.sell()] == ["a", ""]  # 90 are left, less than 100
    house.counters["balance:sunco"] -= 100_000
    assert house.sell() == "a"


def test_what_costs_nothing_needs_no_budget_but_an_account_that_is_not_low() -> None:
    free = House(contract("a", price="0", caps=[{"per": "day", "amount": "0"}]))
    assert free.sell() == "a"
    low = House(of("sunco", contract("a", price="0"), account(terms="prepaid", low_balance="1")))
    assert low.sell() == ""


def test_a_price_of_its_own_is_what_counts_for_this_lead() -> None:
    house = House(contract("a", price="42", caps=[{"per": "day", "amount": "10"}]))
    assert house.sell() == ""
    assert house.sell(prices={"a": Decimal("9.99")}) == "a"
    assert list(house.counters.values()) == [99_900]


# what a source may bring -----------------------------------------------------------------------------


def gate_of(limit: int) -> CountedCap:
    (cap,) = caps_of("source/acme", [Cap.model_validate({"per": "day", "leads": limit})])
    return cap


def test_a_source_that_brought_enough_is_refused_whoever_would_have_the_lead() -> None:
    house, gate = House(contract("a")), (gate_of(1).part(NOON),)
    assert house.choose(gate=gate).refused == ""
    second = house.choose(gate=gate)
    assert (second.chosen, second.refused.split(":")[:2]) == ((), ["cap", "source/acme"])


def test_what_a_source_brought_counts_also_where_nobody_buys_it() -> None:
    house, gate = House(contract("a", caps=[{"per": "day", "leads": 0}])), (gate_of(1).part(NOON),)
    choice = house.choose(gate=gate)
    assert (choice.chosen, choice.refused) == ((), "")
    assert house.choose(gate=gate).refused


def test_a_lead_that_needs_a_second_look_has_not_passed_the_gate_yet() -> None:
    house, gate = House(contract("a", caps=[{"per": "day", "leads": 9}])), gate_of(1).part(NOON)
    done = allocate([Want(house.index.match({}, source="acme", at=NOON), gate=(gate,))], {gate.key: 0})
    assert done.choices[0].again
    assert done.increments == {}


# rolling ---------------------------------------------------------------------------------------------


def test_a_day_that_rolls_knows_no_midnight() -> None:
    house = House(contract("a", caps=[{"per": "day", "leads": 1, "window": "rolling"}]))
    before, after = (datetime(2026, 3, day, 23 * (day == 3), 30, tzinfo=UTC) for day in (3, 4))
    assert [house.sell(at=before), house.sell(at=after)] == ["a", ""]
    assert house.sell(at=before + timedelta(hours=25)) == "a"


def test_a_rolling_cap_starts_a_counter_of_its_own() -> None:
    rolling, calendar = caps_of(
        "a", [Cap.model_validate({"per": "day", "leads": 1, "window": w}) for w in ("rolling", "calendar")]
    )
    assert rolling.name != calendar.name


def test_a_clock_that_goes_ahead_a_little_is_minded() -> None:
    house = House(contract("a", caps=[{"per": "hour", "leads": 1, "window": "rolling"}]))
    ahead = NOON + timedelta(minutes=5)
    assert [house.sell(at=ahead), house.sell(at=NOON)] == ["a", ""]


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(PIECES)),
    st.integers(1, 4),
    st.lists(st.floats(0, 0.7), min_size=5, max_size=40),
)
def test_no_window_of_that_length_ever_has_more(per: str, limit: int, gaps: list[float]) -> None:
    piece, pieces = PIECES[per]
    house = House(contract("a", caps=[{"per": per, "leads": limit, "window": "rolling"}]))
    at, sold = NOON, list[datetime]()
    for gap in gaps:
        at += piece * pieces * gap
        if house.sell(at=at):
            sold.append(at)
    assert all(sum(one <= other < one + piece * pieces for other in sold) <= limit for one in sold)
    if sum(gaps) > 2 * limit:  # nor is it closed for much longer than it must be
        assert len(sold) >= limit


# all of it -------------------------------------------------------------------------------------------


_CAPS = st.lists(
    st.builds(
        lambda per, what, n, window: {"per": per, what: n if what == "leads" else str(n), "window": window},
        st.sampled_from(["hour", "day"]),
        st.sampled_from(["leads", "amount"]),
        st.integers(0, 9),
        st.sampled_from(["calendar", "rolling"]),
    ),
    max_size=2,
)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.sampled_from("xy"), _CAPS), min_size=1, max_size=4),
    st.dictionaries(st.sampled_from("xy"), st.tuples(_CAPS, st.integers(0, 20)), min_size=2),
    _CAPS,
    st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=30),
)
def test_no_limit_is_ever_passed_and_what_is_refused_leaves_nothing(
    contracts: list[tuple[int, str, list[dict[str, Any]]]],
    buyers: Mapping[str, tuple[list[dict[str, Any]], int]],
    campaign: list[dict[str, Any]],
    leads: list[tuple[float, bool]],
) -> None:
    accounts = {id: account(*caps, terms="credit", credit_limit=str(n)) for id, (caps, n) in buyers.items()}
    house = House(
        *(
            of(buyer, contract(f"c{n}", price=str(price), caps=caps), accounts[buyer])
            for n, (price, buyer, caps) in enumerate(contracts)
        ),
        caps=campaign,
    )
    holds: Counter[str] = Counter()
    at = NOON
    for hours, refuses in leads:
        at += timedelta(hours=hours)
        choice = house.choose(at=at)
        if refuses:
            house.give_back(choice)
        else:
            for one in choice.chosen:
                holds.update(held(one.caps))
        assert {key: n for key, n in house.counters.items() if n} == {k: n for k, n in holds.items() if n}
        for use in _now(house, at):
            assert sum(house.counters.get(key, 0) for key in use.keys) <= use.limit


def _now(house: House, at: datetime) -> list[Use]:
    return [limit.part(at, 0) for limits in house.index.caps for limit in limits]


@pytest.mark.parametrize(
    "cap, fault",
    [
        ({"per": "day"}, "says leads, or amount"),
        ({"per": "day", "leads": 1, "amount": "1"}, "says leads, or amount"),
        ({"per": "total", "leads": 1, "window": "rolling"}, "rolls over no total"),
        ({"per": "day", "leads": 1, "window": "rolling", "zone": "UTC"}, "is the same in every zone"),
        ({"per": "day", "amount": "0.00001"}, "at most four"),
        ({"per": "day", "amount": "-1"}, "greater than or equal to 0"),
        ({"per": "day", "amount": "NaN"}, "is no amount"),
    ],
)
def test_a_cap_that_says_nothing_clear_is_refused(cap: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Cap.model_validate(cap)


@pytest.mark.parametrize(
    "money, fault",
    [
        ({"terms": "credit"}, "credit without an end"),
        ({"terms": "prepaid", "credit_limit": "5"}, "has no credit"),
        ({"terms": "later"}, "prepaid"),
    ],
)
def test_an_account_without_an_end_is_refused(money: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        Money.model_validate(money)


def test_who_was_never_seen_to_have_paid_is_sold_to_only_on_what_is_locked() -> None:
    buyer = of("sunco", contract("a", price="42.00"), account(terms="prepaid"))
    house = House(buyer)
    tried = rehearse([Want(house.index.match({}, source="acme", at=NOON))], {})
    assert tried.keys == {"balance:sunco"}
    assert not tried.holds({"balance:sunco": 0})
