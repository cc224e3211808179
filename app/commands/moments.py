"""Moments and spans as people type them: 13:40, 2026-11-20, 2h, 90d."""

from datetime import UTC, datetime, time, timedelta

from app.commands.desk import fail
from app.core.duration import Duration


def since_when(text: str | None, now: datetime, option: str = "--since") -> datetime | None:
    """`13:40` is today's, or yesterday's where it is yet to come; `2h` is two hours ago; a date is its midnight."""
    if text is None:
        return None
    local = now.astimezone()
    try:
        if ":" in text and "-" not in text:
            at = datetime.combine(local.date(), time.fromisoformat(text)).astimezone()
            return (at if at <= now else at - timedelta(days=1)).astimezone(UTC)
        if "-" in text:
            return datetime.fromisoformat(text).astimezone(UTC)
        return now - timedelta(seconds=Duration(text).seconds)
    except ValueError:
        raise fail(f"{option} {text!r} is no moment; write 13:40, 2h, 3d or 2026-11-20", 2) from None


def whole_days(text: str, option: str = "--keep") -> int:
    """`90d` or `90`."""
    try:
        days = int(text) if text.isdecimal() else Duration(text).seconds / 86400
    except ValueError:
        days = 0
    if days < 1:
        raise fail(f"{option} {text!r} is no number of days; write 90d", 2)
    return int(days)


def per_second(text: str) -> float:
    """`60/m` → 1.0."""
    number, _, unit = text.partition("/")
    try:
        rate = float(number) / {"s": 1, "m": 60, "h": 3600, "": 60}[unit.strip()]
    except (KeyError, ValueError):
        rate = 0
    if not 0 < rate < 1e6:
        raise fail(f"--rate {text!r} is no rate; write 60/m or 2/s", 2)
    return rate
