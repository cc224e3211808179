"""Wall clocks against instants; the vectors are those of the follow-up clock."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.catalog.documents import Hours
from app.distribute.hours import Opening, instant

NEW_YORK = "America/New_York"


def opening(zone: str = NEW_YORK, **days: str | list[str]) -> Opening:
    named = {key.replace("_to_", "-").replace("_and_", ","): value for key, value in days.items()}
    return Opening(Hours.model_validate({"zone": zone, "open": named}))


def local(text: str, zone: str = NEW_YORK) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def seconds_open(hours: Opening, start: datetime, end: datetime) -> float:
    """By walking from edge to edge."""
    total, at = 0.0, start
    while at < end:
        is_open, _, until = hours.steady(at)
        if is_open:
            total += (min(until, end) - at).total_seconds()
        at = until
    return total


def test_it_is_open_from_the_first_second_until_just_before_the_last() -> None:
    hours = opening(mon_to_fri="09:00-17:00")
    assert [
        hours.is_open(local(at))
        for at in ("2026-03-06T08:59:59", "2026-03-06T09:00", "2026-03-06T16:59:59", "2026-03-06T17:00")
    ] == [False, True, True, False]


def test_after_friday_comes_monday_across_the_spring_jump() -> None:
    hours = opening(mon_to_fri="09:00-17:00")
    assert hours.opens_at(local("2026-03-06T17:00")) == utc("2026-03-09T13:00")
    assert hours.opens_at(local("2026-03-06T16:59")) == local("2026-03-06T16:59")
    assert hours.closes_at(local("2026-03-06T16:59")) == local("2026-03-06T17:00")
    assert hours.closes_at(local("2026-03-06T17:00")) is None


def test_overnight_hours_belong_to_the_day_they_open() -> None:
    hours = opening(sat="22:00-06:00")
    spring = local("2026-03-07T12:00"), local("2026-03-09T12:00")
    autumn = local("2026-10-31T12:00"), local("2026-11-02T12:00")
    assert seconds_open(hours, *spring) == 25_200
    assert seconds_open(hours, *autumn) == 32_400
    assert not hours.is_open(local("2026-03-07T03:00"))


def test_an_opening_that_the_clock_skips_is_the_jump_itself() -> None:
    hours = opening(sun="02:30-05:00")
    assert hours.opens_at(local("2026-03-08T01:00")) == utc("2026-03-08T07:00")
    assert seconds_open(hours, local("2026-03-08T00:00"), local("2026-03-09T00:00")) == 7_200


def test_a_closing_that_comes_twice_is_the_last_one() -> None:
    hours = opening(sun="00:00-01:30")
    assert seconds_open(hours, local("2026-11-01T00:00"), local("2026-11-02T00:00")) == 9_000


def test_an_opening_that_comes_twice_is_the_first_one() -> None:
    hours = opening(sun="01:30-03:00")
    assert hours.opens_at(local("2026-11-01T00:00")) == utc("2026-11-01T05:30")


def test_hours_that_the_jump_swallows_do_not_open_that_day() -> None:
    hours = opening(sun="02:00-03:00")
    assert hours.opens_at(local("2026-03-08T00:00")) == local("2026-03-15T02:00")


def test_half_an_hour_of_summer_time_is_understood() -> None:
    zone = "Australia/Lord_Howe"
    hours = opening(zone, sun="02:10-03:00")
    assert hours.opens_at(local("2026-10-04T00:00", zone)) == utc("2026-10-03T15:30")


def test_two_spans_leave_the_lunch_hour_closed() -> None:
    hours = opening(mon_to_fri=["09:00-12:00", "13:00-17:00"])
    assert hours.opens_at(local("2026-03-05T12:10")) == local("2026-03-05T13:00")


def test_open_round_the_clock_never_closes() -> None:
    hours = opening(daily="00:00-24:00")
    assert hours.is_open(local("2026-03-07T23:59:59"))
    assert hours.closes_at(local("2026-03-07T12:00")) is None
    assert seconds_open(hours, local("2026-03-07T12:00"), local("2026-03-08T12:00")) == 82_800


def test_hours_that_never_open_have_no_next_opening() -> None:
    assert opening().opens_at(local("2026-03-07T12:00")) is None


ZONES = (NEW_YORK, "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Casablanca", "UTC")
SPANS = ("08:00-18:00", "22:00-06:00", "00:00-24:00", "02:30-03:15", "23:59-00:01", "00:00-01:30")


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(ZONES),
    st.dictionaries(
        st.sampled_from(["mon", "sat,sun", "tue-fri", "sun", "daily"]), st.sampled_from(SPANS), min_size=1
    ),
    st.sampled_from(["2026-03-07", "2026-03-28", "2026-10-03", "2026-10-24", "2026-11-01", "2026-02-14"]),
    st.lists(st.integers(0, 3 * 1440), min_size=1, max_size=6),
)
def test_it_agrees_with_every_opening_written_out(
    zone: str, days: dict[str, str], start: str, minutes: list[int]
) -> None:
    hours = Opening(Hours.model_validate({"zone": zone, "open": days}))
    spans = [
        span
        for offset in range(-2, 6)
        for span in written_out(zone, days, date.fromisoformat(start) + timedelta(offset))
    ]
    for minute in minutes:
        at = utc(start) + timedelta(minutes=minute)
        assert hours.is_open(at) is any(opens <= at < closes for opens, closes in spans)


def written_out(zone: str, days: dict[str, str], day: date) -> list[tuple[datetime, datetime]]:
    names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    groups = {
        "daily": names,
        "sat,sun": ["sat", "sun"],
        "tue-fri": names[1:5],
        "mon": ["mon"],
        "sun": ["sun"],
    }
    found = []
    for key, span in days.items():
        if names[day.weekday()] in groups[key]:
            (h, m), (to_h, to_m) = (part.split(":") for part in span.split("-"))
            opens, closes = int(h) * 60 + int(m), int(to_h) * 60 + int(to_m)
            over = closes if closes > opens else closes + 1440
            found.append((instant(day, opens, ZoneInfo(zone)), instant(day, over, ZoneInfo(zone), last=True)))
    return found


@pytest.mark.parametrize(
    "day, minute, last, expected",
    [
        (date(2026, 3, 8), 150, False, "2026-03-08T07:00"),
        (date(2026, 3, 8), 150, True, "2026-03-08T07:00"),
        (date(2026, 11, 1), 90, False, "2026-11-01T05:30"),
        (date(2026, 11, 1), 90, True, "2026-11-01T06:30"),
        (date(2026, 3, 7), 1440, True, "2026-03-08T05:00"),
    ],
)
def test_wall_times_become_instants(day: date, minute: int, last: bool, expected: str) -> None:
    assert instant(day, minute, ZoneInfo(NEW_YORK), last=last) == utc(expected)
