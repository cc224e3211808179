"""Load, owners, what is expected, and the words after them: who of a tier comes first."""

from collections import Counter
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.catalog.documents import Distribution
from app.core.conditions import facts_of
from app.distribute.expecting import Expectations, Record, expected
from app.distribute.owners import Owners
from app.distribute.ranking import SCALE
from app.distribute.reasons import spoken, why_of
from app.distribute.route import RouteIndex
from app.distribute.stages import COMPARED
from app.model import Worth
from tests.distribute.routing.counting import House
from tests.distribute.routing.standing import NOON, contract, index_of

ANN = Owners(frozenset({"c"}), frozenset({"y", "buyer-of-c"}))


def counts(sold: list[list[str]]) -> Counter[str]:
    return Counter(one for got in sold for one in got)


def test_who_has_least_open_leads_gets_the_next_one() -> None:
    there = House(contract("a"), contract("b"), contract("c"), rank=("load",))
    there.counters = {"open:a": 4, "open:b": 1, "open:c": 2}
    assert counts(there.sell([there.want() for _ in range(5)])) == {"b": 3, "c": 2}
    assert there.counters == {"open:a": 4, "open:b": 4, "open:c": 4}


def test_load_is_compared_by_what_each_can_work_on() -> None:
    there = House(contract("a", capacity=30), contract("b", capacity=10), rank=("load", "round_robin"))
    assert counts(there.sell([there.want() for _ in range(40)])) == {"a": 30, "b": 10}


def test_a_no_gives_the_work_back_and_a_yes_keeps_it() -> None:
    there = House(contract("a"), contract("b"), rank=("load",))
    (choice,) = there.choices([there.want()])
    assert choice.chosen[0].caps == ("open:a",)
    there.give_back(choice)
    assert there.counters["open:a"] == 0


def test_work_is_counted_also_where_there_was_nobody_to_compare_with() -> None:
    there = House(contract("a"), contract("b", price="2"), rank=("price", "load"))
    there.sell([there.want()])
    assert there.counters == {"open:b": 1}


def test_without_load_in_the_ranking_no_work_is_counted() -> None:
    there = House(contract("a", capacity=5), contract("b"), rank=("round_robin",))
    there.sell([there.want()])
    assert not [key for key in there.counters if key.startswith("open:")]


def test_equals_in_load_take_turns_and_a_price_before_them_decides_first() -> None:
    dear = [contract("a", price="5"), contract("b", price="5"), contract("c", price="4")]
    there = House(*dear, rank=("load", "price", "round_robin"))
    there.counters = {"open:a": 1, "open:b": 1, "open:c": 1, "turn:a": SCALE}
    assert [sold[0] for sold in there.sell([there.want() for _ in range(3)])] == ["b", "a", "c"]


def test_of_very_many_equals_those_are_compared_that_seemed_to_have_least() -> None:
    there = House(*(contract(f"c{i:03d}") for i in range(200)), rank=("load", "round_robin"))
    got: Counter[str] = Counter()
    for _ in range(20):
        got += counts(there.sell([there.want() for _ in range(40)]))
    assert max(got.values()) - min(got.get(f"c{i:03d}", 0) for i in range(200)) <= 1
    assert COMPARED < 200


def test_the_contract_that_has_the_person_comes_first_then_another_of_its_buyer() -> None:
    rank = ("sticky", "price")
    there = House(
        contract("a", price="9"),
        contract("b", price="3", buyer="y"),
        contract("c", price="1", buyer="y"),
        rank=rank,
    )
    assert there.index.match({}, source="acme", at=NOON, owners=ANN).ranked() == ["c", "b", "a"]
    assert there.index.match({}, source="acme", at=NOON).ranked() == ["a", "b", "c"]
    assert there.sell([there.want(owners=ANN)]) == [["c"]]
    assert there.sell([there.want(owners=ANN, tried={"c"}, buyers={"y"})]) == [["a"]]


def test_who_has_the_person_and_does_not_want_the_lead_is_passed_by() -> None:
    there = House(contract("a"), contract("c", "lead.no"), rank=("sticky", "price"))
    assert there.sell([there.want(owners=ANN)]) == [["a"]]


def test_behind_a_price_an_owner_is_first_only_among_equals() -> None:
    there = House(
        contract("a", price="9"), contract("b", price="5"), contract("c", price="5"), rank=("price", "sticky")
    )
    assert there.index.match({}, source="acme", at=NOON, owners=ANN).ranked() == ["a", "c", "b"]


def test_owners_take_turns_among_themselves_and_not_with_the_others() -> None:
    there = House(*(contract(one) for one in "abcd"), rank=("sticky", "round_robin"))
    both = Owners(frozenset({"c", "d"}), frozenset())
    got = [sold[0] for sold in there.sell([there.want(owners=both) for _ in range(4)])]
    assert sorted(got) == ["c", "c", "d", "d"]


def test_an_owner_is_found_behind_a_word_that_counts() -> None:
    there = House(contract("a"), contract("b"), contract("c"), rank=("load", "sticky"))
    assert there.sell([there.want(owners=ANN)]) == [["c"]]
    there.counters["open:c"] = 1
    assert there.sell([there.want(owners=ANN)]) == [["a"]]


def test_a_ranking_without_sticky_does_not_mind_owners() -> None:
    there = House(contract("a"), contract("c"), rank=("price",))
    assert there.index.match({}, source="acme", at=NOON, owners=ANN).ranked() == ["a", "c"]


def record(contract: str, price: str, *done: int) -> Record:
    return Record(contract, "solar", Decimal(price), *done)


def test_what_is_expected_is_the_price_as_far_as_leads_are_taken_and_kept() -> None:
    found = expected([record("a", "100", 180, 90, 80, 40), record("b", "60", 20, 20, 20, 0)])
    # accepted of answered: 110/200 = 0.55 in all; returned of those that are old enough: 40/100 = 0.4
    assert found["a"].accepts == (90 + 20 * Decimal("0.55")) / 200
    assert found["a"].returns == (40 + 20 * Decimal("0.4")) / 100
    assert str(found["a"].value) == "26.2600"
    assert str(found["b"].value) == "37.2000"


def test_where_nothing_is_known_the_price_is_expected() -> None:
    found = expected([record("a", "42.50"), record("b", "7")])
    assert [str(one.value) for one in found.values()] == ["42.5000", "7.0000"]


def test_a_few_leads_say_little() -> None:
    usual = record("usual", "50", 1000, 800, 800, 80)
    found = expected([usual, record("new", "50", 1, 0, 0, 0)])
    assert found["new"].accepts > Decimal("0.7")


@given(st.lists(st.tuples(*[st.integers(0, 10**6)] * 4), min_size=1, max_size=5))
def test_expectations_lie_between_nothing_and_the_price(done: list[tuple[int, ...]]) -> None:
    records = []
    for n, (answered, accepted, kept, returned) in enumerate(done):
        accepted = min(answered, accepted)
        kept = min(accepted, kept)
        records.append(record(f"c{n}", "10", answered, accepted, kept, min(kept, returned)))
    for one in expected(records).values():
        assert 0 <= one.value <= 10
        assert 0 <= one.accepts <= 1
        assert 0 <= one.returns <= 1


def test_a_better_expectation_comes_first_as_soon_as_it_is_known() -> None:
    known = Expectations()
    contracts = [contract("dear", price="50"), contract("good", price="40")]
    to = Distribution.model_validate({"rank": ["expected_value", "price"]})
    index = RouteIndex(contracts, to, expectations=known)
    before = index.match({}, source="acme", at=NOON)
    known.learn([record("dear", "50", 500, 100, 100, 50), record("good", "40", 500, 400, 400, 10)])
    assert index.match({}, source="acme", at=NOON).ranked() == ["good", "dear"]
    assert before.ranked() == ["dear", "good"], "what was matched stays as it was"


def test_who_asks_most_comes_first_and_takes_none_that_is_worse() -> None:
    index = index_of(
        contract("any"), contract("some", from_score=50), contract("best", from_score=80), rank=("score",)
    )

    def ranked(score: int) -> list[str]:
        return index.match(facts_of({}, Worth(score)), source="acme", at=NOON).ranked()

    assert ranked(90) == ["best", "some", "any"]
    assert ranked(79) == ["some", "any"]
    assert ranked(10) == ["any"]


def test_each_word_says_what_it_saw() -> None:
    known = Expectations()
    known.learn([record("a", "5"), record("c", "5")])
    contracts = [
        contract("a", price="5", priority=3, weight=2, percent=40, capacity=10, from_score=20),
        contract("c", price="5", capacity=4),
    ]
    rank = ["sticky", "expected_value", "priority", "score", "percentage", "load", "weight"]
    to = Distribution.model_validate({"rank": rank})
    there = House(*contracts, rank=tuple(rank))
    there.index = RouteIndex(contracts, to, expectations=known)
    want = there.want({"$score": 60}, owners=ANN)
    (choice,) = there.choices([want])
    why = why_of(want.match, choice.why, ["a", "c"])
    assert spoken("a", why) == [
        "expected 5.0000", "priority 3", "from score 20", "40 %", "weight 2",
    ]  # fmt: skip
    assert spoken("c", why) == ["has the person", "expected 5.0000"]


def test_counters_say_what_they_saw() -> None:
    contracts = [contract("a", percent=40, capacity=10), contract("b", capacity=4), contract("c", capacity=4)]
    there = House(*contracts, rank=("percentage", "load", "round_robin"))
    there.counters = {
        "share:a": -(10**10),
        "open:b": 2,
        "open:c": 2,
        "turn:b": 3 * SCALE,
        "turn:c": 3 * SCALE,
    }
    want = there.want()
    (choice,) = there.choices([want])
    why = why_of(want.match, choice.why, ["a", "b", "c"])
    assert spoken("a", why) == ["40 %, ahead by 0.6"]
    assert spoken("b", why) == ["2 open of 4", "turns 3"]


def test_what_is_as_usual_is_not_said() -> None:
    there = House(contract("a"), contract("b", price="0.5"), rank=("price", "priority", "round_robin"))
    want = there.want()
    (choice,) = there.choices([want])
    assert why_of(want.match, choice.why, ["a", "b"]) == {}


processes = st.lists(
    st.tuples(st.sampled_from(["one", "two", "three"]), st.integers(1, 12), st.booleans()),
    min_size=1,
    max_size=25,
)


@settings(max_examples=80, deadline=None)
@given(processes, st.integers(2, 8), st.randoms(use_true_random=False))
def test_nobody_is_handed_a_lead_while_another_has_less_to_do(
    turns: list[tuple[str, int, bool]], people: int, random: Any
) -> None:
    there = House(*(contract(f"c{i}") for i in range(people)), rank=("load", "round_robin"))
    open_ = {f"c{i}": 0 for i in range(people)}
    for process, leads, forgetful in turns:
        for (one,) in there.sell([there.want() for _ in range(leads)], process, forgetful=forgetful):
            assert open_[one] == min(open_.values())
            open_[one] += 1
        for one in open_:  # some are done
            done = random.randint(0, open_[one])
            open_[one] -= done
            there.counters[f"open:{one}"] = there.counters.get(f"open:{one}", 0) - done
        assert {one: there.counters.get(f"open:{one}", 0) for one in open_} == open_
