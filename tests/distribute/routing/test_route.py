from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.distribute.bitsets import positions
from app.distribute.route import LeftOut
from tests.distribute.routing.standing import NOON, contract, index_of


def test_contracts_come_best_first_and_equals_by_id() -> None:
    index = index_of(
        contract("c", price="10"),
        contract("b", price="42.50", priority=1),
        contract("a", price="42.5", priority=2),
        contract("e", price="9.99"),
        contract("d", price="10.00"),
    )
    match = index.match({}, source="acme", at=NOON)
    assert match.ranked() == ["a", "b", "c", "d", "e"]
    assert match.ranked(2) == ["a", "b"]
    assert [[index.contracts[i].id for i in tier] for tier in match.tiers()] == [
        ["a"],
        ["b"],
        ["c", "d"],
        ["e"],
    ]


def test_a_key_after_the_turn_breaks_ties_only() -> None:
    index = index_of(contract("b", price="1"), contract("a", price="2"), rank=("round_robin", "price"))
    assert list(index.match({}, source="acme", at=NOON).tiers()) == [(0, 1)]
    assert [one.id for one in index.contracts] == ["a", "b"]


def test_without_a_turn_every_contract_is_its_own_tier() -> None:
    index = index_of(contract("b"), contract("a"), rank=("price",))
    assert list(index.match({}, source="acme", at=NOON).tiers()) == [(0,), (1,)]


def test_each_contract_is_left_out_once_by_its_first_cause() -> None:
    closed = {"zone": "UTC", "open": {"mon-sun": "13:00-14:00"}}
    no, maybe = 'lead.state == "NV"', 'lead.state.endsWith("V")'
    index = index_of(
        contract("taken"),
        contract("paused", no, paused=True, sources=["other"], hours=closed),
        contract("elsewhere", no, sources=["other"], hours=closed),
        contract("no", no, hours=closed),
        contract("closed", hours=closed),
        contract("closed-and-asked", maybe, hours=closed),
        contract("asked", maybe),
    )
    match = index.match({"state": "CA"}, source="acme", at=NOON)
    assert match.ranked() == ["taken"]
    assert match.left_out == LeftOut(paused=1, source=1, filter=2, hours=2)
    assert str(match.left_out) == "2 filter, 2 hours, 1 paused, 1 source"


def test_a_list_of_sources_lets_in_only_those() -> None:
    index = index_of(contract("a", sources=["acme", "best"]), contract("b"), contract("c", sources=["best"]))
    ranked = [index.match({}, source=s, at=NOON).ranked() for s in ("acme", "best", "new")]
    assert ranked == [["a", "b"], ["a", "b", "c"], ["b"]]


def test_opening_and_closing_are_seen_to_the_second_in_any_order() -> None:
    index = index_of(
        contract("east", hours={"zone": "America/New_York", "open": {"daily": "08:00-18:00"}}),
        contract("west", hours={"zone": "America/Los_Angeles", "open": {"daily": "08:00-18:00"}}),
        contract("always"),
    )
    day = datetime(2026, 3, 4, tzinfo=UTC)
    seen = {
        at: index.match({}, source="acme", at=day + timedelta(seconds=at)).ranked()
        for hour in (13, 16, 23, 26)
        for at in (hour * 3600, hour * 3600 - 1, hour * 3600)
    }
    both, east, west = ["always", "east", "west"], ["always", "east"], ["always", "west"]
    assert list(seen.values()) == [east, ["always"], both, east, west, both, ["always"], west]


def test_a_filter_may_ask_for_the_source() -> None:
    index = index_of(contract("a", 'source == "acme"'), contract("b", 'source != "acme"'))
    assert index.match({}, source="acme", at=NOON).ranked() == ["a"]


def test_two_bounds_of_one_kind_on_one_field_both_hold() -> None:
    index = index_of(
        contract("a", 'lead.bill > 1 && lead.bill > 5 && lead.state in ["CA"] && lead.state in ["CA","NV"]')
    )
    assert index.match({"bill": 6, "state": "CA"}, source="s", at=NOON).count == 1
    assert index.match({"bill": 3, "state": "CA"}, source="s", at=NOON).count == 0
    assert index.match({"bill": 6, "state": "NV"}, source="s", at=NOON).count == 0


def test_an_empty_campaign_matches_nothing() -> None:
    match = index_of().match({"a": 1}, source="acme", at=NOON)
    assert (match.count, match.ranked(), list(match.tiers()), str(match.left_out)) == (0, [], [], "")


@pytest.mark.parametrize("many", [3, 600])
def test_values_that_many_or_few_contracts_name_are_found_alike(many: int) -> None:
    index = index_of(
        *(contract(f"ca{i:04d}", f'lead.state in ["CA", "S{i}"]') for i in range(many)),
        *(contract(f"no{i:04d}", f'lead.state != "S{i}"') for i in range(many)),
    )

    def matched(state: str) -> int:
        return index.match({"state": state}, source="acme", at=NOON).count

    assert [matched("CA"), matched("S1"), matched("FL")] == [2 * many, many, many]


@settings(max_examples=60)
@given(st.sets(st.integers(0, 900)))
def test_positions_are_the_set_bits(numbers: set[int]) -> None:
    assert list(positions(sum(1 << n for n in numbers))) == sorted(numbers)
