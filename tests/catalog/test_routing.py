"""What `apply` says of rankings, shares and areas."""

from typing import Any

import pytest
from msgspec.structs import replace
from pydantic import ValidationError

from app.catalog.kinds import Gazetteer
from app.catalog.problems import CatalogueErrors
from app.catalog.reading import read
from app.catalog.routing import Area, Near
from app.catalog.routing_faults import rank_faults
from app.catalog.rows import from_row, to_row
from tests.catalog.components import KINDS, Located, Plain

PLACED = replace(
    KINDS,
    fieldtypes={**KINDS.fieldtypes, "postal_code": Located, "country": Plain},
    places=Gazetteer({"CA", "NV"}, knows=lambda code: code == "94107"),
)
FIELDS = "{state: {type: state}, zip: {type: postal_code}}"


def catalogue(*contracts: str, rank: str = "price", fields: str = FIELDS, territories: str = "{}") -> str:
    each = "".join(
        f"      - {{id: c{n}, campaign: solar, {more}, deliver: {{adapter: webhook, url: 'https://b.example'}}}}\n"
        for n, more in enumerate(contracts)
    )
    return (
        f"campaigns:\n  - id: solar\n    fields: {fields}\n"
        f"    distribution: {{rank: [{rank}], territories: {territories}}}\n"
        "sources:\n  - {id: acme, campaign: solar}\n"
        f"buyers:\n  - id: b\n    contracts:{' []' if not each else ''}\n{each}"
    )


def said(*contracts: str, **more: str) -> list[tuple[str, str, str]]:
    try:
        read([("leads.yaml", catalogue(*contracts, **more))], PLACED)
    except CatalogueErrors as errors:
        return [
            (one.path.rpartition("contracts")[2] or one.path, one.message, one.hint)
            for one in errors.problems
        ]
    return []


@pytest.mark.parametrize(
    "rank",
    [
        "round_robin, price",
        "price, priority, round_robin",
        "sticky, percentage, load, price, weight, score",
        "expected_value, price",
        "percentage, sticky, expected_value, round_robin",
        "load",
    ],
)
def test_rankings_that_can_be_meant_are_taken(rank: str) -> None:
    assert said("percent: 20" if "percentage" in rank else "weight: 2", rank=rank) == []


@pytest.mark.parametrize(
    ("rank", "at", "what"),
    [
        (("price", "price"), 1, "price is there twice"),
        (("weight", "round_robin"), 1, "round_robin beside weight"),
        (("round_robin", "sticky"), 1, "sticky after round_robin"),
        (("weight", "load"), 1, "load after weight"),
        (("round_robin", "expected_value"), 1, "expected_value after round_robin"),
        (("load", "percentage"), 1, "percentage after load"),
    ],
)
def test_a_word_that_could_decide_nothing_is_named(rank: Any, at: int, what: str) -> None:
    assert [fault[:2] for fault in rank_faults(rank)] == [(at, what)]


def test_a_nonsense_ranking_is_refused_at_its_word() -> None:
    assert said(rank="weight, round_robin") == [
        (
            "campaigns[0].distribution.rank[1]",
            "round_robin beside weight decides nothing",
            "keep one: weight takes turns too, in proportion",
        )
    ]


def test_who_wants_bids_in_a_ranking_is_shown_the_auction() -> None:
    (one,) = said(rank="bid, price")
    assert one[0] == "campaigns[0].distribution.rank[0]"
    assert "is no word of a ranking, since bids are ranked by the auction" in one[1] + one[2]
    assert "auction: {on: post}" in one[1] + one[2]


def test_a_percentage_without_a_percent_and_a_percent_without_a_percentage_are_refused() -> None:
    assert [one[1] for one in said("price: '1'", rank="percentage")] == [
        "percentage, and no contract of solar has a percent"
    ]
    assert said("percent: 20") == [
        ("[0].percent", "is not looked at", "add percentage to distribution.rank of solar")
    ]


def test_more_than_all_leads_can_not_be_promised_to_those_who_take_every_one() -> None:
    assert [one[:2] for one in said("percent: 60", "percent: 60", rank="percentage")] == [
        ("[0].percent", "is too much: who takes every lead has 120 % together"),
        ("[1].percent", "is too much: who takes every lead has 120 % together"),
    ]
    west = "percent: 60, area: {states: [CA]}"
    assert said(west, "percent: 60", "percent: 40", rank="percentage") == []


def test_capacities_are_given_to_all_or_to_none() -> None:
    assert [one[:2] for one in said("capacity: 5", "price: '1'", rank="load")] == [
        ("[1].id", "has no capacity, and others of solar have one")
    ]
    assert said("capacity: 5", "capacity: 9", rank="load") == []


def test_sources_are_allowed_or_denied_and_not_both() -> None:
    assert [one[:2] for one in said("sources: [acme], except_sources: [acme]")] == [
        ("[0].except_sources", "says nothing beside sources")
    ]
    assert said("except_sources: [acne]") == [
        ("[0].except_sources[0]", '"acne" is no source', 'did you mean "acme"?')
    ]


def test_places_that_nobody_knows_are_told() -> None:
    assert [one[:2] for one in said("area: {territories: [wst]}", territories="{west: {states: [CA]}}")] == [
        ("[0].area.territories[0]", '"wst" is no territory')
    ]
    assert [one[:2] for one in said("area: {states: [CA, XX]}")] == [
        ("[0].area.states[1]", '"XX" is no state')
    ]
    assert [one[:2] for one in said("area: {near: [{postal_code: '00000', miles: 5}]}")] == [
        ("[0].area.near[0].postal_code", 'nobody knows where "00000" is')
    ]
    assert [one[:2] for one in said(territories="{west: {states: [ZZ]}}")] == [
        ("campaigns[0].distribution.territories.west.states[0]", '"ZZ" is no state')
    ]


def test_an_area_needs_a_field_that_says_where_a_lead_is() -> None:
    bare = "{bill: {type: number}}"
    area = "area: {states: [CA], countries: [US], postal_codes: ['941*']}"
    assert [one[::2] for one in said(area, fields=bare)] == [
        ("[0].area.states", "give it a field of type state"),
        ("[0].area.countries", "give it a field of type country"),
        ("[0].area.postal_codes", "give it a field of type postal_code"),
    ]
    german = "{zip: {type: postal_code, country: DE}}"
    (told,) = said("area: {near: [{latitude: 48.1, longitude: 11.5, km: 20}]}", fields=german)
    assert told[1] == "can't be told by postal codes of DE"


@pytest.mark.parametrize(
    ("near", "why"),
    [
        ({"miles": 5}, "needs one middle"),
        ({"postal_code": "94107", "latitude": 1, "longitude": 1, "km": 5}, "needs one middle"),
        ({"latitude": 1, "km": 5}, "needs one middle"),
        ({"postal_code": "94107"}, "needs one radius"),
        ({"postal_code": "94107", "km": 5, "miles": 5}, "needs one radius"),
        ({"postal_code": "94107", "km": float("nan")}, "finite"),
        ({"latitude": 91, "longitude": 1, "km": 5}, "less than or equal to 90"),
    ],
)
def test_a_circle_has_one_middle_and_one_radius(near: Any, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Near.model_validate(near)


@pytest.mark.parametrize("code", ["9410?", "*", "94107-1234", "", "94 107 123 456 7"])
def test_what_is_no_postal_code_is_refused(code: str) -> None:
    with pytest.raises(ValidationError):
        Area.model_validate({"postal_codes": [code]})


def test_an_area_that_names_no_place_is_refused() -> None:
    with pytest.raises(ValidationError, match="names no place"):
        Area.model_validate({})


@pytest.mark.parametrize(("written", "kept"), [(12.5, "12.5"), ("33.33", "33.33"), (100, "100")])
def test_a_percent_is_kept_as_it_was_written(written: Any, kept: str) -> None:
    text = catalogue(f"percent: {written}", rank="percentage")
    buyer = read([("a.yaml", text)], PLACED).buyers[0]
    row = to_row(buyer)
    assert row["contracts"][0]["percent"] == kept
    assert from_row("buyer", row).contracts[0].percent == buyer.contracts[0].percent


@pytest.mark.parametrize("percent", ["0", "100.01", "12.345", "true", "nan"])
def test_a_percent_that_can_not_be_is_refused(percent: str) -> None:
    assert said(f"percent: {percent}", rank="percentage")
