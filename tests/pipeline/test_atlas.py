"""Where postal codes lie, and which of them lie in a circle."""

from pathlib import Path
from typing import Any

import pytest

from app.catalog.documents import CampaignDoc
from app.catalog.routing import Near
from app.distribute.area import NOWHERE
from app.pipeline.atlas import CampaignAtlas, atlas_of, middle_of
from app.validate.data import again, join


def atlas(**fields: Any) -> CampaignAtlas:
    return CampaignAtlas(CampaignDoc.model_validate({"id": "solar", "fields": fields}))


def within(atlas: CampaignAtlas, **near: Any) -> set[str]:
    return set(atlas.within(Near.model_validate(near)))


US = {"zip": {"type": "postal_code"}}


def test_codes_around_a_code_are_those_that_are_near() -> None:
    found = within(atlas(**US), postal_code="94107", miles=10)
    assert {"94107", "94110", "94607"} <= found  # San Francisco, and Oakland across the bay
    assert not found & {"95112", "10001", "94952"}  # San Jose, New York, Petaluma
    assert found < within(atlas(**US), postal_code="94107", miles=60)


def test_miles_and_kilometres_are_the_same_circle() -> None:
    one = within(atlas(**US), latitude=40.75, longitude=-73.99, miles=10)
    assert one == within(atlas(**US), latitude=40.75, longitude=-73.99, km=16.09344)
    assert "10001" in one


def test_post_boxes_lie_in_the_circle_that_their_office_is_in() -> None:
    assert "94119" in within(atlas(**US), postal_code="94107", miles=10)
    assert "00501" in within(atlas(**US), postal_code="00501", miles=1)
    assert middle_of("00501") == (40.815, -73.045)
    assert middle_of("09021") is None


def test_four_digits_more_do_not_move_the_middle() -> None:
    assert middle_of("94107-1234") == middle_of("94107") is not None


@pytest.mark.parametrize("code", ["", "00000", "99999", "V6B 1A1", "nowhere"])
def test_nothing_lies_around_what_nobody_knows(code: str) -> None:
    assert middle_of(code) is None
    assert within(atlas(**US), postal_code=code, miles=50) == set()


def test_a_circle_over_the_date_line_and_at_the_pole_finds_what_lies_there() -> None:
    assert "96799" in within(atlas(**US), latitude=-14.3, longitude=-170.7, km=50)  # Pago Pago
    assert within(atlas(**US), latitude=90, longitude=0, km=1_000) == set()


def test_the_first_field_of_a_kind_says_where_a_lead_is() -> None:
    fields = {"home": {"type": "state"}, "work": {"type": "state"}, "land": {"type": "country"}}
    found = atlas(**fields)
    assert (found.state, found.country, found.postal_code) == ("home", "land", "")


def test_a_postal_code_tells_its_state_and_country() -> None:
    country, states = atlas(**US).parts_of("94107")
    assert (country, set(states)) == ("US", {"CA"})
    canadian = atlas(zip={"type": "postal_code", "country": "CA"})
    assert canadian.parts_of("V6B 1A1") == ("CA", frozenset({"BC"}))
    assert atlas(zip={"type": "postal_code", "country": "DE"}).parts_of("94107") == ("DE", ())


def test_a_city_and_its_state_tell_the_codes_that_people_live_under() -> None:
    found = atlas(**US, city={"type": "text"})
    assert found.city == "city"
    assert found.codes_of("Coeur d'Alene", "ID") == ("83814", "83815")
    assert set(found.codes_of("san francisco", "CA")) < within(found, postal_code="94107", miles=25)
    assert found.codes_of("Coeur d'Alene", "CA") == ()
    assert atlas(**US).city == ""
    assert atlas(zip={"type": "postal_code", "country": "DE"}).codes_of("Hamburg", "NY") == ()


def test_a_file_of_places_that_comes_later_is_in_circles_from_then_on(tmp_path: Path) -> None:
    canadian = atlas(zip={"type": "postal_code", "country": "CA"}, city={"type": "text"})
    join(tmp_path)
    try:
        assert within(canadian, latitude=49.28, longitude=-123.11, km=5) == set()
        assert canadian.codes_of("Vancouver", "BC") == ()
        line = (
            "CA\tV6B\tVancouver (NE Downtown)\tBritish Columbia\tBC\tVancouver\t\t\t\t49.2788\t-123.1139\t6"
        )
        (tmp_path / "postal_codes.txt").write_text(line, "utf-8")
        again()
        assert within(canadian, latitude=49.28, longitude=-123.11, km=5) == {"V6B*"}
        assert canadian.codes_of("Vancouver", "BC") == ("V6B",)
    finally:
        join(None)


def test_where_no_contract_asks_for_a_place_none_is_looked_up() -> None:
    assert atlas_of(CampaignDoc.model_validate({"id": "solar", "fields": US}), ()) is NOWHERE
