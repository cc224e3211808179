"""Whoever reads a trace learns of every bidder why it has not bid."""

import pytest

from app.commands.silent_text import silent_lines

FEW = {"volta": "balance", "sunco": "no appetite", "": "source_cap"}


@pytest.mark.parametrize("routing", [{}, {"silent": {}}])
def test_where_all_have_bid_nothing_is_said(routing: dict[str, dict[str, str]]) -> None:
    assert silent_lines(routing, everything=True) == []


def test_in_one_line_the_first_three_with_their_codes() -> None:
    more = FEW | {"amp": "late"}
    assert silent_lines({"silent": FEW}, everything=False) == [
        "no bid: volta balance, sunco no appetite, anybody source_cap"
    ]
    assert silent_lines({"silent": more}, everything=False)[0].endswith("anybody source_cap …")


def test_with_everything_each_with_our_word_explained_and_its_buyers_as_it_is() -> None:
    assert silent_lines({"silent": FEW}, everything=True) == [
        "no bid:",
        "  volta    balance: its account has no room for the price",
        "  sunco    no appetite",
        "  anybody  source_cap: the source's cap is full",
    ]
