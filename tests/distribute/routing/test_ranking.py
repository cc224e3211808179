from decimal import Decimal

from app.distribute.ranking import SCALE, levelled, numbered, order_of, quantum, words_of
from tests.distribute.routing.standing import contract


def test_tiers_are_made_by_what_stands_before_the_first_word_that_counts() -> None:
    contracts = [contract("a", price="5", weight=3), contract("b", price="5"), contract("c", price="7")]
    order = numbered(contracts, ("price", "weight", "priority"))
    assert [one.id for one in order] == ["c", "a", "b"]
    assert order_of(order, ("price", "weight", "priority"), {}).tiers == (0, 1, 1)


def test_a_ranking_is_taken_apart_at_its_words_that_count() -> None:
    words = words_of(("sticky", "price", "percentage", "load", "priority", "round_robin", "score"))
    assert words.before == ("sticky", "price")
    assert words.stages == ("percentage", "load", "priority")
    assert (words.turning, words.after) == ("round_robin", ("score",))
    assert words_of(("price",)).turning is None
    assert words_of(("load",)).stages == ("load",)


def test_who_asks_most_of_a_lead_comes_first_and_who_asks_nothing_last() -> None:
    contracts = [contract("a"), contract("b", from_score=0), contract("c", from_score=80)]
    assert [one.id for one in numbered(contracts, ("score", "price"))] == ["c", "b", "a"]


def test_what_is_expected_changes_the_places_and_not_the_numbers() -> None:
    order = numbered([contract("a", price="5"), contract("b", price="4")], ("expected_value",))
    assert [one.id for one in order] == ["a", "b"]
    assert order_of(order, ("expected_value",), {}).plain
    now = order_of(order, ("expected_value",), {"a": Decimal("1.5"), "b": Decimal("3")})
    assert (now.places, now.tiers, now.plain) == ((1, 0), (1, 0), False)


def test_a_sort_behind_a_word_that_counts_stands_by_itself() -> None:
    contracts = [contract("a", price="5", priority=1), contract("b", price="5"), contract("c", price="7")]
    order = numbered(contracts, ("load", "price", "priority"))
    assert order_of(order, ("load", "price", "priority"), {}).groups["price"] == (0, 1, 1)


def test_a_turn_costs_less_the_more_a_contract_weighs() -> None:
    heavy = contract("a", weight=4).doc
    assert (quantum(heavy, "weight"), quantum(heavy, "round_robin")) == (SCALE // 4, SCALE)


def test_a_fair_rotation_is_left_as_it_is() -> None:
    assert levelled({0: 5, 1: 5, 2: 6}, [1, 1, 1]) == {}
    assert levelled({0: 10, 1: 14, 2: 20}, [1, 4, 10]) == {}


def test_who_comes_late_starts_one_turn_below_the_rest() -> None:
    assert levelled({0: 0, 1: 1000, 2: 1001}, [1, 1, 1]) == {0: 999}


def test_laggards_rise_together_and_keep_their_order() -> None:
    assert levelled({0: 48, 1: 50, 2: 1000}, [2, 3, 10]) == {0: 940, 1: 940}


def test_of_whom_nothing_is_expected_yet_his_price_is() -> None:
    contracts = numbered(
        [contract(one, price=price) for one, price in (("a", "5"), ("b", "9"))], ["expected_value"]
    )
    order = order_of(contracts, ["expected_value"], {"a": Decimal(7)})
    assert [contracts[i].id for i in sorted(range(2), key=lambda i: order.places[i])] == ["b", "a"]
