"""A habit is learned from hours; a silence is unusual when longer than nearly all before it, measured in leads."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from app.pipeline.rhythm import Hour, expected, learned, unusual

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)  # a Wednesday, noon
START = NOW - timedelta(weeks=4)


def hour(at: datetime, n: int, first: float = 1.0, last: float = 59.0, gap: float = 0.0) -> Hour:
    at = at.replace(minute=0)
    return Hour(at, n, at + timedelta(minutes=first), at + timedelta(minutes=last), gap)


def each_hour(days: range = range(28)) -> Iterator[datetime]:
    for day in days:
        for h in range(24):
            at = START + timedelta(days=day) - timedelta(hours=12) + timedelta(hours=h)
            if START <= at < NOW:
                yield at


def office() -> list[Hour]:
    """Thirty leads an hour from nine to five on weekdays; a gap of ten minutes now and then."""
    return [hour(at, 30, gap=600) for at in each_hour() if at.weekday() < 5 and 9 <= at.hour < 17]


def busy() -> list[Hour]:
    return [hour(at, 60, gap=240) for at in each_hour()]


def daily(minute: float = 5.0) -> list[Hour]:
    """A file of five hundred at five past nine on weekdays."""
    return [hour(at, 500, minute, minute) for at in each_hour() if at.weekday() < 5 and at.hour == 9]


def rare() -> list[Hour]:
    """Three leads a day, at any time of it."""
    times = [at for at in each_hour() if (at.hour * 7 + at.day * 5) % 24 in (0, 9, 15)]
    return [hour(at, 1, 30, 30) for at in times]


@pytest.mark.parametrize(
    ("hours", "last", "silent", "alarm"),
    [
        (busy, timedelta(minutes=14), "too short to be anything", False),
        (busy, timedelta(minutes=30), "half an hour where a lead comes each minute", True),
        (office, timedelta(hours=2), "two hours of a working morning", True),
        (office, timedelta(minutes=20), "twenty minutes of a working morning", False),
        (daily, timedelta(hours=2, minutes=55), "today's file came", False),
        (daily, timedelta(hours=26, minutes=55), "today's file did not come", True),
        (rare, timedelta(hours=20), "a slow day", False),
        (rare, timedelta(days=5), "five days without any", True),
    ],
)
def test_a_silence_is_held_against_the_habit(
    hours: object, last: timedelta, silent: str, alarm: bool
) -> None:
    habit = learned(hours(), NOW)  # type: ignore[operator]
    assert habit is not None
    assert unusual(habit, NOW - last, NOW) is alarm, silent


def test_nights_and_weekends_that_are_always_silent_have_no_length() -> None:
    habit = learned(office(), NOW)
    assert habit is not None
    friday = datetime(2026, 11, 13, 16, 59, tzinfo=UTC)
    assert not unusual(habit, friday, datetime(2026, 11, 16, 8, 30, tzinfo=UTC))
    assert unusual(habit, friday, datetime(2026, 11, 16, 10, 30, tzinfo=UTC))


def test_an_outage_of_the_past_is_not_the_measure_of_the_next() -> None:
    whole = busy()
    holed = [one for one in whole if not 100 < whole.index(one) < 130]
    habit = learned(holed, NOW)
    assert habit is not None
    assert unusual(habit, NOW - timedelta(hours=1), NOW)


@pytest.mark.parametrize(
    "hours",
    [
        [],
        [hour(at, 60) for at in each_hour(range(15, 28))],
        [hour(START + timedelta(days=3 * n), 1) for n in range(9)],
    ],
    ids=["nothing", "thirteen days", "nine leads"],
)
def test_without_two_weeks_and_ten_gaps_there_is_no_habit(hours: list[Hour]) -> None:
    assert learned(hours, NOW) is None


def test_what_is_expected_adds_up_over_hours_days_and_weeks() -> None:
    rates = [float(h % 24 == 9) * 6 for h in range(168)]
    nine = datetime(2026, 11, 16, 9, tzinfo=UTC)
    assert expected(rates, nine, nine + timedelta(minutes=20)) == pytest.approx(2)
    assert expected(rates, nine, nine + timedelta(hours=5)) == pytest.approx(6)
    assert expected(rates, nine, nine + timedelta(weeks=3)) == pytest.approx(126)
    assert expected(rates, nine, nine - timedelta(hours=1)) == 0
