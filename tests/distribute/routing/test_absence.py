"""Holidays, special days and absence; the vectors are those of the follow-up clock."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.catalog.opening import Away, Hours
from app.distribute.hours import Opening
from tests.distribute.routing.standing import contract, index_of

NEW_YORK = "America/New_York"
OFFICE = {"mon-fri": "09:00-17:00"}


def opening(open_: dict[str, Any] = OFFICE, zone: str = NEW_YORK, **more: Any) -> Opening:
    return Opening(Hours.model_validate({"zone": zone, "open": open_, **more}))


def closed_on(*days: str) -> dict[str, Any]:
    return {"country": "US", "days": dict.fromkeys(days, "a holiday"), "known_to": 2028}


def local(text: str, zone: str = NEW_YORK) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def test_a_holiday_is_skipped_to_the_next_day_that_is_open() -> None:
    hours = opening(holidays=closed_on("2026-07-03"))  # a Friday
    assert hours.closes_at(local("2026-07-02T16:50")) == local("2026-07-02T17:00")
    assert hours.opens_at(local("2026-07-02T17:00")) == local("2026-07-06T09:00")
    assert not hours.is_open(local("2026-07-03T12:00"))


def test_a_holiday_closes_what_opens_on_it_also_past_midnight_and_not_what_opened_the_day_before() -> None:
    hours = opening({"daily": "22:00-06:00"}, holidays=closed_on("2026-07-04"))
    assert [
        hours.is_open(local(at))
        for at in ("2026-07-04T05:59", "2026-07-04T22:30", "2026-07-05T05:00", "2026-07-05T22:00")
    ] == [True, False, False, True]


def test_a_special_day_has_hours_of_its_own_holiday_or_not() -> None:
    hours = opening(
        holidays=closed_on("2026-12-24", "2026-12-25"),
        special={"2026-12-24": "09:00-12:00", "2026-12-26": ["10:00-12:00", "13:00-14:00"]},
    )
    assert hours.closes_at(local("2026-12-24T09:00")) == local("2026-12-24T12:00")
    assert hours.opens_at(local("2026-12-24T12:00")) == local("2026-12-26T10:00")  # a Saturday
    assert hours.opens_at(local("2026-12-26T12:00")) == local("2026-12-26T13:00")
    assert hours.opens_at(local("2026-12-26T14:00")) == local("2026-12-28T09:00")


def test_away_closes_whole_days_the_last_one_too() -> None:
    hours = opening(away=[{"from": "2026-08-03", "to": "2026-08-14"}])
    assert hours.closes_at(local("2026-07-31T16:00")) == local("2026-07-31T17:00")
    assert hours.opens_at(local("2026-07-31T17:00")) == local("2026-08-17T09:00")


def test_away_may_be_a_part_of_a_day() -> None:
    hours = opening(away=[{"from": "2026-08-03 11:00", "to": "2026-08-03 13:30"}])
    assert hours.closes_at(local("2026-08-03T09:00")) == local("2026-08-03T11:00")
    assert hours.opens_at(local("2026-08-03T11:00")) == local("2026-08-03T13:30")


def test_who_is_away_round_the_clock_comes_back_even_after_months() -> None:
    hours = opening({"daily": "00:00-24:00"}, away=[{"from": "2026-02-01", "to": "2026-06-30"}])
    assert hours.opens_at(local("2026-03-01T12:00")) == local("2026-07-01T00:00")
    assert hours.steady(local("2026-03-01T12:00"))[0] is False


def test_absence_over_the_spring_jump_is_by_the_wall_clock() -> None:
    hours = opening({"daily": "00:00-24:00"}, away=[{"from": "2026-03-08", "to": "2026-03-08"}])
    gone, back = hours.closes_at(local("2026-03-07T12:00")), hours.opens_at(local("2026-03-08T12:00"))
    assert gone is not None
    assert back is not None
    assert (back - gone).total_seconds() == 23 * 3600


def test_a_contract_on_holiday_is_left_out_and_one_with_the_same_week_is_not() -> None:
    holidays = {"zone": "UTC", "open": {"daily": "00:00-24:00"}}
    index = index_of(
        contract("a", hours={**holidays, "holidays": closed_on("2026-03-04")}), contract("b", hours=holidays)
    )
    match = index.match({}, source="acme", at=datetime(2026, 3, 4, 12, tzinfo=UTC))
    assert (match.ranked(), match.left_out.hours) == (["b"], 1)
    after = index.match({}, source="acme", at=datetime(2026, 3, 5, 0, tzinfo=UTC))
    assert after.ranked() == ["a", "b"]


@pytest.mark.parametrize("span", [("2026-08-14", "2026-08-03"), ("2026-08-03 12:00", "2026-08-03 12:00")])
def test_an_absence_that_ends_before_it_begins_is_refused(span: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match="ends before it begins"):
        Away.model_validate({"from": span[0], "to": span[1]})


@pytest.mark.parametrize("day", ["2026-02-30", "24.12.2026", "2026-12-24T10:00:00Z", "", 20261224])
def test_what_is_no_day_is_refused(day: object) -> None:
    with pytest.raises(ValueError, match="is no day"):
        Away.model_validate({"from": day, "to": "2027-01-01"})
