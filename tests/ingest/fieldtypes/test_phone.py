import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from app.ingest.fieldtypes.phone import Phone, PhoneSettings
from app.ingest.nanp import REGIONS, line_of

US = PhoneSettings()


def normal(raw, **said):
    return Phone().normal(raw, PhoneSettings(**said))


@pytest.mark.parametrize(
    "raw",
    [
        "5125550100",
        "15125550100",
        "+15125550100",
        "+1 (512) 555-0100",
        "(512)555-0100",
        "512.555.0100",
        "512/555-0100",
        "1-512-555-0100",
        "tel:+1-512-555-0100",
        "call 512 555 0100",
        "٥١٢٥٥٥٠١٠٠",
        5125550100,
        15125550100,
        5125550100.0,
    ],
)
def test_one_number_has_one_normal_value_however_it_is_written(raw):
    value = normal(raw)
    assert (value.valid, value.normal) == (True, "+15125550100")
    assert value.parts == {"region": "US", "line_type": "fixed_or_mobile", "national": "5125550100"}


@pytest.mark.parametrize(
    "raw, country, e164, region, line_type",
    [
        ("+44 20 7946 0958", "US", "+442079460958", "GB", "fixed"),
        ("020 7946 0958", "GB", "+442079460958", "GB", "fixed"),
        ("07400 123456", "GB", "+447400123456", "GB", "mobile"),
        ("0049 30 226100", "US", "+4930226100", "DE", "fixed"),
        ("011 49 30 226100", "US", "+4930226100", "DE", "fixed"),
        ("416 555 0100", "US", "+14165550100", "CA", "fixed_or_mobile"),
        ("+1 242 365 1234", "GB", "+12423651234", "BS", "fixed"),
        ("1-800-FLOWERS", "US", "+18003569377", "US", "toll_free"),
        ("900 555 0100", "US", "+19005550100", "US", "premium"),
        ("600 555 0100", "CA", "+16005550100", "CA", "voip"),
        ("+39 06 1234 5678", "US", "+390612345678", "IT", "fixed"),
        ("+800 1234 5678", "US", "+80012345678", "", "toll_free"),
    ],
)
def test_region_and_line_type_come_with_the_number(raw, country, e164, region, line_type):
    value = normal(raw, country=country)
    assert (value.normal, value.parts["region"], value.parts["line_type"]) == (e164, region, line_type)


@pytest.mark.parametrize(
    "raw", ["512-555-0100 x123", "512 555 0100 ext. 123", "5125550100;ext=123", "512.555.0100 #123"]
)
def test_an_extension_is_a_part_and_no_digit_of_the_number(raw):
    value = normal(raw)
    assert (value.normal, value.parts["extension"]) == ("+15125550100", "123")


@pytest.mark.parametrize(
    "raw, hint",
    [
        ("512-555-0100 c", "mobile"),
        ("512-555-0100 (M)", "mobile"),
        ("5125550100w", "work"),
        ("5125550100 h", "home"),
    ],
)
def test_a_letter_behind_it_is_a_hint(raw, hint):
    value = normal(raw)
    assert (value.normal, value.parts["hint"]) == ("+15125550100", hint)


@pytest.mark.parametrize(
    "raw", ["512*******", "512-***-****", "512-XXX-XXXX", "(512) 555-xxxx", "***-***-0100", "512•••••••"]
)
def test_a_masked_number_is_no_number_to_call_unless_the_campaign_takes_it(raw):
    value = normal(raw)
    assert (value.valid, value.normal, value.note, value.parts) == (
        False,
        None,
        "is masked",
        {"masked": True},
    )
    taken = normal(raw, masked=True)
    assert taken.valid
    assert len(taken.normal) == 10
    assert set(taken.normal) <= set("0123456789*")


@pytest.mark.parametrize(
    "raw",
    [
        "garbage",
        "()",
        "-",
        "123",
        "555-0100",
        "0000000000",
        "1234567890",
        "5551234567",
        "512555010",
        "51255501000",
        "9" * 300,
        "+",
        "+999 123",
        True,
        0,
        -5125550100.5,
    ],
)
def test_garbage_is_kept_and_marked(raw):
    value = normal(raw)
    assert (value.raw, value.normal, value.valid) == (raw, None, False)
    assert value.note


def test_a_country_without_numbers_is_refused_when_saved():
    assert PhoneSettings(country="gb").country == "GB"
    for wrong in ("XX", "AQ", "USA"):
        with pytest.raises(ValueError):
            PhoneSettings(country=wrong)


TYPES = {
    phonenumbers.PhoneNumberType.FIXED_LINE: "fixed",
    phonenumbers.PhoneNumberType.MOBILE: "mobile",
    phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_or_mobile",
    phonenumbers.PhoneNumberType.TOLL_FREE: "toll_free",
    phonenumbers.PhoneNumberType.PREMIUM_RATE: "premium",
    phonenumbers.PhoneNumberType.VOIP: "voip",
    phonenumbers.PhoneNumberType.PERSONAL_NUMBER: "personal",
    phonenumbers.PhoneNumberType.PAGER: "pager",
    phonenumbers.PhoneNumberType.UAN: "uan",
}


def asked(national: str) -> tuple[str, str] | None:
    number = phonenumbers.PhoneNumber(country_code=1, national_number=int(national))
    kind = TYPES.get(phonenumbers.number_type(number))
    assert (kind is not None) == phonenumbers.is_valid_number(number)
    return (phonenumbers.region_code_for_number(number), kind) if kind else None


def test_every_area_code_and_a_spread_of_exchanges_agree_with_the_library():
    for area in range(200, 1_000):
        for tail in ("2345678", "4641234", "5550100", "0123456", f"{area * 9_973 % 10_000_000:07d}"):
            assert line_of(f"{area}{tail}") == asked(f"{area}{tail}"), f"{area}{tail}"


def test_the_library_s_own_example_of_each_type_and_region_agrees():
    for region in REGIONS:
        for kind in TYPES:
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None and len(str(number.national_number)) == 10:
                assert line_of(str(number.national_number)) == asked(str(number.national_number))


@settings(max_examples=300, deadline=None)
@given(
    st.from_regex(r"\+?1?[ .-]?\(?[2-9][0-9]{2}\)? ?[.-]?[0-9]{3}[ .-]?[0-9]{4}", fullmatch=True),
    st.sampled_from(["US", "CA", "BS", "PR", "GB"]),
)
@example("+15125550100", "GB")
@example("5125550100", "GB")
def test_the_short_cut_agrees_with_the_library_however_it_is_written(text, country):
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        number = None
    expected = None
    if number is not None and phonenumbers.is_valid_number(number):
        expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert normal(text, country=country).normal == expected
