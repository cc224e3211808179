from app.distribute.ranking import SCALE, levelled, quantum, ranked
from tests.distribute.routing.standing import contract


def test_tiers_are_made_by_what_stands_before_the_turn() -> None:
    contracts = [contract("a", price="5", weight=3), contract("b", price="5"), contract("c", price="7")]
    order, tiers, turning = ranked(contracts, ("price", "weight", "priority"))
    assert ([one.id for one in order], tiers, turning) == (["c", "a", "b"], [0, 1, 1], "weight")


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
