"""Sold to one or shared: whichever earns more, as trying every way would find."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from app.catalog.documents import CampaignDoc
from app.distribute.allocate import allocate, needs
from app.distribute.chain import EXCLUSIVE, Chained, Leg, Passage, legs_of, share
from app.distribute.ranking import SCALE
from app.distribute.route import RouteIndex
from app.distribute.wanting import Choice, Want
from tests.distribute.routing.standing import NOON, Contract, contract

CAP = ({"per": "day", "leads": 1},)


def campaign(
    id_: str, sell: str = "exclusive", *then: dict[str, str], rank: Sequence[str] = ("price",)
) -> CampaignDoc:
    distribution = {"sell": sell, "rank": rank, "then": then}
    return CampaignDoc.model_validate({"id": id_, "fields": {}, "distribution": distribution})


def legs(campaigns: Sequence[CampaignDoc], contracts: Sequence[Contract]) -> tuple[Leg, ...]:
    """Of the first of them."""
    docs = {doc.id: doc for doc in campaigns}
    by = {id_: [one for one in contracts if one.doc.campaign == id_] for id_ in docs}
    return legs_of(
        campaigns[0].id,
        Chained(
            campaigns=docs, by_campaign=by, contracts={one.id: one for one in contracts},
            index=lambda id_: RouteIndex(by[id_], docs[id_].distribution),
        ),
    )  # fmt: skip


def placed(
    made: Sequence[Leg],
    *,
    counters: dict[str, int] | None = None,
    held: Sequence[tuple[str, int]] = (),
    tried: Sequence[str] = (),
    buyers: Sequence[str] = (),
    lead: dict[str, Any] | None = None,
) -> Choice:
    counters = {} if counters is None else counters
    first = made[0].index.match(lead or {}, source="acme", at=NOON)
    want = Want(first, tried=tried, buyers=buyers, passage=Passage(made, first, held=held))
    for _ in range(20):
        keys = needs([want], {})
        done = allocate([want], {key: counters.get(key, 0) for key in keys}, {})
        if not done.choices[0].again:
            for key, n in done.increments.items():
                counters[key] = counters.get(key, 0) + n
            return done.choices[0]
        want = Want(first, tried=tried, buyers=buyers, passage=Passage(made, first, held=held))
    raise AssertionError("it never ends")


def hybrid(n: int, *contracts: Contract) -> tuple[Leg, ...]:
    return legs([campaign("solar", f"hybrid({n})")], contracts)


def chosen(choice: Choice) -> list[str]:
    return [one.contract for one in choice.chosen]


def test_to_one_where_he_pays_more_than_all_copies_together() -> None:
    made = hybrid(2, contract("a", price="51"), contract("b", price="0", shared_price="30"), contract("c", price="1", shared_price="20"))  # fmt: skip
    found = placed(made)
    assert (chosen(found), found.shared, found.slots) == (["a"], False, (EXCLUSIVE,))
    assert found.earns == (Decimal(51), Decimal(50))


def test_shared_where_the_copies_earn_more_and_nothing_of_the_other_way_is_counted() -> None:
    counters: dict[str, int] = {}
    made = hybrid(2, contract("a", price="49", caps=CAP), contract("b", price="0", shared_price="30", caps=CAP), contract("c", price="1", shared_price="20"))  # fmt: skip
    found = placed(made, counters=counters)
    assert (chosen(found), found.shared, found.slots) == (["b", "c"], True, (2, 3))
    assert {key.split(":")[1]: n for key, n in counters.items()} == {"b": 1}


def test_who_holds_a_copy_keeps_it_shared_and_who_holds_it_alone_keeps_it_alone() -> None:
    made = hybrid(2, contract("a", price="99"), contract("b", price="0", shared_price="1"), contract("c", price="0", shared_price="1"))  # fmt: skip
    found = placed(made, held=[("b", 3)], tried=["b"], buyers=["buyer-of-b"])
    assert (chosen(found), found.slots) == (["c"], (2,))
    assert chosen(placed(made, held=[("a", 1)], tried=["a"], buyers=["buyer-of-a"])) == []


def test_a_turn_is_used_up_only_in_the_way_that_is_taken() -> None:
    contracts = [contract("a", price="10", shared_price="1"), contract("b", price="10", shared_price="1")]
    made = legs([campaign("solar", "hybrid(2)", rank=("price", "round_robin"))], contracts)
    counters: dict[str, int] = {}
    got = [chosen(placed(made, counters=counters))[0] for _ in range(6)]
    assert (got.count("a"), got.count("b")) == (3, 3)
    assert list(counters.values()) == [3 * SCALE, 3 * SCALE]


PRICES = st.integers(0, 40).map(Decimal)
OFFERS = st.lists(
    st.tuples(st.sampled_from("uvwxyz"), PRICES, st.none() | PRICES, st.booleans()), min_size=1, max_size=7
)


@settings(max_examples=300, deadline=None)
@given(offers=OFFERS, n=st.integers(1, 3))
def test_no_other_way_would_have_earned_more(
    offers: list[tuple[str, Decimal, Decimal | None, bool]], n: int
) -> None:
    contracts = [
        contract(f"c{i}", buyer=buyer, price=str(price), shared_price=None if shared is None else str(shared), caps=({"per": "day", "leads": 0},) if full else ())
        for i, (buyer, price, shared, full) in enumerate(offers)
    ]  # fmt: skip
    open_ = [one for one in contracts if not one.doc.caps]
    alone = [one.doc.price for one in open_ if one.doc.price or one.doc.shared_price is None]
    sharing = [one for one in open_ if one.doc.shared_price is not None]
    sums = [
        sum((one.doc.shared_price or Decimal(0) for one in some), Decimal(0))
        for k in range(1, n + 1)
        for some in combinations(sharing, k)
        if len({one.buyer for one in some}) == k
    ]
    found = placed(hybrid(n, *contracts))
    made = {one.id: one for one in contracts}
    taken = [made[one.contract] for one in found.chosen]
    prices = [one.doc.shared_price if found.shared else one.doc.price for one in taken]
    earned = sum((price for price in prices if price is not None), Decimal(0))
    assert earned == max([*alone, *sums], default=Decimal(0))
    assert bool(taken) == bool(alone or sums)
    assert len({one.buyer for one in taken}) == len(taken) <= (n if found.shared else 1)
    if taken and not found.shared:
        assert earned >= max(sums, default=Decimal(0))
    elif taken:
        assert earned > max(alone, default=Decimal(-1))


# the chain --------------------------------------------------------------------------------------------


def test_nothing_but_contracts_sold_in_one_way_has_no_legs() -> None:
    assert legs([campaign("solar", "shared(3)")], [contract("a")]) == ()


def test_sweepers_come_after_all_others_and_before_the_chain() -> None:
    made = legs(
        [campaign("solar", "exclusive", {"campaign": "aged"}, {"house": "desk"}), campaign("aged", "shared(2)")],
        [contract("s", price="99", sweeper=True), contract("a", price="1"), contract("o", campaign="aged"), contract("desk", campaign="aged", when="lead.x == 1.0")],
    )  # fmt: skip
    assert [(leg.name, leg.copies) for leg in made] == [
        ("solar", 1), ("sweepers of solar", 1), ("aged", 2), ("house desk", 1)
    ]  # fmt: skip
    order: list[str] = []
    while found := chosen(placed(made, tried=order)):
        order += found
    assert order == ["a", "s", "o", "desk"]


def test_a_lead_that_somebody_holds_stays_on_his_leg() -> None:
    made = legs(
        [campaign("solar", "shared(2)", {"campaign": "aged"}), campaign("aged", "shared(2)")],
        [contract("a"), contract("b"), contract("o", campaign="aged")],
    )
    assert chosen(placed(made, held=[("a", 1)], tried=["a", "b"], buyers=["buyer-of-a"])) == []
    found = placed(made, held=[("a", 2)], tried=["a"], buyers=["buyer-of-a"])
    assert (chosen(found), found.slots) == (["b"], (1,))


def test_a_holder_whom_nobody_knows_any_more_shares_with_nobody() -> None:
    made = legs([campaign("solar", "shared(2)", {"house": "b"})], [contract("a"), contract("b")])
    assert chosen(placed(made, held=[("gone", 1)])) == []


def test_a_campaign_of_the_chain_brings_its_own_chain_and_each_stands_there_once() -> None:
    docs = [
        campaign("a", "exclusive", {"campaign": "b"}, {"campaign": "c"}),
        campaign("b", "exclusive", {"campaign": "c"}),
        campaign("c", "exclusive", {"campaign": "a"}),
    ]
    contracts = [contract(f"of-{name}", campaign=name) for name in "abc"]
    assert [leg.name for leg in legs(docs, contracts)] == ["a", "b", "c"]


def test_who_is_full_is_named_whichever_leg_it_was_on() -> None:
    made = legs(
        [campaign("solar", "exclusive", {"campaign": "aged"}), campaign("aged")],
        [contract("a", caps=({"per": "day", "leads": 0},)), contract("o", campaign="aged", caps=({"per": "day", "leads": 0},))],
    )  # fmt: skip
    found = placed(made)
    assert ([one for one, _ in found.full], found.exhausted, found.chosen) == (["a", "o"], True, ())


def test_who_may_hold_a_lead_together() -> None:
    made = legs(
        [campaign("solar", "hybrid(2)", {"campaign": "aged"}), campaign("aged", "shared(2)")],
        [
            contract("a", price="9", shared_price="1"), contract("b", price="9", shared_price="1"),
            contract("o", campaign="aged"), contract("p", campaign="aged"),
        ],
    )  # fmt: skip
    assert share(made, ("a", 2), ("b", 3))
    assert share(made, ("o", 1), ("p", 2))
    assert not share(made, ("a", 1), ("b", 3))  # one of them would be its only buyer
    assert not share(made, ("a", 2), ("o", 1))  # nobody of the chain has what the campaign sold
    assert not share(made, ("a", 2), ("gone", 3))
    assert not share(made, ("gone", 2), ("gone-too", 3))
