"""Numbers, times and spans as the style page has them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import click
import pytest
import typer

from app.commands.moments import per_second, since_when, whole_days
from app.commands.words import coloured, columns, days, moment, money, points, size, span, tail

NOW = datetime(2025, 11, 20, 22, 32, 5, 12_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0.2, "0 ms"), (9, "9 ms"), (402.4, "402 ms"), (999.6, "1.00 s"), (1_240, "1.24 s"), (30_000, "30.0 s"), (59_990, "60.0 s"),
        (250_000, "4 min 10 s"), (7_860_000, "2 h 11 min"), (7_200_000, "2 h"), (529_200_000, "6 d 3 h"),
    ],
)  # fmt: skip
def test_a_span_has_the_unit_that_fits(ms: float, text: str) -> None:
    assert span(ms) == text


def test_sizes_money_and_points() -> None:
    assert [size(n) for n in (412, 18_240, 2_500_000)] == ["412 B", "18.2 kB", "2.5 MB"]
    assert [money(Decimal(n)) for n in ("12.5", "-3", "0.125")] == ["12.50", "−3.00", "0.125"]
    assert [points(n) for n in (12, -4, 0)] == ["+12", "−4", "·"]
    assert tail("019a9f3e-7c41-7d0a-b2f6-5c1e8a40d9b3") == "…8a40d9b3"


def test_a_moment_names_its_zone_and_another_year() -> None:
    pacific = ZoneInfo("America/Los_Angeles")
    assert moment(NOW, pacific, NOW) == "20 Nov 14:32:05.012 −08:00"
    assert moment(NOW, UTC, NOW + timedelta(days=60)) == "20 Nov 2025 22:32:05.012 +00:00"
    assert [days(timedelta(hours=h)) for h in (0.5, 1, 47, 150)] == ["30 min", "1 hour", "1 day", "6 days"]


def test_columns_grep() -> None:
    assert columns([("a", "1", "x"), ("bbb", "20", "")], right=(1,)) == ["a     1  x", "bbb  20"]


def test_no_colour_but_on_a_terminal() -> None:
    assert coloured("   +0 ms  ✓ received") == "   +0 ms  ✓ received"


def test_moments_as_people_type_them() -> None:
    assert since_when("2h", NOW) == NOW - timedelta(hours=2)
    assert since_when(None, NOW) is None
    earlier = since_when("13:40", NOW)
    assert earlier is not None
    assert timedelta() < NOW - earlier <= timedelta(days=1)
    assert since_when("2025-11-01T00:00:00+00:00", NOW) == datetime(2025, 11, 1, tzinfo=UTC)
    assert (per_second("60/m"), per_second("2/s"), per_second("6")) == (1.0, 2.0, 0.1)
    assert (whole_days("90d"), whole_days("7")) == (90, 7)


@pytest.mark.parametrize("wrong", ["soon", "25:99", "2025-13-01", ""])
def test_what_is_no_moment_ends_the_command(wrong: str) -> None:
    with pytest.raises((typer.Exit, click.exceptions.Exit)):
        since_when(wrong, NOW)


@pytest.mark.parametrize("wrong", ["fast", "0/m", "-1/m", "60/y"])
def test_what_is_no_rate_ends_the_command(wrong: str) -> None:
    with pytest.raises((typer.Exit, click.exceptions.Exit)):
        per_second(wrong)
