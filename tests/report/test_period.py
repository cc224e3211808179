"""A month has the midnights of its zone."""

from datetime import UTC, date, datetime
from itertools import pairwise

import pytest

from app.report.period import Month


def test_a_month_is_from_midnight_to_midnight_where_its_zone_is() -> None:
    month = Month.of("2026-11", "America/New_York")
    assert month.first == datetime(2026, 11, 1, 4, tzinfo=UTC)  # summer time
    assert month.past == datetime(2026, 12, 1, 5, tzinfo=UTC)
    assert month.last == date(2026, 11, 30)


def test_a_month_follows_without_a_gap_on_the_one_before() -> None:
    for zone in ("UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Santiago"):
        months = [Month.of(f"{2026 + n // 12}-{n % 12 + 1:02}", zone) for n in range(24)]
        assert all(one.past == other.first for one, other in pairwise(months))


@pytest.mark.parametrize(
    "name", ["2026-00", "2026-13", "26-11", "2026-1", "2026-11\n", "", "0001-01", "٢٠٢٦-١١"]
)
def test_what_is_no_month_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no month; write 2026-11"):
        Month.of(name)


def test_the_last_month_there_is_has_an_end() -> None:
    assert Month.of("9999-12").past > Month.of("9999-12").first


@pytest.mark.parametrize("zone", ["Mars/Base", "../etc/passwd", "", "\0"])
def test_what_is_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="is no time zone"):
        Month.of("2026-11", zone)
