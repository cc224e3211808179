"""The kept order of turns is the one that is made anew."""

from hypothesis import given, settings
from hypothesis import strategies as st

from app.distribute.allocate import rehearse
from app.distribute.book import Book
from app.distribute.turns import turns_of
from app.distribute.wanting import Want
from tests.distribute.routing.standing import NOON, contract, index_of

KEYS = tuple(f"turn:c{i}" for i in range(6))


def test_the_lowest_tag_is_first_and_equal_ones_stand_as_in_their_tier() -> None:
    assert turns_of([2, 0, 1], KEYS, {"turn:c0": 7, "turn:c2": 7}) == [(0, 2, 1), (7, 0, 2), (7, 1, 0)]


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(st.sampled_from(KEYS), st.integers(0, 5)),
    st.lists(st.permutations(range(6)).map(lambda tier: tuple(tier[:4])), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(KEYS), st.integers(-3, 9))),
)
def test_an_order_that_follows_the_tags_is_the_one_made_of_them(
    seen: dict[str, int], tiers: list[tuple[int, ...]], moves: list[tuple[int, str, int]]
) -> None:
    book = Book(None, seen)
    for which, key, by in moves:
        tier = tiers[which % len(tiers)]
        assert book.turns(tier, tier, KEYS) == turns_of(tier, KEYS, book.values)
        book.move(key, by)
    for tier in tiers:
        assert book.turns(tier, tier, KEYS) == turns_of(tier, KEYS, book.values)


def test_of_a_tier_whose_first_are_tried_the_others_keep_their_order() -> None:
    book = Book(None, {})
    tier = (0, 1, 2)
    assert [i for _, _, i in book.turns(tier, tier, KEYS)] == [0, 1, 2]
    book.move("turn:c1", 1)
    assert [i for _, _, i in book.turns([1, 2], tier, KEYS)] == [2, 1]


def test_leads_that_want_different_ones_share_their_turns() -> None:
    index = index_of(
        contract("a", "lead.bill > 1"), contract("b"), contract("c", "lead.bill < 9"), rank=("round_robin",)
    )
    wants = [
        Want(index.match({"bill": bill}, source="acme", at=NOON)) for bill in (5.0, 0.0, 10.0, 5.0, 0.0, 10.0)
    ]
    chosen = [choice.chosen[0].contract for choice in rehearse(wants).allocation.choices]
    assert chosen == ["a", "b", "a", "c", "b", "a"]
