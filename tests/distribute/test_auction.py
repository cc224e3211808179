"""Who wins, what the winner pays, and what the source is offered: by hand."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from app.catalog.auction import AuctionDoc, MarginDoc
from app.distribute.auction import Bid, ranked


def auction(**told: Any) -> AuctionDoc:
    return AuctionDoc.model_validate(told)


def bid(contract: str, price: str, buyer: str = "") -> Bid:
    return Bid(contract=contract, buyer=buyer or contract, price=Decimal(price))


def won(bids: list[Bid], **told: Any) -> list[tuple[str, str, str]]:
    """(contract, what it pays, what the source is offered), best first."""
    return [(one.contract, str(one.pays), str(one.offered)) for one in ranked(bids, auction(**told)).bids]


def test_the_first_price_is_ones_own_bid() -> None:
    assert won([bid("a", "7"), bid("b", "12.5")]) == [("b", "12.5", "12.50"), ("a", "7", "7.00")]


@pytest.mark.parametrize(
    ("bids", "pays"),
    [
        (["12.00", "7.00"], ["7.01", "1.00"]),
        (["12.00", "12.00"], ["12.00", "1.00"]),
        (["12.00", "11.995"], ["12.00", "1.00"]),
        (["12.00"], ["1.00"]),
        (["12.00", "0.50"], ["1.00"]),
        (["9.00", "8.00", "7.00"], ["8.01", "7.01", "1.00"]),
    ],
)
def test_the_second_price_is_a_cent_above_the_next_but_never_more_than_ones_own_nor_less_than_the_minimum(
    bids: list[str], pays: list[str]
) -> None:
    made = [bid(str(n), price) for n, price in enumerate(bids)]
    assert [Decimal(one[1]) for one in won(made, price="second", minimum="1.00")] == list(map(Decimal, pays))


def test_a_buyer_does_not_raise_his_own_price_with_a_second_contract() -> None:
    bids = [bid("a", "12", "sunco"), bid("b", "11", "sunco"), bid("c", "5")]
    assert won(bids, price="second", minimum="1.00")[0] == ("a", "5.01", "5.01")


def test_a_second_price_needs_a_minimum() -> None:
    with pytest.raises(ValidationError, match="minimum"):
        auction(price="second")


def test_a_bid_under_the_minimum_or_of_nothing_does_not_count() -> None:
    result = ranked([bid("a", "4.99"), bid("b", "5.00"), bid("c", "0")], auction(minimum="5.00"))
    assert ([one.contract for one in result.bids], result.out) == (["b"], {"a": "minimum", "c": "minimum"})


def test_equal_bids_stand_as_the_campaign_ranks_them() -> None:
    assert [one[0] for one in won([bid("a", "5"), bid("b", "5"), bid("c", "5")])] == ["a", "b", "c"]


def test_returns_lower_what_a_bid_is_worth_and_not_what_is_paid() -> None:
    result = ranked([bid("a", "12"), bid("b", "10")], auction(penalty="returns"), {"a": Decimal("0.25")})
    assert [(one.contract, one.worth, one.pays) for one in result.bids] == [
        ("b", Decimal(10), Decimal(10)), ("a", Decimal(9), Decimal(12)),
    ]  # fmt: skip


def test_with_a_penalty_the_second_price_is_what_the_next_bid_is_worth() -> None:
    bids, told = [bid("a", "12"), bid("b", "10")], auction(price="second", minimum="1", penalty="returns")
    assert [one.pays for one in ranked(bids, told, {"b": Decimal("0.5")}).bids] == [Decimal("5.01"), 1]


def test_nobody_pays_less_than_the_minimum_though_the_next_bid_is_worth_less() -> None:
    bids, told = [bid("a", "12"), bid("b", "10")], auction(price="second", minimum="4", penalty="returns")
    assert [one.pays for one in ranked(bids, told, {"b": Decimal("0.9")}).bids] == [4, 4]


@pytest.mark.parametrize(
    ("margin", "pays", "offered"),
    [
        ({"fixed": "2.00"}, "12.50", "10.50"),
        ({"fixed": "2.00"}, "1.00", "0.00"),
        ({"percent": 20}, "12.50", "10.00"),
        ({"percent": 33.33}, "10.00", "6.66"),
        ({"percent": 100}, "10.00", "0.00"),
        ({"matrix": [{"to": 10, "fixed": 1}, {"from": 10, "percent": 10}]}, "9.99", "8.99"),
        ({"matrix": [{"to": 10, "fixed": 1}, {"from": 10, "percent": 10}]}, "10.00", "9.00"),
        ({"matrix": [{"from": 10, "percent": 10}]}, "9.00", "9.00"),
    ],
)
def test_the_margin_is_kept_and_the_source_is_offered_the_rest_in_whole_cents(
    margin: dict[str, Any], pays: str, offered: str
) -> None:
    assert auction(margin=margin).offered(Decimal(pays)) == Decimal(offered)


def test_a_bid_of_which_nothing_is_left_for_the_source_does_not_count() -> None:
    result = ranked([bid("a", "1.50"), bid("b", "2.01")], auction(margin={"fixed": "2.00"}))
    assert ([one.contract for one in result.bids], result.out) == (["b"], {"a": "margin"})


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"margin": {}}, "one kind"),
        ({"margin": {"fixed": "1", "percent": 5}}, "one kind"),
        ({"margin": {"percent": 101}}, "between 0 and 100"),
        ({"margin": {"fixed": "-1"}}, "negative"),
        ({"margin": {"matrix": [{"from": 5}]}}, "fixed or percent"),
        ({"margin": {"matrix": [{"from": 5, "to": 5, "fixed": 1}]}}, "ends where it begins"),
        ({"deadline": "0s"}, "between 10ms and 30s"),
        ({"deadline": "31s"}, "between 10ms and 30s"),
        ({"expires": "2d"}, "between 1s and 1d"),
        ({"minimum": "-1"}, "negative"),
    ],
)
def test_what_is_no_auction_is_refused_when_it_is_saved(told: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        auction(**told)


def test_a_matrix_is_stored_as_it_was_written() -> None:
    written = {"matrix": [{"from": "5.00", "to": "10.00", "fixed": "1.00"}]}
    assert MarginDoc.model_validate(written).model_dump(mode="json", exclude_defaults=True) == written
