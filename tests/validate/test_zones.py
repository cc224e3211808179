"""A clock is held against a place by what it shows."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.validate.data import state_zones
from app.validate.zones import fits_country, fits_state

WINTER, SUMMER = datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "country", "fits"),
    [
        ("America/New_York", "US", True), ("America/Toronto", "us", True), ("US/Pacific", "US", True),
        ("Etc/GMT+5", "US", True), ("Europe/Berlin", "US", False), ("Asia/Calcutta", "IN", True),
        ("Europe/London", "GB", True), ("Europe/London", "DE", False), ("UTC", "US", None),
        ("Atlantic/Reykjavik", "US", None), ("No/Where", "US", None), ("Europe/Berlin", "XX", None),
        ("Europe/Berlin", "", None), ("../zone.tab", "US", None), ("/etc/passwd", "US", None), ("a\0b", "US", None),
        ("x" * 5000, "US", None),
    ],
)  # fmt: skip
def test_a_clock_and_a_country(zone, country, fits):
    assert fits_country(zone, country, WINTER) is fits


@pytest.mark.parametrize(
    ("zone", "state", "at", "fits"),
    [
        ("America/Los_Angeles", "CA", WINTER, True), ("America/Denver", "CA", WINTER, False),
        ("America/Phoenix", "CA", SUMMER, True), ("America/Phoenix", "CA", WINTER, False),
        ("America/Boise", "OR", WINTER, True), ("America/New_York", "ZZ", WINTER, None),
    ],
)  # fmt: skip
def test_a_clock_and_a_state(zone, state, at, fits):
    assert fits_state(zone, "US", state, at) is fits


def test_every_zone_of_the_table_exists():
    assert all(ZoneInfo(zone) for zones in state_zones().values() for zone in zones)
    assert {state[:2] for state in state_zones()} == {"US", "CA"}
    assert len(state_zones()) == 69
