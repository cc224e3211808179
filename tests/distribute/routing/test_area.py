"""From where contracts take leads."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.catalog.documents import Distribution
from app.catalog.routing import Area, Near, Territory
from app.distribute.area import Areas
from app.distribute.explain import explain
from app.distribute.route import RouteIndex
from tests.distribute.routing.standing import NOON, Contract, contract


class Atlas:
    country, state, postal_code, city = "country", "state", "zip", "city"

    def within(self, near: Near) -> Iterable[str]:
        return ("94107", "94110", "V6B*") if near.postal_code == "94107" else ()

    def parts_of(self, code: str) -> tuple[str, Iterable[str]]:
        return ("US", ("CA",)) if code.startswith("9") else ("", ())

    def codes_of(self, city: str, state: str) -> Iterable[str]:
        return {"Frisco CA": ("94107", "94110"), "Vancouver BC": ("V6B",)}.get(f"{city} {state}", ())


WEST = {"west": Territory(states=("CA", "NV"), postal_codes=("850*",))}


def index_of(*contracts: Contract) -> RouteIndex[Contract]:
    to = Distribution(rank=("price",), territories=WEST)
    return RouteIndex(contracts, to, Atlas())


def wanted(area: Mapping[str, Any], **lead: str) -> bool:
    match = index_of(contract("a", area=area)).match(lead, source="acme", at=NOON)
    assert match.left_out.area == 1 - match.count
    return match.count == 1


def test_any_of_its_places_is_enough() -> None:
    area = {"states": ["TX"], "postal_codes": ["10001", "606*"], "countries": ["MX"]}
    assert wanted(area, state="TX", zip="94107", country="US")
    assert wanted(area, state="NY", zip="10001")
    assert wanted(area, state="IL", zip="60614")
    assert wanted(area, country="MX")
    assert not wanted(area, state="NY", zip="10002", country="US")


def test_a_lead_that_does_not_say_where_it_is_fits_no_area() -> None:
    assert not wanted({"states": ["TX"]})
    assert index_of(contract("a")).match({}, source="acme", at=NOON).count == 1


def test_a_circle_is_the_codes_that_lie_in_it_and_beginnings_of_codes() -> None:
    area = {"near": [{"postal_code": "94107", "miles": 25}]}
    assert wanted(area, zip="94110")
    assert wanted(area, zip="V6B 1A1")
    assert not wanted(area, zip="94111")


def test_four_digits_more_are_the_same_place() -> None:
    assert wanted({"postal_codes": ["94107"]}, zip="94107-1234")


def test_a_territory_stands_for_its_places() -> None:
    assert wanted({"territories": ["west"]}, state="NV")
    assert wanted({"territories": ["west"]}, zip="85016")
    assert not wanted({"territories": ["west"]}, state="TX", zip="75001")


def test_where_a_state_or_country_is_missing_the_postal_code_tells_it() -> None:
    assert wanted({"states": ["CA"]}, zip="94107")
    assert wanted({"countries": ["US"]}, zip="94107")
    assert not wanted({"states": ["CA"]}, state="NV", zip="94107")


def test_a_city_without_its_code_is_in_a_place_if_all_of_it_is() -> None:
    assert wanted({"postal_codes": ["94107", "94110"]}, city="Frisco", state="CA")
    assert wanted({"postal_codes": ["941*"]}, city="Frisco", state="CA")
    assert wanted({"near": [{"postal_code": "94107", "miles": 25}]}, city="Vancouver", state="BC")
    assert not wanted({"postal_codes": ["94107"]}, city="Frisco", state="CA")
    assert not wanted({"postal_codes": ["941*"]}, city="Frisco", state="TX")
    assert not wanted({"postal_codes": ["941*"]}, city="Frisco")
    assert not wanted({"postal_codes": ["941*"]}, city="Nowhere", state="CA")
    assert not wanted({"postal_codes": ["V6B 1A1"]}, city="Vancouver", state="BC")


def test_where_there_is_a_code_the_city_is_not_asked() -> None:
    assert not wanted({"postal_codes": ["941*"]}, zip="10001", city="Frisco", state="CA")


def test_a_lead_that_is_left_out_without_a_code_is_told_by_its_city() -> None:
    index = index_of(contract("a", area={"postal_codes": ["10001"]}))
    (said,) = explain(index, {"city": "Frisco", "state": "CA"}, source="acme", at=NOON)
    assert said.value == 'lead.city == "Frisco"; lead.state == "CA"'


def test_a_postal_code_is_written_in_capitals_and_a_beginning_may_have_a_blank() -> None:
    assert Area.model_validate({"postal_codes": ["sw1a *"]}).postal_codes == ("SW1A*",)
    assert wanted({"postal_codes": ["sw1a *"]}, zip="SW1A 1AA")


def test_an_area_is_asked_after_the_source_and_before_the_filter() -> None:
    index = index_of(
        contract("a", "lead.no", area={"states": ["TX"]}, sources=["other"]),
        contract("b", "lead.no", area={"states": ["TX"]}, except_sources=["acme"]),
        contract("c", "lead.no", area={"states": ["TX", "AZ", "NM", "NV", "UT", "CO"], "territories": ["west"]}),
        contract("d", "lead.no", area={"near": [{"latitude": 1.5, "longitude": 2, "km": 40}]}),
        contract("e", "lead.no"),
    )  # fmt: skip
    lead = {"state": "FL", "zip": "33101"}
    said = explain(index, lead, source="acme", at=NOON)
    assert [(one.contract, one.cause, one.rule, one.value) for one in said] == [
        ("a", "source", "sources: other", "acme"),
        ("b", "source", "except_sources: acme", "acme"),
        (
            "c", "area", "states TX, AZ, NM, NV, UT … (6) or territories west",
            'lead.zip == "33101"; lead.state == "FL"',
        ),
        ("d", "area", "near 40 km around 1.5, 2", 'lead.zip == "33101"; lead.state == "FL"'),
        ("e", "filter", "lead.no", "lead.no is missing → false"),
    ]  # fmt: skip
    left = index.match(lead, source="acme", at=NOON).left_out
    assert (left.source, left.area, left.filter) == (2, 2, 1)
    assert str(left) == "1 filter, 2 area, 2 source"


def test_a_lead_without_a_place_is_told_so() -> None:
    (said,) = explain(index_of(contract("a", area={"states": ["TX"]})), {}, source="acme", at=NOON)
    assert said.value == "the lead does not say where it is"


codes = st.text("0129", min_size=1, max_size=4)


@given(
    st.lists(
        st.none()
        | st.builds(
            lambda whole, starts, states: {
                "postal_codes": [*whole, *(f"{one}*" for one in starts)], "states": states,
            },
            st.lists(codes, min_size=1, max_size=5),
            st.lists(codes, max_size=3),
            st.lists(st.sampled_from(["CA", "NV", "TX"]), max_size=2),
        ),
        max_size=40,
    ),
    st.fixed_dictionaries({}, optional={"zip": codes, "state": st.sampled_from(["CA", "NV", "NY"])}),
)  # fmt: skip
def test_the_index_says_what_each_area_says(docs: list[Any], lead: dict[str, str]) -> None:
    def fits(doc: Any) -> bool:
        if doc is None:
            return True
        code, state = lead.get("zip", ""), lead.get("state")
        if state is None and code.startswith("9"):
            state = "CA"
        starts = tuple(one[:-1] for one in doc["postal_codes"] if one.endswith("*"))
        return (
            state in doc["states"] or code in doc["postal_codes"] or (bool(code) and code.startswith(starts))
        )

    areas = Areas([None if doc is None else Area.model_validate(doc) for doc in docs], {}, Atlas())
    found = areas.passing(lead)
    assert [bool(found >> i & 1) for i in range(len(docs))] == [fits(doc) for doc in docs]


@pytest.mark.parametrize("source", ["acme", "other", "third"])
def test_sources_are_allowed_or_denied(source: str) -> None:
    index = index_of(
        contract("any"), contract("only", sources=["acme"]), contract("but", except_sources=["acme", "third"])
    )
    found = index.match({}, source=source, at=NOON).ranked()
    assert ("only" in found) is (source == "acme")
    assert ("but" in found) is (source == "other")
    assert "any" in found
