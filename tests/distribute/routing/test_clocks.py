"""The days on which clocks are put on and back, at each limit that has a day, an hour or a span of the wall clock."""

from datetime import UTC, datetime, timedelta

import pytest

from app.catalog.opening import Hours
from app.catalog.people import PersonDoc
from app.distribute.hours import Opening
from app.distribute.presence import is_there
from tests.distribute.routing.standing import contract
from tests.distribute.routing.test_limiting import House

NEW_YORK = "America/New_York"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def sells(cap: dict[str, object], *moments: str) -> list[bool]:
    """Whether a lead of each moment was sold, one after the other."""
    house = House(contract("a", price="5", caps=[cap]))
    return [house.sell(at=utc(at)) == "a" for at in moments]


@pytest.mark.parametrize("counts", [{"leads": 1}, {"amount": "5.00"}], ids=["leads", "amount"])
def test_the_day_of_twenty_three_hours_is_one_day(counts: dict[str, object]) -> None:
    cap = {"per": "day", "zone": NEW_YORK, **counts}
    first, last = "2026-03-08T05:00", "2026-03-09T03:59:59"  # midnight before, and a second to midnight
    assert sells(cap, "2026-03-08T04:59:59", first, last, "2026-03-09T04:00") == [True, True, False, True]


def test_the_day_of_twenty_five_hours_is_one_day() -> None:
    cap = {"per": "day", "leads": 1, "zone": NEW_YORK}
    first, last = "2026-11-01T04:00", "2026-11-02T04:59:59"
    assert sells(cap, "2026-11-01T03:59:59", first, last, "2026-11-02T05:00") == [True, True, False, True]


def test_the_hour_that_comes_twice_is_one_hour_and_the_one_that_is_left_out_is_none() -> None:
    cap = {"per": "hour", "leads": 1, "zone": NEW_YORK}
    assert sells(cap, "2026-11-01T05:10", "2026-11-01T06:50", "2026-11-01T07:00") == [True, False, True]
    assert sells(cap, "2026-03-08T06:59", "2026-03-08T07:00", "2026-03-08T07:59") == [True, True, False]


@pytest.mark.parametrize("per", ["week", "month"])
def test_a_week_and_a_month_begin_at_the_midnight_of_their_own_clock(per: str) -> None:
    """The first of November 2026 is a Sunday, March ends and a month begins in summer time."""
    edges = {
        "week": ("2026-03-09T03:59", "2026-03-09T04:00"),
        "month": ("2026-12-01T04:59", "2026-12-01T05:00"),
    }
    before, after = edges[per]
    assert sells({"per": per, "leads": 1, "zone": NEW_YORK}, before, after, after) == [True, True, False]


@pytest.mark.parametrize("noon", ["2026-03-07T17:00", "2026-10-31T16:00"])
def test_twenty_four_hours_that_roll_are_as_long_as_ever(noon: str) -> None:
    day, an_hour = utc(noon) + timedelta(hours=23, minutes=59), utc(noon) + timedelta(hours=25)
    cap = {"per": "day", "leads": 1, "window": "rolling"}
    assert sells(cap, noon, day.isoformat()[:16], an_hour.isoformat()[:16]) == [True, False, True]


def test_a_special_day_on_which_the_clock_is_put_on_has_its_own_hours_less_the_one() -> None:
    hours = Hours.model_validate({"zone": NEW_YORK, "open": {}, "special": {"2026-03-08": "01:00-04:00"}})
    opening = Opening(hours)
    assert opening.opens_at(utc("2026-03-08T00:00")) == utc("2026-03-08T06:00")
    assert opening.closes_at(utc("2026-03-08T06:00")) == utc("2026-03-08T08:00")


def dana(**more: object) -> PersonDoc:
    return PersonDoc.model_validate({"id": "dana", **more})


def test_who_works_at_night_is_there_an_hour_less_and_an_hour_more() -> None:
    night = dana(hours={"zone": NEW_YORK, "open": {"sat": "22:00-06:00"}})
    for begins, ends, hours in (
        ("2026-03-08T03:00", "2026-03-08T10:00", 7), ("2026-11-01T02:00", "2026-11-01T11:00", 9),
    ):  # fmt: skip
        there = [is_there(night, utc(begins) + timedelta(hours=n)) for n in range(hours)]
        assert (there, is_there(night, utc(ends))) == ([True] * hours, False)


def test_who_goes_away_in_the_hour_that_comes_twice_is_not_back_when_it_comes_again() -> None:
    away = dana(hours={"zone": NEW_YORK, "open": {"daily": "00:00-24:00"}},
                away=[{"from": "2026-11-01 01:30", "to": "2026-11-01 12:00"}])  # fmt: skip
    at = ("2026-11-01T05:29", "2026-11-01T05:30", "2026-11-01T06:10", "2026-11-01T16:59", "2026-11-01T17:00")
    assert [is_there(away, utc(one)) for one in at] == [True, False, False, False, True]
