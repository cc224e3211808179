import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ingest.fieldtype import fieldtypes
from app.validate.data import join, zip_places, zip_ranges, zip_towns
from app.validate.postcodes import PROVINCES, US_STATES, place_of, place_of_zip, state_of, with_town

TYPES = fieldtypes.discover()


def postal_code(text, country="US"):
    kind = TYPES["postal_code"]
    return kind.normal(text, kind.settings.model_validate({"country": country}))


def state(text, country="US"):
    kind = TYPES["state"]
    return kind.normal(text, kind.settings.model_validate({"country": country}))


def test_every_state_of_a_range_is_one_that_the_field_type_knows():
    assert all(state(one).valid for one in US_STATES)
    assert all(state(one, "CA").valid for one in PROVINCES)
    assert len(PROVINCES) == 13


def test_no_code_is_both_a_state_and_a_province():
    assert not US_STATES & PROVINCES


def test_ranges_are_in_order_and_do_not_overlap():
    edges = [edge for first, last, _ in zip_ranges() for edge in (first, last)]
    assert edges == sorted(edges)


def test_every_centroid_lies_in_a_state_and_in_america():
    places = list(zip_places())
    assert len(places) > 33_000
    assert [one[0] for one in places] == sorted({one[0] for one in places})
    for code, *_ in places:
        place = place_of_zip(code)
        assert place.states
        assert -15 < place.lat < 72


@pytest.mark.parametrize(
    ("code", "states"),
    [
        ("10001", {"NY"}), ("94110", {"CA"}), ("78701", {"TX"}), ("00501", {"NY"}), ("06390", {"NY", "CT", "RI"}),
        ("20001", {"DC"}), ("20500", {"DC"}), ("00926", {"PR"}), ("00820", {"VI"}), ("96910", {"GU"}), ("96799", {"AS"}),
        ("09021", {"AE"}), ("34002", {"AA"}), ("96201", {"AP"}), ("99501", {"AK"}), ("96813", {"HI"}),
    ],
)  # fmt: skip
def test_a_zip_code_tells_its_state(code, states):
    assert place_of(postal_code(code)).states == states


@pytest.mark.parametrize(
    ("code", "both"),
    [
        ("59221", {"MT", "ND"}), ("97635", {"OR", "CA"}), ("42223", {"KY", "TN"}), ("73949", {"OK", "TX"}),
        ("84536", {"UT", "AZ"}), ("86515", {"AZ", "NM"}), ("38079", {"TN", "KY"}), ("71749", {"AR", "LA"}),
        ("51001", {"IA", "SD"}), ("65761", {"MO", "AR"}), ("89439", {"NV", "CA"}), ("83120", {"WY", "ID"}),
    ],
)  # fmt: skip
def test_a_zip_code_that_crosses_a_border_may_lie_in_both_states(code, both):
    assert both <= place_of_zip(code).states


def test_a_zip_code_lies_where_it_lies():
    place = place_of(postal_code("94110-1234"))
    assert (place.country, place.lat, place.lon) == ("US", 37.75, -122.415)


def test_a_zip_code_of_post_boxes_lies_where_its_office_is_and_nobody_lives_there():
    place = place_of_zip("00501")
    assert (place.states, place.lat, place.homes) == ({"NY"}, None, False)
    assert with_town(place)[1:7] == ({"NY"}, 40.815, -73.045, "Holtsville", "Suffolk", False)
    assert place_of_zip("94110").homes


@pytest.mark.parametrize(
    ("code", "city", "county"),
    [
        ("94110", "San Francisco", "City and County of San Francisco"), ("10001", "New York", "New York"),
        ("78701", "Austin", "Travis"), ("20001", "Washington", "District of Columbia"),
        ("90210", "Beverly Hills", "Los Angeles"), ("09021", "APO", ""), ("09415", "FPO", ""), ("96860", "Jbphh", "Honolulu"),
    ],
)  # fmt: skip
def test_a_zip_code_tells_its_city_and_county(code, city, county):
    place = with_town(place_of(postal_code(code)))
    assert (place.city, place.county) == (city, county)


def test_a_town_moves_no_middle():
    place = place_of_zip("94110")
    assert with_town(place)[:4] == place[:4]


@pytest.mark.parametrize("code", ["00401", "72643", "20588", "00926"])
def test_of_no_state_of_an_island_and_of_what_contradicts_the_ranges_no_city_is_told(code):
    place = place_of_zip(code)
    assert with_town(place) == place
    assert place.city == ""


def test_towns_are_in_order_each_has_a_name_and_lies_in_america_if_anywhere():
    towns = list(zip_towns())
    assert len(towns) > 41_000
    assert [one[0] for one in towns] == sorted({one[0] for one in towns})
    middles = {code for code, *_ in zip_places()}
    for code, city, _, lat, lon in towns:
        assert city
        assert place_of_zip(code).states
        assert (lat == "") == (lon == "")
        if lat:
            assert code not in middles
            assert -15_000 < int(lat) < 72_000


def test_who_asks_for_no_city_reads_no_list_of_them():
    said = "import app.validate.postcodes as p; p.place_of_zip('94110'); p.place_of_zip('00501'); print(p._towns.cache_info().currsize)"
    assert subprocess.run([sys.executable, "-c", said], capture_output=True, text=True).stdout == "0\n"


@pytest.mark.parametrize("code", ["00600"[:3] + "x1", "", "1", "123456", "١٢٣٤٥"])
def test_what_is_no_zip_code_lies_nowhere(code):
    assert place_of_zip(code) is None or not place_of_zip(code).states


def test_a_zip_code_between_the_ranges_is_of_no_state():
    assert place_of_zip("00401").states == frozenset()


@pytest.mark.parametrize(
    ("code", "provinces"),
    [
        ("A1A 1A1", {"NL"}), ("B3H 4R2", {"NS"}), ("C1A 1A1", {"PE"}), ("E3B 5A3", {"NB"}), ("H2X 1Y4", {"QC"}),
        ("G1R 4P5", {"QC"}), ("M5V 2T6", {"ON"}), ("K1A 0B1", {"ON", "QC"}), ("R3C 0A5", {"MB"}), ("S4P 3Y2", {"SK"}),
        ("T2P 1J9", {"AB"}), ("V6B 1A1", {"BC"}), ("X0A 0H0", {"NU"}), ("X1A 1A1", {"NT"}), ("Y1A 1A1", {"YT"}),
    ],
)  # fmt: skip
def test_a_canadian_code_tells_its_province(code, provinces):
    assert place_of(postal_code(code, "CA")).states == provinces


@pytest.mark.parametrize(
    ("code", "country"),
    [("SW1A 1AA", "GB"), ("W1A 1AA", "GB"), ("M1 1AE", "GB"), ("10115", "DE"), ("75001", "FR")],
)
def test_codes_of_other_countries_are_not_taken_for_ours(code, country):
    assert place_of(postal_code(code, country)) is None


def test_a_state_is_known_with_its_country():
    assert state_of(state("Texas")) == ("US", "TX")
    assert state_of(state("Québec", "CA")) == ("CA", "QC")
    assert state_of(state("Bayern", "DE")) is None


@given(st.integers(0, 99_999))
def test_every_five_digits_have_an_answer(number):
    place = place_of_zip(f"{number:05d}")
    assert place is not None
    assert (place.lat is None) == (place.lon is None)


def test_an_operators_file_tells_city_and_county_and_where_canadian_codes_lie(tmp_path):
    lines = [
        "US\t94110\tSan Francisco\tCalifornia\tCA\tSan Francisco\t075\t\t\t37.7487\t-122.4158\t4",
        "CA\tV6B\tVancouver (NE Downtown)\tBritish Columbia\tBC\tVancouver\t\t\t\t49.2788\t-123.1139\t6",
    ]
    (tmp_path / "postal_codes.txt").write_text("\n".join(lines), "utf-8")
    join(tmp_path)
    try:
        ours = (37.7487, -122.4158, "San Francisco", "San Francisco")
        assert place_of_zip("94110")[2:6] == with_town(place_of_zip("94110"))[2:6] == ours
        assert place_of(postal_code("V6B 1A1", "CA"))[2:5] == (49.2788, -123.1139, "Vancouver (NE Downtown)")
        assert place_of_zip("10001").city == ""
        assert with_town(place_of_zip("10001")).city == "New York"
        assert with_town(place_of(postal_code("M5V 2T6", "CA"))).city == ""
    finally:
        join(None)


def test_a_file_that_names_a_code_where_nobody_lives_makes_it_no_home(tmp_path):
    line = "US\t12345\tSchenectady\tNew York\tNY\tSchenectady\t093\t\t\t42.8142\t-73.9396\t1"
    (tmp_path / "postal_codes.txt").write_text(line, "utf-8")
    join(tmp_path)
    try:
        assert (place_of_zip("12345").lat, place_of_zip("12345").homes) == (42.8142, False)
    finally:
        join(None)
