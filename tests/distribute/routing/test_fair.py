"""Weights and open work are fair at every moment, however processes take turns, forget, and get leads back."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.distribute.routing.counting import House
from tests.distribute.routing.standing import contract

turns_of = st.lists(
    st.tuples(st.sampled_from(["one", "two", "three"]), st.integers(1, 9), st.booleans()),
    min_size=1,
    max_size=25,
)


def house(word: str, **each: Sequence[Any]) -> House:
    (said, values), *_ = each.items()
    return House(*(contract(f"c{i}", **{said: value}) for i, value in enumerate(values)), rank=(word,))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=8), turns_of)
def test_of_two_that_take_turns_neither_is_a_turn_ahead_of_what_the_weights_say(
    weights: list[int], turns: list[tuple[str, int, bool]]
) -> None:
    there, got = house("weight", weight=weights), Counter[str]()
    for process, leads, forgetful in turns:
        for sold in there.sell([there.want() for _ in range(leads)], process, forgetful=forgetful):
            got.update(sold)
            for (i, a), (j, b) in combinations(enumerate(weights), 2):
                ahead = abs(got[f"c{i}"] / a - got[f"c{j}"] / b)
                assert ahead <= 1 / min(a, b) + 1e-3, (got, weights)


@settings(max_examples=80, deadline=None)
@given(st.integers(2, 8), turns_of)
def test_of_equals_nobody_has_two_leads_more_to_do_than_another(
    equals: int, turns: list[tuple[str, int, bool]]
) -> None:
    there, got = house("load", weight=[1] * equals), Counter({f"c{i}": 0 for i in range(equals)})
    for process, leads, forgetful in turns:
        for sold in there.sell([there.want() for _ in range(leads)], process, forgetful=forgetful):
            got.update(sold)
            assert max(got.values()) - min(got.values()) <= 1


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(1, 50), min_size=2, max_size=6), turns_of, st.randoms(use_true_random=False))
def test_each_lead_goes_to_who_has_least_to_do_for_what_he_can_also_while_work_is_ended(
    capacities: list[int], turns: list[tuple[str, int, bool]], random: Any
) -> None:
    there = house("load", capacity=capacities)
    can = {f"c{i}": n for i, n in enumerate(capacities)}
    open_ = dict.fromkeys(can, 0)
    for process, leads, forgetful in turns:
        for (chosen,) in there.sell([there.want() for _ in range(leads)], process, forgetful=forgetful):
            least = min(open_[one] / n for one, n in can.items())
            assert open_[chosen] / can[chosen] <= least + 1e-9
            open_[chosen] += 1
        for one in [one for one in can if open_[one] and random.random() < 0.4]:
            open_[one] -= 1  # its buyer told what became of one
            there.counters[f"open:{one}"] -= 1
