import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.validate.data import again, join, zip_places
from app.validate.postcodes import place_of_code, place_of_zip, state_of_zip, with_town
from app.validate.towns import NEAR, SPREAD, is_elsewhere, kilometres, town_of

CODES = [code for code, *_ in zip_places()]
ORDINARY = Path(__file__).parents[1] / "data" / "cities.tsv"
CANADA = [
    "CA\tV6B\tVancouver (NE Downtown / Gastown)\tBritish Columbia\tBC\tVancouver\t\t\t\t49.2788\t-123.1139\t6",
    "CA\tV6C\tVancouver (Waterfront)\tBritish Columbia\tBC\tVancouver\t\t\t\t49.2869\t-123.1162\t6",
    "CA\tV1Y\tKelowna Central\tBritish Columbia\tBC\t\t\t\t\t49.8829\t-119.4891\t6",
    "CA\tH2X 1Y4\tMontr\u00e9al\tQuebec\tQC\t\t\t\t\t45.51\t-73.57\t6",
    "CA\tH2X 1Y5\tMontr\u00e9al\tQuebec\tQC\t\t\t\t\t45.51\t-73.57\t6",
]  # fmt: skip


@pytest.fixture
def own(tmp_path):
    (tmp_path / "postal_codes.txt").write_text("\n".join(CANADA), "utf-8")
    join(tmp_path)
    yield tmp_path / "postal_codes.txt"
    join(None)


def test_a_city_tells_its_codes_its_county_and_its_middle():
    assert town_of("Beverly Hills", "US", "CA") == (
        "US", ("90210", "90211", "90212"), "Los Angeles", 34.076, -118.4, False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("city", "state", "code"),
    [
        ("BEVERLY HILLS", "CA", "90210"), ("  beverly   hills ", "CA", "90210"), ("Saint Louis", "MO", "63101"),
        ("St. Louis", "MO", "63101"), ("st louis", "MO", "63101"), ("Ft Worth", "TX", "76102"), ("Mc Kinney", "TX", "75070"),
        ("McKinney", "TX", "75070"), ("coeur dalene", "ID", "83814"), ("Winston-Salem", "NC", "27101"),
        ("New York City", "NY", "10001"), ("NYC", "NY", "10001"), ("City of Buffalo", "NY", "14201"),
        ("Washington, DC", "DC", "20001"), ("Austin TX", "TX", "78701"), ("Kansas City", "KS", "66101"),
        ("Cañon City", "CO", "81212"), ("N. Charleston", "SC", "29405"), ("Mt. Pleasant", "SC", "29464"),
    ],
)  # fmt: skip
def test_a_city_is_known_as_people_write_it(city, state, code):
    assert code in town_of(city, "US", state).codes


@pytest.mark.parametrize(
    ("city", "country", "state"),
    [
        ("Mission District", "US", "CA"), ("Beverly Hills", "US", "NY"), ("", "US", "CA"), (".", "US", "CA"), ("x" * 81, "US", "CA"),
        ("Toronto", "CA", "ON"), ("Berlin", "DE", "BE"), ("Reno", "US", ""), ("Reno", "US", "ZZ"), ("94110", "US", "CA"), ("東京", "US", "CA"),
    ],
)  # fmt: skip
def test_of_what_no_post_office_of_the_state_is_called_by_nothing_is_known(city, country, state):
    assert town_of(city, country, state) is None


def test_cities_of_one_name_in_several_states_are_several():
    illinois, oregon = town_of("Springfield", "US", "IL"), town_of("Springfield", "US", "OR")
    assert (illinois.county, oregon.county) == ("Sangamon", "Lane")
    assert not set(illinois.codes) & set(oregon.codes)


def test_post_boxes_are_left_out_where_people_live_and_told_where_nobody_does():
    assert "94119" not in town_of("San Francisco", "US", "CA").codes
    assert town_of("Holtsville", "US", "NY").codes == ("11742",)
    assert not place_of_zip("00501").homes
    boxes = town_of("Wall", "US", "NJ") or town_of("APO", "US", "AE")
    assert boxes.codes


def test_a_middle_and_a_county_are_told_only_where_they_are_one():
    soldiers = town_of("APO", "US", "AE")
    assert (soldiers.lat, soldiers.lon, soldiers.county) == (None, None, "")
    assert town_of("Houston", "US", "TX").lat == pytest.approx(29.78, abs=0.05)
    wide = town_of("Tucson", "US", "AZ")
    assert (wide.lat, wide.lon, wide.county) == (None, None, "Pima")
    assert town_of("San Francisco", "US", "CA").county == ""  # its airport is San Mateo's


def test_a_post_that_comes_from_the_state_next_to_it_is_marked():
    assert town_of("Fort Campbell", "US", "TN")[1::4] == (("42223",), True)
    assert not town_of("Fort Campbell", "US", "KY").beyond


@given(st.sampled_from(CODES))
def test_the_way_from_a_code_to_its_city_and_back_ends_where_it_began(code):
    place = with_town(place_of_zip(code))
    if place.city:
        town = town_of(place.city, "US", state_of_zip(code))
        assert code in town.codes
        assert not is_elsewhere(place_of_zip(code), place.city)
        assert list(town.codes) == sorted(set(town.codes))
        assert town.lat is None or kilometres(town.lat, town.lon, place.lat, place.lon) <= SPREAD


@given(st.text(max_size=90), st.sampled_from(["US", "CA", "DE", ""]), st.sampled_from(["CA", "ON", "", "x"]))
def test_anything_at_all_may_stand_for_a_city(city, country, state):
    town = town_of(city, country, state)
    assert town is None or town.codes
    assert is_elsewhere(place_of_zip("94110"), city) in (True, False)


@pytest.mark.parametrize("line", [one for one in ORDINARY.read_text("utf-8").splitlines() if one[:1] != "#"])
def test_no_ordinary_address_is_elsewhere(line):
    city, state, code = line.split("\t")
    assert state in place_of_zip(code).states
    assert not is_elsewhere(place_of_zip(code), city)


@pytest.mark.parametrize(
    ("code", "city"),
    [("90210", "San Francisco"), ("79901", "Houston"), ("10001", "Buffalo"), ("60601", "Springfield"), ("33101", "Jacksonville")],
)  # fmt: skip
def test_a_code_far_from_its_city_is_elsewhere(code, city):
    assert is_elsewhere(place_of_zip(code), city)


def test_the_next_town_is_not_elsewhere_nor_is_the_same_county():
    assert not is_elsewhere(place_of_zip("94014"), "San Francisco")  # Daly City, of San Mateo
    assert not is_elsewhere(place_of_zip("77302"), "Houston")  # of Montgomery, near the last of 97 codes
    assert not is_elsewhere(place_of_zip("89049"), "Pahrump")  # of Nye, 200 km off
    assert kilometres(37.7, -122.4, 37.7, -122.4) == 0
    assert NEAR < kilometres(37.77, -122.42, 34.1, -118.41) < 600


def test_a_city_that_only_the_next_state_has_is_held_against_nobody():
    assert town_of("Centennial", "US", "CO").beyond
    assert not is_elsewhere(place_of_zip("80112"), "Centennial")


def test_a_city_of_the_next_state_may_be_meant_and_is_held_against_no_code():
    assert place_of_zip("08610").states == {"NJ", "PA"}
    assert town_of("Hamilton", "US", "PA")  # and none in New Jersey, where a township of 90,000 is called so
    assert not is_elsewhere(place_of_zip("08610"), "Hamilton")
    assert is_elsewhere(place_of_zip("08610"), "Atlantic City")


@pytest.mark.parametrize(
    "city", ["Shelby Township", "Shelby Twp", "Township of Shelby", "Shelby Village", "Town of Shelby"]
)
def test_a_township_is_not_the_town_of_its_name(city):
    assert is_elsewhere(place_of_zip("48315"), "Saginaw")
    assert town_of("Shelby", "US", "MI").codes == ("49455",)
    assert not is_elsewhere(place_of_zip("48315"), city)


def test_what_a_post_office_is_called_by_is_held_though_it_says_township():
    assert town_of("Commerce Township", "US", "MI").codes == ("48382",)
    assert is_elsewhere(place_of_zip("49855"), "Commerce Township")  # Marquette, 600 km off


def test_a_common_name_of_one_post_office_may_be_a_townships_where_there_are_any():
    assert not is_elsewhere(place_of_zip("08873"), "Franklin")
    assert is_elsewhere(place_of_zip("38103"), "Franklin")  # of Tennessee, that has no townships
    assert is_elsewhere(place_of_zip("44113"), "Springfield")  # of Ohio, a city of six codes
    assert is_elsewhere(place_of_zip("08873"), "Cape May")  # a name that only two other states have


def test_an_operators_file_tells_of_canada_by_first_halves(own):
    assert town_of("vancouver", "CA", "BC") == ("CA", ("V6B", "V6C"), "Vancouver", 49.283, -123.115, False)
    assert town_of("Montreal", "CA", "QC").codes == ("H2X",)
    assert town_of("Vancouver", "CA", "ON") is None
    assert town_of("Vancouver", "US", "WA").codes[0] == "98660"
    assert is_elsewhere(place_of_code("CA", "V1Y 1A1"), "Vancouver")
    assert not is_elsewhere(place_of_code("CA", "V6B 1A1"), "Vancouver")
    assert not is_elsewhere(place_of_code("CA", "V9Z 1A1"), "Vancouver")  # nobody knows where that is


def test_an_operators_name_for_a_city_stands_beside_the_one_that_ships(own):
    own.write_text(
        "US\t94110\tFrisco\tCalifornia\tCA\tSan Francisco\t075\t\t\t37.7487\t-122.4158\t4", "utf-8"
    )
    again()
    assert town_of("Frisco", "US", "CA").codes == ("94110",)
    assert "94110" in town_of("San Francisco", "US", "CA").codes
    assert town_of("Vancouver", "CA", "BC") is None


def test_a_file_that_goes_away_is_forgotten(own):
    assert town_of("Vancouver", "CA", "BC")
    own.unlink()
    again()
    assert town_of("Vancouver", "CA", "BC") is None


def test_who_names_no_city_reads_no_index_of_them():
    said = (
        "import app.validate.towns as t, app.validate.postcodes as p; p.with_town(p.place_of_zip('94110'));"
        "print(t._shipped.cache_info().currsize)"
    )
    assert subprocess.run([sys.executable, "-c", said], capture_output=True, text=True).stdout == "0\n"
