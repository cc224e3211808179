from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.distribute.caps import CountedCap, counted, window, windows
from tests.distribute.routing.standing import contract

NEW_YORK = "America/New_York"


def caps(*docs: dict[str, Any], **more: Any) -> tuple[CountedCap, ...]:
    return counted(contract("west", caps=list(docs), **more).doc)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "per, at, start, end",
    [
        ("hour", "2026-03-04T12:34:56", "2026-03-04T12:00", "2026-03-04T13:00"),
        ("day", "2026-03-04T04:59", "2026-03-03T05:00", "2026-03-04T05:00"),
        ("day", "2026-03-08T12:00", "2026-03-08T05:00", "2026-03-09T04:00"),  # 23 hours
        ("day", "2026-11-01T12:00", "2026-11-01T04:00", "2026-11-02T05:00"),  # 25 hours
        ("week", "2026-03-08T12:00", "2026-03-02T05:00", "2026-03-09T04:00"),
        ("month", "2026-03-31T12:00", "2026-03-01T05:00", "2026-04-01T04:00"),
        ("hour", "2026-11-01T06:30", "2026-11-01T05:00", "2026-11-01T07:00"),  # the hour that comes twice
    ],
)
def test_windows_follow_the_calendar_of_the_zone(per: str, at: str, start: str, end: str) -> None:
    assert window(per, ZoneInfo(NEW_YORK), utc(at)) == (utc(start), utc(end))


@pytest.mark.parametrize("per", ["hour", "day", "week", "month"])
@pytest.mark.parametrize(
    "zone", [NEW_YORK, "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu", "Africa/Cairo"]
)
@pytest.mark.parametrize(
    "day", ["2026-03-07", "2026-04-04", "2026-04-23", "2026-10-03", "2026-10-31", "2018-11-03"]
)
def test_windows_lie_end_to_end(per: str, zone: str, day: str) -> None:
    at, stop = utc(day), utc(day) + timedelta(days=2)
    while at < stop:
        start, end = window(per, ZoneInfo(zone), at)
        assert start <= at < end
        assert window(per, ZoneInfo(zone), end - timedelta(seconds=1)) == (start, end)
        at = end


def test_the_zone_is_the_caps_own_then_that_of_the_hours_then_utc() -> None:
    hours = {"zone": "America/Los_Angeles", "open": {"daily": "00:00-24:00"}}
    zones = [
        caps({"per": "day", "leads": 1, "zone": NEW_YORK}, hours=hours)[0].zone.key,
        caps({"per": "day", "leads": 1}, hours=hours)[0].zone.key,
        caps({"per": "day", "leads": 1})[0].zone.key,
    ]
    assert zones == [NEW_YORK, "America/Los_Angeles", "UTC"]


def test_a_counters_name_tells_contract_period_and_window() -> None:
    (key,) = windows(
        contract("west", caps=[{"per": "day", "leads": 5, "zone": NEW_YORK}]).doc, utc("2026-03-08T12:00")
    )
    assert key.startswith("cap:west:day:")
    assert key.endswith(":2026-03-08T05:00Z")


def test_a_cap_in_total_has_one_window_for_ever() -> None:
    (cap,) = caps({"per": "total", "leads": 5})
    assert cap.key(utc("2026-03-08T12:00")) == cap.key(utc("2031-01-01T00:00"))
    assert cap.ends(utc("2026-03-08T12:00")) is None


def test_editing_the_quantity_keeps_the_count() -> None:
    at = utc("2026-03-08T12:00")
    assert caps({"per": "day", "leads": 5})[0].key(at) == caps({"per": "day", "leads": 9})[0].key(at)


@pytest.mark.parametrize(
    "edited", [{"per": "week"}, {"zone": NEW_YORK}, {"when": "lead.bill > 1"}], ids=["per", "zone", "when"]
)
def test_editing_what_is_counted_starts_again(edited: dict[str, str]) -> None:
    at = utc("2026-03-08T12:00")
    before = caps({"per": "day", "leads": 5, "when": "lead.bill > 0"})[0].key(at)
    assert caps({"per": "day", "leads": 5, "when": "lead.bill > 0"} | edited)[0].key(at) != before


def test_of_two_caps_that_differ_in_quantity_alone_the_smaller_holds() -> None:
    (cap,) = caps({"per": "day", "leads": 9}, {"per": "day", "leads": 5}, {"per": "day", "leads": 7})
    assert cap.limit == 5


def test_of_two_caps_that_differ_in_zone_both_hold() -> None:
    both = caps({"per": "day", "leads": 5, "zone": NEW_YORK}, {"per": "day", "leads": 9, "zone": "UTC"})
    assert [cap.limit for cap in both] == [5, 9]


def test_other_opening_hours_leave_the_count_of_a_rolling_cap() -> None:
    at, hours = utc("2026-03-08T12:00"), {"zone": NEW_YORK, "open": {"daily": "08:00-18:00"}}
    rolling = {"per": "day", "leads": 5, "window": "rolling"}
    assert caps(rolling, hours=hours)[0].key(at) == caps(rolling)[0].key(at)


def test_a_budget_that_is_overspent_stops_no_lead_that_costs_nothing() -> None:
    (cap,) = caps({"per": "day", "amount": "5.00"})
    assert cap.use({}, "acme", utc("2026-03-08T12:00"), 0) is None


def test_a_conditional_cap_counts_only_the_leads_it_names() -> None:
    (cap,) = caps({"per": "day", "leads": 9, "when": 'lead.state == "TX" && lead.zip.size() == 5'})
    assert cap.counts({"state": "TX", "zip": "75001"})
    assert not cap.counts({"state": "TX", "zip": "750"})
    assert not cap.counts({})


def test_the_window_is_found_again_after_looking_back() -> None:
    (cap,) = caps({"per": "day", "leads": 9})
    keys = [
        cap.key(utc(at))[-17:] for at in ("2026-03-08T23:59", "2026-03-09T00:00", "2026-03-08T23:59:59.9")
    ]
    assert keys == ["2026-03-08T00:00Z", "2026-03-09T00:00Z", "2026-03-08T00:00Z"]
