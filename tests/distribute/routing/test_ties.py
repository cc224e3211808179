"""Who stood level in a ranking, and what told them apart, from what is kept with a lead."""

from typing import Any

import pytest

from app.catalog.routing import Rank
from app.distribute.ties import Tie, level_with_next, ties

THREE = [("a", "42.00"), ("b", "42"), ("c", "40.00")]


def by(rank: list[Rank], why: dict[str, Any], ranked: list[tuple[str, str]] = THREE) -> list[str]:
    return [tie.by for tie in ties(ranked, why, rank)]


def test_equal_prices_stand_level_however_they_are_written() -> None:
    (tie,) = ties(THREE, {"turns": {"a": 1.0, "b": 2.0}}, ["price", "round_robin"])
    assert tie == Tie(("a", "b"), ("price",), "round_robin")
    assert level_with_next([tie]) == {"a"}


def test_every_word_before_the_first_that_counts_keeps_contracts_apart() -> None:
    rank: list[Rank] = ["price", "priority", "score", "expected_value", "sticky", "round_robin"]
    turns = {"turns": {"a": 1.0, "b": 2.0}}
    assert len(ties(THREE, turns, rank)) == 1
    for word, said in (("priority", 5), ("score", 40), ("expected_value", "12.00"), ("sticky", 0)):
        assert ties(THREE, turns | {word: {"b": said}}, rank) == [], word


@pytest.mark.parametrize(
    ("rank", "why", "expected"),
    [
        (["price"], {}, "id"),
        (["price", "round_robin"], {"turns": {"a": 3.0, "b": 3.0}}, "id"),
        (["price", "round_robin"], {}, ""),
        (["price", "percentage", "round_robin"], {"percentage": {"a": 0.4}, "turns": {"a": 1.0, "b": 2.0}}, "percentage"),
        (["price", "load"], {"load": {"a": 2, "b": 4}, "capacity": {"a": 10, "b": 40}}, "load"),
        (["price", "load"], {"load": {"a": 1, "b": 4}, "capacity": {"a": 10, "b": 40}}, "id"),
        (["price", "load", "sticky"], {"load": {"a": 1, "b": 1}, "sticky": {"b": 1}}, "sticky"),
        (["price", "round_robin", "priority"], {"turns": {"a": 1.0, "b": 1.0}, "priority": {"b": 9}}, "priority"),
        (["price", "weight"], {"turns": {"a": 1.0, "b": 1.0}, "weight": {"a": 1000}}, "weight"),
    ],
)  # fmt: skip
def test_what_told_them_apart_is_the_first_word_that_saw_a_difference(
    rank: list[Rank], why: dict[str, Any], expected: str
) -> None:
    assert by(rank, why) == [expected]


def test_nothing_is_said_of_a_ranking_that_nobody_knows_any_more() -> None:
    assert ties(THREE, {}, ()) == []
