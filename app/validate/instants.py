"""When something was, as senders write it: a moment, or a whole day where they say no more."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import NamedTuple

_LONGEST = 40
_EPOCH = re.compile(r"[0-9]{10}(?:\.[0-9]{1,9})?|[0-9]{13}", re.ASCII)
_DAY = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}|[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}", re.ASCII)
_PATTERNS = (
    "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%m/%d/%Y",
    "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M:%S UTC",
)  # fmt: skip
_MILLISECONDS = 1e11
_INSTANT = timedelta(0)
_A_DAY = timedelta(days=1)


class Span(NamedTuple):
    """It was not before `first` and not after `last`; both are the same where a time of day was given."""

    first: datetime
    last: datetime


def span_of(said: object, zone: tzinfo) -> Span | None:
    """ISO 8601, seconds or milliseconds since 1970, or month/day/year; in `zone` where none is said."""
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        return None
    text = str(said).strip()
    if not text or len(text) > _LONGEST:
        return None
    try:
        if _EPOCH.fullmatch(text):
            seconds = float(text)
            at = datetime.fromtimestamp(seconds / 1000 if seconds >= _MILLISECONDS else seconds, UTC)
            return Span(at, at)
        at = _read(text)
        at = (at if at.tzinfo is not None else at.replace(tzinfo=zone)).astimezone(UTC)
        return Span(at, at + (_A_DAY if _DAY.fullmatch(text) else _INSTANT))
    except (ValueError, OverflowError, OSError):
        return None


def _read(text: str) -> datetime:
    """Raises ValueError."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        for pattern in _PATTERNS:
            try:
                return datetime.strptime(text.upper(), pattern)  # noqa: DTZ007  # its caller knows the zone
            except ValueError:
                continue
        raise
