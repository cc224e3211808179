from zoneinfo import available_timezones

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import carrier, timezone

from app.validate.data import area_states
from app.validate.lines import carrier_of, fictional, repeated, sequential, states_of, zones_of
from app.validate.postcodes import PROVINCES, US_STATES

EXAMPLES = [
    f"+{number.country_code}{phonenumbers.national_significant_number(number)}"
    for region in sorted(phonenumbers.SUPPORTED_REGIONS - {"US", "CA"})  # of +1 alone nothing is known here
    for kind in (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE)
    if (number := phonenumbers.example_number_for_type(region, kind)) is not None
]


def test_an_area_code_is_of_states_that_there_are():
    assert set().union(*area_states().values()) <= US_STATES | PROVINCES
    assert all(len(area) == 3 and area.isdecimal() for area in area_states())


@pytest.mark.parametrize(
    ("number", "states"),
    [
        ("+12125551212", {"NY"}),
        ("+12025551212", {"DC"}),
        ("+12065551212", {"WA"}),
        ("+12365551212", {"BC"}),
        ("+17825551212", {"NS", "PE"}),
        ("+18675551212", {"YT", "NT", "NU"}),
        ("+17875551212", {"PR"}),
        ("+16715551212", {"GU"}),
        ("+18005551212", set()),
        ("+18765551212", set()),  # Jamaica
        ("+4930226100", set()),
        ("", set()),
    ],
)
def test_an_area_code_tells_its_states(number, states):
    assert states_of(number) == states


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+12125551212", ("America/New_York",)),
        ("+18085551212", ("Pacific/Honolulu",)),
        ("+4930226100", ("Europe/Berlin",)),
        ("+918041234567", ("Asia/Calcutta",)),
        ("+18005551212", ()),
        ("+1", ()),
        ("", ()),
    ],
)
def test_a_number_tells_its_time_zones(number, zones):
    assert zones_of(number) == zones


@pytest.mark.parametrize("number", EXAMPLES)
def test_time_zones_are_those_of_the_library_and_known_to_the_clock(number):
    parsed = phonenumbers.parse(number)
    asked = timezone.time_zones_for_geographical_number(parsed)
    assert zones_of(number) == (() if asked == ("Etc/Unknown",) else asked)
    assert set(zones_of(number)) <= available_timezones()


@pytest.mark.parametrize("number", EXAMPLES)
def test_carriers_are_those_of_the_library(number):
    assert carrier_of(number) == " ".join(carrier.name_for_number(phonenumbers.parse(number), "en").split())


@pytest.mark.parametrize("number", ["+12125551212", "+493022732", "+1", "+", ""])
def test_of_other_numbers_nobody_knows_a_carrier(number):
    assert carrier_of(number) == ""


@pytest.mark.parametrize("number", ["+12122222222", "+447777777777", "+49304444444"])
def test_one_digit_seven_times_is_told(number):
    assert repeated(number)


@pytest.mark.parametrize("number", ["+12122345678", "+12129876543", "+12124567890", "+493001234567"])
def test_seven_digits_in_a_row_are_told(number):
    assert sequential(number)


@pytest.mark.parametrize(
    "number", ["+12123222222", "+12122346578", "+12121212121", "+1222222", "2222222", ""]
)
def test_what_only_looks_alike_is_not(number):
    assert not repeated(number)
    assert not sequential(number)


@pytest.mark.parametrize(
    "number", ["+12125550200", "+12125551212", "+12124555010", "+18005550100", "+447701900123"]
)
def test_what_is_not_kept_for_films_is_not_fictional(number):
    assert not fictional(number)


@given(st.text(max_size=20))
def test_any_text_has_an_answer(text):
    assert isinstance(repeated(text) or sequential(text) or fictional(text), bool)
    assert isinstance(states_of(text), frozenset)
    assert isinstance(zones_of(text), tuple)
