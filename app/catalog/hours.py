"""Opening hours as people write them: `mon-fri: "08:00-18:00"`, `sat,sun: ["09:00-12:00", "14:00-24:00"]`."""

import re
from collections.abc import Mapping, Sequence

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_INTERVAL = re.compile(r"\s*([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})\s*\Z")
_DAY = 24 * 60

Week = tuple[tuple[tuple[int, int], ...], ...]


class HoursError(ValueError):
    """`in_key`: the weekdays are at fault, not the interval."""

    def __init__(self, message: str, *, in_key: bool = False) -> None:
        super().__init__(message)
        self.in_key = in_key


def week(opened: Mapping[str, str | Sequence[str]]) -> Week:
    """For each weekday from Monday, the open minutes `(from, to)` of that day, sorted and joined.

    `to` is exclusive and at most 1440. What runs past midnight is the next day's morning. Raises HoursError.
    """
    days: list[list[tuple[int, int]]] = [[] for _ in WEEKDAYS]
    for day, spans in enumerate(opened_on(opened)):
        for start, end in spans:
            _open(days, day, start, end)
    return tuple(_joined(day) for day in days)


def opened_on(opened: Mapping[str, str | Sequence[str]]) -> Week:
    """As `week`, but what runs past midnight belongs whole to the day on which it opens: `to` may be beyond 1440."""
    days: list[list[tuple[int, int]]] = [[] for _ in WEEKDAYS]
    for key, value in opened.items():
        for span in intervals(value):
            for day in _days(key):
                days[day].append(span)
    return tuple(_joined(day) for day in days)


def intervals(value: str | Sequence[str]) -> list[tuple[int, int]]:
    """Of one day: `09:00-12:00`, or several of them. Raises HoursError."""
    return [_interval(text) for text in ([value] if isinstance(value, str) else value)]


def _days(key: str) -> list[int]:
    if key.strip().lower() == "daily":
        return list(range(7))
    found: list[int] = []
    for part in key.lower().split(","):
        names = [name.strip() for name in part.split("-")]
        if len(names) > 2 or any(name not in WEEKDAYS for name in names):
            raise HoursError(f'"{key}" is no weekday; write mon, mon-fri, sat,sun or daily', in_key=True)
        first, last = WEEKDAYS.index(names[0]), WEEKDAYS.index(names[-1])
        found += [(first + i) % 7 for i in range((last - first) % 7 + 1)]
    return found


def _interval(text: str) -> tuple[int, int]:
    """Minutes; the end is after the start, so beyond 1440 when it is of the next day."""
    match = _INTERVAL.match(text)
    wrong = HoursError("is no interval; write 08:00-18:00, 22:00-06:00 or 00:00-24:00")
    if match is None:
        raise wrong
    hours = [int(part) for part in match.groups()]
    start, end = hours[0] * 60 + hours[1], hours[2] * 60 + hours[3]
    if hours[1] > 59 or hours[3] > 59 or start >= _DAY or end > _DAY:
        raise wrong
    if start == end:
        raise HoursError("begins when it ends; for the whole day write 00:00-24:00")
    return start, end if end > start else end + _DAY


def _open(days: list[list[tuple[int, int]]], day: int, start: int, end: int) -> None:
    days[day].append((start, min(end, _DAY)))
    if end > _DAY:
        days[(day + 1) % 7].append((0, end - _DAY))


def _joined(day: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(day):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
