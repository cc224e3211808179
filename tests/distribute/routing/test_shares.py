"""Percentages: within one lead of what was promised, whoever hands the leads out."""

from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.distribute.shares import WHOLE, credited
from tests.distribute.routing.counting import House
from tests.distribute.routing.standing import Contract, contract

RANK = ("percentage", "round_robin")


def house(*contracts: Contract, rank: tuple[str, ...] = RANK) -> House:
    return House(*contracts, rank=rank)


def counts(sold: list[list[str]]) -> Counter[str]:
    return Counter(one for got in sold for one in got)


def test_a_share_is_had_and_the_rest_take_turns_with_what_is_left_over() -> None:
    there = house(contract("a", percent=30), contract("b", percent=20), contract("c"), contract("d"))
    got = counts(there.sell([there.want() for _ in range(1000)]))
    assert got == {"a": 300, "b": 200, "c": 250, "d": 250}


def test_thirds_that_are_written_with_two_places_are_had_as_written() -> None:
    there = house(*(contract(one, percent="33.33") for one in "abc"), contract("rest"))
    got = counts(there.sell([there.want() for _ in range(10_000)]))
    assert got == {"a": 3333, "b": 3333, "c": 3333, "rest": 1}


def test_where_nobody_is_without_a_share_all_leads_go_in_proportion() -> None:
    there = house(contract("a", percent=30), contract("b", percent=10))
    assert counts(there.sell([there.want() for _ in range(400)])) == {"a": 300, "b": 100}


def test_more_than_all_can_not_be_shared_out_and_goes_in_proportion() -> None:
    tx = 'lead.state == "TX"'
    there = house(contract("a", percent=80), contract("b", tx, percent=80), contract("c", tx, percent=40))
    got = counts(there.sell([there.want({"state": "TX"}) for _ in range(500)]))
    assert got == {"a": 200, "b": 200, "c": 100}


def test_a_share_counts_the_leads_that_the_contract_could_have() -> None:
    there = house(contract("tx", 'lead.state == "TX"', percent=50), contract("all"))
    wants = [there.want({"state": "TX" if n % 4 == 0 else "CA"}) for n in range(400)]
    assert counts(there.sell(wants)) == {"tx": 50, "all": 350}


def test_who_is_full_does_not_compete_and_is_owed_nothing_for_it() -> None:
    caps = [{"per": "day", "leads": 10}]
    there = house(contract("a", percent=50, caps=caps), contract("b", percent=50))
    assert counts(there.sell([there.want() for _ in range(100)])) == {"a": 10, "b": 90}
    there.now_are(contract("a", percent=50), contract("b", percent=50))
    assert abs(counts(there.sell([there.want() for _ in range(20)]))["a"] - 10) <= 1


def test_a_pause_is_followed_by_no_burst() -> None:
    there = house(contract("a", percent=50), contract("b", percent=50))
    there.sell([there.want() for _ in range(10)])
    there.now_are(contract("a", percent=50, paused=True), contract("b", percent=50))
    there.sell([there.want() for _ in range(500)])
    there.now_are(contract("a", percent=50), contract("b", percent=50))
    assert abs(counts(there.sell([there.want() for _ in range(10)]))["a"] - 5) <= 1


def test_a_lead_that_one_refused_goes_on_and_is_not_counted_as_another() -> None:
    there = house(contract("a", percent=50), contract("b", percent=30), contract("c"))
    for _ in range(200):
        (first,) = there.choices([there.want()])
        tried = {one.contract for one in first.chosen}
        if tried == {"a"}:  # a refuses all
            assert there.sell([there.want(tried=tried)]) != [[]]
    assert -WHOLE <= there.counters["share:a"] <= WHOLE
    assert -WHOLE <= there.counters["share:b"] <= WHOLE


def test_nobody_loses_a_lead_for_a_share() -> None:
    there = house(contract("a", percent=10), contract("b", percent=10))
    assert all(there.sell([there.want(tried={"a"}) for _ in range(50)]))
    assert there.counters["share:b"] == -WHOLE


def test_of_a_shared_lead_each_may_have_a_copy() -> None:
    there = house(contract("a", percent=50), contract("b", percent=25), contract("c"), contract("d"))
    got = counts(there.sell([there.want(copies=2) for _ in range(400)]))
    assert (got["a"], got["b"], got["c"], got["d"]) == (200, 100, 250, 250)


def test_many_small_shares_beside_great_ones_are_not_late_together() -> None:
    """Where who is owed most came first, the small ones would all wait for each other behind the great ones."""
    shares = {"a": 42.0, "b": 40.0, **{f"s{n:02d}": 0.3 for n in range(60)}}
    there = house(*(contract(one, percent=share) for one, share in shares.items()))
    got: Counter[str] = Counter()
    for leads, (one,) in enumerate(there.sell([there.want() for _ in range(400)]), 1):
        got[one] += 1
        assert all(abs(got[each] - leads * share / 100) < 1 for each, share in shares.items())


def test_what_a_share_saw_is_told() -> None:
    there = house(contract("a", percent=50), contract("b"))
    (choice,) = there.choices([there.want()])
    assert choice.why == {"percentage": {"a": 0.5}}


processes = st.lists(
    st.tuples(st.sampled_from(["one", "two", "three"]), st.integers(1, 40), st.booleans()),
    min_size=1,
    max_size=20,
)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.integers(1, 10_000), min_size=1, max_size=7).filter(lambda each: sum(each) <= 10_000),
    st.booleans(),
    processes,
)
def test_nobody_is_a_whole_lead_from_its_share_at_any_moment(
    shares: list[int], rest: bool, turns: list[tuple[str, int, bool]]
) -> None:
    """Also in bulk, by several processes, and by one that has forgotten all."""
    percents = [each / 100 for each in shares]
    contracts = [contract(f"c{i}", percent=each) for i, each in enumerate(percents)]
    there = house(*contracts, *([contract("rest")] if rest else []))
    together = 100.0 if rest else sum(percents)
    got: Counter[str] = Counter()
    leads = 0
    for process, some, forgetful in turns:
        for sold in there.sell([there.want() for _ in range(some)], process, forgetful=forgetful):
            leads += 1
            got.update(sold)
            for i, each in enumerate(percents):
                assert abs(got[f"c{i}"] - leads * each / together) < 1 + 1e-6


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(1, 7)), min_size=2, max_size=6),
    processes,
    st.randoms(use_true_random=False),
)
def test_who_competes_with_whom_may_change_with_every_lead(
    docs: list[tuple[int, int]], turns: list[tuple[str, int, bool]], random: Any
) -> None:
    """Then nobody can foretell who will be there next, and a share is kept within a few leads."""
    contracts = [
        contract(f"c{i}", f"lead.n % 8 >= {least}", percent=each) for i, (each, least) in enumerate(docs)
    ]
    there = house(*contracts, contract("rest"))
    got: Counter[str] = Counter()
    due: Counter[str] = Counter()
    for process, some, forgetful in turns:
        leads = [random.randint(0, 7) for _ in range(some)]
        for n in leads:
            competing = {f"c{i}": each for i, (each, least) in enumerate(docs) if n >= least}
            scale = max(100, sum(competing.values()))
            for name, each in competing.items():
                due[name] += each / scale  # type: ignore[assignment]  # parts of leads
        got.update(
            one
            for sold in there.sell([there.want({"n": n}) for n in leads], process, forgetful=forgetful)
            for one in sold
        )
        for i, _ in enumerate(docs):
            assert abs(got[f"c{i}"] - due[f"c{i}"]) < 3


def test_of_a_lead_that_is_sold_twice_there_are_two_to_share_out() -> None:
    half = WHOLE // 2
    assert credited({0: half, 1: half}, [0, 1]) == {0: half, 1: half}
    assert credited({0: half, 1: half}, [0, 1], copies=2) == {0: WHOLE, 1: WHOLE}
