import pytest

from app.ingest.fieldtypes.number import Number, NumberSettings


def normal(raw, **said):
    value = Number().normal(raw, NumberSettings(**said))
    return value.normal if value.valid else value.note


@pytest.mark.parametrize(
    "raw, becomes",
    [
        ("150", 150),
        ("150.00", 150),
        (150.0, 150),
        ("$1,234.50", 1234.5),
        ("1 234 567", 1234567),
        ("€ 12", 12),
        ("12 €", 12),
        ("-$5", -5),
        ("$-5", -5),
        ("+5", 5),
        ("1.", 1),
        ("007", 7),
    ],
)
def test_an_amount_is_one_number_however_it_is_written(raw, becomes):
    found = normal(raw)
    assert found == becomes
    assert type(found) is type(becomes)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "NaN",
        "inf",
        "1e5",
        "1,23",
        "12,34,56",
        "1.2.3",
        "$1.2k",
        "5%",
        "--5",
        "-$-5",
        "0x10",
        "٥",
        "1_000",
        True,
        float("nan"),
        "1" * 50,
    ],
)
def test_what_is_no_number_is_marked(raw):
    assert normal(raw) == "is no number"


@pytest.mark.parametrize("raw", [2**53 + 1, -(10**400), float("inf"), "99999999999999999999"])
def test_what_a_float_could_not_hold_exactly_is_too_large(raw):
    assert normal(raw) == "is too large"


def test_a_comma_stands_before_the_fraction_where_the_campaign_says_so():
    assert normal("1.234,50", decimal=",") == 1234.5
    assert normal("1,234.50", decimal=",") == "is no number"


def test_a_number_is_held_to_its_bounds():
    assert normal("5", min=5, max=5) == 5
    assert normal("4.9", min=5) == "is below 5"
    assert normal("5.1", max=5) == "is above 5"
    assert normal("5.1", integer=True) == "is no whole number"
    for wrong in ({"min": 2, "max": 1}, {"min": float("nan")}, {"decimal": ";"}):
        with pytest.raises(ValueError):
            NumberSettings(**wrong)
