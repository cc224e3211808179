import pytest

from app.ingest.fieldtypes.date import Date, DateSettings


def normal(raw, **said):
    value = Date().normal(raw, DateSettings(**said))
    return value.normal if value.valid else value.note


@pytest.mark.parametrize(
    "raw, order, becomes",
    [
        ("1988-12-31", "mdy", "1988-12-31"),
        ("1988-12-31", "dmy", "1988-12-31"),
        ("1988/2/3", "mdy", "1988-02-03"),
        ("19881231", "mdy", "1988-12-31"),
        (19881231, "mdy", "1988-12-31"),
        ("1988-12-31T23:59:59.5Z", "mdy", "1988-12-31"),
        ("12/31/1988 11:59 PM", "mdy", "1988-12-31"),
        ("12/31/1988", "mdy", "1988-12-31"),
        ("02-03-1988", "mdy", "1988-02-03"),
        ("02-03-1988", "dmy", "1988-03-02"),
        ("31.12.1988", "dmy", "1988-12-31"),
        ("88/12/31", "ymd", "1988-12-31"),
        ("12/31/88", "mdy", "1988-12-31"),
        ("1/2/05", "mdy", "2005-01-02"),
        ("Feb 3, 1980", "mdy", "1980-02-03"),
        ("3rd February 1980", "mdy", "1980-02-03"),
        ("Sept. 3 1980", "dmy", "1980-09-03"),
        ("29-Feb-2000", "mdy", "2000-02-29"),
        ("2/29/2000", "mdy", "2000-02-29"),
    ],
)
def test_usual_writings_are_read_in_their_order(raw, order, becomes):
    assert normal(raw, order=order) == becomes


@pytest.mark.parametrize(
    "raw", ["13/31/1988", "31/12/1988", "2/29/1900", "1988-02-30", "0/1/1988", "Feb 30, 1980"]
)
def test_a_day_that_does_not_exist_is_invalid_and_never_guessed(raw):
    assert normal(raw) == "is no date (read as month, day, year)"


@pytest.mark.parametrize(
    "raw",
    [
        "soon",
        "1988",
        "1/2",
        "1/2/123",
        "Foo 3, 1980",
        "February 1980",
        "12:30",
        "1" * 50,
        True,
        1.5,
        "3 Feb 4 1980",
        "0012-01-01",
    ],
)
def test_what_is_no_date_is_marked(raw):
    assert normal(raw).startswith("is no date")


def test_a_date_is_held_to_its_bounds():
    assert normal("1988-12-31", min="1989-01-01") == "is before 1989-01-01"
    assert normal("1988-12-31", max="1988-12-30") == "is after 1988-12-30"
    assert normal("1988-12-31", min="1988-12-31", max="1988-12-31") == "1988-12-31"
    with pytest.raises(ValueError):
        DateSettings(min="2000-01-02", max="2000-01-01")


def test_a_year_of_two_digits_is_noted():
    assert Date().normal("12/31/88", DateSettings()).note == "the year has two digits"
