"""Opening hours as people write them."""

import pytest

from app.catalog.hours import HoursError, week


def test_weekdays_in_ranges_and_lists_are_open_minutes_of_each_day() -> None:
    opened = week({"mon-wed": "08:00-18:00", "sat,sun": ["09:00-12:00", "14:00-24:00"]})
    weekend = ((540, 720), (840, 1440))
    assert opened == (((480, 1080),), ((480, 1080),), ((480, 1080),), (), (), weekend, weekend)


def test_what_runs_past_midnight_is_the_next_days_morning() -> None:
    opened = week({"sun": "22:00-06:00"})
    assert opened[6] == ((1320, 1440),)
    assert opened[0] == ((0, 360),)


def test_daily_all_day_is_every_minute_of_the_week() -> None:
    assert week({"daily": "00:00-24:00"}) == (((0, 1440),),) * 7


def test_a_range_of_days_may_go_around_the_week() -> None:
    assert [bool(day) for day in week({"sat-mon": "08:00-09:00"})] == [1, 0, 0, 0, 0, 1, 1]


def test_intervals_that_touch_or_overlap_are_one() -> None:
    assert week({"mon": ["08:00-10:00", "09:00-12:00", "12:00-13:00"]})[0] == ((480, 780),)


@pytest.mark.parametrize("key", ["mo", "mon-", "mon-tue-wed", "", "monday", "fri;sat"])
def test_what_is_no_weekday_is_named(key: str) -> None:
    with pytest.raises(HoursError, match="is no weekday") as caught:
        week({key: "08:00-18:00"})
    assert caught.value.in_key


@pytest.mark.parametrize(
    "text", ["8-18", "08:00", "08:00-25:00", "08:60-09:00", "24:00-06:00", "08:00-24:01", "٠٨:٠٠-١٨:٠٠"]
)
def test_what_is_no_interval_is_told(text: str) -> None:
    with pytest.raises(HoursError, match="is no interval"):
        week({"mon": text})


def test_an_interval_without_length_is_told() -> None:
    with pytest.raises(HoursError, match="for the whole day write 00:00-24:00"):
        week({"mon": "08:00-08:00"})
