"""When a contract is open, as instants that are quick to compare; wall clocks with their jumps end here."""

from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.catalog.hours import intervals, opened_on
from app.catalog.opening import Hours

HORIZON_DAYS = 400

_STRETCH = timedelta(days=21)
_SECOND = timedelta(seconds=1)
_NEVER = datetime.min.replace(tzinfo=UTC)


class Opening:
    """Compiled `Hours`. Openings are half-open [from, to) in UTC; laid out in stretches, as asked for."""

    __slots__ = ("_away", "_days", "_edges", "_from", "_to", "_week", "zone")

    def __init__(self, doc: Hours) -> None:
        self.zone = ZoneInfo(doc.zone)
        self._week = opened_on(doc.open)
        closed = doc.holidays.days if doc.holidays is not None else {}
        special = {day: tuple(intervals(value)) for day, value in doc.special.items()}
        self._days: dict[date, tuple[tuple[int, int], ...]] = {**dict.fromkeys(closed, ()), **special}
        self._away = _merged(
            [
                (moment(first, self.zone), moment(last, self.zone))
                for first, last in (a.span for a in doc.away)
            ]
        )
        self._edges: list[datetime] = []  # opens, closes, opens, closes …
        self._from = self._to = _NEVER

    def is_open(self, at: datetime) -> bool:
        self._lay(at)
        return bisect_right(self._edges, at) % 2 == 1

    def opens_at(self, at: datetime) -> datetime | None:
        """`at` itself where it is open, else the next opening; None where there is none within 400 days."""
        if self.is_open(at):
            return at
        return self._edge_after(at)

    def closes_at(self, at: datetime) -> datetime | None:
        """The end of the opening that `at` lies in; None where it is closed (or never closes)."""
        return self._edge_after(at) if self.is_open(at) else None

    def steady(self, at: datetime) -> tuple[bool, datetime, datetime]:
        """Open or not, and from when until when at least that answer holds."""
        self._lay(at)
        index = bisect_right(self._edges, at)
        since = self._edges[index - 1] if index else self._from
        until = self._edges[index] if index < len(self._edges) else self._to
        return index % 2 == 1, max(since, self._from), min(until, self._to)

    def _edge_after(self, at: datetime) -> datetime | None:
        self._lay(at)
        index = bisect_right(self._edges, at)
        for _ in range(HORIZON_DAYS // _STRETCH.days + 1):
            # Beyond `_to` an opening may be cut off where the stretch ends, not where it closes.
            if index < len(self._edges) and self._edges[index] < self._to:
                return self._edges[index]
            after = self._to
            self._lay(after)
            index = bisect_left(self._edges, after)
        return None

    def _lay(self, at: datetime) -> None:
        """Lay out three weeks around `at`; a stretch is cut where no opening can reach across unseen."""
        if self._from <= at < self._to:
            return
        first = at.astimezone(self.zone).date() - timedelta(days=2)
        last = first + _STRETCH
        spans: list[tuple[datetime, datetime]] = []
        day = first - timedelta(days=2)
        while day <= last + timedelta(days=1):
            spans.extend(self._openings(day))
            day += timedelta(days=1)
        self._from, self._to = instant(first, 0, self.zone), instant(last, 0, self.zone)
        self._edges = [edge for span in _without(_merged(spans), self._away) for edge in span]

    def _openings(self, day: date) -> list[tuple[datetime, datetime]]:
        spans = []
        for opens, closes in self._days.get(day, self._week[day.weekday()]):
            span = instant(day, opens, self.zone), instant(day, closes, self.zone, last=True)
            if span[0] < span[1]:  # an hour that the spring jump swallows is no opening
                spans.append(span)
        return spans


def instant(day: date, minute: int, zone: ZoneInfo, *, last: bool = False) -> datetime:
    """The UTC instant of a wall time: repeated → the first (or last), nonexistent → the jump itself."""
    wall = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minute)
    at = wall.replace(fold=1 if last else 0).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None, fold=0) == wall.replace(tzinfo=None, fold=0):
        return at
    return _jump(wall, zone)


def moment(wall: datetime, zone: ZoneInfo) -> datetime:
    """Likewise, of a naive wall time to the minute."""
    return instant(wall.date(), wall.hour * 60 + wall.minute, zone)


def _jump(wall: datetime, zone: ZoneInfo) -> datetime:
    """The second at which the clock skips `wall`: it lies between its two readings."""
    low, high = sorted(wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    before = low.astimezone(zone).utcoffset()
    while high - low > _SECOND:
        middle = low + timedelta(seconds=(high - low) // _SECOND // 2)
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high


def _without(
    spans: list[tuple[datetime, datetime]], away: list[tuple[datetime, datetime]]
) -> list[tuple[datetime, datetime]]:
    for gone, back in away:
        kept = [
            part
            for opens, closes in spans
            for part in ((opens, min(closes, gone)), (max(opens, back), closes))
        ]
        spans = [(opens, closes) for opens, closes in kept if opens < closes]
    return spans


def _merged(spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    merged: list[tuple[datetime, datetime]] = []
    for opens, closes in sorted(spans):
        if merged and opens <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], closes)
        else:
            merged.append((opens, closes))
    return merged
