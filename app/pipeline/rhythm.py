"""A source's habit, learned from when its leads came; and whether a silence is one that it usually has.

Time is measured in leads: an hour in which five usually come is as long as fifty in which a tenth of one does. So
a silent night or weekend of a source that always sleeps then has no length, and one measure fits a lead a minute
as well as a file a day. A silence is unusual when it is longer, measured so, than nearly all silences before it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from msgspec import Struct

WEEKS = 5
LEAST_DAYS = 14.0
LEAST_GAPS = 10
SHORTEST = 900.0
"""Seconds of silence that are never alarming."""

_WEEK = 168
_MARGIN = 6.0  # leads: by chance alone a gap is that much longer once in four hundred
_FACTOR = 1.25
_NEARLY_ALL = 0.98  # an outage among the silences of the past must not become the measure
_HOUR = timedelta(hours=1)
_MONDAY = datetime(2024, 1, 1, tzinfo=UTC)


class Hour(Struct, frozen=True):
    """What came in one hour: the first and the last of it, and the longest gap within, in seconds."""

    hour: datetime
    n: int
    first_at: datetime
    last_at: datetime
    gap: float = 0.0


class Rhythm(Struct, frozen=True):
    """`rates`: leads an hour, for each hour of the week in UTC. `usual`: leads that nearly every silence of the
    past was shorter than."""

    rates: tuple[float, ...]
    usual: float

    @property
    def alarming(self) -> float:
        return _FACTOR * self.usual + _MARGIN


def learned(hours: Sequence[Hour], now: datetime) -> Rhythm | None:
    """None where there is not enough to know a habit by: two weeks, ten gaps. `hours` in order."""
    hours = [one for one in hours if one.hour >= now - timedelta(weeks=WEEKS)]
    if not hours or now - hours[0].first_at < timedelta(days=LEAST_DAYS):
        return None
    rates = _rates(hours, (now - hours[0].hour) / timedelta(weeks=1))
    gaps = [expected(rates, a.last_at, b.first_at) for a, b in pairwise(hours)]
    gaps += [rates[_of_week(one.hour)] * one.gap / 3600 for one in hours if one.gap]
    if len(hours) <= LEAST_GAPS:
        return None
    return Rhythm(rates, sorted(gaps)[int(_NEARLY_ALL * (len(gaps) - 1))])


def expected(rates: Sequence[float], since: datetime, until: datetime) -> float:
    """How many leads usually come in that time."""
    if until <= since:
        return 0.0
    weeks = int((until - since) / timedelta(weeks=1))
    total, at = weeks * sum(rates), since + weeks * timedelta(weeks=1)
    while at < until:
        end = min(at.replace(minute=0, second=0, microsecond=0) + _HOUR, until)
        total += rates[_of_week(at)] * ((end - at) / _HOUR)
        at = end
    return total


def unusual(rhythm: Rhythm, since: datetime, now: datetime) -> bool:
    """Whether to have heard nothing since then is against the habit."""
    if (now - since).total_seconds() < SHORTEST:
        return False
    return expected(rhythm.rates, since, now) > rhythm.alarming


def _rates(hours: Sequence[Hour], weeks: float) -> tuple[float, ...]:
    """Smoothed over the neighbouring hours: a few weeks say little of one hour, and summer time moves them."""
    counts = [0.0] * _WEEK
    for one in hours:
        counts[_of_week(one.hour)] += one.n / weeks
    return tuple(counts[i - 1] / 4 + counts[i] / 2 + counts[(i + 1) % _WEEK] / 4 for i in range(_WEEK))


def _of_week(at: datetime) -> int:
    return int((at - _MONDAY) / _HOUR) % _WEEK
